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
