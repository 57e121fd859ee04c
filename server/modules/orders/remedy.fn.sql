-- What a buyer gets where their event is cancelled or moved: offered, then decided, once. The
-- event's lock comes first (inventory), then order, tickets, payment. Tickets that have opened a
-- door count as well: an event may be cancelled when its public is in. What a decision means for
-- money and places that are this event's happens in the call that makes it; what another event or
-- the organizer's credit has to do with it is done by whoever asked, from the row that says
-- `chosen`.

-- Offers remedies to confirmed orders. p_requests: orderId, changeNo, choices, fallback (what
-- applies in the end where nobody chooses), chooseBy, missing (what would be offered, had anything
-- been left), holdId and holdLines ({ticketTypeId: {quantity, unitPriceMinor}}; places kept for a
-- voucher, or null), refundId, newOrderId and reason as decide_batch takes them, actor. Where there
-- is one choice only it is decided at once. Answers: offered, or what decide_remedy answers; ended
-- where there is nothing to remedy (any more).
create function orders.offer_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
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
    v_answers := v_answers || orders.offer_remedy@v(p_event, r, v_t);
  end loop;
  return v_answers;
end $$;

create function orders.offer_remedy@v(p_event text, p_request jsonb, p_t timestamptz)
  returns jsonb language plpgsql as $$
declare
  v_order constant text := p_request ->> 'orderId';
  v_change constant int := (p_request ->> 'changeNo')::int;
  v_choices constant text[] := array(
    select c.value from jsonb_array_elements_text(p_request -> 'choices') as c(value));
  v_status text;
begin
  select o.status into v_status from orders.order o
  where o.event_id = p_event and o.order_id = v_order for no key update;
  if exists (
    select from orders.remedy m
    where m.event_id = p_event and m.order_id = v_order and m.change_no = v_change
  ) then
    return jsonb_build_object('verdict', 'offered');
  end if;
  -- What was offered before and not chosen is not offered any more.
  update orders.remedy m set status = 'withdrawn'
  where m.event_id = p_event and m.order_id = v_order and m.status = 'offered';
  if v_status is null or v_status not in ('confirmed', 'partially_refunded') then
    return jsonb_build_object('verdict', 'ended');
  end if;
  insert into orders.remedy (event_id, order_id, change_no, status, choices, fallback, choose_by,
    missing, hold_id, hold_lines, made_at)
  values (p_event, v_order, v_change, 'offered', v_choices, p_request ->> 'fallback',
    (p_request ->> 'chooseBy')::timestamptz, array(
      select c.value from jsonb_array_elements_text(p_request -> 'missing') as c(value)),
    p_request ->> 'holdId', nullif(p_request -> 'holdLines', 'null'), p_t);
  if cardinality(v_choices) = 1 then
    return orders.decide_remedy@v(p_event, p_request
      || jsonb_build_object('remedy', v_choices[1], 'by', 'only'), p_t);
  end if;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'remedy_offered', jsonb_build_object('orderId', v_order, 'choices', v_choices,
    'missing', p_request -> 'missing', 'chooseBy', p_request -> 'chooseBy'));
  return jsonb_build_object('verdict', 'offered');
end $$;

-- Decides remedies that are offered. p_requests: orderId, changeNo, remedy (null: what applies
-- where nobody has chosen), by (buyer, staff, deadline, only), refundId (of the refund, or of the
-- value that leaves the order), newOrderId (of the order at the other event, for a voucher), reason
-- (of a refund), actor. Answers as decide_remedy.
create function orders.decide_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
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
    v_answers := v_answers || orders.decide_remedy@v(p_event, r, v_t);
  end loop;
  return v_answers;
end $$;

-- One of them, at p_t. Verdicts: decided (also where it had been, by nobody's choice), with
-- `status` (`chosen`: something is left to be done) and `refundId` (null where no money goes back);
-- remedy_chosen, remedy_window_closed, remedy_unavailable, payment_disputed (then nothing is
-- decided).
create function orders.decide_remedy@v(p_event text, p_request jsonb, p_t timestamptz)
  returns jsonb language plpgsql as $$
declare
  v_order constant text := p_request ->> 'orderId';
  v_by constant text := p_request ->> 'by';
  v_refund constant text := p_request ->> 'refundId';
  v_remedy text := p_request ->> 'remedy';
  v_row orders.remedy;
  v_status text := 'done';
  v_taken jsonb;
  v_value int;
begin
  select * into v_row from orders.remedy m
  where m.event_id = p_event and m.order_id = v_order
    and m.change_no = (p_request ->> 'changeNo')::int for no key update;
  if v_row.status in ('chosen', 'done') then
    return case when v_by in ('buyer', 'staff') then '{"verdict": "remedy_chosen"}'::jsonb
      else jsonb_build_object('verdict', 'decided', 'status', v_row.status) end;
  elsif v_row.status is distinct from 'offered' then
    return '{"verdict": "remedy_unavailable"}';
  elsif v_by in ('buyer', 'staff') and p_t >= v_row.choose_by then
    return '{"verdict": "remedy_window_closed"}';
  end if;
  v_remedy := coalesce(v_remedy, v_row.fallback);
  if v_remedy = 'voucher' and not orders.fits_hold@v(p_event, v_order, v_row.hold_lines) then
    -- Some of its tickets have gone back since: the places that are kept are not alike any more.
    v_remedy := case when v_by = 'deadline' then 'refund' end;
  elsif not v_remedy = any (v_row.choices) then
    v_remedy := null;
  end if;
  if v_remedy is null then
    return '{"verdict": "remedy_unavailable"}';
  elsif v_remedy <> 'keep' and payments.is_disputed@v(p_event, v_order) then
    -- The bank decides first whose the money is.
    return '{"verdict": "payment_disputed"}';
  end if;
  if v_remedy = 'refund' then
    v_taken := orders.refund_tickets@v(
      p_event, v_order, null, v_refund, p_request ->> 'reason', null, true);
    v_status := case v_taken ->> 'verdict' when 'refunded' then v_status else 'withdrawn' end;
  elsif v_remedy = 'credit' then
    v_value := orders.return_value@v(p_event, v_order, v_refund, 'credit', null, p_t);
    v_status := case when v_value > 0 then 'chosen' when v_value = 0 then 'done'
      else 'withdrawn' end;
  elsif v_remedy = 'voucher' then
    v_status := 'chosen';
  end if;
  -- Places that are kept for nothing are let go first.
  if v_row.hold_id is not null and v_status = 'done' then
    v_status := 'chosen';
  end if;
  update orders.remedy m
  set status = v_status, chosen = case when v_status <> 'withdrawn' then v_remedy end,
      chosen_by = case when v_status <> 'withdrawn' then v_by end, chosen_at = p_t,
      refund_id = case when v_status <> 'withdrawn' then v_refund end, value_minor = v_value,
      new_order_id = case when v_remedy = 'voucher' then p_request ->> 'newOrderId' end
  where m.event_id = p_event and m.order_id = v_order and m.change_no = v_row.change_no;
  if v_status <> 'withdrawn' then
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'remedy_chosen',
      jsonb_build_object('orderId', v_order, 'remedy', v_remedy, 'by', v_by));
  end if;
  return jsonb_build_object('verdict', 'decided', 'status', v_status,
    'refundId', v_taken -> 'refundId');
end $$;

-- Whether a voucher was chosen that is not redeemed yet: the order's value is spoken for.
create function orders.is_leaving@v(p_event text, p_order text) returns boolean
  language plpgsql volatile as $$
begin
  return exists (
    select from orders.remedy m
    where m.event_id = p_event and m.order_id = p_order
      and m.status = 'chosen' and m.chosen = 'voucher');
end $$;

-- Whether the places that are kept at another event are as many of each ticket type as the order
-- has tickets now. p_lines: by ticket type of this event, {quantity, …}.
create function orders.fits_hold@v(p_event text, p_order text, p_lines jsonb) returns boolean
  language plpgsql stable as $$
begin
  return p_lines is not null and not exists (
    select from (
      select t.ticket_type_id, count(*)::int as quantity from orders.ticket t
      where t.event_id = p_event and t.order_id = p_order
        and t.status in ('valid', 'listed', 'redeemed')
      group by t.ticket_type_id
    ) n
    full join (
      select l.key, (l.value ->> 'quantity')::int as quantity
      from jsonb_each(p_lines) as l(key, value)
    ) k on k.key = n.ticket_type_id
    where k.quantity is distinct from n.quantity
  );
end $$;

-- Takes all that is live of an order back for value instead of money: its places come back, its
-- tickets die, it is cancelled, and the value (p_value, or all of it) has left it as p_kind; what
-- is more than that is owed as a refund. Returns the value, null where nothing is live.
create function orders.return_value@v(
  p_event text, p_order text, p_refund text, p_kind text, p_value int, p_t timestamptz
) returns int language plpgsql as $$
declare
  v_order orders.order;
  v_chosen text[];
  v_worth int;
  v_value int;
begin
  select * into v_order from orders.order o
  where o.event_id = p_event and o.order_id = p_order for no key update;
  if v_order.status is null or v_order.status not in ('confirmed', 'partially_refunded') then
    return null;
  end if;
  perform from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order order by t.ticket_id for no key update;
  select array_agg(t.ticket_id), coalesce(sum(t.price_minor) filter (where not t.complimentary), 0)
  into v_chosen, v_worth
  from orders.ticket t
  where t.event_id = p_event and t.order_id = p_order
    and t.status in ('valid', 'listed', 'redeemed');
  if v_chosen is null then
    return null;
  end if;
  perform orders.return_tickets@v(p_event, p_order, v_order.hold_id, v_chosen);
  update orders.ticket t set status = 'void', void_reason = p_kind, refund_id = p_refund
  where t.event_id = p_event and t.order_id = p_order and t.ticket_id = any (v_chosen);
  update orders.order o set status = 'cancelled', end_reason = p_kind
  where o.event_id = p_event and o.order_id = p_order;
  v_value := least(v_worth, coalesce(p_value, v_worth));
  if v_value > 0 then
    insert into orders.credit_return (event_id, refund_id, order_id, amount_minor, reason, made_at)
    values (p_event, p_refund, p_order, v_value, p_kind, p_t);
    -- From here on the organizer owes it to the buyer, whichever event it is spent on.
    perform payments.post_transfer@v(p_event, v_order.organizer_id, 'credit_issued', 'sales',
      'credit_liability', v_value, v_order.currency, p_order, p_refund, p_t);
  end if;
  if v_worth > v_value then
    perform payments.owe_refund@v(p_event, (
      select p.payment_id from payments.captured_for@v(p_event, p_order) p
    ), p_refund, v_worth - v_value, p_kind);
  end if;
  if v_worth > 0 then
    perform orders.return_needs_paper@v(p_event, p_order, p_refund);
  end if;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'order_cancelled', jsonb_build_object('orderId', p_order, 'reason', p_kind,
    'valueMinor', v_value));
  return v_value;
end $$;

-- What was left to do for a remedy that was chosen is done. p_requests: orderId, changeNo, creditId
-- (of what was issued, or null), valueMinor (what the order at the other event cost, or
-- null), actor. The order of a voucher ends with it: so much of its value has left for the other
-- one. Answers with the status that the remedy had.
create function orders.finish_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_row orders.remedy;
  v_answers jsonb := '[]';
  r record;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for r in
    select q."orderId" as order_id, q."changeNo" as change_no, q."creditId" as credit_id,
      q."valueMinor" as value, q.actor
    from jsonb_to_recordset(p_requests) as q("orderId" text, "changeNo" int, "creditId" text,
      "valueMinor" int, actor text)
  loop
    perform set_config('fanfare.actor', r.actor, true);
    select * into v_row from orders.remedy m
    where m.event_id = p_event and m.order_id = r.order_id and m.change_no = r.change_no
    for no key update;
    if v_row.status = 'chosen' then
      update orders.remedy m
      set status = 'done', credit_id = r.credit_id, value_minor = coalesce(r.value, m.value_minor)
      where m.event_id = p_event and m.order_id = r.order_id and m.change_no = r.change_no;
      if v_row.chosen = 'voucher' then
        perform orders.return_value@v(
          p_event, r.order_id, v_row.refund_id, 'voucher', r.value, v_t);
      end if;
    end if;
    v_answers := v_answers || to_jsonb(coalesce(v_row.status, 'not_found'));
  end loop;
  return v_answers;
end $$;

-- The voucher cannot be redeemed: the places that were kept are gone, or their event is off. Its
-- buyer gets their money back. p_requests: orderId, changeNo, refundId, reason, actor. Answers as
-- fall_back.
create function orders.fall_back_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_answers jsonb := '[]';
  r jsonb;
begin
  perform inventory.lock_sale@v(p_event, p_now);
  for r in select q.value from jsonb_array_elements(p_requests) as q(value) loop
    perform set_config('fanfare.actor', r ->> 'actor', true);
    v_answers := v_answers || orders.fall_back@v(p_event, r);
  end loop;
  return v_answers;
end $$;

-- One of them. From here on its remedy is a refund, without a refund id until it is made. Verdicts:
-- decided, with `status` and `refundId` as decide_remedy has them; or why it cannot be made now
-- (payment_disputed, archived): then it stays chosen, and is asked for again.
create function orders.fall_back@v(p_event text, p_request jsonb) returns jsonb
  language plpgsql as $$
declare
  v_order constant text := p_request ->> 'orderId';
  v_change constant int := (p_request ->> 'changeNo')::int;
  v_row orders.remedy;
  v_taken jsonb;
  v_status text;
begin
  select * into v_row from orders.remedy m
  where m.event_id = p_event and m.order_id = v_order and m.change_no = v_change
  for no key update;
  if v_row.status is distinct from 'chosen'
    or (v_row.chosen <> 'voucher' and v_row.refund_id is not null) then
    return jsonb_build_object('verdict', 'decided', 'status', v_row.status);
  end if;
  if v_row.chosen = 'voucher' then
    update orders.remedy m
    set chosen = 'refund', missing = m.missing || 'voucher'::text, refund_id = null,
        new_order_id = null
    where m.event_id = p_event and m.order_id = v_order and m.change_no = v_change;
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'remedy_chosen',
      jsonb_build_object('orderId', v_order, 'remedy', 'refund', 'by', 'no_place_left'));
  end if;
  v_taken := orders.refund_tickets@v(p_event, v_order, null, p_request ->> 'refundId',
    p_request ->> 'reason', null, true);
  if v_taken ->> 'verdict' in ('payment_disputed', 'archived') then
    return jsonb_build_object('verdict', v_taken -> 'verdict');
  end if;
  -- An order that has ended meanwhile, by a lost dispute, has nothing to remedy any more.
  v_status := case v_taken ->> 'verdict' when 'refunded' then 'done' else 'withdrawn' end;
  update orders.remedy m
  set status = v_status, chosen = case when v_status = 'done' then m.chosen end,
      chosen_by = case when v_status = 'done' then m.chosen_by end,
      refund_id = case when v_status = 'done' then p_request ->> 'refundId' end
  where m.event_id = p_event and m.order_id = v_order and m.change_no = v_change;
  return jsonb_build_object('verdict', 'decided', 'status', v_status,
    'refundId', v_taken -> 'refundId');
end $$;
