/**
 * Orders: the purchase and its life, and the tickets it gives. It owns orders, their lines and
 * tickets, and what their buyers get where an event is cancelled or moved.
 *
 * It promises that an order moves only along its states, that its end gives back places and money
 * in the transaction that says so, that a ticket's code is shown only while the ticket is worth
 * something and proves itself to whoever has the event's public key, and that a guest sees exactly
 * the order whose token they hold.
 *
 * It does not decide whether a payment is good or what happens next: shopping orchestrates that,
 * composing the SQL functions of this room (order.fn.sql, refund.fn.sql).
 */

export { refundApproved } from './ask-refund.ts';
export { giveUp } from './cancel-order.ts';
export { endPending, extendOrder } from './end-order.ts';
export { expireOrders } from './expire-orders.ts';
export { findOrder } from './find-order.ts';
export { moveTickets, ordersOfHolds } from './live-orders.ts';
export type { OrderRow } from './order.sql.ts';
export {
  buyerView,
  type OrderView,
  orderIn,
  orderNow,
  orderSchema,
  referencesOf,
  remedy,
} from './order-view.ts';
export {
  callerOfVoucher,
  creditReturnsOf,
  orderByKey,
  orderLines,
  readOrder,
  readOrderStates,
} from './read-order.ts';
export { reissueTicket } from './reissue-ticket.ts';
export {
  type ChoiceRefusal,
  chooseRemedyIn,
  decideRemedy,
  fallBackToRefund,
  finishRemedy,
  type HoldLines,
  offerRemedy,
  openRemedies,
  ordersWithoutOffer,
  pendingOrders,
  type RemedyRow,
  remedyOf,
} from './remedies.ts';
export { orderRoutes } from './routes.ts';
export { orderMachine, type Remedy, remedyMachine, ticketMachine } from './states.ts';
export {
  documented,
  type Sale,
  salesOf,
  stillUndocumented,
  type Undocumented,
  undocumented,
} from './undocumented.ts';
