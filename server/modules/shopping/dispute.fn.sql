-- What the provider says about disputes of payments, each call for all that queued of one event.
-- p_requests: orderId, paymentId, disputes (as payments.note_disputes), refundId (of what goes back
-- where less was lost than the tickets had cost), actor. Answers: noted, for each.
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
create function shopping.lose_dispute@v(
  p_event text, p_order text, p_payment text, p_dispute text, p_refund text, p_t timestamptz
) returns void language plpgsql volatile as $$
declare
  v_worth constant int := orders.worth_of@v(p_event, p_order);
  v_lost constant int := payments.book_loss@v(p_event, p_payment, p_dispute, v_worth, p_t);
  v_back constant int := least(v_worth - v_lost, payments.left_of@v(p_event, p_payment));
begin
  if v_worth = 0 then
    return;
  end if;
  perform orders.lose_order@v(p_event, p_order, v_worth - v_lost - v_back, 'dispute_lost');
  if v_back > 0 then
    perform payments.owe_refund@v(p_event, p_payment, p_refund, v_back, 'dispute_lost');
  end if;
end $$;
