/**
 * Payments: money in and money back. It owns payments, refunds, disputes, the books and the webhook
 * inbox, and speaks to the provider through one port.
 *
 * It promises that no call moves money twice (each has a key that was stored before the call),
 * that an answer that did not come is `unknown` until it has been read, that no refund exceeds
 * what was taken, that a refund that fails is owed again, and that a webhook takes effect once
 * while none is needed: the reconciler finds what they miss. Each payment stays with the account
 * that it was opened with, and no organizer's money reaches another's.
 *
 * It never knows a ticket: what a payment is for is an opaque reference, and what its end means is
 * decided by the room that composes its functions.
 */

export { accountRoutes } from './account-routes.ts';
export { accountFor } from './accounts.ts';
export {
  askCheckout,
  type CheckoutTerms,
  lookAtCheckout,
} from './ask-checkout.ts';
export { askIntent } from './ask-intent.ts';
export { DISPUTE_JOB, disputesOf, lookAtOpenDisputes } from './disputes.ts';
export type { DisputeRow } from './payment.sql.ts';
export {
  type Asked,
  type BalanceTransaction,
  type Checkout,
  type Dispute,
  type Intent,
  type IntentStatus,
  type PaymentPort,
  type PaymentProvider,
  type ProviderRefund,
  providerFor,
  type Webhook,
} from './provider.ts';
export {
  findPayment,
  type PaymentRow,
  paymentsOf,
  type RefundRow,
  referencesOfPayments,
  refundsOf,
} from './read-payments.ts';
export {
  enqueueSettle,
  measurePayments,
  paymentsToCheck,
  SETTLE_JOB,
  type SettleJob,
} from './reconcile.ts';
export { enqueueRefund, layOutRefund, resubmitOpenRefunds, submitRefund } from './refund.ts';
export { disputeMachine, paymentMachine, refundMachine } from './states.ts';
export { BooksUnread, tieOut } from './tie-out.ts';
export { tieOutAccountJob, tieOutJob, tieOutRecurring } from './tie-out-jobs.ts';
export { tieOutRoutes } from './tie-out-routes.ts';
export {
  cancelLateIntent,
  hasFailed,
  isLate,
  markKnown,
  markUnknown,
  noteCurrency,
  noteFingerprint,
  voidPayment,
} from './void-payment.ts';
export { forgetWebhooksRecurring, WEBHOOK_TYPES, webhookRoutes } from './webhook.ts';
