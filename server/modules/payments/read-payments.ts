import { all, maybe, type Queryable } from '../../kernel/db.ts';
import type { EventId, PaymentId } from '../../kernel/ids.ts';
import {
  type References,
  selectPayment,
  selectPaymentsOf,
  selectReferences,
  selectRefundsOf,
} from './payment.sql.ts';

export type { PaymentRow, RefundRow } from './payment.sql.ts';

export function findPayment(on: Queryable, eventId: EventId, paymentId: PaymentId) {
  return maybe(on, selectPayment(eventId, paymentId));
}

/** What these payments of an event are for. */
export function referencesOfPayments(
  on: Queryable,
  eventId: EventId,
  paymentIds: readonly string[],
) {
  return all(on, selectReferences(eventId, paymentIds));
}

/** All payments for these references, oldest first. */
export function paymentsOf(on: Queryable, references: References) {
  return all(on, selectPaymentsOf(references));
}

export function refundsOf(on: Queryable, references: References) {
  return all(on, selectRefundsOf(references));
}
