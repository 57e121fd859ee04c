-- What is on sale: pools and ticket types, under the event's lock.

-- Makes or changes a pool. Verdicts: done, capacity_below_committed, capacity_over_total,
-- capacity_is_seats (a pool of seats is as large as its seats), not_found.
create function inventory.set_pool@v(
  p_event text, p_pool text, p_name text, p_capacity int
) returns text language plpgsql as $$
declare
  v_sale inventory.sale;
  v_committed int;
  v_other_seats boolean;
  v_others int;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  if v_sale.event_id is null then
    return 'not_found';
  end if;
  select p.held + p.claimed + p.sold + p.reserved + p.blocked, p.seated and p.capacity <> p_capacity
  into v_committed, v_other_seats
  from inventory.pool p where p.event_id = p_event and p.pool_id = p_pool for no key update;
  if v_other_seats then
    return 'capacity_is_seats';
  elsif v_committed > p_capacity then
    return 'capacity_below_committed';
  end if;
  select coalesce(sum(p.capacity), 0) into v_others
  from inventory.pool p where p.event_id = p_event and p.pool_id <> p_pool;
  if v_others + p_capacity > v_sale.total_capacity then
    return 'capacity_over_total';
  end if;
  -- Places that are added while the waitlist has takers are theirs first.
  insert into inventory.pool as p (event_id, pool_id, name, capacity)
  values (p_event, p_pool, p_name, p_capacity)
  on conflict (event_id, pool_id) do update
    set name = excluded.name, capacity = excluded.capacity,
        reserved = p.reserved + least(
          greatest(0, excluded.capacity - p.capacity), greatest(0, p.waiting - p.reserved));
  update inventory.sale set version = version + 1 where event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'capacity_changed',
    jsonb_build_object('poolId', p_pool, 'capacity', p_capacity));
  return 'done';
end $$;

-- Changes the terms of an event's sale. Verdicts: done, capacity_below_committed (the pools
-- together are larger than the new total), not_found.
create function inventory.set_sale@v(
  p_event text, p_opens_at timestamptz, p_closes_at timestamptz, p_ends_at timestamptz,
  p_hold_ms int, p_person_limit int, p_total_capacity int, p_public_at timestamptz
) returns text language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  if not found then
    return 'not_found';
  end if;
  if p_total_capacity < (
    select coalesce(sum(p.capacity), 0) from inventory.pool p where p.event_id = p_event
  ) then
    return 'capacity_below_committed';
  end if;
  update inventory.sale
  set opens_at = p_opens_at, closes_at = p_closes_at, ends_at = p_ends_at, hold_ms = p_hold_ms,
      person_limit = p_person_limit, total_capacity = p_total_capacity, public_at = p_public_at,
      version = version + 1
  where event_id = p_event;
  return 'done';
end $$;

-- Opens, pauses, closes or cancels the sale. Verdicts: done, or the state that forbids it.
create function inventory.set_sale_state@v(p_event text, p_from text[], p_to text) returns text
  language plpgsql as $$
declare
  v_state text;
begin
  select s.state into v_state from inventory.sale s where s.event_id = p_event for no key update;
  if v_state is null then
    return 'not_found';
  elsif v_state = p_to then
    return 'done';
  elsif not v_state = any(p_from) then
    return v_state;
  end if;
  update inventory.sale set state = p_to, version = version + 1 where event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'sale_state_changed', jsonb_build_object('from', v_state, 'to', p_to));
  return 'done';
end $$;

-- Takes a ticket type off sale. Verdicts: deleted (nobody ever held one), withdrawn, not_found.
-- A counted pool that only this type drew on goes with it, unless something else has places of it,
-- has had some, or names it (p_keep_pool).
create function inventory.drop_ticket_type@v(p_event text, p_type text, p_keep_pool boolean)
  returns text
  language plpgsql as $$
declare
  v_pool text;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select t.pool_id into v_pool from inventory.ticket_type t
  where t.event_id = p_event and t.ticket_type_id = p_type and t.withdrawn_at is null;
  if v_pool is null then
    return 'not_found';
  end if;
  update inventory.sale set version = version + 1 where event_id = p_event;
  update inventory.ticket_type t set withdrawn_at = kernel.instant(null)
  where t.event_id = p_event and t.ticket_type_id = p_type and t.ever_held;
  if found then
    return 'withdrawn';
  end if;
  delete from inventory.ticket_type t where t.event_id = p_event and t.ticket_type_id = p_type;
  delete from inventory.pool p
  where p.event_id = p_event and p.pool_id = v_pool and not p.seated and not p_keep_pool
    and p.held + p.claimed + p.sold + p.reserved + p.blocked + p.waiting = 0
    and not exists (
      select from inventory.ticket_type t where t.event_id = p_event and t.pool_id = v_pool
    );
  return 'deleted';
end $$;

-- Removes all of an event that nobody bought. Verdicts: deleted, event_has_sales, not_found.
create function inventory.drop_sale@v(p_event text) returns text language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for update;
  if not found then
    return 'not_found';
  end if;
  if exists (
    select from inventory.hold h
    where h.event_id = p_event and h.status in ('active', 'claimed', 'sold')
  ) or exists (
    select from inventory.hold_archive a
    where a.event_id = p_event and a.hold ->> 'status' = 'sold'
  ) then
    return 'event_has_sales';
  end if;
  delete from inventory.person_use u where u.event_id = p_event;
  delete from inventory.watched_hold w where w.event_id = p_event;
  delete from inventory.ended_watch e where e.event_id = p_event;
  delete from inventory.hold h where h.event_id = p_event;
  delete from inventory.seat x where x.event_id = p_event;
  delete from inventory.ticket_type t where t.event_id = p_event;
  delete from inventory.pool p where p.event_id = p_event;
  delete from inventory.sale s where s.event_id = p_event;
  return 'deleted';
end $$;

-- Moves up to p_most ended holds of a past event to the archive. Returns how many moved.
create function inventory.archive_holds@v(p_event text, p_most int) returns int
  language plpgsql as $$
declare
  v_moved int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  with gone as (
    select h.hold_id from inventory.hold h
    where h.event_id = p_event and h.status in ('sold', 'released', 'lapsed')
    order by h.hold_id limit p_most
  )
  insert into inventory.hold_archive (event_id, hold_id, hold, items)
  select p_event, h.hold_id,
    to_jsonb(h) - '{body_hash,caller,key,person_keys}'::text[], inventory.items_of@v(h)
  from gone join inventory.hold h on h.event_id = p_event and h.hold_id = gone.hold_id;
  get diagnostics v_moved = row_count;
  delete from inventory.person_use u using inventory.hold_archive a
  where u.event_id = p_event and a.event_id = p_event and a.hold_id = u.hold_id;
  delete from inventory.hold h using inventory.hold_archive a
  where h.event_id = p_event and a.event_id = p_event and a.hold_id = h.hold_id;
  return v_moved;
end $$;

-- How many places of a pool the waitlist has takers for. What is freed from now on is reserved up
-- to that; where takers have left, what was reserved for them is free again. p_requests: poolId,
-- waiting. Answers with how many places are reserved, null for an unknown pool.
create function inventory.wait_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_answers jsonb := '[]';
  r record;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  for r in
    select q."poolId" as pool_id, q.waiting
    from jsonb_to_recordset(p_requests) as q("poolId" text, waiting int)
  loop
    v_answers := v_answers
      || jsonb_build_array(inventory.set_waiting@v(p_event, r.pool_id, r.waiting));
  end loop;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  return v_answers;
end $$;

-- The same for one pool, under the event's lock.
create function inventory.set_waiting@v(p_event text, p_pool text, p_waiting int) returns int
  language plpgsql as $$
declare
  v_reserved int;
begin
  if (
    select p.seated and p.reserved > p_waiting from inventory.pool p
    where p.event_id = p_event and p.pool_id = p_pool
  ) then
    update inventory.seat s set status = 'free'
    where s.event_id = p_event and s.seat_no = any (array(
      select x.seat_no from inventory.seat x
      where x.event_id = p_event and x.pool_id = p_pool and x.status = 'reserved'
      order by x.seat_no offset p_waiting));
  end if;
  update inventory.pool p set waiting = p_waiting, reserved = least(p.reserved, p_waiting)
  where p.event_id = p_event and p.pool_id = p_pool returning p.reserved into v_reserved;
  return v_reserved;
end $$;

-- So many places more, or fewer, of these pools have takers; p_by may be negative.
create function inventory.change_waiting@v(p_event text, p_pools text[], p_by int[])
  returns void language plpgsql as $$
declare
  r record;
begin
  for r in
    select c.pool_id, sum(c.more)::int as more from unnest(p_pools, p_by) as c(pool_id, more)
    group by c.pool_id having sum(c.more) <> 0 order by c.pool_id
  loop
    perform inventory.set_waiting@v(p_event, r.pool_id, greatest(0, (
      select p.waiting + r.more from inventory.pool p
      where p.event_id = p_event and p.pool_id = r.pool_id)));
  end loop;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
end $$;

-- Says which places are off sale; asked again it changes nothing. p_requests: poolId, and of a
-- counted pool `quantity`, how many are off sale from now on; of a pool of seats `seatNos`, which
-- are taken off sale, or put back where `free` is true. Answers: done, not_found, not_free (some
-- are held, sold or reserved).
create function inventory.block_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_answers jsonb := '[]';
  r record;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  perform inventory.reclaim_lapsed@v(p_event, kernel.instant(p_now), 1000);
  for r in
    select q."poolId" as pool_id, q.quantity, q."seatNos" as seat_nos, q.free
    from jsonb_to_recordset(p_requests)
      as q("poolId" text, quantity int, "seatNos" int[], free boolean)
  loop
    v_answers := v_answers || to_jsonb(case
      when r.seat_nos is null
        then inventory.block_places@v(p_event, r.pool_id, r.quantity)
      when r.free then inventory.unblock_seats@v(p_event, r.pool_id, r.seat_nos)
      else inventory.block_seats@v(p_event, r.pool_id, r.seat_nos) end);
  end loop;
  return v_answers;
end $$;

-- So many places of a counted pool are off sale from now on.
create function inventory.block_places@v(p_event text, p_pool text, p_quantity int) returns text
  language plpgsql as $$
declare
  v_pool inventory.pool;
  v_more int;
begin
  select * into v_pool from inventory.pool p
  where p.event_id = p_event and p.pool_id = p_pool and not p.seated for no key update;
  v_more := p_quantity - v_pool.blocked;
  if v_pool.pool_id is null then
    return 'not_found';
  elsif v_more > v_pool.capacity - v_pool.held - v_pool.claimed - v_pool.sold - v_pool.reserved
    - v_pool.blocked then
    return 'not_free';
  elsif v_more > 0 then
    update inventory.pool p set blocked = p_quantity
    where p.event_id = p_event and p.pool_id = p_pool;
  elsif v_more < 0 then
    perform inventory.give_back@v(p_event, 'blocked', array[p_pool], array[- v_more], null);
  end if;
  perform inventory.note_blocked@v(p_event, p_pool, v_more);
  return 'done';
end $$;

create function inventory.block_seats@v(p_event text, p_pool text, p_seats int[]) returns text
  language plpgsql as $$
declare
  v_states text[] := inventory.seat_states@v(p_event, p_pool, p_seats);
  v_more int := cardinality(array_positions(v_states, 'free'));
begin
  if array_position(v_states, null) is not null then
    return 'not_found';
  elsif v_more + cardinality(array_positions(v_states, 'blocked')) < cardinality(v_states) then
    return 'not_free';
  end if;
  update inventory.seat s set status = 'blocked'
  where s.event_id = p_event and s.seat_no = any (p_seats) and s.status = 'free';
  update inventory.pool p set blocked = p.blocked + v_more
  where p.event_id = p_event and p.pool_id = p_pool;
  perform inventory.note_blocked@v(p_event, p_pool, v_more);
  return 'done';
end $$;

-- A seat that is not blocked is back already, whoever has it by now.
create function inventory.unblock_seats@v(p_event text, p_pool text, p_seats int[]) returns text
  language plpgsql as $$
declare
  v_states text[] := inventory.seat_states@v(p_event, p_pool, p_seats);
  v_fewer int := cardinality(array_positions(v_states, 'blocked'));
begin
  if array_position(v_states, null) is not null then
    return 'not_found';
  elsif v_fewer > 0 then
    perform inventory.give_back@v(p_event, 'blocked', array[p_pool], array[v_fewer], (
      select array_agg(distinct n.seat_no) from unnest(p_seats) as n(seat_no)
      where (
        select s.status = 'blocked' from inventory.seat s
        where s.event_id = p_event and s.seat_no = n.seat_no)));
  end if;
  perform inventory.note_blocked@v(p_event, p_pool, - v_fewer);
  return 'done';
end $$;

-- The state of each of these seats, once; null for a seat that the pool does not have.
create function inventory.seat_states@v(p_event text, p_pool text, p_seats int[]) returns text[]
  language sql stable as $$
  select array_agg((
    select s.status from inventory.seat s
    where s.event_id = p_event and s.seat_no = n.seat_no and s.pool_id = p_pool))
  from (select distinct x as seat_no from unnest(p_seats) as x) n
$$;

create function inventory.note_blocked@v(p_event text, p_pool text, p_more int) returns void
  language plpgsql as $$
begin
  if p_more = 0 then
    return;
  end if;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, case when p_more > 0 then 'places_blocked' else 'places_unblocked' end,
    jsonb_build_object('poolId', p_pool, 'quantity', abs(p_more)));
end $$;

-- Makes a pool of seats, whose capacity is their number. The arrays are as long as each other; a
-- seat's number is in p_numbers, or where that is null its position, counted on from the seats that
-- are there. p_specials: accessible, companion, or null for a plain seat.
create function inventory.open_seats@v(
  p_event text, p_pool text, p_name text, p_numbers int[], p_keys text[], p_sections text[],
  p_rows int[], p_places int[], p_distances real[], p_specials text[]
) returns int language plpgsql as $$
declare
  v_first int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select coalesce(max(s.seat_no) + 1, 0) into v_first
  from inventory.seat s where s.event_id = p_event;
  insert into inventory.pool (event_id, pool_id, name, capacity, seated)
  values (p_event, p_pool, p_name, cardinality(p_keys), true);
  insert into inventory.seat
    (event_id, seat_no, seat_key, pool_id, section, row_no, place, distance, special)
  select p_event, coalesce(n.seat_no, v_first + n.nth - 1), n.seat_key, p_pool,
    n.section, n.row_no, n.place, n.distance, n.special
  from unnest(p_numbers, p_keys, p_sections, p_rows, p_places, p_distances, p_specials)
    with ordinality as n(seat_no, seat_key, section, row_no, place, distance, special, nth);
  update inventory.sale s set version = s.version + 1, plan_version = s.plan_version + 1
  where s.event_id = p_event;
  return v_first;
end $$;
