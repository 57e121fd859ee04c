/** Statements of disputes. */
import type { EventId, PaymentId } from '../../kernel/ids.ts';
import { instant, instantOrNull, int, rows, text, textAs } from '../../kernel/sql.ts';
import type { DisputeState } from './states.ts';

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
