-- An order's life, composed with its places and its money in one transaction each. The event's
-- lock comes first (inventory), then hold, order, tickets, payment.

-- Makes the tickets of an order whose payment is being captured: they exist, their codes are
-- withheld. p_tickets: as many ids as places. Does nothing where they exist.
create function orders.await_capture@v(p_event text, p_order text, p_tickets text[]) returns void
  language plpgsql as $$
begin
  if exists (
    select from orders.ticket t
    where t.event_id = p_event and t.order_id = p_order and t.status <> 'void'
  ) then
    return;
  end if;
  insert into orders.ticket (event_id, ticket_id, order_id, ticket_type_id, price_minor, status)
  select p_event, p_tickets[n.n], p_order, n.ticket_type_id, n.unit_price_minor, 'pending_capture'
  from (
    select i.ticket_type_id, i.unit_price_minor, row_number() over (order by i.line, s)::int as n
    from orders.order_item i cross join lateral generate_series(1, i.quantity) s
    where i.event_id = p_event and i.order_id = p_order
  ) n;
end $$;

-- The money is there, or none was needed: the order is confirmed and its tickets open doors.
create function orders.confirm@v(p_event text, p_order text, p_now timestamptz) returns void
  language plpgsql as $$
begin
  update orders.order o
  set status = 'confirmed', confirmed_at = kernel.instant(p_now), end_reason = null
  where o.event_id = p_event and o.order_id = p_order;
  update orders.ticket t set status = 'valid'
  where t.event_id = p_event and t.order_id = p_order and t.status = 'pending_capture';
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'order_confirmed', jsonb_build_object('orderId', p_order));
end $$;

-- Ends a pending order without a sale: its places come back, its payment (if one is named) ends in
-- p_payment_to. Verdicts: ended, claimed (a capture is under way and decides first; only with
-- p_end_claim is the claim ended too), or the status that the order has already.
create function orders.end_pending@v(
  p_event text, p_order text, p_to text, p_reason text, p_end_claim boolean,
  p_payment text, p_payment_to text, p_failure text
) returns text language plpgsql as $$
declare
  v_order orders.order;
  v_hold text;
begin
  perform inventory.lock_sale@v(p_event);
  select * into v_order from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  if v_order.order_id is null then
    return 'not_found';
  elsif v_order.status <> 'pending' then
    return v_order.status;
  end if;
  v_hold := inventory.release_hold@v(p_event, v_order.hold_id);
  if v_hold = 'claimed' and p_end_claim then
    v_hold := inventory.end_claim@v(p_event, v_order.hold_id, 'released');
  end if;
  if v_hold in ('claimed', 'sold') then
    return 'claimed';
  end if;
  update orders.order o set status = p_to, end_reason = p_reason
  where o.event_id = p_event and o.order_id = p_order;
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

-- Takes tickets back for their money: all live ones, or p_tickets. The places come back on sale,
-- the tickets die and the refund is owed in this one transaction. Verdicts: refunded (with the
-- refund id, null where nothing had been paid), unknown_ticket, archived (its places left the live
-- tables, long after every window), or the order's status.
create function orders.refund_tickets@v(
  p_event text, p_order text, p_tickets text[], p_refund text, p_reason text
) returns jsonb language plpgsql as $$
declare
  v_order orders.order;
  v_chosen text[];
  v_types text[];
  v_quantities int[];
  v_amount int;
  v_payment text;
  v_left int;
begin
  perform inventory.lock_sale@v(p_event);
  select * into v_order from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  if v_order.order_id is null then
    return '{"verdict": "not_found"}';
  elsif v_order.status not in ('confirmed', 'partially_refunded') then
    return jsonb_build_object('verdict', v_order.status);
  end if;
  if not inventory.has_hold@v(p_event, v_order.hold_id) then
    return '{"verdict": "archived"}';
  end if;
  perform from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order order by t.ticket_id for no key update;
  select array_agg(t.ticket_id), coalesce(sum(t.price_minor), 0) into v_chosen, v_amount
  from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order and t.status in ('valid', 'listed')
    and (p_tickets is null or t.ticket_id = any(p_tickets));
  if v_chosen is null or cardinality(v_chosen) <> coalesce(cardinality(p_tickets), cardinality(v_chosen)) then
    return '{"verdict": "unknown_ticket"}';
  end if;
  select array_agg(c.ticket_type_id), array_agg(c.quantity) into v_types, v_quantities
  from (
    select t.ticket_type_id, count(*)::int as quantity from orders.ticket t
    where t.event_id = p_event and t.ticket_id = any(v_chosen) group by t.ticket_type_id
  ) c;
  perform inventory.return_places@v(p_event, v_order.hold_id, v_types, v_quantities);
  update orders.ticket t
  set status = 'void', void_reason = p_reason, refund_id = case when v_amount > 0 then p_refund end
  where t.event_id = p_event and t.ticket_id = any(v_chosen);
  select count(*)::int into v_left from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order and t.status in ('valid', 'listed', 'redeemed');
  update orders.order o
  set status = case when v_left = 0 then 'refunded' else 'partially_refunded' end, end_reason = p_reason
  where o.event_id = p_event and o.order_id = p_order;
  if v_amount > 0 then
    select p.payment_id into v_payment from payments.captured_for@v(p_event, p_order) p;
    perform payments.owe_refund@v(p_event, v_payment, p_refund, v_amount, p_reason);
  end if;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'tickets_refunded', jsonb_build_object(
    'orderId', p_order, 'ticketIds', to_jsonb(v_chosen), 'amountMinor', v_amount));
  return jsonb_build_object('verdict', 'refunded',
    'refundId', case when v_amount > 0 then p_refund end);
end $$;

-- The hold and status of an order, locked; null where there is none.
create function orders.pending_hold@v(p_event text, p_order text)
  returns table (hold_id text, status text) language sql volatile as $$
  select o.hold_id, o.status from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update
$$;
