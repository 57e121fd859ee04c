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
