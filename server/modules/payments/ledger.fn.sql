-- The books. Every entry is made in the transaction that makes it true, by whoever changes the row
-- that it is about, so that at no moment do books and rows say different things.
--
--   capture          provider         -> sales             source: the payment
--   refund_owed      sales            -> refunds_owed      source: the refund
--   refund_paid      refunds_owed     -> provider          source: the provider's refund
--   refund_bounced   provider         -> refunds_owed      source: the provider's refund
--   dispute_opened   disputed         -> provider          source: the provider's dispute
--   dispute_won      provider         -> disputed          source: the provider's dispute
--   dispute_lost     losses           -> disputed          source: the provider's dispute
--   credit_…         credit_liability <-> sales            posted by promotions
--   provider_fee     provider_fees    -> provider          source: the provider's transaction
--
-- (debit -> credit; in provider_fee the two change sides where the provider gives a fee back.)

-- Makes one double entry. The same kind of entry of one source is made once: true the first time,
-- false where it was made before. Another entry under the same source is a fault, and raises.
create function payments.post_transfer@v(
  p_event text, p_organizer text, p_kind text, p_debit text, p_credit text, p_amount_minor bigint,
  p_currency text, p_reference text, p_source text, p_at timestamptz default null
) returns boolean language plpgsql volatile as $$
begin
  insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor,
    currency, reference, source, at)
  values (p_event, p_organizer, p_kind, p_debit, p_credit, p_amount_minor, p_currency, p_reference,
    p_source, kernel.instant(p_at))
  on conflict (event_id, kind, source) do nothing;
  if found then
    return true;
  end if;
  perform from payments.transfer t
  where t.event_id = p_event and t.kind = p_kind and t.source = p_source
    and t.organizer_id = p_organizer and t.debit = p_debit and t.credit = p_credit
    and t.amount_minor = p_amount_minor and t.currency = p_currency
    and t.reference = p_reference;
  if not found then
    raise exception 'the ledger has another % of %', p_kind, p_source
      using errcode = 'integrity_constraint_violation';
  end if;
  return false;
end $$;

-- Whether the books say that the value of this order has become credit.
create function payments.became_credit@v(p_event text, p_order text) returns boolean
  language plpgsql stable as $$
begin
  return exists (
    select from payments.transfer t
    where t.event_id = p_event and t.kind = 'credit_issued' and t.reference = p_order);
end $$;

-- Moves a refund, and the money with it: paid where it succeeds, back in our hands where the bank
-- sends back what had succeeded. True where it was in one of the states it may come from.
create function payments.move_refund@v(
  p_event text, p_refund text, p_from text[], p_to text, p_provider_id text, p_failure text,
  p_at timestamptz
) returns boolean language plpgsql volatile as $$
declare
  v_refund payments.refund;
  v_organizer text;
  v_currency text;
begin
  select r.* into v_refund from payments.refund r
  where r.event_id = p_event and r.refund_id = p_refund for no key update;
  if v_refund.status is null or v_refund.status <> all (p_from) then
    return false;
  end if;
  update payments.refund r
  set status = p_to, attempt = r.attempt + case when p_to = 'owed' then 1 else 0 end,
      provider_id = coalesce(p_provider_id, r.provider_id), failure_code = p_failure,
      unanswered = case when p_to = 'owed' then 0 else r.unanswered end,
      check_at = case when p_to = 'succeeded' then null
        else coalesce(r.check_at, kernel.instant(null) + interval '30 seconds') end
  where r.event_id = p_event and r.refund_id = p_refund;
  if p_to in ('succeeded', 'failed') then
    insert into kernel.outbox (event_id, kind, data)
    values (p_event, 'refund_' || p_to, jsonb_build_object('refundId', p_refund,
        'paymentId', v_refund.payment_id, 'amountMinor', v_refund.amount_minor)
      || case when p_to = 'failed' then jsonb_build_object('reason', p_failure) else '{}' end);
  end if;
  if p_to <> 'succeeded' and not (p_to = 'failed' and v_refund.status = 'succeeded') then
    return true;
  end if;
  select p.organizer_id, p.currency into v_organizer, v_currency from payments.payment p
  where p.event_id = p_event and p.payment_id = v_refund.payment_id;
  if p_to = 'succeeded' then
    perform payments.post_transfer@v(p_event, v_organizer, 'refund_paid', 'refunds_owed',
      'provider', v_refund.amount_minor, v_currency, p_refund,
      coalesce(p_provider_id, v_refund.provider_id), p_at);
  else
    perform payments.post_transfer@v(p_event, v_organizer, 'refund_bounced', 'provider',
      'refunds_owed', v_refund.amount_minor, v_currency, p_refund, v_refund.provider_id, p_at);
  end if;
  return true;
end $$;

-- What the provider took for itself, as its own books say. p_fees, an array of: organizerId,
-- paymentId, transactionId, feeMinor (negative: given back), currency, at. Each is posted once.
create function payments.post_fees@v(p_event text, p_fees jsonb) returns void
  language plpgsql volatile as $$
begin
  insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor,
    currency, reference, source, at)
  select p_event, f."organizerId", 'provider_fee',
    case when f."feeMinor" > 0 then 'provider_fees' else 'provider' end,
    case when f."feeMinor" > 0 then 'provider' else 'provider_fees' end,
    abs(f."feeMinor"), f.currency, f."paymentId", f."transactionId", f.at
  from jsonb_to_recordset(p_fees) as f("organizerId" text, "paymentId" text,
    "transactionId" text, "feeMinor" bigint, currency text, at timestamptz)
  where f."feeMinor" <> 0
  on conflict (event_id, kind, source) do nothing;
end $$;
