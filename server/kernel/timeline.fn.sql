-- Seals the timelines of events (timeline.ts).

-- Chains what became final since the last time, at most p_most lines; answers how many, or -1 where
-- somebody else is at it. Final is a line whose transaction is older than every one that still
-- runs: whatever commits later has a higher number and is sealed later, nothing is skipped and
-- nothing sealed twice.
--
-- Where to begin: the numbers of lines (seq) are drawn before a transaction ends, so a lower one
-- may come late, and only what was drawn before all that still runs can be left out. `last_value`
-- is read before this transaction has a number of its own: whoever drew up to it has a lower one.
create function kernel.seal_changes@v(p_most int) returns int language plpgsql volatile
  set enable_seqscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_drawn bigint;
  v_system constant bigint := (select c.system_identifier from pg_control_system() c);
  v_own xid8;
  v_below xid8;
  s kernel.sealing;
  r record;
  v_sealed int := 0;
  v_xid xid8;
  v_seq bigint;
  v_event text;
  v_first bigint;
  v_seqs bigint[] := '{}';
  v_before bytea;
  v_hash bytea;
begin
  select case when q.is_called then q.last_value else 0 end into v_drawn
  from kernel.state_change_seq_seq q;
  if exists (
    select from kernel.sealing k where k.floor_seq = v_drawn and k.system_id = v_system
  ) then
    return 0;
  end if;
  select * into s from kernel.sealing k where k.only_row for no key update skip locked;
  if s.only_row is null then
    return -1;
  end if;
  v_own := pg_current_xact_id();
  v_below := pg_snapshot_xmin(pg_current_snapshot());
  if s.system_id <> v_system then
    -- Restored into another server: whatever is there was committed there.
    v_below := '18446744073709551615';
  end if;
  v_xid := s.sealed_xid;
  v_seq := s.sealed_seq;
  for r in
    select n.change, (n.change).event_id as event_id, (n.change).seq as seq, (n.change).xid as xid
    from (
      select c as change from kernel.state_change c
      where c.seq > s.floor_seq and c.xid < v_below
        and (c.xid, c.seq) > (s.sealed_xid, s.sealed_seq)
      order by c.xid, c.seq limit p_most
    ) n
    order by (n.change).event_id, (n.change).xid, (n.change).seq
  loop
    if v_event is distinct from r.event_id or cardinality(v_seqs) >= 500 then
      perform kernel.add_sealed@v(v_event, v_first, v_seqs, v_before, v_hash);
      v_event := r.event_id;
      v_seqs := '{}';
      select t.first_position + cardinality(t.seqs), t.hash into v_first, v_hash
      from kernel.timeline t where t.event_id = v_event order by t.first_position desc limit 1;
      if v_first is null then
        v_first := 1;
        v_hash := sha256(convert_to(v_event, 'UTF8'));
      end if;
      v_before := v_hash;
    end if;
    v_hash := sha256(v_hash || convert_to(
      kernel.change_text(v_first + cardinality(v_seqs), r.change), 'UTF8'));
    v_seqs := v_seqs || r.seq;
    v_sealed := v_sealed + 1;
    if (r.xid, r.seq) > (v_xid, v_seq) then
      v_xid := r.xid;
      v_seq := r.seq;
    end if;
  end loop;
  perform kernel.add_sealed@v(v_event, v_first, v_seqs, v_before, v_hash);
  if v_sealed = p_most then
    update kernel.sealing k set sealed_xid = v_xid, sealed_seq = v_seq where k.only_row;
  elsif s.system_id <> v_system then
    update kernel.sealing k
    set system_id = v_system, floor_seq = v_drawn, sealed_xid = '0', sealed_seq = 0,
        next_floor = v_drawn, next_xid = v_own
    where k.only_row;
  elsif v_below >= s.next_xid then
    update kernel.sealing k
    set sealed_xid = v_xid, sealed_seq = v_seq, floor_seq = s.next_floor,
        next_floor = v_drawn, next_xid = v_own
    where k.only_row;
  else
    update kernel.sealing k set sealed_xid = v_xid, sealed_seq = v_seq where k.only_row;
  end if;
  return v_sealed;
end $$;

create function kernel.add_sealed@v(
  p_event text, p_first bigint, p_seqs bigint[], p_before bytea, p_hash bytea
) returns void language plpgsql volatile as $$
begin
  if cardinality(p_seqs) > 0 then
    insert into kernel.timeline (event_id, first_position, seqs, hash_before, hash)
    values (p_event, p_first, p_seqs, p_before, p_hash);
  end if;
end $$;
