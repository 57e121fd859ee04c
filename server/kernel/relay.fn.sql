-- Relays facts (relay.ts).

-- Gives what is in the outbox its numbers, at most p_most rows; answers how many, or -1 where
-- somebody else is at it.
--
-- The outbox is a list of work, not a log that is read from a position: a row whose transaction
-- commits late is found later, and none is skipped. In order per event: facts of an event are
-- written under its lock, so whoever wrote the later one (the higher id) had seen the earlier
-- commit, and a snapshot that shows the later one shows both. The row of the relay is locked by a
-- statement of its own, so that this snapshot is taken after the relay before it has committed.
create function kernel.relay_facts@v(p_most int) returns int language plpgsql volatile
  set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_last bigint;
  v_count int;
begin
  if not exists (select from kernel.outbox w) then
    return 0;
  end if;
  select r.last_n into v_last from kernel.relay r where r.only_row for no key update skip locked;
  if v_last is null then
    return -1;
  end if;
  with taken as (
    delete from kernel.outbox o
    where o.id = any (array(select w.id from kernel.outbox w order by w.id limit p_most))
    returning o.id, o.event_id, o.kind, o.version, o.data, o.at, o.tx
  ), counted as (
    insert into kernel.fact_count as c (event_id, facts)
    select t.event_id, count(*) from taken t group by t.event_id
    on conflict (event_id) do update set facts = c.facts + excluded.facts
    returning c.event_id, c.facts
  ), numbered as (
    insert into kernel.fact (n, event_id, seq, kind, version, data, at, tx, relayed_at)
    select v_last + row_number() over (order by t.id), t.event_id,
      c.facts - count(*) over (partition by t.event_id)
        + row_number() over (partition by t.event_id order by t.id),
      t.kind, t.version, t.data, t.at, t.tx, clock_timestamp()
    from taken t join counted c on c.event_id = t.event_id
    returning 1
  )
  select count(*) into v_count from numbered;
  if v_count > 0 then
    update kernel.relay r set last_n = v_last + v_count where r.only_row;
  end if;
  return v_count;
end $$;
