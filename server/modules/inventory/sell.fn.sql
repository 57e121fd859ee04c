-- What other rooms compose into their one call: bind, claim, sell, un-claim, return, extend. Holds
-- come as arrays, so that a batch costs a statement per table; the caller has locked the event
-- (lock_sale). A hold is sold to an opaque buyer: inventory never knows an order.

-- For a call that composes several rooms: the event's lock comes before any other. Answers with
-- the instant that the whole batch is decided at.
create function inventory.lock_sale@v(p_event text, p_now timestamptz) returns timestamptz
  language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  return kernel.instant(p_now);
end $$;

-- Somebody has bought on this hold, and it stands as it is from here on, counted for their keys
-- alone (null: for whom it was). Null, or why not: not_found, hold_already_booked, hold_ended,
-- per_person_limit, buyer_required.
create function inventory.bind_hold@v(
  p_event text, p_hold text, p_t timestamptz, p_keys text[] default null
) returns text language plpgsql as $$
declare
  v_hold inventory.hold;
  v_code text;
begin
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_hold.hold_id is null then
    return 'not_found';
  elsif v_hold.bound then
    return 'hold_already_booked';
  elsif v_hold.status <> 'active' or v_hold.expires_at <= p_t then
    return 'hold_ended';
  end if;
  v_code := inventory.name_hold@v(p_event, v_hold, p_keys, p_t);
  if v_code is not null then
    return v_code;
  end if;
  update inventory.hold h set bound = true where h.event_id = p_event and h.hold_id = p_hold;
  return null;
end $$;

-- What stood on this hold has ended, and the hold goes on as it was before: until the end that it
-- was granted with it can be changed, given up, and bought on again. True where it was active.
create function inventory.unbind_hold@v(p_event text, p_hold text) returns boolean
  language plpgsql volatile as $$
declare
  v_until timestamptz;
begin
  -- What a payment under way was given more of ends with that payment.
  update inventory.hold h set bound = false, expires_at = h.granted_until
  where h.event_id = p_event and h.hold_id = p_hold and h.status = 'active'
  returning h.granted_until into v_until;
  if v_until is null then
    return false;
  end if;
  update inventory.seat s set expires_at = v_until
  where s.event_id = p_event and s.expires_at is distinct from v_until and s.seat_no = any ((
    select h.seat_nos from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold
  )::int[]);
  update inventory.sale s set oldest_expiry = least(s.oldest_expiry, v_until)
  where s.event_id = p_event and s.oldest_expiry is distinct from least(s.oldest_expiry, v_until);
  return true;
end $$;

-- Whether an order on this hold lacks the code that its buyer gave for places that need one:
-- without it, one use of a code would be any number of holds.
create function inventory.lacks_code@v(p_event text, p_hold text, p_code text) returns boolean
  language plpgsql stable as $$
declare
  v_hold inventory.hold;
begin
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold;
  if v_hold.promo_code is null or v_hold.promo_code is not distinct from p_code then
    return false;
  end if;
  return exists (
    select from unnest(v_hold.ticket_type_ids) as l(type)
    join inventory.ticket_type t on t.event_id = p_event and t.ticket_type_id = l.type
    where t.needs_code
  );
end $$;

-- Before a capture is asked for: the places stop lapsing. One word for each hold: claimed (also
-- when it was), sold, lapsed (the time is over or the places are gone), event_cancelled,
-- not_found.
create function inventory.claim_holds@v(p_event text, p_holds text[], p_t timestamptz)
  returns text[] language plpgsql as $$
declare
  v_state text := (select s.state from inventory.sale s where s.event_id = p_event);
  v_claiming text[];
  v_verdicts text[];
begin
  select array_agg(case
      when s.status is null then 'not_found'
      when s.status in ('claimed', 'sold') then s.status
      when v_state = 'cancelled' then 'event_cancelled'
      when s.live then 'claimed'
      else 'lapsed' end order by s.nth),
    array_agg(distinct s.hold_id) filter (where s.live and v_state <> 'cancelled')
  into v_verdicts, v_claiming
  from (
    select l.nth, x.hold_id, x.status, x.status = 'active' and x.expires_at > p_t as live
    from unnest(p_holds) with ordinality as l(hold_id, nth)
    -- One look-up by key for each: `offset` keeps the planner from reading all of them.
    left join lateral (
      select h.hold_id, h.status, h.expires_at from inventory.hold h
      where h.event_id = p_event and h.hold_id = l.hold_id offset 0
    ) x on true
  ) s;
  if v_claiming is not null then
    perform inventory.move_places@v(p_event, v_claiming, 'claimed');
  end if;
  return v_verdicts;
end $$;

-- Claims end: sold for good, or released because no money came. One word for each hold: p_to, or
-- the status that forbids it.
create function inventory.end_claims@v(p_event text, p_holds text[], p_to text)
  returns text[] language plpgsql as $$
declare
  v_ending text[];
  v_verdicts text[];
begin
  select array_agg(case when s.status = 'claimed' then p_to else coalesce(s.status, 'not_found') end
      order by s.nth),
    array_agg(distinct s.hold_id) filter (where s.status = 'claimed')
  into v_verdicts, v_ending
  from (
    select l.nth, l.hold_id, (select h.status from inventory.hold h
      where h.event_id = p_event and h.hold_id = l.hold_id) as status
    from unnest(p_holds) with ordinality as l(hold_id, nth)
  ) s;
  if v_ending is null then
    return v_verdicts;
  end if;
  insert into kernel.outbox (event_id, kind, data)
  select p_event, case when p_to = 'sold' then 'places_sold' else 'hold_released' end,
    inventory.places_of@v(h)
  from inventory.hold h where h.event_id = p_event and h.hold_id = any (v_ending);
  if p_to = 'sold' then
    perform inventory.move_places@v(p_event, v_ending, 'sold');
    return v_verdicts;
  end if;
  perform inventory.free_holds@v(p_event, v_ending, 'claimed', 'released');
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  return v_verdicts;
end $$;

-- Held places become claimed, claimed ones sold: counters, seats and holds together.
create function inventory.move_places@v(p_event text, p_holds text[], p_to text) returns void
  language plpgsql as $$
declare
  m record;
begin
  for m in
    select i.pool_id, sum(i.quantity)::int as quantity
    from inventory.hold h
    cross join lateral unnest(h.pool_ids, h.quantities) as i(pool_id, quantity)
    where h.event_id = p_event and h.hold_id = any (p_holds)
    group by i.pool_id order by i.pool_id
  loop
    update inventory.pool p
    set held = p.held - case when p_to = 'claimed' then m.quantity else 0 end,
        claimed = p.claimed + case when p_to = 'claimed' then m.quantity else - m.quantity end,
        sold = p.sold + case when p_to = 'sold' then m.quantity else 0 end
    where p.event_id = p_event and p.pool_id = m.pool_id;
  end loop;
  update inventory.seat s set status = p_to, expires_at = null
  where s.event_id = p_event and s.seat_no = any (array(
    select n.seat_no from inventory.hold h cross join lateral unnest(h.seat_nos) as n(seat_no)
    where h.event_id = p_event and h.hold_id = any (p_holds)));
  update inventory.hold h set status = p_to
  where h.event_id = p_event and h.hold_id = any (p_holds);
  if p_to = 'sold' then
    perform inventory.note_ended@v(p_event, p_holds);
  end if;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
end $$;

-- Whether the event is cancelled; its lock is held.
create function inventory.is_cancelled@v(p_event text) returns boolean
  language plpgsql volatile as $$
begin
  return (select s.state = 'cancelled' from inventory.sale s where s.event_id = p_event);
end $$;

-- A payment is under way when the time runs out: once, the hold gets so much more from p_t on. True
-- where it did.
create function inventory.extend_hold@v(
  p_event text, p_hold text, p_t timestamptz, p_until timestamptz
) returns boolean language plpgsql as $$
begin
  update inventory.hold h set extended = true, expires_at = p_until
  where h.event_id = p_event and h.hold_id = p_hold and h.status = 'active' and not h.extended
    and h.expires_at > p_t and h.expires_at < p_until;
  if not found then
    return false;
  end if;
  update inventory.seat s set expires_at = p_until
  where s.event_id = p_event and s.seat_no = any ((
    select h.seat_nos from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold
  )::int[]);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'hold_extended', jsonb_build_object('holdId', p_hold, 'expiresAt', p_until));
  return true;
end $$;

-- Until when a hold that was extended holds; null where it was not, or does not any more.
create function inventory.extended_until@v(p_event text, p_hold text, p_t timestamptz)
  returns timestamptz language sql stable as $$
  select h.expires_at from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold and h.status = 'active' and h.extended
    and h.expires_at > p_t
$$;

-- Gives up one hold, whatever stands on it. released (also if it had ended before), claimed (a
-- payment is being taken for it), sold, not_found.
create function inventory.release_hold@v(p_event text, p_hold text) returns text
  language plpgsql as $$
declare
  v_status text;
begin
  select h.status into v_status from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_status is null or v_status in ('claimed', 'sold') then
    return coalesce(v_status, 'not_found');
  elsif v_status = 'active' then
    perform inventory.end_active@v(p_event, array[p_hold], 'released');
    update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  end if;
  return 'released';
end $$;

-- Sold places come back on sale: p_types[i] gives back p_quantities[i] places of this hold,
-- p_seats are the seats among them. Returns how many came back; fails where more would come back
-- than were sold, or another's seat.
create function inventory.return_places@v(
  p_event text, p_hold text, p_types text[], p_quantities int[], p_seats int[]
) returns int language plpgsql as $$
declare
  v_hold inventory.hold;
  v_total int := (select sum(q) from unnest(p_quantities) as q);
  v_pools text[] := '{}';
  v_line int;
begin
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  for i in 1 .. cardinality(p_types) loop
    v_line := array_position(v_hold.ticket_type_ids, p_types[i]);
    if v_hold.status is distinct from 'sold' or v_line is null
      or v_hold.returned[v_line] + p_quantities[i] > v_hold.quantities[v_line] then
      raise exception 'hold % cannot return % places', p_hold, p_quantities[i]
        using errcode = 'check_violation';
    end if;
    v_hold.returned[v_line] := v_hold.returned[v_line] + p_quantities[i];
    v_pools[i] := v_hold.pool_ids[v_line];
  end loop;
  -- Only seats of its own, and as many as places in pools of seats.
  if exists (
    select from unnest(p_seats) as n(seat_no)
    where p_hold is distinct from (
      select s.hold_id from inventory.seat s where s.event_id = p_event and s.seat_no = n.seat_no)
  ) or exists (
    select from (
      select g.pool_id, sum(g.quantity) as quantity
      from unnest(v_pools, p_quantities) as g(pool_id, quantity) group by g.pool_id
    ) c
    where (
      select p.seated from inventory.pool p where p.event_id = p_event and p.pool_id = c.pool_id
    ) and c.quantity <> (
      select count(distinct n.seat_no) from unnest(p_seats) as n(seat_no)
      where c.pool_id = (
        select s.pool_id from inventory.seat s
        where s.event_id = p_event and s.seat_no = n.seat_no))
  ) then
    raise exception 'hold % cannot return these seats', p_hold using errcode = 'check_violation';
  end if;
  perform inventory.give_back@v(p_event, 'sold', v_pools, p_quantities, p_seats);
  update inventory.hold h set returned = v_hold.returned
  where h.event_id = p_event and h.hold_id = p_hold;
  update inventory.person_use u set quantity = u.quantity - v_total
  where u.event_id = p_event and u.person_key = any (v_hold.person_keys) and u.hold_id = p_hold;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'places_returned', jsonb_build_object('holdId', p_hold,
      'ticketTypeIds', p_types, 'quantities', p_quantities)
    || case when p_seats is null then '{}' else jsonb_build_object('seatNos', p_seats) end);
  return v_total;
end $$;

-- The seats of holds by hold id, place by place, null for a place that is only counted; of those
-- holds that have seats.
create function inventory.seats_of_holds@v(p_event text, p_holds text[]) returns jsonb
  language plpgsql stable as $$
begin
  return (
    select jsonb_object_agg(h.hold_id, (
      select jsonb_agg((
        select s.seat_key from inventory.seat s where s.event_id = p_event and s.seat_no = n.seat_no
      ) order by n.nth)
      from unnest(h.seat_nos) with ordinality as n(seat_no, nth)))
    from inventory.hold h
    where h.event_id = p_event and h.hold_id = any (p_holds) and h.seat_nos is not null
  );
end $$;

-- Whether a hold is still in the live tables.
create function inventory.has_hold@v(p_event text, p_hold text) returns boolean
  language plpgsql stable as $$
begin
  return (
    select exists (select from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold)
  );
end $$;

-- The lines of a hold, for whoever makes something of it.
create function inventory.lines_of_hold@v(p_event text, p_hold text)
  returns table (line int, ticket_type_id text, quantity int, unit_price_minor int)
  language sql stable as $$
  select i.line::int, i.ticket_type_id, i.quantity, i.unit_price_minor
  from inventory.hold h
  cross join lateral unnest(h.ticket_type_ids, h.quantities, h.unit_prices)
    with ordinality as i(ticket_type_id, quantity, unit_price_minor, line)
  where h.event_id = p_event and h.hold_id = p_hold
$$;

-- The number of a seat that is known by its key.
create function inventory.seat_no_of@v(p_event text, p_key text) returns int
  language plpgsql stable as $$
begin
  return (
    select s.seat_no from inventory.seat s where s.event_id = p_event and s.seat_key = p_key
  );
end $$;

-- When a hold lapses if nobody pays.
create function inventory.expiry_of@v(p_event text, p_hold text) returns timestamptz
  language plpgsql stable as $$
begin
  return (
    select h.expires_at from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold
  );
end $$;

-- A hold that nobody has bought on yet lasts until then, if that is later. Its end; null where it
-- is over.
create function inventory.lengthen_hold@v(
  p_event text, p_hold text, p_t timestamptz, p_until timestamptz
) returns timestamptz language plpgsql as $$
declare
  v_until timestamptz;
begin
  update inventory.hold h
  set expires_at = greatest(h.expires_at, p_until),
      granted_until = greatest(h.granted_until, p_until)
  where h.event_id = p_event and h.hold_id = p_hold and h.status = 'active' and not h.bound
    and h.expires_at > p_t
  returning h.expires_at into v_until;
  update inventory.seat s set expires_at = v_until
  where s.event_id = p_event and v_until is not null and s.seat_no = any ((
    select h.seat_nos from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold
  )::int[]);
  if v_until is not null then
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'hold_extended',
      jsonb_build_object('holdId', p_hold, 'expiresAt', v_until));
  end if;
  return v_until;
end $$;

-- What became of these holds; nothing for those that were archived.
create function inventory.states_of@v(p_event text, p_holds text[])
  returns table (hold_id text, status text) language sql stable as $$
  select h.hold_id, h.status from inventory.hold h
  where h.event_id = p_event and h.hold_id = any (p_holds)
$$;

-- The ticket types of an event, the cheapest first: which pool each is of, whether everybody may
-- buy it or only whoever has a code, why one of it is not sold at p_t, if so; how large that
-- pool is, what is free of it, and what is reserved.
create function inventory.types_now@v(p_event text, p_t timestamptz) returns table (
  ticket_type_id text, pool_id text, seated boolean, minimum int, maximum int, is_open boolean,
  needs_code boolean, refusal text, capacity int, room int, reserved int
) language sql stable as $$
  select t.ticket_type_id, t.pool_id, p.seated, t.min_per_order, t.max_per_order,
    t.listed and not t.needs_code, t.needs_code,
    inventory.type_refusal@v(t, t.min_per_order, p_t), p.capacity,
    p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked, p.reserved
  from inventory.ticket_type t
  join inventory.pool p on p.event_id = p_event and p.pool_id = t.pool_id
  where t.event_id = p_event and t.withdrawn_at is null
  order by t.price_minor, t.ticket_type_id
$$;
