/**
 * Shopping: the room that orchestrates a purchase: holds over HTTP, bookings and settlement, and
 * places that are given away. It composes catalogue, inventory, orders and payments, and owns
 * nothing but the reasons of gifts.
 *
 * It promises that a purchase ends well whatever fails in between: authorise, then claim (our
 * transaction decides), then capture, then confirm; a capture that has nothing to sell is refunded
 * in the transaction that records it; a repeated request goes on where the first one stopped.
 */

export { type BookingRefusal, isAvailable, type PaymentMethod, pay } from './book-places.ts';
export { keysOfBuyer } from './buyer-keys.ts';
export { returnUrlFor } from './checkout-terms.ts';
export { complimentaryRoutes } from './complimentary-routes.ts';
export { complimentaryApproved } from './give-complimentary.ts';
export { holdItems, itemsOrNone } from './hold-items.ts';
export {
  creditRecurring,
  expireRecurring,
  settleHandlers,
  settleRecurring,
  sweepRecurring,
} from './jobs.ts';
export { makeOrder, type OrderWish } from './make-order.ts';
export { openingFor } from './price-order.ts';
export { bookingRefusals, buyer, returnUrl, shoppingRoutes } from './routes.ts';
export { bookAnswers } from './settle.sql.ts';
export type { BookAnswer, BookRequest } from './settle-kinds.ts';
export { settlePayment } from './settle-payment.ts';
export { type WaysToPay, waysToPay } from './ways-to-pay.ts';
