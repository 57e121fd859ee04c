-- What other rooms compose: a payment's end and the refund it owes. A capture is recorded in the
-- same transaction that makes tickets valid or writes down a refund owed, so that at no moment is
-- money kept without either.

-- Moves a payment to a state that is not about captured money. Does nothing where it is there, or
-- has ended.
create function payments.move_payment@v(p_event text, p_payment text, p_to text, p_failure text)
  returns text language plpgsql as $$
declare
  v_from text;
  v_reference text;
begin
  select p.status, p.reference into v_from, v_reference from payments.payment p
  where p.event_id = p_event and p.payment_id = p_payment for no key update;
  if v_from = p_to or v_from in ('captured', 'disputed', 'voided', 'failed') then
    return v_from;
  end if;
  update payments.payment p
  set status = p_to,
      failure_code = coalesce(p_failure, p.failure_code),
      unknown_since = null,
      check_at = case when p_to in ('voided', 'failed') then null else p.check_at end
  where p.event_id = p_event and p.payment_id = p_payment;
  if p_to in ('voided', 'failed') then
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'payment_' || p_to, jsonb_build_object('paymentId', p_payment,
      'reference', v_reference, 'reason', p_failure));
  end if;
  return p_to;
end $$;

-- The provider was asked and did not answer: the payment is unknown, or has ended and its intent
-- may still be open. Each such answer counts, so that the next call gets a key of its own: a
-- provider that keeps a 500 under its key would repeat it for a day. Returns after how many seconds
-- it is to be asked again: as long as nobody has known, within bounds. Until then nobody looks by
-- himself.
create function payments.mark_unknown@v(p_event text, p_payment text) returns int
  language plpgsql as $$
declare
  c_soonest constant int := 5;
  c_latest constant int := 300;
  v_t timestamptz;
  v_payment payments.payment;
  v_seconds int := c_soonest;
begin
  select * into v_payment from payments.payment p
  where p.event_id = p_event and p.payment_id = p_payment for no key update;
  if v_payment.status in ('captured', 'disputed') then
    return v_seconds;
  end if;
  v_t := kernel.instant(null);
  v_seconds := least(c_latest, greatest(c_soonest,
    extract(epoch from v_t - coalesce(v_payment.unknown_since, v_t))));
  update payments.payment p
  set attempt = p.attempt + 1,
      status = case when p.status in ('voided', 'failed') then p.status else 'unknown' end,
      -- A claim in between says nothing about what the provider does.
      unknown_since = coalesce(p.unknown_since, v_t),
      check_at = v_t + make_interval(secs => v_seconds)
  where p.event_id = p_event and p.payment_id = p_payment;
  return v_seconds;
end $$;

-- The provider has said what it is, and the buyer is at it: nothing is unknown any more.
create function payments.mark_known@v(p_event text, p_payment text) returns void
  language plpgsql volatile as $$
begin
  update payments.payment p set status = 'processing', unknown_since = null
  where p.event_id = p_event and p.payment_id = p_payment and p.status = 'unknown';
end $$;

-- The money has been taken. True the first time.
create function payments.record_capture@v(
  p_event text, p_payment text, p_amount_minor int, p_t timestamptz default null
) returns boolean language plpgsql as $$
declare
  v_reference text;
  v_organizer text;
  v_currency text;
begin
  update payments.payment p
  set status = 'captured', captured_minor = p_amount_minor, check_at = null, unknown_since = null
  where p.event_id = p_event and p.payment_id = p_payment and p.captured_minor = 0
  returning p.reference, p.organizer_id, p.currency into v_reference, v_organizer, v_currency;
  if not found then
    return false;
  end if;
  perform payments.post_transfer@v(p_event, v_organizer, 'capture', 'provider', 'sales',
    p_amount_minor, v_currency, p_payment, p_payment, p_t);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'payment_captured', jsonb_build_object(
    'paymentId', p_payment, 'reference', v_reference, 'amountMinor', p_amount_minor));
  return true;
end $$;

-- Writes down that so much of a captured payment must go back. Never more than was taken.
create function payments.owe_refund@v(
  p_event text, p_payment text, p_refund text, p_amount_minor int, p_reason text
) returns void language plpgsql as $$
declare
  v_captured int;
  v_refunded int;
  v_organizer text;
  v_currency text;
begin
  select p.captured_minor, p.organizer_id, p.currency into v_captured, v_organizer, v_currency
  from payments.payment p
  where p.event_id = p_event and p.payment_id = p_payment for no key update;
  select coalesce(sum(r.amount_minor), 0) into v_refunded from payments.refund r
  where r.event_id = p_event and r.payment_id = p_payment;
  if v_refunded + p_amount_minor > v_captured then
    raise exception 'a refund of % would exceed what payment % took', p_amount_minor, p_payment
      using errcode = 'check_violation';
  end if;
  insert into payments.refund (event_id, refund_id, payment_id, amount_minor, reason)
  values (p_event, p_refund, p_payment, p_amount_minor, p_reason);
  perform payments.post_transfer@v(p_event, v_organizer, 'refund_owed', 'sales', 'refunds_owed',
    p_amount_minor, v_currency, p_refund, p_refund);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'refund_owed', jsonb_build_object(
    'refundId', p_refund, 'paymentId', p_payment, 'amountMinor', p_amount_minor));
end $$;

-- The payment that was taken for a reference; there is at most one.
create function payments.captured_for@v(p_event text, p_reference text)
  returns table (payment_id text) language sql stable as $$
  select p.payment_id from payments.payment p
  where p.event_id = p_event and p.reference = p_reference and p.captured_minor > 0
$$;

-- Writes down the intents to pay; the provider is asked after the commit. p_payments, an array of:
-- paymentId, orderId (what it pays for), organizerId, account (the provider's account that takes
-- the money; null: the instance's own), method, returnUrl (where the provider's page sends the
-- buyer; null where they pay without one), amountMinor, currency, checkSeconds (when to look
-- although nobody has said anything). Where nothing has to be paid there is none.
create function payments.open_payments@v(p_event text, p_payments jsonb) returns void
  language plpgsql volatile as $$
begin
  insert into payments.payment (event_id, payment_id, reference, organizer_id, account, method,
    return_url, amount_minor, currency, check_at)
  select p_event, r."paymentId", r."orderId", r."organizerId", r.account, r.method, r."returnUrl",
    r."amountMinor", r.currency, kernel.instant(null) + make_interval(secs => r."checkSeconds")
  from jsonb_to_recordset(p_payments) as r("paymentId" text, "orderId" text, "organizerId" text,
    account text, method text, "returnUrl" text, "amountMinor" int, currency text,
    "checkSeconds" int)
  where r."amountMinor" > 0;
end $$;

-- These payments hold money that is not taken yet.
create function payments.authorize_payments@v(p_event text, p_payments text[]) returns void
  language plpgsql volatile as $$
begin
  update payments.payment p set status = 'authorized'
  where p.event_id = p_event and p.payment_id = any (p_payments)
    and p.status in ('created', 'processing', 'unknown');
end $$;

-- As record_capture, for a batch. p_captures, an array of: paymentId, capturedMinor.
create function payments.record_captures@v(
  p_event text, p_captures jsonb, p_t timestamptz default null
) returns void language plpgsql as $$
declare
  v_amounts constant jsonb := (
    select jsonb_object_agg(c.value ->> 'paymentId', c.value -> 'capturedMinor')
    from jsonb_array_elements(p_captures) as c(value));
begin
  with taken as (
    update payments.payment p
    set status = 'captured', captured_minor = (v_amounts ->> p.payment_id)::int, check_at = null,
        unknown_since = null
    where p.event_id = p_event and p.captured_minor = 0
      and p.payment_id = any (array(select jsonb_object_keys(v_amounts)))
    returning p.payment_id, p.reference, p.captured_minor, p.organizer_id, p.currency
  ), booked as (
    insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor,
      currency, reference, source, at)
    select p_event, t.organizer_id, 'capture', 'provider', 'sales', t.captured_minor, t.currency,
      t.payment_id, t.payment_id, kernel.instant(p_t)
    from taken t
  )
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'payment_captured', jsonb_build_object('paymentId', t.payment_id,
    'reference', t.reference, 'amountMinor', t.captured_minor)
  from taken t;
end $$;

-- Whether this refund is written down.
create function payments.has_refund@v(p_event text, p_refund text) returns boolean
  language plpgsql stable as $$
begin
  return (
    select exists (
      select from payments.refund r where r.event_id = p_event and r.refund_id = p_refund)
  );
end $$;

-- Whether this payment may still be taken: nothing has ended it.
create function payments.is_open@v(p_event text, p_payment text) returns boolean
  language plpgsql volatile as $$
begin
  return exists (
    select from payments.payment p
    where p.event_id = p_event and p.payment_id = p_payment
      and p.status in ('created', 'processing', 'authorized', 'unknown'));
end $$;
