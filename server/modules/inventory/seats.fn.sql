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
