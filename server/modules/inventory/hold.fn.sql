-- Holds: grant, swap, release, lapse. Every function locks the event's sale row first and reads
-- everything after it, under READ COMMITTED: a statement that took its snapshot before it waited
-- would decide on places that somebody else has just been given.

-- Grants or refuses one hold, whole or not at all. Verdicts: granted (also for a repetition, with
-- the first answer), idempotency_key_reused, not_found, event_cancelled, sale_closed,
-- sale_not_open, sale_paused, unknown_ticket_type, code_required, below_order_minimum,
-- above_order_maximum, buyer_required, per_person_limit, sold_out, busy.
create function inventory.hold_places@v(
  p_event text, p_now timestamptz, p_hold text, p_caller text, p_key text, p_body_hash bytea,
  p_guarded boolean, p_person_keys text[], p_types text[], p_quantities int[]
) returns jsonb language plpgsql as $$
declare
  v_sale inventory.sale;
  v_t timestamptz;
  v_known inventory.hold;
  v_code text;
  v_line jsonb;
  v_until timestamptz;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  select * into v_known from inventory.hold h
  where h.event_id = p_event and h.caller = p_caller and h.key = p_key;
  if v_known.hold_id is not null then
    if v_known.body_hash <> p_body_hash then
      return jsonb_build_object('verdict', 'idempotency_key_reused');
    end if;
    return inventory.hold_answer@v(p_event, v_known.hold_id)
      || jsonb_build_object('replayed', true, 'items', v_known.granted_items);
  end if;
  v_code := inventory.sale_refusal@v(v_sale, v_t);
  if v_code is not null then
    return jsonb_build_object('verdict', v_code, 'opensAt', v_sale.opens_at);
  end if;
  v_line := inventory.line_refusal@v(p_event, p_types, p_quantities, v_t);
  if v_line is not null then
    return v_line;
  end if;
  v_code := coalesce(
    inventory.cap_refusal@v(p_event, v_sale.person_limit, p_person_keys,
      (select sum(q)::int from unnest(p_quantities) q), null, v_t),
    nullif(inventory.take_places@v(p_event, p_types, p_quantities, v_t), 'granted'));
  if v_code is not null then
    return jsonb_build_object('verdict', v_code, 'limit', v_sale.person_limit);
  end if;
  v_until := v_t + v_sale.hold_ms * interval '1 millisecond';
  insert into inventory.hold (event_id, hold_id, status, caller, key, body_hash, granted_items,
    guarded, made_at, granted_until, expires_at)
  values (p_event, p_hold, 'active', p_caller, p_key, p_body_hash, (
      select jsonb_agg(jsonb_build_object('ticketTypeId', l.ticket_type_id,
        'quantity', l.quantity, 'unitPriceMinor', t.price_minor) order by l.line)
      from unnest(p_types, p_quantities) with ordinality as l(ticket_type_id, quantity, line)
      join lateral (
        select x.price_minor from inventory.ticket_type x
        where x.event_id = p_event and x.ticket_type_id = l.ticket_type_id
      ) t on true
    ), p_guarded, v_t, v_until, v_until);
  perform inventory.write_lines@v(p_event, p_hold, p_types, p_quantities, p_person_keys);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'places_held', jsonb_build_object('holdId', p_hold, 'expiresAt', v_until));
  return inventory.hold_answer@v(p_event, p_hold);
end $$;

-- Swaps what a hold holds. The old selection is lost only if the new one is granted: a refusal
-- leaves through an exception inside, which undoes the release. The expiry stays.
create function inventory.change_hold@v(
  p_event text, p_now timestamptz, p_hold text, p_types text[], p_quantities int[]
) returns jsonb language plpgsql as $$
declare
  v_sale inventory.sale;
  v_hold inventory.hold;
  v_t timestamptz;
  v_keys text[];
  v_code text;
  v_line jsonb;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_hold.hold_id is null then
    return jsonb_build_object('verdict', 'not_found');
  elsif v_hold.status <> 'active' or v_hold.expires_at <= v_t then
    return jsonb_build_object('verdict', 'hold_ended');
  elsif v_hold.bound then
    return jsonb_build_object('verdict', 'hold_already_booked');
  end if;
  v_code := inventory.sale_refusal@v(v_sale, v_t);
  if v_code is not null then
    return jsonb_build_object('verdict', v_code, 'opensAt', v_sale.opens_at);
  end if;
  v_line := inventory.line_refusal@v(p_event, p_types, p_quantities, v_t);
  if v_line is not null then
    return v_line;
  end if;
  select coalesce(array_agg(u.person_key), '{}') into v_keys
  from inventory.person_use u where u.event_id = p_event and u.hold_id = p_hold;
  v_code := inventory.cap_refusal@v(p_event, v_sale.person_limit, v_keys,
    (select sum(q)::int from unnest(p_quantities) q), p_hold, v_t);
  if v_code is not null then
    return jsonb_build_object('verdict', v_code, 'limit', v_sale.person_limit);
  end if;
  begin
    perform inventory.free_held@v(p_event, array[p_hold]);
    delete from inventory.hold_item i where i.event_id = p_event and i.hold_id = p_hold;
    v_code := inventory.take_places@v(p_event, p_types, p_quantities, v_t);
    if v_code <> 'granted' then
      raise exception using errcode = 'FF001', message = v_code;
    end if;
    perform inventory.write_lines@v(p_event, p_hold, p_types, p_quantities, v_keys);
  exception when sqlstate 'FF001' then
    return jsonb_build_object('verdict', v_code);
  end;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'hold_changed', jsonb_build_object('holdId', p_hold));
  return inventory.hold_answer@v(p_event, p_hold)
    || jsonb_build_object('expiresAt', v_hold.expires_at);
end $$;

-- Counts a hold for further keys of its person, as they become known. Verdicts: granted,
-- not_found, hold_ended, per_person_limit, buyer_required.
create function inventory.name_holder@v(
  p_event text, p_now timestamptz, p_hold text, p_keys text[]
) returns jsonb language plpgsql as $$
declare
  v_sale inventory.sale;
  v_hold inventory.hold;
  v_t timestamptz;
  v_quantity int;
  v_code text;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_hold.hold_id is null then
    return jsonb_build_object('verdict', 'not_found');
  elsif v_hold.status <> 'active' or v_hold.expires_at <= v_t then
    return jsonb_build_object('verdict', 'hold_ended');
  end if;
  select sum(i.quantity)::int into v_quantity from inventory.hold_item i
  where i.event_id = p_event and i.hold_id = p_hold;
  v_code := inventory.cap_refusal@v(p_event, v_sale.person_limit, p_keys, v_quantity, p_hold, v_t);
  if v_code is not null then
    return jsonb_build_object('verdict', v_code, 'limit', v_sale.person_limit);
  end if;
  insert into inventory.person_use (event_id, person_key, hold_id, quantity)
  select p_event, k, p_hold, v_quantity from (select distinct k from unnest(p_keys) k) as d(k)
  on conflict do nothing;
  return inventory.hold_answer@v(p_event, p_hold);
end $$;

-- Gives up a hold. Verdicts: released (also if it had ended before), claimed (a payment is being
-- taken for it), sold, not_found.
create function inventory.release_hold@v(p_event text, p_hold text) returns text
  language plpgsql as $$
declare
  v_status text;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select h.status into v_status from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_status is null then
    return 'not_found';
  elsif v_status in ('claimed', 'sold') then
    return v_status;
  elsif v_status = 'active' then
    update inventory.hold h set status = 'released'
    where h.event_id = p_event and h.hold_id = p_hold;
    perform inventory.free_held@v(p_event, array[p_hold]);
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'hold_released', jsonb_build_object('holdId', p_hold));
  end if;
  return 'released';
end $$;

-- An order is made for a hold: from here on it stands as it is, until the order ends. Answers with
-- the lines that the order is made of. Verdicts: granted, hold_already_booked, hold_ended, not_found.
create function inventory.bind_hold@v(p_event text, p_hold text, p_now timestamptz) returns jsonb
  language plpgsql as $$
declare
  v_hold inventory.hold;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_hold.hold_id is null then
    return jsonb_build_object('verdict', 'not_found');
  elsif v_hold.bound then
    return jsonb_build_object('verdict', 'hold_already_booked');
  elsif v_hold.status <> 'active' or v_hold.expires_at <= kernel.instant(p_now) then
    return jsonb_build_object('verdict', 'hold_ended');
  end if;
  update inventory.hold h set bound = true where h.event_id = p_event and h.hold_id = p_hold;
  return inventory.hold_answer@v(p_event, p_hold)
    || jsonb_build_object('expiresAt', v_hold.expires_at);
end $$;

-- A buyer gives up a hold; one with an order is given up by giving up the order. Verdicts: those of
-- release_hold, and bound.
create function inventory.give_up_hold@v(p_event text, p_hold text) returns text
  language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  if exists (
    select from inventory.hold h
    where h.event_id = p_event and h.hold_id = p_hold and h.bound and h.status = 'active'
  ) then
    return 'bound';
  end if;
  return inventory.release_hold@v(p_event, p_hold);
end $$;

-- The sweeper's turn on one event: what has lapsed becomes free. Returns how many holds lapsed.
create function inventory.sweep_lapsed@v(p_event text, p_now timestamptz, p_most int) returns int
  language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  return inventory.reclaim_lapsed@v(p_event, null, kernel.instant(p_now), p_most);
end $$;
