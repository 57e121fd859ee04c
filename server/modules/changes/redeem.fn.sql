-- Vouchers become orders: places that were kept at this event are sold, paid by the value that
-- comes from another one. Nothing is charged, so hold, order and tickets are settled in one step.
-- The event's lock comes first (inventory), then hold, order, tickets.

-- p_requests: what orders.place_orders takes, without expiresAt, and ticketIds (as many as places),
-- creditUntil (until when the credit is kept for it; null where it costs nothing), isGone (nothing
-- is left that could pay for it), actor. Answers: placed (also where it had been), again (its
-- credit is not kept any more: keep it anew), or why it never will be: gone, not_found, hold_ended,
-- hold_already_booked, event_cancelled.
create function changes.redeem_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_answers jsonb := '[]';
  r jsonb;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for r in select q.value from jsonb_array_elements(p_requests) as q(value) loop
    perform set_config('fanfare.actor', r ->> 'actor', true);
    v_answers := v_answers || to_jsonb(changes.redeem@v(p_event, r, v_t));
  end loop;
  return v_answers;
end $$;

create function changes.redeem@v(p_event text, p_request jsonb, p_t timestamptz) returns text
  language plpgsql as $$
declare
  v_order constant text := p_request ->> 'orderId';
  v_hold constant text := p_request ->> 'holdId';
  v_code text;
begin
  if exists (
    select from orders.order_by_key@v(p_event, p_request ->> 'caller', p_request ->> 'key')
  ) then
    return 'placed';
  elsif (p_request ->> 'isGone')::boolean then
    -- Somebody else may be about to place it: they find no places.
    perform inventory.release_hold@v(p_event, v_hold);
    return 'gone';
  elsif (p_request ->> 'creditUntil')::timestamptz <= p_t then
    return 'again';
  end if;
  v_code := inventory.bind_hold@v(p_event, v_hold, p_t);
  if v_code is not null then
    return v_code;
  end if;
  v_code := (inventory.claim_holds@v(p_event, array[v_hold], p_t))[1];
  if v_code <> 'claimed' then
    return v_code;
  end if;
  perform orders.place_orders@v(p_event, jsonb_build_array(p_request
    || jsonb_build_object('expiresAt', inventory.expiry_of@v(p_event, v_hold))), p_t);
  perform orders.await_captures@v(p_event, jsonb_build_array(p_request));
  perform inventory.end_claims@v(p_event, array[v_hold], 'sold');
  perform orders.confirm_orders@v(p_event, array[v_order], p_t);
  return 'placed';
end $$;
