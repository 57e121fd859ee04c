-- Seats: what memory proposes from (free-seats.ts) is decided here.

-- The seats for a party, by the rule written down in best-available.ts: their numbers, ascending;
-- null when there are none for it, and only then. p_pools: all in one of them; where that is a tie,
-- the first. p_section null: in any. p_accessible: so many of them accessible, side by side, or
-- none; null: whoever does not ask gets plain seats while one of the pools has enough of them.
-- p_except: seats that are as good as taken. p_own: a hold that is being changed; its own seats are
-- free for it, so that the same search finds the same seats after the change.
--
-- Locks nothing and writes nothing: whoever refuses or grants on its answer holds the event's lock,
-- and calls it in a statement that begins after the lock.
create function inventory.find_seats@v(
  p_event text, p_pools text[], p_section text, p_quantity int, p_accessible int, p_t timestamptz,
  p_except int[], p_own text default null
) returns int[] language plpgsql as $$
declare
  v_found int[];
  v_plain int;
  v_all int;
begin
  if p_accessible is not null then
    return inventory.find_accessible@v(
      p_event, p_pools, p_section, p_quantity, p_accessible, p_t, p_except, p_own);
  end if;
  v_found := inventory.find_adjacent@v(
    p_event, p_pools, p_section, p_quantity, true, p_t, p_except, p_own);
  if v_found is not null then
    return v_found;
  end if;
  select max(n.plain), max(n.every) into v_plain, v_all
  from (
    select count(*) filter (where s.special is null) as plain, count(*) as every
    from inventory.free_seats@v(p_event, p_pools, p_section, false, p_t, p_except, p_own) s
    group by s.pool_id
  ) n;
  if v_plain >= p_quantity then
    return inventory.find_nearest@v(
      p_event, p_pools, p_section, p_quantity, true, p_t, p_except, p_own);
  elsif v_all >= p_quantity then
    return coalesce(
      inventory.find_adjacent@v(
        p_event, p_pools, p_section, p_quantity, false, p_t, p_except, p_own),
      inventory.find_nearest@v(
        p_event, p_pools, p_section, p_quantity, false, p_t, p_except, p_own));
  end if;
  return null;
end $$;

-- What is free at p_t of these pools, in this section where one is named; p_plain: without special
-- seats. One query, which the planner makes a part of the one that asks.
create function inventory.free_seats@v(
  p_event text, p_pools text[], p_section text, p_plain boolean, p_t timestamptz, p_except int[],
  p_own text
) returns table (
  seat_no int, pool_id text, row_no int, place int, distance float8, special text
) language sql stable as $$
  select s.seat_no, s.pool_id, s.row_no, s.place, s.distance::float8, s.special
  from inventory.seat s
  where s.event_id = p_event and s.pool_id = any (p_pools)
    and (p_section is null or s.section = p_section)
    and (s.status = 'free' or (s.status = 'held' and (s.expires_at <= p_t or s.hold_id = p_own)))
    and s.seat_no <> all (p_except)
    and (not p_plain or s.special is null)
$$;

-- The best block: in one row, of one pool, each the neighbour of the next; first without an orphan,
-- then the smallest sum of distances, then the lowest row and place. Null when there is no such
-- block, and only then. p_plain: of plain seats, as if there were no others.
--
-- It reads the event's seats once, by an index, then goes through rows, those with the nearest
-- seats first, until no row that is left can have a better block. Plain window functions over all
-- seats say the same in half the lines, and took three times as long on an empty hall. The one
-- query has the same plan with and without statistics; its settings keep it in memory.
create function inventory.find_adjacent@v(
  p_event text, p_pools text[], p_section text, p_quantity int, p_plain boolean, p_t timestamptz,
  p_except int[], p_own text default null
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
  v_best_place int;
begin
  for r in
    select s.row_no, min(s.distance) as nearest, array_agg(s.place order by s.place) as places,
      array_agg(s.seat_no order by s.place) as seats,
      array_agg(s.distance order by s.place) as distances
    from inventory.free_seats@v(p_event, p_pools, p_section, p_plain, p_t, p_except, p_own) s
    group by s.row_no, s.pool_id
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
      if (v_orphan, v_sum, r.row_no, v_place)
        < (v_best_orphan, v_best_sum, v_best_row, v_best_place)
      then
        v_best_orphan := v_orphan;
        v_best_sum := v_sum;
        v_best_row := r.row_no;
        v_best_place := v_place;
        v_best_seats := r.seats[i : i + p_quantity - 1];
      end if;
    end loop;
  end loop;
  return (select array_agg(n order by n) from unnest(v_best_seats) n);
end $$;

-- The best block with so many accessible seats or more: first the fewest beyond that, then the
-- fewest plain seats, then as above. Only rows that have so many left are looked at: they are few.
create function inventory.find_accessible@v(
  p_event text, p_pools text[], p_section text, p_quantity int, p_accessible int, p_t timestamptz,
  p_except int[], p_own text default null
) returns int[] language plpgsql set work_mem = '64MB' set jit = off
  set max_parallel_workers_per_gather = 0 as $$
declare
  v_rows constant int[] := array(
    select s.row_no
    from inventory.free_seats@v(p_event, p_pools, p_section, false, p_t, p_except, p_own) s
    where s.special = 'accessible'
    group by s.row_no having count(*) >= p_accessible);
begin
  return (
    select (select array_agg(n order by n) from unnest(b.seats) n)
    from (
      select q.row_no, q.place, q.nth, count(*) over whole as length,
        array_agg(q.seat_no) over block as seats, sum(q.distance) over block as sum,
        count(*) filter (where q.special = 'accessible') over block as accessible,
        count(*) filter (where q.special is null) over block as plain
      from (
        select f.seat_no, f.pool_id, f.row_no, f.place, f.distance, f.special, f.run,
          row_number() over (partition by f.pool_id, f.row_no, f.run order by f.place) as nth
        from (
          select s.seat_no, s.pool_id, s.row_no, s.place, s.distance, s.special,
            s.place - row_number() over (partition by s.pool_id, s.row_no order by s.place) as run
          from inventory.free_seats@v(
            p_event, p_pools, p_section, false, p_t, p_except, p_own) s
          where s.row_no = any (v_rows)
        ) f
      ) q
      window whole as (partition by q.pool_id, q.row_no, q.run),
        block as (partition by q.pool_id, q.row_no, q.run order by q.place
          rows between current row and p_quantity - 1 following)
    ) b
    where b.nth + p_quantity - 1 <= b.length and b.accessible >= p_accessible
    order by b.accessible, b.plain, b.nth = 2 or b.length - b.nth = p_quantity, b.sum, b.row_no,
      b.place
    limit 1
  );
end $$;

-- Single seats for a party that cannot sit together any more: the nearest that are free of one
-- pool, the lower row and place first. Null where none of the pools has so many.
create function inventory.find_nearest@v(
  p_event text, p_pools text[], p_section text, p_quantity int, p_plain boolean, p_t timestamptz,
  p_except int[], p_own text default null
) returns int[] language sql stable as $$
  select f.seats
  from unnest(p_pools) with ordinality as p(pool_id, nth)
  cross join lateral (
    select array_agg(n.seat_no order by n.seat_no) as seats,
      sum(n.distance order by n.distance, n.row_no, n.place) as sum
    from (
      select s.seat_no, s.row_no, s.place, s.distance
      from inventory.free_seats@v(
        p_event, array[p.pool_id], p_section, p_plain, p_t, p_except, p_own) s
      order by s.distance, s.row_no, s.place
      limit p_quantity
    ) n
  ) f
  where cardinality(f.seats) = p_quantity
  order by f.sum, p.nth limit 1
$$;

-- As hold_batch, for requests whose seats are searched here: `best` says for each line whether its
-- seats are to be found, `sections` where, `accessible` how many of them accessible; the other
-- lines name theirs in seatNos. A line without a ticket type gets one that is sold within its
-- `prices` ({minMinor, maxMinor, currency}). Where no block is left that is large enough, the
-- nearest single seats are given, unless accessible ones were asked for: a party that fits is never
-- refused. Answers with the seatNos and ticketTypeIds of what was granted.
create function inventory.search_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  c_none constant int := -1;
  c_reclaim_most constant int := 1000;
  v_has_seats boolean;
  v_t timestamptz;
  v_chosen jsonb;
  v_answer jsonb;
  v_answers jsonb := '[]';
  r jsonb;
  c record;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  perform inventory.reclaim_lapsed@v(p_event, v_t, c_reclaim_most)
  from inventory.sale s where s.event_id = p_event and s.oldest_expiry <= v_t;
  v_has_seats := exists (select from inventory.pool p where p.event_id = p_event and p.seated);
  for r in select q.value from jsonb_array_elements(p_requests) as q(value) loop
    c := inventory.search_seats@v(p_event, r, null, v_t);
    v_chosen := jsonb_build_object(
      'seatNos', to_jsonb(c.seats), 'ticketTypeIds', to_jsonb(c.types));
    -- Where there is no seat at all, hold_batch does not look at any.
    v_answer := case when c_none = any (c.seats) and not v_has_seats
      then jsonb_build_object('line', c.unfound - 1, 'verdict',
        case when c.types[c.unfound] is null then 'unknown_ticket_type' else 'unknown_seat' end)
      else inventory.hold_batch@v(p_event, v_t, jsonb_build_array(r || v_chosen)) -> 0 end;
    v_answers := v_answers || case v_answer ->> 'verdict'
      when 'granted' then v_answer || v_chosen
      else inventory.search_refusal@v(r, v_answer, c.unfound) end;
  end loop;
  return v_answers;
end $$;

-- What a search answers that was refused: that no seats were found for a line, where everything
-- else about it was fine; and whether it is a line without a ticket type that has none.
create function inventory.search_refusal@v(p_request jsonb, p_answer jsonb, p_unfound int)
  returns jsonb language sql immutable as $$
  select case
    when p_answer ->> 'verdict' = 'unknown_seat'
      and coalesce((p_answer ->> 'line')::int = p_unfound - 1, p_unfound is not null)
    then p_answer || jsonb_build_object('verdict', 'sold_out',
      'accessible', p_request -> 'accessible' -> (p_unfound - 1))
    when p_answer ->> 'verdict' = 'unknown_ticket_type'
    then p_answer || jsonb_build_object('priced',
      p_request -> 'ticketTypeIds' -> (p_answer ->> 'line')::int = 'null')
    else p_answer end
$$;

-- The seats of one request of search_batch, place by place, and the ticket type of each line; and
-- the first line that no seats were found for. The seats of the hold that is to be swapped
-- (p_swapped; null for a new one) count as free.
create function inventory.search_seats@v(
  p_event text, p_request jsonb, p_swapped text, p_t timestamptz, out seats int[],
  out types text[], out unfound int
) language plpgsql as $$
declare
  -- No seat has this number: whoever is given it is refused, after all other reasons to refuse.
  c_none constant int := -1;
  v_found int[];
  v_types text[];
  v_pools text[];
  v_roomy text[];
  v_asked constant jsonb := coalesce(nullif(p_request -> 'seatNos', 'null'), '[]');
  -- Seats that a line names are no other line's, wherever it stands; nor are ticket types.
  v_named constant int[] := array(
    select (n.value #>> '{}')::int from jsonb_array_elements(v_asked) as n(value)
    where n.value <> 'null');
  v_named_types constant text[] := array(
    select n.value from jsonb_array_elements_text(p_request -> 'ticketTypeIds') as n(value)
    where n.value is not null);
  v_from int := 1;
  l record;
begin
  seats := '{}';
  types := '{}';
  for l in
    select i.type, i.quantity, i.best, i.section, i.accessible, i.price, i.line
    from jsonb_to_record(p_request) as r("ticketTypeIds" text[], quantities int[], best boolean[],
      sections text[], accessible int[], prices jsonb[])
    cross join lateral unnest(r."ticketTypeIds", r.quantities, r.best, r.sections, r.accessible,
      r.prices) with ordinality as i(type, quantity, best, section, accessible, price, line)
    order by i.line
  loop
    if l.best then
      select t.types, t.pools into v_types, v_pools
      from inventory.types_for@v(
        p_event, l.type, l.price, l.quantity, v_named_types || types, p_t) t;
      v_roomy := case when p_swapped is null
        then inventory.roomy@v(p_event, v_pools, l.quantity, p_t) else v_pools end;
      v_found := case when v_roomy <> '{}' then inventory.find_seats@v(p_event, v_roomy, l.section,
        l.quantity, l.accessible, p_t, array_remove(seats, null) || v_named, p_swapped) end;
      types[l.line] := v_types[coalesce(array_position(v_pools, (
        select s.pool_id from inventory.seat s
        where s.event_id = p_event and s.seat_no = v_found[1])), 1)];
      if v_found is null then
        unfound := coalesce(unfound, l.line);
        -- Of a ticket type without seats its places are only counted.
        v_found := array_fill(case when v_pools <> '{}' or l.accessible is not null
          or l.type is null then c_none end, array[l.quantity]);
      end if;
    else
      types[l.line] := l.type;
      select array_agg(n.seat_no order by n.nth) into v_found
      from jsonb_array_elements(v_asked) with ordinality as x(value, nth)
      cross join lateral (select (x.value #>> '{}')::int as seat_no, x.nth) n
      where n.nth between v_from and v_from + l.quantity - 1;
    end if;
    seats := seats || v_found;
    v_from := v_from + l.quantity;
  end loop;
end $$;

-- Those of these pools that may have so many free seats, by their counters: that a hall is sold out
-- is known without a look at its seats. All of them where something has lapsed, which is counted
-- until it is reclaimed.
create function inventory.roomy@v(p_event text, p_pools text[], p_quantity int, p_t timestamptz)
  returns text[] language sql stable as $$
  select array(
    select p.pool_id
    from unnest(p_pools) with ordinality as w(pool_id, nth)
    join inventory.pool p on p.event_id = p_event and p.pool_id = w.pool_id
    join inventory.sale s on s.event_id = p_event
    where s.oldest_expiry <= p_t
      or p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked >= p_quantity
    order by w.nth)
$$;

-- The ticket types that a line may be given, the cheapest first, and the pool of each; without
-- pools where none can be had now: then it is the one whose refusal counts. The one that is named,
-- or those of seats that buyers are shown, within the prices and on no other line.
create function inventory.types_for@v(
  p_event text, p_type text, p_price jsonb, p_quantity int, p_except text[], p_t timestamptz,
  out types text[], out pools text[]
) language plpgsql stable as $$
declare
  v_first text;
begin
  if p_type is not null then
    types := array[p_type];
    pools := array(
      select p.pool_id
      from inventory.ticket_type t
      join inventory.pool p on p.event_id = p_event and p.pool_id = t.pool_id
      where t.event_id = p_event and t.ticket_type_id = p_type and p.seated);
    return;
  end if;
  select array_agg(m.ticket_type_id order by m.price_minor, m.ticket_type_id)
      filter (where m.refusal is null),
    array_agg(m.pool_id order by m.price_minor, m.ticket_type_id)
      filter (where m.refusal is null),
    (array_agg(m.ticket_type_id order by m.price_minor, m.ticket_type_id))[1]
  into types, pools, v_first
  from (
    select t.ticket_type_id, t.pool_id, t.price_minor,
      inventory.type_refusal@v(t, p_quantity, p_t) as refusal
    from inventory.ticket_type t
    join inventory.pool p on p.event_id = p_event and p.pool_id = t.pool_id
    join inventory.sale s on s.event_id = p_event
    where t.event_id = p_event and t.withdrawn_at is null and t.listed and not t.needs_code
      and p.seated and s.currency = p_price ->> 'currency'
      and t.price_minor between coalesce((p_price ->> 'minMinor')::int, 0)
        and (p_price ->> 'maxMinor')::int
      and t.ticket_type_id <> all (p_except)
  ) m;
  types := coalesce(types, array[v_first]);
  pools := coalesce(pools, '{}');
end $$;
