/**
 * Promotions: what lowers a price or stands for money. It owns promo codes with their uses, and
 * credit with its ledger.
 *
 * It promises that a code is never used by more orders than it allows, whoever asks at once; that
 * a use comes back when its order comes to nothing; that the balance of a credit is the sum of its
 * entries and never less than nothing; and that credit which was reserved for an order is spent or
 * given back, whatever fails in between.
 *
 * Codes are of one event and change in its transactions (promo.fn.sql, under its lock). Credit
 * spans events and changes in transactions of its own; what an order does with it is decided by
 * whoever composes them (shopping).
 */

export {
  type Applied,
  applyCode,
  openedBy,
  type PromoRefusal,
  promoRefusals,
} from './apply-code.ts';
export { creditCode } from './credit-code.ts';
export { creditRoutes } from './credit-routes.ts';
export { codeOfCredit, findCredit, issueCredit } from './issue-credit.ts';
export { promoRoutes } from './promo-routes.ts';
export { promoCode } from './promo-view.ts';
export {
  type CreditRefusal,
  creditRefusals,
  type Reserved,
  reserveCredit,
  usableCredit,
} from './reserve-credit.ts';
export {
  dueReservations,
  expireCredits,
  lookLater,
  loseCredits,
  releaseCredit,
  releaseDue,
  returnCredit,
  spendCredit,
} from './settle-credit.ts';
