-- The two steps of a purchase that touch places, tickets and money together, each one call and one
-- transaction. The event's lock is taken first, by inventory's function.

-- The payment is authorised: before any capture is asked for, our transaction decides whether
-- there is something to sell. Verdicts: claimed, lapsed, event_cancelled, ended (the order is not
-- pending any more), sold (it was confirmed before), not_found.
create function shopping.claim_order@v(
  p_event text, p_order text, p_payment text, p_tickets text[], p_now timestamptz, p_actor text
) returns text language plpgsql as $$
declare
  v_order record;
  v_hold text;
begin
  perform set_config('fanfare.actor', p_actor, true);
  perform inventory.lock_sale@v(p_event);
  select o.hold_id, o.status into v_order from orders.pending_hold@v(p_event, p_order) o;
  if v_order.hold_id is null then
    return 'not_found';
  elsif v_order.status <> 'pending' then
    return case when v_order.status = 'confirmed' then 'sold' else 'ended' end;
  end if;
  v_hold := inventory.claim_hold@v(p_event, v_order.hold_id, p_now);
  if v_hold <> 'claimed' then
    return v_hold;
  end if;
  perform orders.await_capture@v(p_event, p_order, p_tickets);
  if p_payment is not null then
    perform payments.move_payment@v(p_event, p_payment, 'authorized', null);
  end if;
  return 'claimed';
end $$;

-- The money has been taken (or none was needed: p_payment null). Verdicts: confirmed, or
-- refund_owed where the claim is gone: the capture and the refund are written down together.
create function shopping.confirm_order@v(
  p_event text, p_order text, p_payment text, p_captured_minor int, p_refund text,
  p_now timestamptz, p_actor text
) returns text language plpgsql as $$
declare
  v_order record;
begin
  perform set_config('fanfare.actor', p_actor, true);
  perform inventory.lock_sale@v(p_event);
  select o.hold_id, o.status into v_order from orders.pending_hold@v(p_event, p_order) o;
  if v_order.status = 'pending'
    and inventory.end_claim@v(p_event, v_order.hold_id, 'sold') = 'sold' then
    perform orders.confirm@v(p_event, p_order, p_now);
    if p_payment is not null then
      perform payments.record_capture@v(p_event, p_payment, p_captured_minor);
    end if;
    return 'confirmed';
  end if;
  if p_payment is null or not payments.record_capture@v(p_event, p_payment, p_captured_minor) then
    return 'confirmed';
  end if;
  perform payments.owe_refund@v(p_event, p_payment, p_refund, p_captured_minor, 'late_payment');
  return 'refund_owed';
end $$;

-- An order of which nothing has to be paid: claimed and confirmed in one step, so that no crash can
-- leave it in between. Verdicts: those of claim_order but claimed, and confirmed.
create function shopping.confirm_free@v(
  p_event text, p_order text, p_tickets text[], p_now timestamptz, p_actor text
) returns text language plpgsql as $$
declare
  v_claim text;
begin
  v_claim := shopping.claim_order@v(p_event, p_order, null, p_tickets, p_now, p_actor);
  if v_claim <> 'claimed' then
    return v_claim;
  end if;
  return shopping.confirm_order@v(p_event, p_order, null, 0, null, p_now, p_actor);
end $$;
