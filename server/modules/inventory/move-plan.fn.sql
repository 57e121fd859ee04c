-- A sale that moves to another floor plan with everybody who has a place (decision 0013).

-- The event's places become those of another floor plan, all of it or nothing. p_seats: key,
-- poolId, section, row, place, distance, special of each, in the order of the new map. p_pools: id,
-- name, capacity (null for a pool of seats) of all that the plan has, those that are there and new
-- ones. Whoever has the seat p_from[i] has p_to[i] afterwards, of the same pool; both are keys.
--
-- Verdicts: done; seats_in_use (somebody would be left on a seat that is gone or of another pool,
-- or was given one that is not to be had), capacity_below_committed, capacity_over_total. A refusal
-- must end the transaction: what has been done by then stays otherwise.
--
-- Nothing tells the planner how many seats come: loops over them would never end.
create function inventory.move_plan@v(
  p_event text, p_seats jsonb, p_pools jsonb, p_from text[], p_to text[]
) returns text language plpgsql set enable_nestloop = off as $$
declare
  c_nowhere constant int := 2147483647;
  v_last int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  perform inventory.end_shopping_on@v(p_event, p_seats);
  if not inventory.move_pools@v(p_event, p_pools) then
    return 'capacity_below_committed';
  end if;
  select coalesce(max(s.seat_no), -1) into v_last from inventory.seat s where s.event_id = p_event;
  update inventory.seat s
  set pool_id = coalesce(n.pool_id, s.pool_id), section = coalesce(n.section, ''),
    row_no = coalesce(n.row_no, c_nowhere), place = coalesce(n.place, s.seat_no),
    distance = coalesce(n.distance, 0), special = n.special, map_no = n.map_no,
    status = case when s.status = 'gone' and n.map_no is not null then 'free' else s.status end
  from inventory.seat o
  left join inventory.planned_seats@v(p_seats) n on n.seat_key = o.seat_key
  where s.event_id = p_event and o.event_id = p_event and s.seat_no = o.seat_no;
  insert into inventory.seat
    (event_id, seat_no, seat_key, pool_id, section, row_no, place, distance, special, map_no)
  select p_event, v_last + row_number() over (order by n.map_no), n.seat_key, n.pool_id, n.section,
    n.row_no, n.place, n.distance, n.special, n.map_no
  from inventory.planned_seats@v(p_seats) n
  where not exists (
    select from inventory.seat s where s.event_id = p_event and s.seat_key = n.seat_key
  );
  if not inventory.swap_seats@v(p_event, p_from, p_to) then
    return 'seats_in_use';
  end if;
  update inventory.seat s set status = 'gone'
  where s.event_id = p_event and s.map_no is null and s.status in ('free', 'blocked', 'reserved');
  if exists (
    select from inventory.seat s
    where s.event_id = p_event and s.map_no is null and s.status <> 'gone'
  ) or not inventory.count_seats@v(p_event) then
    return 'seats_in_use';
  end if;
  if exists (
    select from inventory.sale s
    where s.event_id = p_event and s.total_capacity < (
      select sum(p.capacity) from inventory.pool p where p.event_id = p_event)
  ) then
    return 'capacity_over_total';
  end if;
  update inventory.sale s set version = s.version + 1, plan_version = s.plan_version + 1
  where s.event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'plan_changed', jsonb_build_object('reseated', cardinality(p_from)));
  return 'done';
end $$;

create function inventory.planned_seats@v(p_seats jsonb)
  returns table (
    map_no int, seat_key text, pool_id text, section text, row_no int, place int, distance real,
    special text
  ) language sql immutable as $$
  select (n.nth - 1)::int, n.seat_key, n.pool_id, n.section, n.row_no, n.place, n.distance,
    n.special
  from rows from (jsonb_to_recordset(p_seats) as (
    key text, "poolId" text, section text, "row" int, place int, distance real,
    special text
  )) with ordinality as n(seat_key, pool_id, section, row_no, place, distance, special, nth)
$$;

-- Ends holds that nobody has bought on yet, where one of their seats is gone from the plan or of
-- another pool there: they were shown something else.
create function inventory.end_shopping_on@v(p_event text, p_seats jsonb) returns void
  language plpgsql as $$
declare
  v_holds text[];
begin
  select array_agg(distinct s.hold_id order by s.hold_id) into v_holds
  from inventory.seat s
  join inventory.hold h on h.event_id = p_event and h.hold_id = s.hold_id and not h.bound
  left join inventory.planned_seats@v(p_seats) n on n.seat_key = s.seat_key
  where s.event_id = p_event and s.status = 'held' and n.pool_id is distinct from s.pool_id;
  if v_holds is not null then
    perform inventory.end_active@v(p_event, v_holds, 'released');
    perform inventory.note_oldest@v(p_event);
  end if;
end $$;

-- Makes the pools that are new, and gives the counted ones their capacity; false where one would
-- have less than is committed of it. Places that are added are the waitlist's first.
create function inventory.move_pools@v(p_event text, p_pools jsonb) returns boolean
  language plpgsql as $$
declare
  r record;
  v_pool inventory.pool;
begin
  for r in
    select q.id, q.name, q.capacity
    from jsonb_to_recordset(p_pools) as q(id text, name text, capacity int) order by q.id
  loop
    select * into v_pool from inventory.pool p
    where p.event_id = p_event and p.pool_id = r.id for no key update;
    if v_pool.pool_id is null then
      insert into inventory.pool (event_id, pool_id, name, capacity, seated)
      values (p_event, r.id, r.name, coalesce(r.capacity, 0), r.capacity is null);
      continue;
    elsif v_pool.seated <> (r.capacity is null) then
      raise exception 'pool % is counted, or of seats, not both', r.id
        using errcode = 'check_violation';
    end if;
    continue when v_pool.seated;
    if r.capacity
      < v_pool.held + v_pool.claimed + v_pool.sold + v_pool.reserved + v_pool.blocked then
      return false;
    end if;
    update inventory.pool p
    set capacity = r.capacity,
        reserved = p.reserved + least(
          greatest(0, r.capacity - p.capacity), greatest(0, p.waiting - p.reserved))
    where p.event_id = p_event and p.pool_id = r.id;
  end loop;
  return true;
end $$;

-- Whoever has the seat p_from[i] has p_to[i] from now on, all at once: one party may get what
-- another leaves. False where a seat is not occupied, or one that is wanted is not to be had.
create function inventory.swap_seats@v(p_event text, p_from text[], p_to text[]) returns boolean
  language plpgsql as $$
declare
  v_from int[];
  v_to int[];
  v_states text[];
  v_holds text[];
  v_expiries timestamptz[];
begin
  select array_agg(f.seat_no), array_agg(t.seat_no), array_agg(f.status), array_agg(f.hold_id),
    array_agg(f.expires_at)
  into v_from, v_to, v_states, v_holds, v_expiries
  from unnest(p_from, p_to) as m(from_key, to_key)
  join inventory.seat f on f.event_id = p_event and f.seat_key = m.from_key
    and f.status in ('held', 'claimed', 'sold')
  join inventory.seat t on t.event_id = p_event and t.seat_key = m.to_key
    and t.map_no is not null and (t.status = 'free' or t.seat_key = any (p_from));
  if coalesce(cardinality(v_from), 0) <> cardinality(p_from) or exists (
    select from unnest(v_to) as n(seat_no) group by n.seat_no having count(*) > 1
  ) then
    return false;
  end if;
  update inventory.seat s set status = 'free', hold_id = null, expires_at = null
  where s.event_id = p_event and s.seat_no = any (v_from);
  update inventory.seat s set status = m.status, hold_id = m.hold_id, expires_at = m.expires_at
  from unnest(v_to, v_states, v_holds, v_expiries) as m(seat_no, status, hold_id, expires_at)
  where s.event_id = p_event and s.seat_no = m.seat_no;
  update inventory.hold h set seat_nos = l.seat_nos
  from (
    select x.hold_id, array_agg(coalesce(m.to_no, n.seat_no) order by n.nth) as seat_nos
    from inventory.hold x cross join lateral unnest(x.seat_nos) with ordinality as n(seat_no, nth)
    -- A seat that was given back is another's by now.
    left join unnest(v_from, v_to, v_holds) as m(from_no, to_no, hold_id)
      on m.from_no = n.seat_no and m.hold_id = x.hold_id
    where x.event_id = p_event and x.hold_id = any (v_holds)
    group by x.hold_id
  ) l
  where h.event_id = p_event and h.hold_id = l.hold_id;
  return true;
end $$;

-- Counters of pools of seats from their seats, after the plan has changed; false where people would
-- sit in another pool than they paid for. What is free is the waitlist's first.
create function inventory.count_seats@v(p_event text) returns boolean language plpgsql as $$
declare
  n record;
  v_kept int;
begin
  for n in
    select p.pool_id, p.waiting, p.held <> count(*) filter (where s.status = 'held')
        or p.claimed <> count(*) filter (where s.status = 'claimed')
        or p.sold <> count(*) filter (where s.status = 'sold') as differs,
      count(*) filter (where s.status <> 'gone')::int as seats,
      count(*) filter (where s.status = 'blocked')::int as blocked,
      count(*) filter (where s.status = 'reserved')::int as reserved,
      array_agg(s.seat_no order by s.seat_no) filter (where s.status = 'free') as free
    from inventory.pool p
    left join inventory.seat s on s.event_id = p_event and s.pool_id = p.pool_id
    where p.event_id = p_event and p.seated
    group by p.event_id, p.pool_id
  loop
    if n.differs then
      return false;
    end if;
    v_kept := least(coalesce(cardinality(n.free), 0), greatest(0, n.waiting - n.reserved));
    update inventory.seat s set status = 'reserved'
    where s.event_id = p_event and s.seat_no = any (n.free[1 : v_kept]);
    update inventory.pool p
    set capacity = n.seats, blocked = n.blocked, reserved = n.reserved + v_kept
    where p.event_id = p_event and p.pool_id = n.pool_id;
  end loop;
  return true;
end $$;

-- Of each section of a pool, and of all of it (''), how many seats are next to each other at most,
-- whoever has them.
create function inventory.longest_rows@v(p_event text)
  returns table (pool_id text, section text, longest int) language sql stable as $$
  select r.pool_id, w.section, max(r.seats)::int
  from (
    select s.pool_id, s.section, count(*) as seats
    from (
      select x.pool_id, x.section, x.row_no,
        x.place - row_number() over (partition by x.pool_id, x.row_no order by x.place) as run
      from inventory.seat x where x.event_id = p_event and x.status <> 'gone'
    ) s
    group by s.pool_id, s.section, s.row_no, s.run
  ) r
  cross join lateral (values (''), (r.section)) as w(section)
  group by r.pool_id, w.section
$$;
