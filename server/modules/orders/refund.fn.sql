-- What credit pays of an order, and where the worth of its tickets goes when they are taken back.

-- What credit does follows the order, in a transaction of its own (it spans events): this is its
-- durable intent. Once for each thing that can happen to the order (p_what), and none is lost on
-- one that is just being done: the job looks at the order and does what is left to do.
create function orders.settle_credit@v(p_event text, p_order text, p_what text) returns void
  language plpgsql as $$
begin
  perform kernel.enqueue_job@v('settle_credit', p_order || ':' || p_what,
    jsonb_build_object('eventId', p_event, 'orderId', p_order), 0);
end $$;

-- The order stands, and what credit paid of it is earned: the organizer owes it to nobody any more.
create function orders.spend_credit@v(p_event text, p_order orders.order) returns void
  language plpgsql as $$
begin
  perform payments.post_transfer@v(p_event, p_order.organizer_id, 'credit_spent',
    'credit_liability', 'sales', p_order.credit_minor, p_order.currency, p_order.credit_id,
    p_order.order_id);
  perform orders.settle_credit@v(p_event, p_order.order_id, 'confirmed');
end $$;

-- So much of what an order cost goes back: first as money, as long as there is money that was
-- taken for it and has not gone back, then as credit, to the one that had paid. Answers how much
-- of it is money. Never more than was paid.
create function orders.give_back@v(
  p_event text, p_order orders.order, p_refund text, p_amount_minor int, p_reason text
) returns int language plpgsql as $$
declare
  v_payment text := (
    select p.payment_id from payments.captured_for@v(p_event, p_order.order_id) p);
  v_money int := least(p_amount_minor, payments.left_of@v(p_event, v_payment));
  v_returned int;
begin
  if v_money > 0 then
    perform payments.owe_refund@v(p_event, v_payment, p_refund, v_money, p_reason);
  end if;
  if v_money = p_amount_minor then
    return v_money;
  end if;
  select coalesce(sum(c.amount_minor), 0) into v_returned from orders.credit_return c
  where c.event_id = p_event and c.order_id = p_order.order_id;
  if v_returned + p_amount_minor - v_money > p_order.credit_minor then
    raise exception 'a refund of % would exceed what was paid for order %', p_amount_minor,
      p_order.order_id using errcode = 'check_violation';
  end if;
  insert into orders.credit_return
    (event_id, refund_id, order_id, amount_minor, reason, credit_id, made_at)
  values (p_event, p_refund, p_order.order_id, p_amount_minor - v_money, p_reason,
    p_order.credit_id, kernel.instant(null));
  perform payments.post_transfer@v(p_event, p_order.organizer_id, 'credit_returned', 'sales',
    'credit_liability', p_amount_minor - v_money, p_order.currency, p_order.credit_id, p_refund);
  perform orders.settle_credit@v(p_event, p_order.order_id, p_refund);
  return v_money;
end $$;

-- What it would give back to take these tickets of an order back (null: all live ones), at their
-- prices, and what has gone back of the order before. Asked in the transaction of the refund
-- itself, nothing changes in between: it locks what that locks. ticketIds is null where
-- orders.refund_tickets would refuse.
create function orders.price_back@v(p_event text, p_order text, p_tickets text[]) returns jsonb
  language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100 as $$
declare
  v_status text;
  v_chosen text[];
  v_amount int;
  v_returned int;
begin
  perform inventory.lock_sale@v(p_event, null);
  select o.status into v_status from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  select array_agg(t.ticket_id order by t.ticket_id), coalesce(sum(t.price_minor), 0)
  into v_chosen, v_amount
  from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order and t.status in ('valid', 'listed')
    and (p_tickets is null or t.ticket_id = any (p_tickets));
  select coalesce(sum(t.price_minor - t.kept_minor), 0) into v_returned
  from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order and t.refund_id is not null;
  return jsonb_build_object('amountMinor', v_amount, 'returnedMinor', v_returned,
    'ticketIds', case when v_status in ('confirmed', 'partially_refunded')
      and cardinality(v_chosen) = coalesce(cardinality(p_tickets), cardinality(v_chosen))
      then to_jsonb(v_chosen) end);
end $$;

-- The places of these tickets of an order come back on sale.
create function orders.return_tickets@v(
  p_event text, p_order text, p_hold text, p_tickets text[]
) returns void language plpgsql as $$
begin
  perform inventory.return_places@v(p_event, p_hold, array_agg(c.ticket_type_id),
    array_agg(c.quantity), (
      select array_agg(inventory.seat_no_of@v(p_event, t.seat_key)) from orders.ticket t
      where t.event_id = p_event and t.order_id = p_order and t.ticket_id = any (p_tickets)
        and t.seat_key is not null))
  from (
    select t.ticket_type_id, count(*)::int as quantity from orders.ticket t
    where t.event_id = p_event and t.order_id = p_order and t.ticket_id = any (p_tickets)
    group by t.ticket_type_id
  ) c;
end $$;

-- Takes tickets of one order back: all live ones, or p_tickets; p_used: also those that have opened
-- a door. The places come back on sale, the tickets die and what they were worth goes back in this
-- one transaction, without what is kept of each (p_kept, by ticket; null: nothing). Of a cancelled
-- event nothing is kept, whoever asks. Asked again under the same refund id it answers alike.
-- Verdicts: refunded (with the refund id, null where no money goes back), unknown_ticket,
-- payment_disputed (the bank decides first), remedy_chosen (a voucher takes its value elsewhere),
-- archived (its places left the live tables, long after every window), not_found, ended (with the
-- order's status: nothing is taken back).
create function orders.refund_tickets@v(
  p_event text, p_order text, p_tickets text[], p_refund text, p_reason text,
  p_kept jsonb default null, p_used boolean default false
) returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100 as $$
declare
  v_order orders.order;
  v_kept jsonb;
  v_chosen text[];
  v_amount int;
  v_money int := 0;
  v_left int;
begin
  perform inventory.lock_sale@v(p_event, null);
  v_kept := case when not inventory.is_cancelled@v(p_event) then p_kept end;
  select * into v_order from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  if v_order.order_id is null then
    return '{"verdict": "not_found"}';
  elsif exists (
    select from orders.ticket t
    where t.event_id = p_event and t.order_id = p_order and t.refund_id = p_refund
  ) then
    return jsonb_build_object('verdict', 'refunded', 'refundId',
      case when payments.has_refund@v(p_event, p_refund) then p_refund end);
  elsif v_order.status not in ('confirmed', 'partially_refunded') then
    return jsonb_build_object('verdict', 'ended', 'status', v_order.status);
  elsif not inventory.has_hold@v(p_event, v_order.hold_id) then
    return '{"verdict": "archived"}';
  elsif payments.is_disputed@v(p_event, p_order) then
    return '{"verdict": "payment_disputed"}';
  elsif orders.is_leaving@v(p_event, p_order) then
    return '{"verdict": "remedy_chosen"}';
  end if;
  perform from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order order by t.ticket_id for no key update;
  select array_agg(t.ticket_id),
    coalesce(sum(t.price_minor - coalesce((v_kept ->> t.ticket_id)::int, 0)), 0)
  into v_chosen, v_amount
  from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order
    and (t.status in ('valid', 'listed') or (p_used and t.status = 'redeemed'))
    and (p_tickets is null or t.ticket_id = any(p_tickets));
  if v_chosen is null
    or cardinality(v_chosen) <> coalesce(cardinality(p_tickets), cardinality(v_chosen)) then
    return '{"verdict": "unknown_ticket"}';
  end if;
  perform orders.return_tickets@v(p_event, p_order, v_order.hold_id, v_chosen);
  update orders.ticket t
  set status = 'void', void_reason = p_reason, refund_id = p_refund,
      kept_minor = coalesce((v_kept ->> t.ticket_id)::int, 0)
  where t.event_id = p_event and t.order_id = p_order and t.ticket_id = any(v_chosen);
  select count(*)::int into v_left from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order
    and t.status in ('valid', 'listed', 'redeemed');
  update orders.order o
  set status = case when v_left = 0 then 'refunded' else 'partially_refunded' end,
      end_reason = p_reason
  where o.event_id = p_event and o.order_id = p_order;
  if v_amount > 0 then
    v_money := orders.give_back@v(p_event, v_order, p_refund, v_amount, p_reason);
    perform orders.return_needs_paper@v(p_event, p_order, p_refund);
  end if;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'tickets_refunded', jsonb_build_object(
    'orderId', p_order, 'ticketIds', to_jsonb(v_chosen), 'amountMinor', v_amount));
  return jsonb_build_object('verdict', 'refunded',
    'refundId', case when v_money > 0 then p_refund end);
end $$;

-- What the live tickets of an order have cost.
create function orders.worth_of@v(p_event text, p_order text) returns int
  language plpgsql stable as $$
begin
  return (
    select coalesce(sum(t.price_minor), 0) from orders.ticket t
    where t.event_id = p_event and t.order_id = p_order
      and t.status in ('valid', 'listed', 'redeemed') and not t.complimentary
  );
end $$;

-- The money of an order was taken away: all its live tickets die, used ones too, their places come
-- back on sale, and the order ends. p_keep: so much of their price stays with the organizer.
create function orders.lose_order@v(p_event text, p_order text, p_keep int, p_reason text)
  returns void language plpgsql volatile as $$
declare
  v_hold text;
  v_lost text[];
begin
  select o.hold_id into v_hold from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  select array_agg(t.ticket_id order by t.ticket_id) into v_lost from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order
    and t.status in ('valid', 'listed', 'redeemed');
  -- The places of an archived event have left the live tables.
  if inventory.has_hold@v(p_event, v_hold) then
    perform orders.return_tickets@v(p_event, p_order, v_hold, v_lost);
  end if;
  update orders.ticket t
  set status = 'void', void_reason = p_reason,
      kept_minor = greatest(0, least(t.price_minor, p_keep - s.before))
  from (
    select x.ticket_id, sum(x.price_minor) over (order by x.ticket_id) - x.price_minor as before
    from orders.ticket x
    where x.event_id = p_event and x.order_id = p_order and x.ticket_id = any (v_lost)
  ) s
  where t.event_id = p_event and t.order_id = p_order and t.ticket_id = s.ticket_id;
  update orders.order o set status = 'refunded', end_reason = p_reason
  where o.event_id = p_event and o.order_id = p_order
    and o.status in ('confirmed', 'partially_refunded');
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'order_lost', jsonb_build_object(
    'orderId', p_order, 'ticketIds', to_jsonb(v_lost), 'reason', p_reason));
end $$;
