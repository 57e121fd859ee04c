import type { EventId, OrganizerId, PaymentId, RefundId } from '../../kernel/ids.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  bool,
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  real,
  rows,
  text,
  textAs,
  textOrNull,
} from '../../kernel/sql.ts';
import type { DisputeState, PaymentState, RefundState } from './states.ts';

export type PaymentMethod = 'payment_intent' | 'checkout_session' | 'simulated';

/** Of a payment that has ended it is to be cancelled: until that is certain, it is looked at. */
const lateCheck = fragment`case when status in ('voided', 'failed')
  then kernel.instant(null) else check_at end`;

export const setProviderIntent = (
  eventId: EventId,
  paymentId: PaymentId,
  providerId: string,
  clientSecret: string | null,
) => command`
  update payments.payment
  set provider_id = ${providerId}, client_secret = ${clientSecret}, check_at = ${lateCheck}
  where event_id = ${eventId} and payment_id = ${paymentId}`;

export const setCheckout = (
  eventId: EventId,
  paymentId: PaymentId,
  checkoutId: string,
  url: string | null,
) => command`
  update payments.payment
  set checkout_id = ${checkoutId}, checkout_url = ${url}, check_at = ${lateCheck}
  where event_id = ${eventId} and payment_id = ${paymentId}`;

export const setFingerprint = (eventId: EventId, paymentId: PaymentId, fingerprint: string) =>
  command`
  update payments.payment set card_fingerprint = ${fingerprint}
  where event_id = ${eventId} and payment_id = ${paymentId}`;

/** Of what the provider took, where that is another one; only before it is recorded. */
export const setCurrency = (eventId: EventId, paymentId: PaymentId, currency: Currency) => command`
  update payments.payment set currency = ${currency}
  where event_id = ${eventId} and payment_id = ${paymentId} and captured_minor = 0`;

const columns = {
  eventId: textAs<EventId>(),
  paymentId: textAs<PaymentId>(),
  reference: text,
  organizerId: textAs<OrganizerId>(),
  account: textOrNull,
  method: textAs<PaymentMethod>(),
  amountMinor: int,
  currency: textAs<Currency>(),
  status: textAs<PaymentState>(),
  capturedMinor: int,
  providerId: textOrNull,
  clientSecret: textOrNull,
  checkoutId: textOrNull,
  checkoutUrl: textOrNull,
  returnUrl: textOrNull,
  failureCode: textOrNull,
  unknownSince: instantOrNull,
  attempt: int,
  checkAt: instantOrNull,
  madeAt: instant,
};

const paymentSelect = fragment`p.event_id as "eventId", p.payment_id as "paymentId", p.reference,
    p.organizer_id as "organizerId", p.account, p.method, p.amount_minor as "amountMinor", p.currency,
    p.status, p.captured_minor as "capturedMinor", p.provider_id as "providerId",
    p.client_secret as "clientSecret", p.checkout_id as "checkoutId",
    p.checkout_url as "checkoutUrl", p.return_url as "returnUrl", p.failure_code as "failureCode",
    p.unknown_since as "unknownSince", p.attempt, p.check_at as "checkAt",
    p.made_at as "madeAt"`;

export type PaymentRow = ReturnType<ReturnType<typeof selectPayment>['decode']>;

export const selectPayment = (eventId: EventId, paymentId: PaymentId) => rows(columns)`
  select ${paymentSelect}
  from payments.payment p where p.event_id = ${eventId} and p.payment_id = ${paymentId}`;

/** What these payments of an event are for. */
export const selectReferences = (eventId: EventId, paymentIds: readonly string[]) => rows({
  paymentId: columns.paymentId,
  reference: text,
})`
  select payment_id as "paymentId", reference
  from payments.payment
  where event_id = ${eventId} and payment_id = any (${paymentIds}::text[])`;

/** The pairs that name what is paid for; each look-up is by the full key. */
export type References = {
  readonly eventIds: readonly EventId[];
  readonly references: readonly string[];
};

export const selectPaymentsOf = (r: References) => rows(columns)`
  select ${paymentSelect}
  from unnest(${r.eventIds}::text[], ${r.references}::text[]) as k(event_id, reference)
  join payments.payment p on p.event_id = k.event_id and p.reference = k.reference
  order by p.made_at, p.payment_id`;

/** Of this account: what another one says about it changes nothing. */
export const selectByProviderId = (providerId: string, account: string | null) => rows({
  eventId: textAs<EventId>(),
  paymentId: textAs<PaymentId>(),
})`
  select event_id as "eventId", payment_id as "paymentId"
  from payments.payment
  where provider_id = ${providerId} and account is not distinct from ${account}`;

export const selectByCheckoutId = (checkoutId: string, account: string | null) => rows({
  eventId: textAs<EventId>(),
  paymentId: textAs<PaymentId>(),
})`
  select event_id as "eventId", payment_id as "paymentId"
  from payments.payment
  where checkout_id = ${checkoutId} and account is not distinct from ${account}`;

/** Of this account, by the id that its objects carry in their metadata. */
export const selectNamed = (eventId: EventId, paymentId: PaymentId, account: string | null) =>
  rows({ eventId: textAs<EventId>(), paymentId: textAs<PaymentId>() })`
  select event_id as "eventId", payment_id as "paymentId"
  from payments.payment
  where event_id = ${eventId} and payment_id = ${paymentId}
    and account is not distinct from ${account}`;

/** Leases them to this caller for a while, so that several processes do not all look. */
export const takePaymentsToCheck = (most: number, againAfterSeconds: number) => rows({
  eventId: textAs<EventId>(),
  paymentId: textAs<PaymentId>(),
})`
  update payments.payment p
  set check_at = kernel.instant(null) + make_interval(secs => ${againAfterSeconds})
  from (
    select event_id, payment_id from payments.payment
    where check_at <= kernel.instant(null) order by check_at limit ${most}
    for no key update skip locked
  ) due
  where p.event_id = due.event_id and p.payment_id = due.payment_id
  returning p.event_id as "eventId", p.payment_id as "paymentId"`;

export const callMarkUnknown = (eventId: EventId, paymentId: PaymentId) => rows({ seconds: int })`
  select payments.mark_unknown@v(${eventId}, ${paymentId}) as seconds`;

export const callMarkKnown = (eventId: EventId, paymentId: PaymentId) => command`
  select payments.mark_known@v(${eventId}, ${paymentId})`;

/** Of a payment that has ended: nobody can pay it any more. */
export const forgetLateIntent = (eventId: EventId, paymentId: PaymentId) => command`
  update payments.payment set check_at = null, unknown_since = null
  where event_id = ${eventId} and payment_id = ${paymentId} and status in ('voided', 'failed')`;

/** Whatever is unknown is to be looked at: so they are found among those. */
export const countUnknown = (olderThanSeconds: number) => rows({ unknown: int })`
  select count(*)::int as unknown from payments.payment
  where status = 'unknown' and check_at is not null
    and unknown_since < kernel.instant(null) - make_interval(secs => ${olderThanSeconds})`;

export const insertWebhook = (w: {
  readonly id: string;
  readonly type: string;
  readonly objectId: string | null;
  readonly body: Buffer;
}) => command`
  insert into payments.webhook (webhook_id, type, object_id, body)
  values (${w.id}, ${w.type}, ${w.objectId}, ${w.body}) on conflict (webhook_id) do nothing`;

/** Of the oldest, at most so many. */
export const deleteWebhooks = (olderThanDays: number, now: Date | null, most: number) => command`
  delete from payments.webhook w using (
    select webhook_id from payments.webhook
    where received_at < kernel.instant(${now}) - make_interval(days => ${olderThanDays})
    order by received_at limit ${most}
  ) old
  where w.webhook_id = old.webhook_id`;

const refundColumns = {
  eventId: textAs<EventId>(),
  reference: text,
  refundId: textAs<RefundId>(),
  paymentId: textAs<PaymentId>(),
  amountMinor: int,
  currency: textAs<Currency>(),
  reason: text,
  status: textAs<RefundState>(),
  attempt: int,
  providerId: textOrNull,
  account: textOrNull,
  intentId: textOrNull,
  paymentStatus: textAs<PaymentState>(),
  unanswered: int,
  quietSeconds: real,
  madeAt: instant,
};

const refundSelect = fragment`r.event_id as "eventId", p.reference, r.refund_id as "refundId",
    r.payment_id as "paymentId",
    r.amount_minor as "amountMinor", p.currency, r.reason, r.status, r.attempt,
    r.provider_id as "providerId", p.account, p.provider_id as "intentId",
    p.status as "paymentStatus",
    r.unanswered, coalesce(extract(epoch from kernel.instant(null) - r.asked_at), 0)::float8
      as "quietSeconds", r.made_at as "madeAt"
  from payments.refund r
  join payments.payment p on p.event_id = r.event_id and p.payment_id = r.payment_id`;

export type RefundRow = ReturnType<ReturnType<typeof selectRefund>['decode']>;

export const selectRefund = (eventId: EventId, refundId: RefundId) => rows(refundColumns)`
  select ${refundSelect}
  where r.event_id = ${eventId} and r.refund_id = ${refundId}`;

export const selectRefundsOf = (k: References) => rows(refundColumns)`
  select ${refundSelect}
  join unnest(${k.eventIds}::text[], ${k.references}::text[]) as k(event_id, reference)
    on p.event_id = k.event_id and p.reference = k.reference
  order by r.made_at, r.refund_id`;

export const callMoveRefund = (
  eventId: EventId,
  refundId: RefundId,
  from: readonly RefundState[],
  to: RefundState,
  more: { providerId?: string | null; failureCode?: string | null; now: Date | null },
) => rows({ moved: bool })`
  select payments.move_refund@v(${eventId}, ${refundId}, ${from}::text[], ${to},
    ${more.providerId ?? null}, ${more.failureCode ?? null}, ${more.now}) as moved`;

/** Leases them to this caller for a while, as the payments. */
export const takeRefundsToCheck = (most: number, againAfterSeconds: number) => rows({
  eventId: textAs<EventId>(),
  refundId: textAs<RefundId>(),
})`
  update payments.refund r
  set check_at = kernel.instant(null) + make_interval(secs => ${againAfterSeconds})
  from (
    select event_id, refund_id from payments.refund
    where check_at <= kernel.instant(null) order by check_at limit ${most}
    for no key update skip locked
  ) due
  where r.event_id = due.event_id and r.refund_id = due.refund_id
  returning r.event_id as "eventId", r.refund_id as "refundId"`;

/** A call that was not answered: how often that was, under the present key. */
export const noteUnanswered = (eventId: EventId, refundId: RefundId) => command`
  update payments.refund set unanswered = unanswered + 1, asked_at = kernel.instant(null)
  where event_id = ${eventId} and refund_id = ${refundId} and status = 'submitted'`;

/** Refunds that the provider has not been given for so long; an alarm. */
export const countLateRefunds = (olderThanSeconds: number) => rows({ late: int })`
  select count(*)::int as late from (
    select from payments.refund
    where check_at is not null and status in ('owed', 'submitted', 'failed')
      and made_at < kernel.instant(null) - make_interval(secs => ${olderThanSeconds})
    limit 10000
  ) late`;

export const selectRefundByProviderId = (providerId: string, account: string | null) => rows({
  eventId: textAs<EventId>(),
  refundId: textAs<RefundId>(),
})`
  select r.event_id as "eventId", r.refund_id as "refundId" from payments.refund r
  join payments.payment p on p.event_id = r.event_id and p.payment_id = r.payment_id
  where r.provider_id = ${providerId} and p.account is not distinct from ${account} limit 1`;

export type DisputeRow = ReturnType<ReturnType<typeof selectDisputesOf>['decode']>;

type PaymentKeys = {
  readonly eventIds: readonly EventId[];
  readonly paymentIds: readonly PaymentId[];
};

export const selectDisputesOf = (k: PaymentKeys) => rows({
  disputeId: text,
  paymentId: textAs<PaymentId>(),
  status: textAs<DisputeState>(),
  amountMinor: int,
  reason: text,
  openedAt: instant,
  closedAt: instantOrNull,
})`
  select d.dispute_id as "disputeId", d.payment_id as "paymentId", d.status,
    d.amount_minor as "amountMinor", d.reason, d.opened_at as "openedAt",
    d.closed_at as "closedAt"
  from unnest(${k.eventIds}::text[], ${k.paymentIds}::text[]) as k(event_id, payment_id)
  join payments.dispute d on d.event_id = k.event_id and d.payment_id = k.payment_id
  order by d.opened_at, d.dispute_id`;

/** Leases them to this caller for a while, as payments and refunds. */
export const takeDisputesToCheck = (most: number, againAfterSeconds: number) => rows({
  eventId: textAs<EventId>(),
  paymentId: textAs<PaymentId>(),
})`
  update payments.dispute d
  set check_at = kernel.instant(null) + make_interval(secs => ${againAfterSeconds})
  from (
    select event_id, dispute_id from payments.dispute
    where check_at <= kernel.instant(null) order by check_at limit ${most}
    for no key update skip locked
  ) due
  where d.event_id = due.event_id and d.dispute_id = due.dispute_id
  returning d.event_id as "eventId", d.payment_id as "paymentId"`;
