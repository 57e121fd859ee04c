-- The steps of a purchase that touch places, tickets and money together, each one call for all
-- that queued of one event, and one transaction. The event's lock is taken first, by inventory's
-- function.

-- Orders are made of holds: bound, placed, their payments opened. p_requests: what
-- orders.place_orders takes, without expiresAt, and paymentId, checkSeconds, payAfterSeconds (null
-- but for the simulated payer), actor; seen (the hold that was priced, as inventory.is_other takes
-- it), personKeys (whom it counts for from here on; not given: for whom it did); with a code also
-- promoVersion and promoQuantity, with credit creditUntil. Answers: placed (with the order's id,
-- also where this request made it before), idempotency_key_reused, what inventory.bind_hold or
-- shopping.may_cost refuses (per_person_limit with the limit).
create function shopping.book_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_code text;
  v_known record;
  v_new jsonb := '[]';
  v_answers jsonb := '[]';
  r jsonb;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  perform shopping.name_actors@v(p_requests);
  for r in select value from jsonb_array_elements(p_requests) loop
    select o.order_id, o.body_hash into v_known
    from orders.order_by_key@v(p_event, r ->> 'caller', r ->> 'key') o;
    if v_known.order_id is not null then
      v_answers := v_answers || case when v_known.body_hash = r ->> 'bodyHash'
        then jsonb_build_object('verdict', 'placed', 'orderId', v_known.order_id)
        else jsonb_build_object('verdict', 'idempotency_key_reused') end;
      continue;
    end if;
    v_code := shopping.may_cost@v(p_event, r, v_t);
    if v_code is null then
      v_code := inventory.bind_hold@v(p_event, r ->> 'holdId', v_t, (
        select array_agg(k.key) from jsonb_array_elements_text(r -> 'personKeys') as k(key)));
    end if;
    if v_code is null and r ->> 'promoCode' is not null then
      -- It was free a moment ago, and nobody comes in between.
      if promotions.use_code@v(p_event, r ->> 'promoCode', r ->> 'orderId',
        (r ->> 'promoQuantity')::int, v_t) is not null then
        raise exception 'the code of order % was used in between', r ->> 'orderId';
      end if;
    end if;
    if v_code is not null then
      v_answers := v_answers || case
        when v_code = 'per_person_limit' then jsonb_build_object(
          'verdict', v_code, 'limit', inventory.person_limit@v(p_event))
        else jsonb_build_object('verdict', v_code) end;
      continue;
    end if;
    v_new := v_new || (r || jsonb_build_object(
      'expiresAt', inventory.expiry_of@v(p_event, r ->> 'holdId')));
    v_answers := v_answers || jsonb_build_object('verdict', 'placed', 'orderId', r ->> 'orderId');
  end loop;
  if v_new <> '[]' then
    perform orders.place_orders@v(p_event, v_new, v_t);
    perform payments.open_payments@v(p_event, (
      select jsonb_agg(n.value || jsonb_build_object(
        'amountMinor', orders.due_of@v(p_event, n.value ->> 'orderId')))
      from jsonb_array_elements(v_new) as n(value)));
    perform kernel.enqueue_job@v('pay_simulated', n."paymentId",
      jsonb_build_object('eventId', p_event, 'paymentId', n."paymentId"), n."payAfterSeconds")
    from jsonb_to_recordset(v_new) as n("paymentId" text, "payAfterSeconds" double precision)
    where n."payAfterSeconds" is not null;
  end if;
  return v_answers;
end $$;

-- Null where an order may be placed at these prices: its hold is what was priced, its code can be
-- used now, for the places that it was reckoned for, and its credit is still kept for it. Else
-- hold_changed, code_required, what promotions.code_refusal says, or credit_lapsed.
create function shopping.may_cost@v(p_event text, p_request jsonb, p_t timestamptz) returns text
  language plpgsql as $$
begin
  if inventory.is_other@v(p_event, p_request ->> 'holdId', p_request -> 'seen') then
    return 'hold_changed';
  elsif inventory.lacks_code@v(p_event, p_request ->> 'holdId', p_request ->> 'promoCode') then
    return 'code_required';
  elsif (p_request ->> 'creditUntil')::timestamptz <= p_t then
    return 'credit_lapsed';
  elsif p_request ->> 'promoCode' is not null then
    perform promotions.lock_code@v(p_event, p_request ->> 'promoCode');
    return promotions.code_refusal@v(p_event, p_request ->> 'promoCode',
      (p_request ->> 'promoQuantity')::int, (p_request ->> 'promoVersion')::int, p_t);
  end if;
  return null;
end $$;

-- Payments are authorised: before any capture is asked for, our transaction decides whether there
-- is something to sell. p_requests: orderId, paymentId (null where nothing is to be paid),
-- ticketIds, actor. Answers: claimed (also where the payment was late and could be honoured),
-- lapsed, event_cancelled, ended (the order is not pending any more), sold (it was confirmed
-- before), not_found; for a late payment also why it cannot be honoured, as revive_holds says.
create function shopping.claim_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_orders text[];
  v_holds text[];
  v_statuses text[];
  v_verdicts text[];
  v_claimed jsonb;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  perform shopping.name_actors@v(p_requests);
  select array_agg(q.value ->> 'orderId' order by q.nth) into v_orders
  from jsonb_array_elements(p_requests) with ordinality as q(value, nth);
  select o.holds, o.statuses into v_holds, v_statuses from orders.holds_of@v(p_event, v_orders) o;
  -- The hold of an order that is not pending is not asked: its place in the list is null.
  v_verdicts := inventory.claim_holds@v(p_event, (
    select array_agg(case when s.status = 'pending' then s.hold_id end order by s.nth)
    from unnest(v_holds, v_statuses) with ordinality as s(hold_id, status, nth)), v_t);
  select array_agg(case s.status
      when 'pending' then s.verdict
      when 'confirmed' then 'sold'
      else case when s.status is null then 'not_found' else 'ended' end end order by s.nth)
  into v_verdicts
  from unnest(v_statuses, v_verdicts) with ordinality as s(status, verdict, nth);
  v_verdicts := shopping.honour_late@v(p_event, p_requests, v_holds, v_verdicts, v_t);
  select jsonb_agg(q.value || jsonb_build_object('holdId', v_holds[q.nth])) into v_claimed
  from jsonb_array_elements(p_requests) with ordinality as q(value, nth)
  where v_verdicts[q.nth] = 'claimed';
  if v_claimed is not null then
    perform orders.await_captures@v(p_event, v_claimed);
    perform payments.authorize_payments@v(p_event, (
      select array_agg(c.value ->> 'paymentId') from jsonb_array_elements(v_claimed) as c(value)
      where c.value ->> 'paymentId' is not null));
  end if;
  return to_jsonb(v_verdicts);
end $$;

-- Late payments among those that are asked for: their hold has lapsed, or their order was cancelled
-- by time. Where nobody has voided the payment meanwhile, the places are taken again if they can be
-- had. Returns the verdicts with theirs in place.
create function shopping.honour_late@v(
  p_event text, p_requests jsonb, p_holds text[], p_verdicts text[], p_t timestamptz
) returns text[] language plpgsql as $$
declare
  v_late int[];
  v_answers text[];
  v_code text;
begin
  if not p_verdicts && array['lapsed', 'ended'] then
    return p_verdicts;
  end if;
  select array_agg(q.nth::int order by q.nth) into v_late
  from jsonb_array_elements(p_requests) with ordinality as q(value, nth)
  where p_verdicts[q.nth] in ('lapsed', 'ended')
    and payments.is_open@v(p_event, q.value ->> 'paymentId')
    and (p_verdicts[q.nth] = 'lapsed'
      or orders.ended_by_time@v(p_event, q.value ->> 'orderId'));
  if v_late is null then
    return p_verdicts;
  end if;
  v_answers := inventory.revive_holds@v(p_event, (
    select array_agg(p_holds[l.nth] order by l.nth) from unnest(v_late) as l(nth)), p_t);
  for i in 1 .. cardinality(v_late) loop
    -- Of an order that had ended its promo code went back, and may be used up.
    if v_answers[i] = 'claimed' and p_verdicts[v_late[i]] = 'ended' then
      v_code := orders.use_code_again@v(p_event, p_requests -> (v_late[i] - 1) ->> 'orderId');
      if v_code is not null then
        perform inventory.end_claims@v(p_event, array[p_holds[v_late[i]]], 'released');
        v_answers[i] := v_code;
      end if;
    end if;
    -- A hold that somebody else has by now: the order has ended for good.
    p_verdicts[v_late[i]] := case when v_answers[i] in ('active', 'sold') then 'ended'
      else v_answers[i] end;
  end loop;
  return p_verdicts;
end $$;

-- The money has been taken (or none was needed: paymentId null). p_requests: orderId, paymentId,
-- capturedMinor, refundId, refundReason (unless the payment came late), actor. Answers: confirmed,
-- or refund_owed where the claim is gone: the
-- capture and the refund are written down together.
create function shopping.confirm_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_orders text[];
  v_holds text[];
  v_statuses text[];
  v_sold boolean[];
  v_verdicts text[] := '{}';
  v_refund boolean;
  r record;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  perform shopping.name_actors@v(p_requests);
  select array_agg(q.value ->> 'orderId' order by q.nth) into v_orders
  from jsonb_array_elements(p_requests) with ordinality as q(value, nth);
  select o.holds, o.statuses into v_holds, v_statuses from orders.holds_of@v(p_event, v_orders) o;
  v_statuses := shopping.take_late@v(p_event, v_orders, v_statuses);
  select array_agg(coalesce(s.status = 'pending' and s.ended = 'sold', false) order by s.nth)
  into v_sold
  from unnest(v_statuses, inventory.end_claims@v(p_event, (
    select array_agg(case when x.status = 'pending' then x.hold_id end order by x.nth)
    from unnest(v_holds, v_statuses) with ordinality as x(hold_id, status, nth)), 'sold'))
    with ordinality as s(status, ended, nth);
  if true = any (v_sold) then
    perform orders.confirm_orders@v(p_event, (
      select array_agg(distinct s.order_id) from unnest(v_orders, v_sold) as s(order_id, sold)
      where s.sold), v_t);
    perform payments.record_captures@v(p_event, (
      select jsonb_agg(q.value)
      from jsonb_array_elements(p_requests) with ordinality as q(value, nth)
      where v_sold[q.nth] and q.value ->> 'paymentId' is not null), v_t);
  end if;
  for r in
    select q."paymentId" as payment_id, q."capturedMinor" as captured, q."refundId" as refund_id,
      q."refundReason" as refund_reason, q.nth
    from rows from (jsonb_to_recordset(p_requests) as (
      "paymentId" text, "capturedMinor" int, "refundId" text, "refundReason" text
    )) with ordinality as q("paymentId", "capturedMinor", "refundId", "refundReason", nth)
  loop
    v_verdicts[r.nth] := 'confirmed';
    continue when v_sold[r.nth] or r.payment_id is null;
    v_refund := payments.record_capture@v(p_event, r.payment_id, r.captured, v_t);
    if v_refund then
      perform payments.owe_refund@v(p_event, r.payment_id, r.refund_id, r.captured,
        coalesce(r.refund_reason, 'late_payment'));
    end if;
    if v_refund or payments.has_refund@v(p_event, r.refund_id) then
      v_verdicts[r.nth] := 'refund_owed';
    end if;
  end loop;
  return to_jsonb(v_verdicts);
end $$;

-- Orders that were cancelled by time and whose late payment was honoured since count as pending for
-- the confirmation, unless the event was cancelled in between: then their places go back, and the
-- money with them.
create function shopping.take_late@v(p_event text, p_orders text[], p_statuses text[])
  returns text[] language plpgsql as $$
begin
  for i in 1 .. case when 'cancelled' = any (p_statuses) then cardinality(p_orders) else 0 end loop
    continue when p_statuses[i] is distinct from 'cancelled'
      or not orders.is_revived@v(p_event, p_orders[i]);
    if inventory.is_cancelled@v(p_event) then
      perform orders.end_revived@v(p_event, p_orders[i], 'event_cancelled');
    else
      p_statuses[i] := 'pending';
    end if;
  end loop;
  return p_statuses;
end $$;

-- Orders of which nothing has to be paid: claimed and confirmed in one step, so that no crash can
-- leave them in between. Answers: those of claim_batch but claimed and sold, and confirmed (also
-- where it was before).
create function shopping.confirm_free_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_claims jsonb := shopping.claim_batch@v(p_event, p_now, p_requests);
  v_confirms jsonb;
begin
  select jsonb_agg(q.value order by q.nth) into v_confirms
  from jsonb_array_elements(p_requests) with ordinality as q(value, nth)
  where v_claims ->> (q.nth::int - 1) = 'claimed';
  if v_confirms is not null then
    perform shopping.confirm_batch@v(p_event, p_now, v_confirms);
  end if;
  return (
    select jsonb_agg(case when c.value in ('"claimed"', '"sold"') then '"confirmed"'
      else c.value end order by c.nth)
    from jsonb_array_elements(v_claims) with ordinality as c(value, nth)
  );
end $$;

-- For the audit log: who acts for which order of this batch.
create function shopping.name_actors@v(p_requests jsonb) returns void
  language plpgsql volatile as $$
begin
  perform set_config('fanfare.actors', (
    select jsonb_object_agg(q.value ->> 'orderId', q.value ->> 'actor')::text
    from jsonb_array_elements(p_requests) as q(value)), true);
end $$;
