-- Seats: what memory proposes from (free-seats.ts) is decided here.

-- The best block of seats for a party among those that are free at p_t, by the rule written down in
-- best-available.ts: in one row, of one pool, each the neighbour of the next; first without an
-- orphan, then the smallest sum of distances, then the lowest row and place. Its seat numbers,
-- ascending; null when there is no such block, and only then. p_section null: in any section.
-- p_except: seats that are as good as taken. p_own: a hold that is being changed; its own seats are
-- free for it, so that the same search finds the same seats after the change.
--
-- Locks nothing and writes nothing: whoever refuses or grants on its answer holds the event's lock,
-- and calls it in a statement that begins after the lock.
--
-- It reads the event's seats once, by the primary key, then goes through rows, those with the
-- nearest seats first, until no row that is left can have a better block. Plain window functions
-- over all seats say the same in half the lines, and took three times as long on an empty hall.
-- The one query has the same plan with and without statistics; its settings keep it in memory.
create function inventory.find_adjacent@v(
  p_event text, p_pool text, p_section text, p_quantity int, p_t timestamptz, p_except int[],
  p_own text default null
) returns int[] language plpgsql set work_mem = '64MB' set jit = off
  set max_parallel_workers_per_gather = 0 as $$
declare
  r record;
  v_place int;
  v_orphan boolean;
  v_sum float8;
  v_best_seats int[];
  v_best_orphan boolean := true;
  v_best_sum float8 := 'infinity';
  v_best_row int;
begin
  for r in
    select s.row_no, min(s.distance)::float8 as nearest,
      array_agg(s.place order by s.place) as places,
      array_agg(s.seat_no order by s.place) as seats,
      array_agg(s.distance::float8 order by s.place) as distances
    from inventory.seat s
    where s.event_id = p_event and s.pool_id = p_pool
      and (p_section is null or s.section = p_section)
      and (s.status = 'free' or (s.status = 'held' and (s.expires_at <= p_t or s.hold_id = p_own)))
      and s.seat_no <> all (p_except)
    group by s.row_no
    having count(*) >= p_quantity
    order by nearest, s.row_no
  loop
    -- No block is nearer than its nearest seat times its size, up to the rounding of a sum; and of
    -- two rows as near as each other the lower one came first.
    exit when not v_best_orphan and r.nearest * p_quantity * (1 - 1e-9) >= v_best_sum;
    for i in 1 .. cardinality(r.places) - p_quantity + 1 loop
      v_place := r.places[i];
      continue when r.places[i + p_quantity - 1] <> v_place + p_quantity - 1;
      -- Outside of the array is null: no seat there.
      v_orphan :=
        (r.places[i - 1] = v_place - 1 and r.places[i - 2] is distinct from v_place - 2) is true
        or (r.places[i + p_quantity] = v_place + p_quantity
          and r.places[i + p_quantity + 1] is distinct from v_place + p_quantity + 1) is true;
      continue when v_orphan and not v_best_orphan;
      v_sum := 0;
      for k in i .. i + p_quantity - 1 loop
        v_sum := v_sum + r.distances[k];
      end loop;
      if (v_orphan, v_sum, r.row_no) < (v_best_orphan, v_best_sum, v_best_row) then
        v_best_orphan := v_orphan;
        v_best_sum := v_sum;
        v_best_row := r.row_no;
        v_best_seats := r.seats[i : i + p_quantity - 1];
      end if;
    end loop;
  end loop;
  return (select array_agg(n order by n) from unnest(v_best_seats) n);
end $$;

-- As hold_batch, for requests whose seats are searched here: `best` says for each line whether its
-- seats are to be found, `sections` where; the other lines name theirs in seatNos. Where no block
-- is left that is large enough, the nearest single seats are given: a party that fits is never
-- refused. Answers with the seatNos of what was granted.
create function inventory.search_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_seats int[];
  v_answer jsonb;
  v_answers jsonb := '[]';
  r jsonb;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  for r in select q.value from jsonb_array_elements(p_requests) as q(value) loop
    v_seats := inventory.search_seats@v(p_event, r, v_t);
    v_answer := inventory.hold_batch@v(p_event, v_t, jsonb_build_array(
      r || jsonb_build_object('seatNos', to_jsonb(v_seats)))) -> 0;
    v_answers := v_answers || case v_answer ->> 'verdict'
      when 'granted' then v_answer || jsonb_build_object('seatNos', to_jsonb(v_seats))
      -- Everything else about the request was fine: there are not so many seats.
      when 'seats_required' then v_answer || '{"verdict": "sold_out"}'
      else v_answer end;
  end loop;
  return v_answers;
end $$;

-- The seats of one request of search_batch, place by place; null where none was found.
create function inventory.search_seats@v(p_event text, p_request jsonb, p_t timestamptz)
  returns int[] language plpgsql as $$
declare
  v_seats int[] := '{}';
  v_found int[];
  v_asked constant jsonb := coalesce(nullif(p_request -> 'seatNos', 'null'), '[]');
  -- Seats that a line names are no other line's, wherever it stands.
  v_named constant int[] := array(
    select (n.value #>> '{}')::int from jsonb_array_elements(v_asked) as n(value)
    where n.value <> 'null');
  v_from int := 1;
  v_pool text;
  l record;
begin
  for l in
    select i.type, i.quantity, i.best, i.section, i.line
    from jsonb_to_record(p_request) as r(
      "ticketTypeIds" text[], quantities int[], best boolean[], sections text[])
    cross join lateral unnest(r."ticketTypeIds", r.quantities, r.best, r.sections)
      with ordinality as i(type, quantity, best, section, line)
    order by i.line
  loop
    if l.best then
      select t.pool_id into v_pool from inventory.ticket_type t
      where t.event_id = p_event and t.ticket_type_id = l.type;
      v_found := coalesce(
        inventory.find_adjacent@v(p_event, v_pool, l.section, l.quantity, p_t,
          array_remove(v_seats, null) || v_named, p_request ->> 'holdId'),
        inventory.find_nearest@v(p_event, v_pool, l.section, l.quantity, p_t,
          array_remove(v_seats, null) || v_named, p_request ->> 'holdId'),
        array_fill(null::int, array[l.quantity]));
    else
      select array_agg(n.seat_no order by n.nth) into v_found
      from jsonb_array_elements(v_asked) with ordinality as x(value, nth)
      cross join lateral (select (x.value #>> '{}')::int as seat_no, x.nth) n
      where n.nth between v_from and v_from + l.quantity - 1;
    end if;
    v_seats := v_seats || v_found;
    v_from := v_from + l.quantity;
  end loop;
  return v_seats;
end $$;

-- Single seats for a party that cannot sit together any more: the nearest that are free, the lower
-- row and place first. Null where there are not so many.
create function inventory.find_nearest@v(
  p_event text, p_pool text, p_section text, p_quantity int, p_t timestamptz, p_except int[],
  p_own text default null
) returns int[] language sql stable as $$
  select case when count(*) = p_quantity then array_agg(f.seat_no order by f.seat_no) end
  from (
    select s.seat_no from inventory.seat s
    where s.event_id = p_event and s.pool_id = p_pool
      and (p_section is null or s.section = p_section)
      and (s.status = 'free' or (s.status = 'held' and (s.expires_at <= p_t or s.hold_id = p_own)))
      and s.seat_no <> all (p_except)
    order by s.distance, s.row_no, s.place
    limit p_quantity
  ) f
$$;

-- The event's places become those of another floor plan, all of it or nothing. p_seats: key,
-- poolId, section, row, place, distance of each, in the order of the new map. p_pools: id, name,
-- capacity (null for a pool of seats) of all that the plan has, those that are there and new ones.
-- Whoever has the seat p_from[i] has p_to[i] afterwards, of the same pool; both are keys.
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
    distance = coalesce(n.distance, 0), map_no = n.map_no,
    status = case when s.status = 'gone' and n.map_no is not null then 'free' else s.status end
  from inventory.seat o
  left join inventory.planned_seats@v(p_seats) n on n.seat_key = o.seat_key
  where s.event_id = p_event and o.event_id = p_event and s.seat_no = o.seat_no;
  insert into inventory.seat
    (event_id, seat_no, seat_key, pool_id, section, row_no, place, distance, map_no)
  select p_event, v_last + row_number() over (order by n.map_no), n.seat_key, n.pool_id, n.section,
    n.row_no, n.place, n.distance, n.map_no
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
    map_no int, seat_key text, pool_id text, section text, row_no int, place int, distance real
  ) language sql immutable as $$
  select (n.nth - 1)::int, n.seat_key, n.pool_id, n.section, n.row_no, n.place, n.distance
  from rows from (jsonb_to_recordset(p_seats) as (
    key text, "poolId" text, section text, "row" int, place int, distance real
  )) with ordinality as n(seat_key, pool_id, section, row_no, place, distance, nth)
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
