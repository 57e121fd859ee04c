-- The parts of hold_batch: what it reads once for the whole batch, and what it writes at the end.
-- They run under its planner switches: setting them again for each part would cost more than the
-- part.

-- The event's ticket types by position: ids, the refusal that is true of each at p_t whoever asks,
-- whether it needs a code, prices, fewest and most of one order, and the position of its pool;
-- then the pools' ids, whether their places are seats, and their room as room_now. Withdrawn types
-- are not there.
create function inventory.terms_of@v(
  p_event text, p_t timestamptz, out ticket_types text[], out codes text[], out locked boolean[],
  out prices int[], out minima int[], out maxima int[], out pool_of int[], out pools text[],
  out seated boolean[], out room int[]
) language plpgsql stable as $$
begin
  select array_agg(p.pool_id order by p.pool_id), array_agg(p.seated order by p.pool_id),
    array_agg(p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked
      order by p.pool_id) || array_agg(p.reserved order by p.pool_id)
  into pools, seated, room
  from inventory.pool p where p.event_id = p_event;
  select array_agg(t.ticket_type_id order by t.ticket_type_id),
    array_agg(inventory.type_refusal@v(t, t.min_per_order, p_t) order by t.ticket_type_id),
    array_agg(t.needs_code order by t.ticket_type_id),
    array_agg(t.price_minor order by t.ticket_type_id),
    array_agg(t.min_per_order order by t.ticket_type_id),
    array_agg(t.max_per_order order by t.ticket_type_id),
    array_agg(array_position(pools, t.pool_id) order by t.ticket_type_id)
  into ticket_types, codes, locked, prices, minima, maxima, pool_of
  from inventory.ticket_type t where t.event_id = p_event and t.withdrawn_at is null;
  pools := coalesce(pools, '{}');
end $$;

-- What is free of each pool in the order of their ids, then what is reserved of each, less what
-- the batch has taken so far.
create function inventory.room_now@v(p_event text, p_taken int[]) returns int[]
  language plpgsql stable as $$
declare
  v_room int[];
begin
  select array_agg(p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked
    order by p.pool_id) || array_agg(p.reserved order by p.pool_id)
  into v_room
  from inventory.pool p where p.event_id = p_event;
  for i in 1 .. cardinality(p_taken) loop
    v_room[i] := v_room[i] - p_taken[i];
  end loop;
  return v_room;
end $$;

-- How much each person key of the batch has now, and for every key of every request in turn where
-- it stands in that list.
create function inventory.people_of@v(
  p_event text, p_requests jsonb, p_t timestamptz, out used int[], out at int[]
) language plpgsql stable as $$
begin
  with asked as materialized (
    select r.nth, k.key, k.place, dense_rank() over (order by k.key)::int as at
    from rows from (jsonb_to_recordset(p_requests) as ("personKeys" text[]))
      with ordinality as r(keys, nth)
    cross join lateral unnest(r.keys) with ordinality as k(key, place)
  )
  select coalesce((
      -- As used_by, written out: a function call for each key costs more than what it looks up.
      select array_agg((
        select coalesce(sum(u.quantity), 0)::int
        from inventory.person_use u
        where u.event_id = p_event and u.person_key = d.key and (
          select h.status in ('claimed', 'sold') or (h.status = 'active' and h.expires_at > p_t)
          from inventory.hold h where h.event_id = p_event and h.hold_id = u.hold_id)
      ) order by d.at)
      from (select distinct a.key, a.at from asked a) d), '{}'),
    coalesce((select array_agg(a.at order by a.nth, a.place) from asked a), '{}')
  into used, at;
end $$;

-- The pool (by position) and the state of each seat that the batch asks for, null where there is
-- no such seat; and for every place of every request in turn where its seat stands in that list,
-- null for a place that is only counted. Holds that have lapsed on these seats end first.
create function inventory.seats_of@v(
  p_event text, p_requests jsonb, p_pools text[], p_t timestamptz,
  out pools int[], out states text[], out at int[]
) language plpgsql as $$
declare
  v_asked int[];
  v_lapsed int[];
begin
  select array_agg(s.seat_no order by s.nth, s.place),
    array_agg(s.at order by s.nth, s.place)
  into v_asked, at
  from (
    select r.nth, n.seat_no, n.place,
      case when n.seat_no is not null then
        dense_rank() over (order by n.seat_no nulls last)::int end as at
    from rows from (jsonb_to_recordset(p_requests) as ("seatNos" int[]))
      with ordinality as r(seat_nos, nth)
    cross join lateral unnest(r.seat_nos) with ordinality as n(seat_no, place)
  ) s;
  loop
    select coalesce(array_agg(array_position(p_pools, x.pool_id) order by d.seat_no), '{}'),
      coalesce(array_agg(x.status order by d.seat_no), '{}'),
      array_agg(d.seat_no) filter (where x.status = 'held' and x.expires_at <= p_t)
    into pools, states, v_lapsed
    from (select distinct n.seat_no from unnest(v_asked) as n(seat_no)
      where n.seat_no is not null) d
    -- One look-up by key for each: `offset` keeps the planner from reading all of them.
    left join lateral (
      select s.pool_id, s.status, s.expires_at from inventory.seat s
      where s.event_id = p_event and s.seat_no = d.seat_no offset 0
    ) x on true;
    exit when v_lapsed is null;
    -- What they have become is read again: free, or the waitlist's.
    perform inventory.end_lapsed_on@v(p_event, v_lapsed, p_t);
  end loop;
  at := coalesce(at, '{}');
end $$;

-- Null where these seats (by position) can be had for a line of a pool; the refusal otherwise.
create function inventory.seat_refusal@v(
  p_seats int[], p_quantity int, p_pool int, p_seated boolean, p_seat_pools int[],
  p_states text[], p_offered boolean
) returns text language plpgsql immutable as $$
declare
  v_wanted constant text := case when p_offered then 'reserved' else 'free' end;
  v_named constant int[] := array_remove(p_seats, null);
  v_is_taken boolean := false;
begin
  if not p_seated then
    return case when v_named <> '{}' then 'unknown_seat' end;
  elsif cardinality(v_named) < p_quantity then
    return 'seats_required';
  end if;
  -- Not by a query: for a handful of seats that costs several times as much.
  for i in 1 .. cardinality(v_named) loop
    if p_seat_pools[v_named[i]] is distinct from p_pool then
      return 'unknown_seat';
    end if;
    v_is_taken := v_is_taken or p_states[v_named[i]] <> v_wanted;
  end loop;
  return case when v_is_taken then 'seat_taken' end;
end $$;

-- Which of these seats stood in the way; nothing for any other refusal.
create function inventory.taken_seats@v(
  p_code text, p_seat_nos int[], p_seats int[], p_states text[], p_offered boolean
) returns jsonb language plpgsql immutable as $$
begin
  if p_code <> 'seat_taken' then
    return '{}';
  end if;
  return jsonb_build_object('seatNos', (
    select jsonb_agg(n.seat_no) from unnest(p_seat_nos, p_seats) as n(seat_no, at)
    where p_states[n.at] <> case when p_offered then 'reserved' else 'free' end));
end $$;

-- The answer to a request that was granted before, frozen when it was; or that its key was used
-- with another body.
create function inventory.repeated@v(p_event text, p_hold text, p_body_hash text) returns jsonb
  language plpgsql stable as $$
begin
  return (
    select case when encode(h.body_hash, 'hex') <> p_body_hash
      then '{"verdict": "idempotency_key_reused"}'
      else jsonb_build_object('verdict', 'repeated', 'holdId', h.hold_id,
        'expiresAt', h.granted_until, 'currency', s.currency, 'promoCode', h.promo_code,
        'items', coalesce(h.granted_items, inventory.items_of@v(h)))
      end
    from inventory.hold h join inventory.sale s on s.event_id = h.event_id
    where h.event_id = p_event and h.hold_id = p_hold
  );
end $$;

-- A refusal, with what its reader needs to do better.
create function inventory.refusal@v(
  p_event text, p_code text, p_sale inventory.sale, p_line int, p_type text
) returns jsonb language plpgsql stable as $$
declare
  v_type inventory.ticket_type;
begin
  if p_line is null or p_code not in ('below_order_minimum', 'above_order_maximum', 'sale_not_open')
  then
    return jsonb_build_object('verdict', p_code, 'line', p_line - 1,
      'limit', p_sale.person_limit, 'opensAt', p_sale.opens_at);
  end if;
  select * into v_type from inventory.ticket_type t
  where t.event_id = p_event and t.ticket_type_id = p_type;
  return jsonb_build_object('verdict', p_code, 'line', p_line - 1, 'minimum', v_type.min_per_order,
    'maximum', v_type.max_per_order, 'opensAt', v_type.opens_at);
end $$;

-- Writes the granted holds of a batch: their rows, seats, people and facts. p_types, p_prices and
-- p_pool_of are those of terms_of; p_totals says how many places each request has; p_until is when
-- those lapse that do not say it themselves.
create function inventory.write_holds@v(
  p_event text, p_requests jsonb, p_granted boolean[], p_totals int[], p_t timestamptz,
  p_until timestamptz, p_types text[], p_prices int[], p_pool_of int[], p_pools text[],
  p_seated boolean
) returns void language plpgsql as $$
declare
  v_holds jsonb;
  v_untils jsonb;
  v_seats int[];
begin
  insert into inventory.hold (event_id, hold_id, status, caller, key, body_hash, guarded, made_at,
    granted_until, expires_at, person_keys, seat_nos, quantities, returned, promo_code,
    ticket_type_ids, pool_ids, unit_prices)
  select p_event, r.hold_id, 'active', r.caller, r.key, decode(r.body_hash, 'hex'), r.guarded, p_t,
    r.until, r.until, r.keys, r.seat_nos, r.quantities,
    array_fill(0, array[cardinality(r.quantities)]), r.promo_code, r.types,
    -- Most holds have one line.
    case cardinality(r.types)
      when 1 then array[p_pools[p_pool_of[array_position(p_types, r.types[1])]]]
      else (select array_agg(p_pools[p_pool_of[array_position(p_types, l.type)]] order by l.line)
        from unnest(r.types) with ordinality as l(type, line)) end,
    case cardinality(r.types)
      when 1 then array[p_prices[array_position(p_types, r.types[1])]]
      else (select array_agg(p_prices[array_position(p_types, l.type)] order by l.line)
        from unnest(r.types) with ordinality as l(type, line)) end
  from (
    select q.hold_id, q.caller, q.key, q.body_hash, q.guarded, q.keys, q.types, q.quantities,
      q.seat_nos, q.promo_code, q.nth, coalesce(q.expires_at, p_until) as until
    from rows from (jsonb_to_recordset(p_requests) as (
      "holdId" text, caller text, key text, "bodyHash" text, guarded boolean, "personKeys" text[],
      "ticketTypeIds" text[], quantities int[], "seatNos" int[], "expiresAt" timestamptz,
      "promoCode" text
    )) with ordinality as q(
      hold_id, caller, key, body_hash, guarded, keys, types, quantities, seat_nos, expires_at,
      promo_code, nth)
  ) r
  where p_granted[r.nth];
  insert into inventory.person_use (event_id, person_key, hold_id, quantity)
  select p_event, k.key, r.hold_id, p_totals[r.nth]
  from rows from (jsonb_to_recordset(p_requests) as ("holdId" text, "personKeys" text[]))
    with ordinality as r(hold_id, keys, nth)
  cross join lateral unnest(r.keys) as k(key)
  where p_granted[r.nth];
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'places_held', jsonb_build_object('holdId', r.hold_id,
      'expiresAt', coalesce(r.expires_at, p_until), 'ticketTypeIds', r.types,
      'quantities', r.quantities)
    || case when r.seat_nos is null or r.seat_nos = 'null' then '{}'
      else jsonb_build_object('seatNos', r.seat_nos) end
  from rows from (jsonb_to_recordset(p_requests) as ("holdId" text, "expiresAt" timestamptz,
    "ticketTypeIds" jsonb, quantities jsonb, "seatNos" jsonb))
    with ordinality as r(hold_id, expires_at, types, quantities, seat_nos, nth)
  where p_granted[r.nth];
  if exists (
    select from inventory.ticket_type t where t.event_id = p_event and not t.ever_held
  ) then
    update inventory.ticket_type t set ever_held = true
    where t.event_id = p_event and not t.ever_held and exists (
      select from rows from (jsonb_to_recordset(p_requests) as ("ticketTypeIds" text[]))
        with ordinality as r(types, nth)
      where p_granted[r.nth] and t.ticket_type_id = any (r.types)
    );
  end if;
  if p_seated then
    select jsonb_object_agg(n.seat_no, r.hold_id), array_agg(n.seat_no),
      jsonb_object_agg(n.seat_no, r.expires_at) filter (where r.expires_at is not null)
    into v_holds, v_seats, v_untils
    from rows from (jsonb_to_recordset(p_requests) as (
      "holdId" text, "seatNos" int[], "expiresAt" timestamptz))
      with ordinality as r(hold_id, seat_nos, expires_at, nth)
    cross join lateral unnest(r.seat_nos) as n(seat_no)
    where p_granted[r.nth] and n.seat_no is not null;
    update inventory.seat s
    set status = 'held', hold_id = v_holds ->> s.seat_no::text,
        expires_at = coalesce((v_untils ->> s.seat_no::text)::timestamptz, p_until)
    where s.event_id = p_event and s.seat_no = any (v_seats);
  end if;
end $$;

-- Moves what a batch has taken from free and reserved to held. An offer that is taken up is one
-- that the waitlist no longer waits for.
create function inventory.take_room@v(
  p_event text, p_pools text[], p_taken int[], p_until timestamptz
) returns void language plpgsql as $$
declare
  v_offset constant int := cardinality(p_pools);
begin
  for i in 1 .. v_offset loop
    continue when p_taken[i] = 0 and p_taken[v_offset + i] = 0;
    update inventory.pool p
    set held = p.held + p_taken[i] + p_taken[v_offset + i],
        reserved = p.reserved - p_taken[v_offset + i],
        waiting = greatest(0, p.waiting - p_taken[v_offset + i])
    where p.event_id = p_event and p.pool_id = p_pools[i];
  end loop;
  update inventory.sale s
  set version = s.version + 1, oldest_expiry = least(s.oldest_expiry, p_until)
  where s.event_id = p_event;
end $$;

-- What any decision on places is made of, for one hold as for a batch. Only functions that hold
-- the event's lock call what follows.

-- Null where the event sells now; the refusal otherwise. p_sees: the organizer whose
-- staff asks, or `any` for the platform's; they know of a sale before everybody else does. Where
-- somebody has a right to places, only whether there is anything to go to matters.
create function inventory.sale_refusal@v(
  p_sale inventory.sale, p_sees text, p_t timestamptz, p_by_right boolean default false
) returns text language sql immutable as $$
  select case
    when p_sale.event_id is null or p_sale.state = 'unpublished' then 'not_found'
    when p_sale.public_at > p_t and coalesce(p_sees, '') not in (p_sale.organizer_id, 'any')
      then 'not_found'
    when p_sale.state = 'cancelled' then 'event_cancelled'
    when p_by_right then case when p_sale.ends_at <= p_t then 'sale_closed' end
    when p_sale.state = 'closed' or p_sale.closes_at <= p_t or p_sale.ends_at <= p_t
      then 'sale_closed'
    when p_sale.opens_at > p_t then 'sale_not_open'
    when p_sale.state = 'paused' then 'sale_paused'
  end
$$;

-- Null where so many of this ticket type may be held at once now; the refusal otherwise. Whether
-- it needs a code is asked apart: of whoever has one it does not.
create function inventory.type_refusal@v(
  p_type inventory.ticket_type, p_quantity int, p_t timestamptz
) returns text language sql immutable as $$
  select case
    when p_type.ticket_type_id is null or p_type.withdrawn_at is not null then 'unknown_ticket_type'
    when p_type.opens_at > p_t then 'sale_not_open'
    when p_type.closes_at <= p_t then 'sale_closed'
    when p_quantity < p_type.min_per_order then 'below_order_minimum'
    when p_quantity > p_type.max_per_order then 'above_order_maximum'
  end
$$;

-- How many places this key of a person has now: sold, being paid for, or held. p_except: a hold
-- that is about to be given up.
create function inventory.used_by@v(p_event text, p_key text, p_except text, p_t timestamptz)
  returns int language plpgsql stable as $$
begin
  return (
    select coalesce(sum(u.quantity), 0)::int
    from inventory.person_use u
    where u.event_id = p_event and u.person_key = p_key and u.hold_id is distinct from p_except
      and (
        select h.status in ('claimed', 'sold') or (h.status = 'active' and h.expires_at > p_t)
        from inventory.hold h where h.event_id = u.event_id and h.hold_id = u.hold_id
      )
  );
end $$;

-- Null where this person may have so many more; the refusal otherwise. Every key counts by itself.
create function inventory.cap_refusal@v(
  p_event text, p_limit int, p_keys text[], p_more int, p_except text, p_t timestamptz
) returns text language plpgsql as $$
declare
  v_key text;
begin
  if p_limit is null then
    return null;
  elsif cardinality(p_keys) = 0 then
    return 'buyer_required';
  end if;
  foreach v_key in array p_keys loop
    if inventory.used_by@v(p_event, v_key, p_except, p_t) + p_more > p_limit then
      return 'per_person_limit';
    end if;
  end loop;
  return null;
end $$;

-- The lines of a hold: ticketTypeId, quantity, unitPriceMinor, and seatNos where it has seats.
create function inventory.items_of@v(p_hold inventory.hold) returns jsonb
  language plpgsql stable as $$
begin
  return (
    select jsonb_agg(
      jsonb_build_object('ticketTypeId', l.ticket_type_id, 'quantity', l.quantity,
        'unitPriceMinor', l.unit_price)
      || case when p_hold.seat_nos[l.upto] is null then '{}'::jsonb
        else jsonb_build_object('seatNos', to_jsonb(
          p_hold.seat_nos[l.upto - l.quantity + 1 : l.upto])) end
      order by l.line)
    from (
      select i.line, i.ticket_type_id, i.quantity, i.unit_price,
        sum(i.quantity) over (order by i.line)::int as upto
      from unnest(p_hold.ticket_type_ids, p_hold.quantities, p_hold.unit_prices)
        with ordinality as i(ticket_type_id, quantity, unit_price, line)
    ) l
  );
end $$;

-- What a hold is, as its buyer sees it; `items` as they are now.
create function inventory.hold_answer@v(p_event text, p_hold text) returns jsonb
  language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'verdict', 'granted', 'holdId', h.hold_id, 'expiresAt', h.expires_at, 'currency', s.currency,
      'promoCode', h.promo_code, 'items', inventory.items_of@v(h))
    from inventory.hold h join inventory.sale s on s.event_id = h.event_id
    where h.event_id = p_event and h.hold_id = p_hold
  );
end $$;
