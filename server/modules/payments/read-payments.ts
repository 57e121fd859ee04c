import { all, maybe, type Queryable } from '../../kernel/db.ts';
import type { EventId, PaymentId } from '../../kernel/ids.ts';
import { selectPayment, selectPaymentsOf, selectRefundsOf } from './payment.sql.ts';

export type { PaymentRow, RefundRow } from './payment.sql.ts';

export function findPayment(on: Queryable, eventId: EventId, paymentId: PaymentId) {
  return maybe(on, selectPayment(eventId, paymentId));
}

/** All payments for one reference, oldest first. */
export function paymentsOf(on: Queryable, eventId: EventId, reference: string) {
  return all(on, selectPaymentsOf(eventId, reference));
}

export function refundsOf(on: Queryable, eventId: EventId, reference: string) {
  return all(on, selectRefundsOf(eventId, reference));
}
