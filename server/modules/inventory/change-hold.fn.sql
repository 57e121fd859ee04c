-- A hold gets other places, all of them or none. The batch locks the event first and answers in
-- order.

-- Swaps what holds hold. p_requests: holdId, ticketTypeIds, quantities, seatNos, dearestMinor,
-- opened and promoCode as in hold_batch, and where seats are to be searched for, what search_batch
-- takes. The old selection is lost only if the new one is granted, so both are decided on before
-- anything is written. The expiry stays. Answers: as hold_answer, not_found, hold_ended,
-- hold_already_booked, or a refusal of hold_batch.
create function inventory.change_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  c_reclaim_most constant int := 1000;
  v_t timestamptz;
  v_answer jsonb;
  v_answers jsonb := '[]';
  r record;
  c record;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  for r in
    select q.value, i."holdId" as hold_id, i."ticketTypeIds" as types, i.quantities,
      i."seatNos" as seat_nos, i."dearestMinor" as dearest, i.best,
      i.opened, i."promoCode" as promo_code
    from jsonb_array_elements(p_requests) as q(value)
    cross join lateral jsonb_to_record(q.value) as i("holdId" text, "ticketTypeIds" text[],
      quantities int[], "seatNos" int[], "dearestMinor" int[], best boolean[], opened text[],
      "promoCode" text)
  loop
    -- Known before a hall is searched, which takes a thousand times as long.
    v_answer := inventory.change_refusal@v(p_event, r.hold_id, v_t);
    if v_answer is null and r.best is null then
      v_answer := inventory.change_hold@v(p_event, r.hold_id, r.types, r.quantities, r.seat_nos,
        r.dearest, r.opened, r.promo_code, v_t);
    elsif v_answer is null then
      perform inventory.reclaim_lapsed@v(p_event, v_t, c_reclaim_most)
      from inventory.sale s where s.event_id = p_event and s.oldest_expiry <= v_t;
      c := inventory.search_seats@v(p_event, r.value, r.hold_id, v_t);
      v_answer := inventory.search_refusal@v(r.value, inventory.change_hold@v(
        p_event, r.hold_id, c.types, r.quantities, c.seats, null, r.opened, r.promo_code, v_t),
        c.unfound);
    end if;
    v_answers := v_answers || v_answer;
  end loop;
  return v_answers;
end $$;

-- Why a hold cannot be swapped at p_t, whatever is wanted instead; null where it can.
create function inventory.change_refusal@v(p_event text, p_hold text, p_t timestamptz)
  returns jsonb language plpgsql as $$
declare
  v_sale inventory.sale;
  v_hold inventory.hold;
  v_code text;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event;
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_hold.hold_id is null then
    return jsonb_build_object('verdict', 'not_found');
  elsif v_hold.status <> 'active' or v_hold.expires_at <= p_t then
    return jsonb_build_object('verdict', 'hold_ended');
  elsif v_hold.bound then
    return jsonb_build_object('verdict', 'hold_already_booked');
  end if;
  v_code := inventory.sale_refusal@v(v_sale, v_sale.organizer_id, p_t);
  return case when v_code is not null
    then inventory.refusal@v(p_event, v_code, v_sale, null, null) end;
end $$;

-- One of them, of which change_refusal has said nothing.
create function inventory.change_hold@v(
  p_event text, p_hold text, p_types text[], p_quantities int[], p_seats int[], p_dearest int[],
  p_opened text[], p_promo text, p_t timestamptz
) returns jsonb language plpgsql as $$
declare
  c_reclaim_most constant int := 1000;
  v_sale inventory.sale;
  v_hold inventory.hold;
  v_refusal jsonb;
  v_total int := (select sum(q) from unnest(p_quantities) as q);
  v_code text;
  v_swept int;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event;
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold;
  select inventory.refusal@v(p_event, l.code, v_sale, l.line::int, l.type) into v_refusal
  from (
    select i.line, i.type, (
      select case when i.dearest < t.price_minor then 'unknown_ticket_type'
        when t.needs_code and (i.type = any (p_opened)) is not true then 'code_required'
        else inventory.type_refusal@v(t, i.quantity, p_t) end
      from (values (1)) one
      left join inventory.ticket_type t on t.event_id = p_event and t.ticket_type_id = i.type
    ) as code
    from unnest(p_types, p_quantities, p_dearest)
      with ordinality as i(type, quantity, dearest, line)
  ) l
  where l.code is not null order by l.line limit 1;
  if v_refusal is not null then
    return v_refusal;
  end if;
  perform inventory.end_lapsed_on@v(p_event, p_seats, p_t);
  v_code := coalesce(
    inventory.cap_refusal@v(
      p_event, v_sale.person_limit, v_hold.person_keys, v_total, p_hold, p_t),
    inventory.swap_refusal@v(p_event, v_hold, p_types, p_quantities, p_seats));
  -- In two steps: where nothing is refused, `and` would look at both sides.
  if v_code = 'sold_out' then
    v_swept := inventory.reclaim_lapsed@v(p_event, p_t, c_reclaim_most);
    v_code := inventory.swap_refusal@v(p_event, v_hold, p_types, p_quantities, p_seats);
    -- More have lapsed than one call reclaims: what is wanted may be among them.
    if v_code = 'sold_out' and v_swept = c_reclaim_most then
      v_code := 'again';
    end if;
  end if;
  if v_code is not null then
    return inventory.refusal@v(p_event, v_code, v_sale, null, null)
      || case when v_code = 'seat_taken'
        then inventory.seats_in_the_way@v(p_event, p_hold, p_seats) else '{}' end;
  end if;
  perform inventory.swap_lines@v(p_event, v_hold, p_types, p_quantities, p_seats);
  update inventory.hold h set promo_code = p_promo
  where h.event_id = p_event and h.hold_id = p_hold and h.promo_code is distinct from p_promo;
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'hold_changed', inventory.places_of@v(h)
  from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold;
  return inventory.hold_answer@v(p_event, p_hold);
end $$;

-- Null where the new lines fit into what is free together with what the hold gives up.
create function inventory.swap_refusal@v(
  p_event text, p_hold inventory.hold, p_types text[], p_quantities int[], p_seats int[]
) returns text language plpgsql as $$
declare
  v_seat record;
begin
  for v_seat in
    select t.pool_id as wanted, p.seated, n.seat_no,
      (select s.pool_id from inventory.seat s
        where s.event_id = p_event and s.seat_no = n.seat_no) as pool_id,
      (select s.status = 'free' or s.hold_id is not distinct from p_hold.hold_id
        from inventory.seat s where s.event_id = p_event and s.seat_no = n.seat_no) as free
    from unnest(p_types, p_quantities) with ordinality as i(type, quantity, line)
    join inventory.ticket_type t on t.event_id = p_event and t.ticket_type_id = i.type
    join inventory.pool p on p.event_id = p_event and p.pool_id = t.pool_id
    cross join lateral (
      select p_seats[(
        select coalesce(sum(x), 0)::int from unnest(p_quantities[: i.line - 1]) as x
      ) + g] as seat_no from generate_series(1, i.quantity) as g
    ) n
    where p.seated or n.seat_no is not null
  loop
    if v_seat.seated and v_seat.seat_no is null then
      return 'seats_required';
    elsif not v_seat.seated or v_seat.pool_id is distinct from v_seat.wanted then
      return 'unknown_seat';
    elsif v_seat.free is not true then
      return 'seat_taken';
    end if;
  end loop;
  if exists (
    select from inventory.moves_of@v(p_event, p_hold, p_types, p_quantities, p_seats) m
    join inventory.pool p on p.event_id = p_event and p.pool_id = m.pool_id
    where m.taken > p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked
  ) then
    return 'sold_out';
  end if;
  return null;
end $$;

-- Which of these seats a hold cannot have: neither free nor its own.
create function inventory.seats_in_the_way@v(p_event text, p_hold text, p_seats int[])
  returns jsonb language plpgsql stable as $$
begin
  return jsonb_build_object('seatNos', (
    select jsonb_agg(n.seat_no) from unnest(p_seats) as n(seat_no)
    where not (
      select s.status = 'free' or s.hold_id is not distinct from p_hold
      from inventory.seat s where s.event_id = p_event and s.seat_no = n.seat_no)));
end $$;

-- What a swap takes from each pool and gives back to it. Counted places that stay do not move;
-- of seats, exactly those stay that are in both selections.
create function inventory.moves_of@v(
  p_event text, p_hold inventory.hold, p_types text[], p_quantities int[], p_seats int[]
) returns table (pool_id text, taken int, given_back int) language sql stable as $$
  with lines as (
    select t.pool_id, i.quantity
    from unnest(p_types, p_quantities) as i(type, quantity)
    join inventory.ticket_type t on t.event_id = p_event and t.ticket_type_id = i.type
    union all
    select o.pool_id, - o.quantity
    from unnest(p_hold.pool_ids, p_hold.quantities) as o(pool_id, quantity)
  ), seats as (
    select s.pool_id, n.taken from (
      select x as seat_no, 1 as taken from unnest(p_seats) as x
      where x <> all (coalesce(array_remove(p_hold.seat_nos, null), '{}'))
      union all
      select x, 0 from unnest(p_hold.seat_nos) as x
      where x <> all (coalesce(array_remove(p_seats, null), '{}'))
    ) n
    join inventory.seat s on s.event_id = p_event and s.seat_no = n.seat_no
  )
  select l.pool_id, greatest(0, sum(l.quantity))::int, greatest(0, - sum(l.quantity))::int
  from lines l join inventory.pool p on p.event_id = p_event and p.pool_id = l.pool_id
  where not p.seated group by l.pool_id
  union all
  select s.pool_id, sum(s.taken)::int, sum(1 - s.taken)::int from seats s group by s.pool_id
$$;

-- Writes the new lines of a hold. What it gives back may become the waitlist's.
create function inventory.swap_lines@v(
  p_event text, p_hold inventory.hold, p_types text[], p_quantities int[], p_seats int[]
) returns void language plpgsql as $$
declare
  v_moved text[];
  v_taken int[];
  v_given_back int[];
begin
  select array_agg(m.pool_id), array_agg(m.taken), array_agg(m.given_back)
  into v_moved, v_taken, v_given_back
  from inventory.moves_of@v(p_event, p_hold, p_types, p_quantities, p_seats) m;
  perform inventory.give_back@v(p_event, 'held', v_moved, v_given_back, (
    select array_agg(n) from unnest(p_hold.seat_nos) as n
    where n <> all (coalesce(array_remove(p_seats, null), '{}'))));
  update inventory.pool p set held = p.held + m.taken
  from unnest(v_moved, v_taken) as m(pool_id, taken)
  where p.event_id = p_event and p.pool_id = m.pool_id;
  update inventory.seat s
  set status = 'held', hold_id = p_hold.hold_id, expires_at = p_hold.expires_at
  where s.event_id = p_event and s.seat_no = any (p_seats);
  update inventory.person_use u set quantity = (select sum(q) from unnest(p_quantities) as q)
  where u.event_id = p_event and u.person_key = any (p_hold.person_keys)
    and u.hold_id = p_hold.hold_id;
  update inventory.ticket_type t set ever_held = true
  where t.event_id = p_event and not t.ever_held and t.ticket_type_id = any (p_types);
  update inventory.hold h
  set granted_items = coalesce(h.granted_items, inventory.items_of@v(p_hold)),
      ticket_type_ids = p_types, quantities = p_quantities, seat_nos = p_seats,
      returned = array_fill(0, array[cardinality(p_types)]),
      (pool_ids, unit_prices) = (
        select array_agg(t.pool_id order by i.line), array_agg(t.price_minor order by i.line)
        from unnest(p_types) with ordinality as i(type, line)
        join inventory.ticket_type t on t.event_id = p_event and t.ticket_type_id = i.type)
  where h.event_id = p_event and h.hold_id = p_hold.hold_id;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
end $$;
