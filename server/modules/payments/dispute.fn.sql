-- Disputes, as the provider lists them. Composed under the event's lock: what a loss means for
-- tickets is decided by the room above, in the same transaction.

-- Writes down the disputes of a captured payment, and what became of them. p_disputes, an array of:
-- id, status (open, won, lost), amountMinor, reason. The payment is `disputed` exactly while one of
-- them is open. Answers with those that were lost by this: each must be booked (book_loss).
create function payments.note_disputes@v(
  p_event text, p_payment text, p_disputes jsonb, p_t timestamptz
) returns table (dispute_id text) language plpgsql volatile as $$
declare
  v_payment payments.payment;
  v_known text;
  d record;
begin
  select p.* into v_payment from payments.payment p
  where p.event_id = p_event and p.payment_id = p_payment for no key update;
  if v_payment.captured_minor is null or v_payment.captured_minor = 0 then
    return;
  end if;
  for d in
    select q.id, q.status, q."amountMinor" as amount, q.reason
    from jsonb_to_recordset(p_disputes) as q(
      id text, status text, "amountMinor" int, reason text)
    order by q.id
  loop
    select x.status into v_known from payments.dispute x
    where x.event_id = p_event and x.dispute_id = d.id;
    if v_known is null then
      insert into payments.dispute
        (event_id, dispute_id, payment_id, amount_minor, reason, opened_at)
      values (p_event, d.id, p_payment, d.amount, d.reason, p_t);
      perform payments.post_transfer@v(p_event, v_payment.organizer_id, 'dispute_opened',
        'disputed', 'provider', d.amount, v_payment.currency, d.id, d.id, p_t);
      insert into kernel.outbox (event_id, kind, data)
      values (p_event, 'dispute_opened', jsonb_build_object('disputeId', d.id,
        'paymentId', p_payment, 'reference', v_payment.reference, 'amountMinor', d.amount));
      v_known := 'open';
    end if;
    continue when v_known <> 'open' or d.status = 'open';
    update payments.dispute x set status = d.status, closed_at = p_t, check_at = null
    where x.event_id = p_event and x.dispute_id = d.id;
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'dispute_' || d.status, jsonb_build_object('disputeId', d.id,
      'paymentId', p_payment, 'reference', v_payment.reference, 'amountMinor', d.amount));
    if d.status = 'won' then
      perform payments.post_transfer@v(p_event, v_payment.organizer_id, 'dispute_won', 'provider',
        'disputed', d.amount, v_payment.currency, d.id, d.id, p_t);
    else
      dispute_id := d.id;
      return next;
    end if;
  end loop;
  perform payments.mark_disputed@v(p_event, p_payment);
end $$;

create function payments.mark_disputed@v(p_event text, p_payment text) returns void
  language plpgsql volatile as $$
declare
  v_open constant boolean := exists (
    select from payments.dispute x
    where x.event_id = p_event and x.payment_id = p_payment and x.status = 'open');
begin
  update payments.payment p set status = case when v_open then 'disputed' else 'captured' end
  where p.event_id = p_event and p.payment_id = p_payment
    and p.status = case when v_open then 'captured' else 'disputed' end;
end $$;

-- A dispute is lost. p_worth: what of the payment's purchase was still live; so much of it at most
-- is lost. What the bank took beyond that has paid refunds that were owed, as far as it covers
-- them, and they are done: paying them too would be paying twice. Answers with what is lost.
create function payments.book_loss@v(
  p_event text, p_payment text, p_dispute text, p_worth int, p_t timestamptz
) returns int language plpgsql volatile as $$
declare
  v_amount int;
  v_lost int;
  v_left int;
  v_organizer text;
  v_currency text;
  r record;
begin
  select p.organizer_id, p.currency into v_organizer, v_currency from payments.payment p
  where p.event_id = p_event and p.payment_id = p_payment;
  select x.amount_minor into v_amount from payments.dispute x
  where x.event_id = p_event and x.dispute_id = p_dispute;
  v_lost := least(v_amount, p_worth);
  v_left := v_amount - v_lost;
  update payments.dispute x set lost_minor = v_lost
  where x.event_id = p_event and x.dispute_id = p_dispute;
  for r in
    select o.refund_id, o.amount_minor, o.status from payments.refund o
    where o.event_id = p_event and o.payment_id = p_payment and o.status in ('owed', 'failed')
    order by o.made_at, o.refund_id
  loop
    continue when r.amount_minor > v_left;
    if r.status = 'failed' then
      perform payments.move_refund@v(p_event, r.refund_id, '{failed}', 'owed', null, null, p_t);
    end if;
    perform payments.move_refund@v(p_event, r.refund_id, '{owed}', 'submitted', null, null, p_t);
    update payments.refund o
    set status = 'succeeded', provider_id = null, failure_code = 'paid_by_dispute', check_at = null
    where o.event_id = p_event and o.refund_id = r.refund_id;
    perform payments.post_transfer@v(p_event, v_organizer, 'refund_paid', 'refunds_owed',
      'disputed', r.amount_minor, v_currency, r.refund_id, p_dispute || ':' || r.refund_id, p_t);
    v_left := v_left - r.amount_minor;
  end loop;
  if v_lost + v_left > 0 then
    perform payments.post_transfer@v(p_event, v_organizer, 'dispute_lost', 'losses', 'disputed',
      v_lost + v_left, v_currency, p_dispute, p_dispute, p_t);
  end if;
  return v_lost;
end $$;

-- What of a payment has neither gone back, nor is on its way, nor was lost; nothing where there is
-- no payment.
create function payments.left_of@v(p_event text, p_payment text) returns int
  language plpgsql stable as $$
begin
  return coalesce((
    select p.captured_minor
      - coalesce((select sum(r.amount_minor) from payments.refund r
        where r.event_id = p_event and r.payment_id = p_payment), 0)
      - coalesce((select sum(x.lost_minor) from payments.dispute x
        where x.event_id = p_event and x.payment_id = p_payment), 0)
    from payments.payment p where p.event_id = p_event and p.payment_id = p_payment
  ), 0);
end $$;

-- What lost disputes took of what was paid for this reference beyond what was live of it then: what
-- it had become before is lost as well.
create function payments.lost_beyond@v(p_event text, p_reference text) returns bigint
  language plpgsql stable as $$
begin
  return (
    select coalesce(sum(t.amount_minor - x.lost_minor), 0)
    from payments.payment p
    join payments.dispute x on x.event_id = p.event_id and x.payment_id = p.payment_id
    join payments.transfer t on t.event_id = x.event_id and t.kind = 'dispute_lost'
      and t.source = x.dispute_id
    where p.event_id = p_event and p.reference = p_reference and x.status = 'lost'
  );
end $$;

-- Whether what was paid for this reference is disputed now.
create function payments.is_disputed@v(p_event text, p_reference text) returns boolean
  language plpgsql stable as $$
begin
  return exists (
    select from payments.payment p
    where p.event_id = p_event and p.reference = p_reference and p.status = 'disputed'
      and p.captured_minor > 0
  );
end $$;
