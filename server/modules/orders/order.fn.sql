-- An order's life, composed with its places and its money in one call for a batch of one event.
-- The event's lock comes first (inventory), then hold, order, tickets, payment. Look-ups go by
-- full key: see docs/locking.md for the switches.

-- Makes pending orders of holds. p_orders, an array of: orderId, holdId, organizerId, userId,
-- buyerName, buyerEmail, buyerPhone, buyerLanguage, expiresAt, refundableUntil, currency, method,
-- caller, key, bodyHash (hex), prices (by ticket type, where a place costs less than its hold says;
-- else null), creditMinor (what credit pays of it), charges (what prices contain), promoCode (what
-- lowered them), creditId and creditReservation (where the credit is). Their lines are those of the
-- holds.
create function orders.place_orders@v(p_event text, p_orders jsonb, p_t timestamptz) returns void
  language plpgsql as $$
begin
  insert into orders.order (event_id, order_id, organizer_id, hold_id, purchase_no, user_id,
    buyer_name, buyer_email, buyer_phone, buyer_language, expires_at, refundable_until,
    total_minor, credit_minor, charges, promo_code, credit_id, credit_reservation, currency, method,
    caller, key, body_hash, made_at)
  select p_event, r."orderId", r."organizerId", r."holdId",
    -- Those before it failed, and kept the hold.
    1 + (select count(*)::int from orders.order o
      where o.event_id = p_event and o.hold_id = r."holdId"), r."userId", r."buyerName",
    r."buyerEmail", r."buyerPhone", r."buyerLanguage", r."expiresAt", r."refundableUntil",
    (select sum(l.quantity * l.unit_price_minor)
      from orders.priced_lines@v(p_event, r."holdId", r.prices) l),
    coalesce(r."creditMinor", 0), r.charges, r."promoCode", r."creditId", r."creditReservation",
    r.currency, r.method, r.caller, r.key, decode(r."bodyHash", 'hex'), p_t
  from jsonb_to_recordset(p_orders) as r(
    "orderId" text, "organizerId" text, "holdId" text, "userId" text, "buyerName" text,
    "buyerEmail" text, "buyerPhone" text, "buyerLanguage" text, "expiresAt" timestamptz,
    "refundableUntil" timestamptz, currency text, method text, caller text, key text,
    "bodyHash" text, prices jsonb, "creditMinor" int, charges jsonb, "promoCode" text,
    "creditId" text, "creditReservation" text);
  insert into orders.order_item
    (event_id, order_id, line, ticket_type_id, quantity, unit_price_minor, list_price_minor)
  select p_event, r."orderId", l.line - 1, l.ticket_type_id, l.quantity, l.unit_price_minor,
    l.list_price_minor
  from jsonb_to_recordset(p_orders) as r("orderId" text, "holdId" text, prices jsonb)
  cross join lateral orders.priced_lines@v(p_event, r."holdId", r.prices) l;
  insert into orders.deadline (event_id, order_id, expires_at)
  select p_event, r."orderId", r."expiresAt"
  from jsonb_to_recordset(p_orders) as r("orderId" text, "expiresAt" timestamptz);
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'order_placed', jsonb_build_object('orderId', r."orderId", 'holdId', r."holdId")
  from jsonb_to_recordset(p_orders) as r("orderId" text, "holdId" text);
end $$;

-- The lines of a hold at what they are sold for; p_prices names the price of a place by its ticket
-- type where it is lower than the hold says.
create function orders.priced_lines@v(p_event text, p_hold text, p_prices jsonb)
  returns table (line int, ticket_type_id text, quantity int, unit_price_minor int,
    list_price_minor int) language sql stable as $$
  select l.line, l.ticket_type_id, l.quantity,
    coalesce((p_prices ->> l.ticket_type_id)::int, l.unit_price_minor), l.unit_price_minor
  from inventory.lines_of_hold@v(p_event, p_hold) l
$$;

-- What the payment of an order takes: its total without what credit pays.
create function orders.due_of@v(p_event text, p_order text) returns int
  language plpgsql stable as $$
begin
  return (
    select o.total_minor - o.credit_minor from orders.order o
    where o.event_id = p_event and o.order_id = p_order
  );
end $$;

-- Who comes: [{name, email}], as the buyer of the order said.
create function orders.name_attendees@v(p_event text, p_order text, p_attendees jsonb)
  returns void language plpgsql volatile as $$
begin
  update orders.order o set attendees = p_attendees
  where o.event_id = p_event and o.order_id = p_order;
end $$;

-- The order that this caller made with this key: its id, hold and body hash (hex).
create function orders.order_by_key@v(p_event text, p_caller text, p_key text)
  returns table (order_id text, body_hash text) language sql stable as $$
  select o.order_id, encode(o.body_hash, 'hex') from orders.order o
  where o.event_id = p_event and o.caller = p_caller and o.key = p_key
$$;

-- The hold and status of orders, in their order; null where there is no such order.
create function orders.holds_of@v(
  p_event text, p_orders text[], out holds text[], out statuses text[]
) language plpgsql stable as $$
begin
  select array_agg(x.hold_id order by l.nth), array_agg(x.status order by l.nth)
  into holds, statuses
  from unnest(p_orders) with ordinality as l(order_id, nth)
  -- One look-up by key for each: `offset` keeps the planner from reading all of them.
  left join lateral (
    select o.hold_id, o.status from orders.order o
    where o.event_id = p_event and o.order_id = l.order_id offset 0
  ) x on true;
end $$;

-- Whether the order was cancelled because nobody had paid in time: a payment that came late may
-- still be honoured. What its buyer or staff gave up stays given up; and so does what credit was to
-- pay a part of: it went back when the order ended, and is spent elsewhere by now.
create function orders.ended_by_time@v(p_event text, p_order text) returns boolean
  language plpgsql volatile as $$
begin
  return exists (
    select from orders.order o
    where o.event_id = p_event and o.order_id = p_order
      and o.status = 'cancelled' and o.end_reason = 'expired' and o.credit_minor = 0);
end $$;

-- Its promo code was somebody else's when it ended: it is used again. Null, or why it cannot be.
create function orders.use_code_again@v(p_event text, p_order text) returns text
  language plpgsql as $$
begin
  return case when (
    select o.promo_code is not null from orders.order o
    where o.event_id = p_event and o.order_id = p_order
  ) then promotions.use_again@v(p_event, p_order) end;
end $$;

-- Whether a late payment of the order is being captured: cancelled by time, its places claimed
-- again, its tickets made.
create function orders.is_revived@v(p_event text, p_order text) returns boolean
  language plpgsql volatile as $$
begin
  return orders.ended_by_time@v(p_event, p_order) and exists (
    select from orders.ticket t
    where t.event_id = p_event and t.order_id = p_order and t.status = 'pending_capture');
end $$;

-- The money of a late payment that was to be honoured did not come, or finds the event cancelled:
-- the places go back and the order stays as it was. True where it did.
create function orders.end_revived@v(p_event text, p_order text, p_reason text) returns boolean
  language plpgsql as $$
begin
  if not orders.is_revived@v(p_event, p_order) then
    return false;
  end if;
  perform inventory.end_claims@v(p_event, (
    select array_agg(o.hold_id) from orders.order o
    where o.event_id = p_event and o.order_id = p_order), 'released');
  update orders.ticket t set status = 'void', void_reason = p_reason
  where t.event_id = p_event and t.order_id = p_order and t.status = 'pending_capture';
  perform promotions.return_use@v(p_event, p_order);
  return true;
end $$;

-- Makes the tickets of orders whose payments are being captured: they exist, their codes are
-- withheld. p_orders: orderId, holdId, ticketIds (as many as places), complimentary. Does nothing
-- where they exist.
create function orders.await_captures@v(p_event text, p_orders jsonb) returns void
  language plpgsql volatile as $$
declare
  v_seats constant jsonb := inventory.seats_of_holds@v(p_event, array(
    select q."holdId" from jsonb_to_recordset(p_orders) as q("holdId" text)));
begin
  insert into orders.ticket
    (event_id, ticket_id, order_id, ticket_type_id, price_minor, complimentary, seat_key, status)
  select p_event, r."ticketIds"[i.before + g], r."orderId", i.ticket_type_id, i.unit_price_minor,
    coalesce(r.complimentary, false), v_seats -> r."holdId" ->> (i.before + g - 1),
    'pending_capture'
  from jsonb_to_recordset(p_orders) as r(
    "orderId" text, "holdId" text, "ticketIds" text[], complimentary boolean)
  -- The lines of each order by its key: `offset` keeps the planner from reading those of all.
  cross join lateral (
    select x.ticket_type_id, x.quantity, x.unit_price_minor,
      (sum(x.quantity) over (order by x.line) - x.quantity)::int as before
    from orders.order_item x
    where x.event_id = p_event and x.order_id = r."orderId" offset 0
  ) i
  cross join lateral generate_series(1, i.quantity) as g
  where not exists (
    select from orders.ticket t
    where t.event_id = p_event and t.order_id = r."orderId" and t.status <> 'void'
  );
end $$;

-- The money is there, or none was needed: orders are confirmed, their tickets open doors.
create function orders.confirm_orders@v(p_event text, p_orders text[], p_t timestamptz)
  returns void language plpgsql as $$
begin
  update orders.order o set status = 'confirmed', confirmed_at = p_t, end_reason = null
  where o.event_id = p_event and o.order_id = any (p_orders);
  delete from orders.deadline d where d.event_id = p_event and d.order_id = any (p_orders);
  perform orders.spend_credit@v(p_event, o) from orders.order o
  where o.event_id = p_event and o.order_id = any (p_orders) and o.credit_minor > 0;
  update orders.ticket t set status = 'valid'
  where t.event_id = p_event and t.order_id = any (p_orders) and t.status = 'pending_capture';
  perform orders.sales_need_papers@v(p_event, p_orders, p_t);
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'order_confirmed', jsonb_build_object('orderId', l.order_id)
  from unnest(p_orders) as l(order_id);
end $$;

-- Ends pending orders without a sale: their places come back. p_requests: orderId, to (failed or
-- cancelled), reason, endClaim, keepHold (where it is active, its places stay held and another
-- order may be made of it; or not given), actor, and the payment that ends with it: paymentId,
-- paymentTo, failureCode. Answers: ended (also where it had, in the same way), claimed (a capture
-- is under way and decides first; only with endClaim is the claim ended too), not_found, or the
-- status that the order has already.
create function orders.end_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_answers jsonb := '[]';
  r record;
begin
  perform inventory.lock_sale@v(p_event, p_now);
  for r in
    select q."orderId" as order_id, q."to" as new_status, q.reason, q."endClaim" as end_claim,
      coalesce(q."keepHold", false) as keep_hold,
      q.actor, q."paymentId" as payment_id, q."paymentTo" as payment_to, q."failureCode" as failure
    from jsonb_to_recordset(p_requests) as q("orderId" text, "to" text, reason text,
      "endClaim" boolean, "keepHold" boolean, actor text, "paymentId" text, "paymentTo" text,
      "failureCode" text)
  loop
    perform set_config('fanfare.actor', r.actor, true);
    v_answers := v_answers || to_jsonb(orders.end_pending@v(p_event, r.order_id, r.new_status,
      r.reason, r.end_claim, r.keep_hold, r.payment_id, r.payment_to, r.failure));
  end loop;
  return v_answers;
end $$;

create function orders.end_pending@v(
  p_event text, p_order text, p_to text, p_reason text, p_end_claim boolean, p_keep_hold boolean,
  p_payment text, p_payment_to text, p_failure text
) returns text language plpgsql as $$
declare
  v_order orders.order;
  v_hold text;
begin
  select * into v_order from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  if v_order.order_id is null then
    return 'not_found';
  elsif v_order.status <> 'pending' then
    v_hold := case when p_end_claim and orders.end_revived@v(p_event, p_order, p_reason)
      then 'released' end;
    if p_payment is not null then
      perform payments.move_payment@v(p_event, p_payment, p_payment_to, p_failure);
    end if;
    return case when v_hold = 'released'
        or (v_order.status = p_to and v_order.end_reason = p_reason) then 'ended'
      else v_order.status end;
  end if;
  v_hold := case when p_keep_hold and inventory.unbind_hold@v(p_event, v_order.hold_id)
    then 'kept' else inventory.release_hold@v(p_event, v_order.hold_id) end;
  if v_hold = 'claimed' and p_end_claim then
    v_hold := (inventory.end_claims@v(p_event, array[v_order.hold_id], 'released'))[1];
  end if;
  if v_hold in ('claimed', 'sold') then
    return 'claimed';
  end if;
  update orders.order o set status = p_to, end_reason = p_reason
  where o.event_id = p_event and o.order_id = p_order;
  delete from orders.deadline d where d.event_id = p_event and d.order_id = p_order;
  if v_order.promo_code is not null then
    perform promotions.return_use@v(p_event, p_order);
  end if;
  if v_order.credit_minor > 0 then
    perform orders.settle_credit@v(p_event, p_order, p_to);
  end if;
  update orders.ticket t set status = 'void', void_reason = p_reason
  where t.event_id = p_event and t.order_id = p_order and t.status = 'pending_capture';
  if p_payment is not null then
    perform payments.move_payment@v(p_event, p_payment, p_payment_to, p_failure);
  end if;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'order_' || p_to,
    jsonb_build_object('orderId', p_order, 'reason', p_reason));
  return 'ended';
end $$;

-- A payment is under way when the time runs out: an order and its hold get so much more, once.
-- p_requests: orderId, moreMs. Answers with the new end, also where it was given before; null
-- where there is none.
create function orders.extend_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_hold text;
  v_until timestamptz;
  v_answers jsonb := '[]';
  r record;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for r in
    select q."orderId" as order_id, q."moreMs" as more_ms
    from jsonb_to_recordset(p_requests) as q("orderId" text, "moreMs" int)
  loop
    v_until := null;
    select o.hold_id into v_hold from orders.order o
    where o.event_id = p_event and o.order_id = r.order_id and o.status = 'pending'
    for no key update;
    if found and inventory.extend_hold@v(
      p_event, v_hold, v_t, v_t + r.more_ms * interval '1 millisecond') then
      v_until := v_t + r.more_ms * interval '1 millisecond';
      update orders.order o set expires_at = v_until
      where o.event_id = p_event and o.order_id = r.order_id;
      update orders.deadline d set expires_at = v_until
      where d.event_id = p_event and d.order_id = r.order_id;
    elsif v_hold is not null then
      v_until := inventory.extended_until@v(p_event, v_hold, v_t);
    end if;
    v_answers := v_answers || jsonb_build_array(v_until);
  end loop;
  return v_answers;
end $$;
