-- Who could use what is reserved, and what each of them is given of it. Nothing is written here but
-- that seats which nobody wants are free again.

-- How many of these seats are next to each other at most, by pool and section.
create function waitlist.blocks_of@v(p_event text, p_seats int[])
  returns table (pool_id text, section text, longest int) language sql stable as $$
  select r.pool_id, r.section, max(r.seats)::int
  from (
    select s.pool_id, s.section, count(*) as seats
    from (
      select x.pool_id, x.section, x.row_no,
        x.place - row_number() over (partition by x.pool_id, x.row_no order by x.place) as run
      from inventory.seats_at@v(p_event, p_seats) x
    ) s
    group by s.pool_id, s.section, s.row_no, s.run
  ) r
  group by r.pool_id, r.section
$$;

-- The next in line, in the order of their ranks, of those who could use what is there: of each pool
-- and section, the longest block of seats or what is counted is enough for the fewest they take.
-- Nobody else could be offered anything, so nobody else is looked at.
create function waitlist.candidates@v(
  p_event text, p_pools text[], p_seated boolean[], p_room int[], p_left int[], p_after bigint,
  p_most int
) returns table (rank bigint, entry_id text) language sql stable as $$
  with places as materialized (
    select p.pool_id, '' as section, p.room
    from unnest(p_pools, p_seated, p_room) as p(pool_id, seated, room)
    where not p.seated and p.room > 0
    union all
    select b.pool_id, s.section, max(b.longest)
    from waitlist.blocks_of@v(p_event, p_left) b
    cross join lateral (values (''), (b.section)) as s(section)
    group by b.pool_id, s.section
  )
  select distinct w.rank, w.entry_id
  from places p
  cross join lateral generate_series(1, least(p.room, 100)) as f(fewest)
  cross join lateral (
    select x.rank, x.entry_id from waitlist.want x
    where x.event_id = p_event and x.pool_id = p.pool_id and x.section = p.section
      and x.fewest = f.fewest and x.rank > p_after
    order by x.rank limit p_most
  ) w
  order by w.rank limit p_most
$$;

-- What an entry is given of what is there: its whole quantity, of the first ticket type in its
-- order that has it (of seats, next to each other); or, where it takes fewer, the most that any of
-- its ticket types has. Quantity null: nothing.
create function waitlist.choose_places@v(
  p_event text, p_entry waitlist.entry, p_pools text[], p_seated boolean[], p_room int[],
  p_left int[], p_types text[], p_pool_of int[], p_minima int[], p_maxima int[],
  p_is_open boolean[], out ticket_type_id text, out pool_at int, out quantity int, out seats int[],
  out apart boolean
) language plpgsql as $$
declare
  v_wanted constant text[] := coalesce(p_entry.ticket_type_ids, p_types);
  v_type int;
  v_at int;
  v_most int;
  v_seats int[];
  v_apart boolean;
begin
  apart := false;
  for i in 1 .. cardinality(v_wanted) loop
    v_type := array_position(p_types, v_wanted[i]);
    continue when v_type is null or (p_entry.ticket_type_ids is null and not p_is_open[v_type]);
    v_at := p_pool_of[v_type];
    v_most := least(p_entry.quantity, p_maxima[v_type], p_room[v_at]);
    v_seats := null;
    continue when v_most < p_minima[v_type] or v_most <= coalesce(quantity, 0)
      or (v_most < p_entry.quantity and not p_entry.accepts_fewer);
    if p_seated[v_at] then
      v_seats := waitlist.find_block@v(p_event, p_left, p_pools[v_at], p_entry.sections, v_most);
      while v_seats is null and p_entry.accepts_fewer
        and v_most > greatest(p_minima[v_type], 2) loop
        v_most := v_most - 1;
        v_seats := waitlist.find_block@v(p_event, p_left, p_pools[v_at], p_entry.sections, v_most);
      end loop;
      if v_seats is null and p_entry.accepts_fewer then
        -- No two are next to each other any more.
        v_seats := waitlist.find_apart@v(p_event, p_left, p_pools[v_at], p_entry.sections,
          least(p_entry.quantity, p_maxima[v_type]));
        v_most := coalesce(cardinality(v_seats), 0);
      end if;
      continue when v_seats is null or v_most < p_minima[v_type]
        or v_most <= coalesce(quantity, 0);
    end if;
    v_apart := v_seats is not null and not waitlist.is_block@v(p_event, v_seats);
    -- Nobody sits apart who could sit with somebody.
    continue when v_apart and quantity > 1 and not apart;
    ticket_type_id := p_types[v_type];
    pool_at := v_at;
    quantity := v_most;
    seats := v_seats;
    apart := v_apart;
    exit when quantity = p_entry.quantity and not apart;
  end loop;
end $$;

create function waitlist.is_block@v(p_event text, p_seats int[]) returns boolean
  language sql stable as $$
  select count(distinct s.row_no) = 1 and max(s.place) - min(s.place) + 1 = count(*)
  from inventory.seats_at@v(p_event, p_seats) s
$$;

-- So many seats next to each other among these: first the fewest that were made for special needs,
-- then the nearest, the lower row and place. Null where there are none.
create function waitlist.find_block@v(
  p_event text, p_seats int[], p_pool text, p_sections text[], p_quantity int
) returns int[] language sql stable as $$
  select (select array_agg(n order by n) from unnest(b.seats) n)
  from (
    select q.row_no, q.place, q.nth, count(*) over whole as length,
      array_agg(q.seat_no) over block as seats, sum(q.distance) over block as sum,
      count(q.special) over block as special
    from (
      select f.seat_no, f.row_no, f.place, f.distance, f.special, f.run,
        row_number() over (partition by f.row_no, f.run order by f.place) as nth
      from (
        select s.seat_no, s.row_no, s.place, s.distance, s.special,
          s.place - row_number() over (partition by s.row_no order by s.place) as run
        from inventory.seats_at@v(p_event, p_seats) s
        where s.pool_id = p_pool and (p_sections is null or s.section = any (p_sections))
      ) f
    ) q
    window whole as (partition by q.row_no, q.run),
      block as (partition by q.row_no, q.run order by q.place
        rows between current row and p_quantity - 1 following)
  ) b
  where b.nth + p_quantity - 1 <= b.length
  order by b.special, b.sum, b.row_no, b.place
  limit 1
$$;

-- At most so many seats among these, wherever they are, the nearest first. Null: there is none.
create function waitlist.find_apart@v(
  p_event text, p_seats int[], p_pool text, p_sections text[], p_quantity int
) returns int[] language sql stable as $$
  select array_agg(n.seat_no order by n.seat_no)
  from (
    select s.seat_no from inventory.seats_at@v(p_event, p_seats) s
    where s.pool_id = p_pool and (p_sections is null or s.section = any (p_sections))
    order by s.special nulls first, s.distance, s.row_no, s.place limit p_quantity
  ) n
$$;

-- Of the seats that nobody was given now, those go back to everybody that are in sections where
-- nobody wants any, and those beyond as many as are wanted of the pool: the highest numbers.
create function waitlist.free_unwanted@v(p_event text, p_left int[]) returns void
  language plpgsql as $$
declare
  v_unwanted int[];
begin
  if p_left = '{}' then
    return;
  end if;
  with seats as materialized (
    select x.seat_no, x.pool_id, exists (
      select from waitlist.want w
      where w.event_id = p_event and w.pool_id = x.pool_id and w.section in ('', x.section)
    ) as is_wanted
    from inventory.seats_at@v(p_event, p_left) x
  ), demand as materialized (
    -- Everybody wants at least one: more of them than there are seats need not be counted.
    select p.pool_id, (
      select coalesce(sum((
        select e.quantity from waitlist.entry e
        where e.event_id = p_event and e.entry_id = n.entry_id)), 0)
      from (
        select distinct on (w.rank / 512, w.rank) w.entry_id from waitlist.want w
        where w.event_id = p_event and w.pool_id = p.pool_id
        order by w.rank / 512, w.rank limit cardinality(p_left)
      ) n
    ) as places
    from (select distinct s.pool_id from seats s) p
  )
  select array_agg(k.seat_no) into v_unwanted
  from (
    select s.seat_no, s.pool_id, s.is_wanted, row_number() over (
      partition by s.pool_id, s.is_wanted order by s.seat_no) as nth
    from seats s
  ) k
  where not k.is_wanted
    or k.nth > (select d.places from demand d where d.pool_id = k.pool_id);
  if v_unwanted is not null then
    perform inventory.unreserve_seats@v(p_event, v_unwanted);
  end if;
end $$;
