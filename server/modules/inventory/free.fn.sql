-- How places become free again. Only functions that hold the event's lock call these, under the
-- planner's switches of the batch function that they serve (docs/locking.md).

-- Takes places off one counter. While the waitlist has takers, they become reserved in this same
-- statement; only the rest is free. p_from: held, claimed, sold or blocked. p_seats: the numbers of
-- the seats among them.
create function inventory.give_back@v(
  p_event text, p_from text, p_pools text[], p_quantities int[], p_seats int[]
) returns void language plpgsql as $$
declare
  v_pool record;
  v_kept int;
  v_seats int[];
begin
  for v_pool in
    select g.pool_id, sum(g.quantity)::int as quantity
    from unnest(p_pools, p_quantities) as g(pool_id, quantity) group by g.pool_id order by g.pool_id
  loop
    select least(v_pool.quantity, greatest(0, p.waiting - p.reserved)) into v_kept
    from inventory.pool p where p.event_id = p_event and p.pool_id = v_pool.pool_id;
    update inventory.pool p
    set held = p.held - case when p_from = 'held' then v_pool.quantity else 0 end,
        claimed = p.claimed - case when p_from = 'claimed' then v_pool.quantity else 0 end,
        sold = p.sold - case when p_from = 'sold' then v_pool.quantity else 0 end,
        blocked = p.blocked - case when p_from = 'blocked' then v_pool.quantity else 0 end,
        reserved = p.reserved + v_kept
    where p.event_id = p_event and p.pool_id = v_pool.pool_id;
    if p_seats is not null then
      select array_agg(n.seat_no order by n.seat_no) into v_seats
      from unnest(p_seats) as n(seat_no)
      where (
        select x.pool_id from inventory.seat x where x.event_id = p_event and x.seat_no = n.seat_no
      ) = v_pool.pool_id;
      update inventory.seat s
      set status = case when s.seat_no <= v_seats[v_kept] then 'reserved' else 'free' end,
          hold_id = null, expires_at = null
      where s.event_id = p_event and s.seat_no = any (v_seats);
    end if;
  end loop;
end $$;

-- Ends active holds, as released or lapsed: their places, seats and people are free.
create function inventory.end_active@v(p_event text, p_holds text[], p_to text) returns void
  language plpgsql as $$
begin
  perform inventory.free_holds@v(p_event, p_holds, 'held', p_to);
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'hold_' || p_to, jsonb_build_object('holdId', l.hold_id)
  from unnest(p_holds) as l(hold_id);
end $$;

-- Gives back what holds had, off the counter p_from, and lets their people have as much again.
create function inventory.free_holds@v(p_event text, p_holds text[], p_from text, p_to text)
  returns void language plpgsql as $$
declare
  v_pools text[];
  v_quantities int[];
  v_seats int[];
begin
  select array_agg(i.pool_id), array_agg(i.quantity) into v_pools, v_quantities
  from inventory.hold h cross join lateral unnest(h.pool_ids, h.quantities) as i(pool_id, quantity)
  where h.event_id = p_event and h.hold_id = any (p_holds);
  select array_agg(n.seat_no) into v_seats
  from inventory.hold h cross join lateral unnest(h.seat_nos) as n(seat_no)
  where h.event_id = p_event and h.hold_id = any (p_holds);
  perform inventory.give_back@v(p_event, p_from, v_pools, v_quantities, v_seats);
  perform inventory.forget_people@v(p_event, p_holds);
  update inventory.hold h set status = p_to
  where h.event_id = p_event and h.hold_id = any (p_holds);
end $$;

-- What these holds counted for their people counts no more.
create function inventory.forget_people@v(p_event text, p_holds text[]) returns void
  language plpgsql volatile as $$
begin
  delete from inventory.person_use u
  where u.event_id = p_event and u.hold_id = any (p_holds) and u.person_key = any (array(
    select k.person_key
    from inventory.hold h cross join lateral unnest(h.person_keys) as k(person_key)
    where h.event_id = p_event and h.hold_id = any (p_holds)));
end $$;

-- Gives back the places of holds that have lapsed, oldest first. Returns how many holds lapsed.
create function inventory.reclaim_lapsed@v(p_event text, p_t timestamptz, p_most int)
  returns int language plpgsql as $$
declare
  v_oldest constant timestamptz := (
    select s.oldest_expiry from inventory.sale s where s.event_id = p_event);
  v_holds text[];
begin
  select array_agg(l.hold_id) into v_holds
  from (
    select h.hold_id from inventory.hold h
    where h.event_id = p_event and h.expires_at > '-infinity' and h.status = 'active'
      and h.expires_at >= v_oldest and h.expires_at <= p_t
    order by h.expires_at limit p_most
  ) l;
  if v_holds is not null then
    perform inventory.end_active@v(p_event, v_holds, 'lapsed');
  end if;
  perform inventory.note_oldest@v(p_event);
  return coalesce(cardinality(v_holds), 0);
end $$;

-- Ends the holds that have lapsed on these seats, whose state is read afterwards: a seat may have
-- become the waitlist's.
create function inventory.end_lapsed_on@v(p_event text, p_seats int[], p_t timestamptz)
  returns void language plpgsql as $$
declare
  v_lapsed text[];
begin
  select array_agg(distinct l.hold_id) into v_lapsed
  from (
    select (
      select s.hold_id from inventory.seat s
      where s.event_id = p_event and s.seat_no = n.seat_no
        and s.status = 'held' and s.expires_at <= p_t) as hold_id
    from unnest(p_seats) as n(seat_no)
  ) l
  where l.hold_id is not null;
  if v_lapsed is not null then
    perform inventory.end_active@v(p_event, v_lapsed, 'lapsed');
    perform inventory.note_oldest@v(p_event);
  end if;
end $$;

-- Writes down when the next hold of the event lapses, for the sweeper, and that places changed.
-- None was active before what was written down last: what had ended by then is not read again.
create function inventory.note_oldest@v(p_event text) returns void language plpgsql volatile
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
begin
  update inventory.sale s
  set version = s.version + 1,
      oldest_expiry = (
        select h.expires_at from inventory.hold h
        where h.event_id = p_event and h.expires_at > '-infinity' and h.status = 'active'
          and h.expires_at >= s.oldest_expiry
        order by h.expires_at limit 1
      )
  where s.event_id = p_event;
end $$;

-- The sweeper's turn on one event: what has lapsed becomes free. Each request: most. Answers how
-- many holds lapsed.
create function inventory.sweep_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_answers jsonb := '[]';
  v_most int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  for v_most in select r.most from jsonb_to_recordset(p_requests) as r(most int) loop
    v_answers := v_answers
      || to_jsonb(inventory.reclaim_lapsed@v(p_event, kernel.instant(p_now), v_most));
  end loop;
  return v_answers;
end $$;
