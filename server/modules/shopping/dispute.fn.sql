-- What the provider says about disputes of payments, each call for all that queued of one event.
-- p_requests: orderId, paymentId, disputes (as payments.note_disputes), refundId (of what goes back
-- where less was lost than the tickets had cost), actor. Answers for each: noted; or leaving, where
-- a dispute is lost and a voucher was chosen that is not redeemed yet, so that nobody knows where
-- the order's value is: then nothing is noted, and it is to be asked again.
create function shopping.dispute_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100 as $$
declare
  v_t timestamptz;
  v_answers jsonb := '[]';
  v_dispute text;
  r record;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for r in
    select q."orderId" as order_id, q."paymentId" as payment_id, q.disputes,
      q."refundId" as refund_id, q.actor
    from jsonb_to_recordset(p_requests) as q("orderId" text, "paymentId" text, disputes jsonb,
      "refundId" text, actor text)
  loop
    perform set_config('fanfare.actor', r.actor, true);
    if orders.is_leaving@v(p_event, r.order_id) and exists (
      select from jsonb_to_recordset(r.disputes) as d(status text) where d.status = 'lost'
    ) then
      v_answers := v_answers || '"leaving"';
      continue;
    end if;
    for v_dispute in
      select n.dispute_id
      from payments.note_disputes@v(p_event, r.payment_id, r.disputes, v_t) n
    loop
      perform shopping.lose_dispute@v(
        p_event, r.order_id, r.payment_id, v_dispute, r.refund_id, v_t);
    end loop;
    v_answers := v_answers || '"noted"';
  end loop;
  return v_answers;
end $$;

-- The money of an order is gone: its tickets die, its places come back, and what the bank left of
-- their price goes back to whoever paid it. What credit had paid is kept: it was not disputed.
-- Where its value has become credit before, a job takes that back: it spans events.
create function shopping.lose_dispute@v(
  p_event text, p_order text, p_payment text, p_dispute text, p_refund text, p_t timestamptz
) returns void language plpgsql volatile as $$
declare
  v_worth constant int := orders.worth_of@v(p_event, p_order);
  v_lost constant int := payments.book_loss@v(p_event, p_payment, p_dispute, v_worth, p_t);
  v_back constant int := least(v_worth - v_lost, payments.left_of@v(p_event, p_payment));
begin
  if payments.became_credit@v(p_event, p_order) then
    -- One for each: what another one has lost is known only to a run that begins after it.
    perform kernel.enqueue_job@v('settle_loss', p_order || ':' || p_dispute,
      jsonb_build_object('eventId', p_event, 'orderId', p_order), 0);
  end if;
  if v_worth = 0 then
    return;
  end if;
  perform orders.lose_order@v(p_event, p_order, v_worth - v_lost - v_back, 'dispute_lost');
  if v_back > 0 then
    perform payments.owe_refund@v(p_event, p_payment, p_refund, v_back, 'dispute_lost');
  end if;
end $$;

-- Orders that vouchers became, of which the money behind the voucher is lost: they end, and what
-- had paid for them goes back to the credit. p_requests: orderId, refundId, actor. Answers: the
-- verdicts of orders.refund_tickets.
create function shopping.lose_voucher_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100 as $$
declare
  v_answers jsonb := '[]';
  v_taken jsonb;
  r record;
begin
  perform inventory.lock_sale@v(p_event, p_now);
  for r in
    select q."orderId" as order_id, q."refundId" as refund_id, q.actor
    from jsonb_to_recordset(p_requests) as q("orderId" text, "refundId" text, actor text)
  loop
    perform set_config('fanfare.actor', r.actor, true);
    v_taken := orders.refund_tickets@v(
      p_event, r.order_id, null, r.refund_id, 'dispute_lost', null, true);
    v_answers := v_answers || (v_taken -> 'verdict');
  end loop;
  return v_answers;
end $$;
