/**
 * Looks at one payment and does what follows, whatever brought us here: a webhook, the reconciler,
 * a repeated booking, a cancelled order. It may run at any time, twice, and at once with itself:
 * every step is conditional on the rows as they are.
 *
 *   declined            → cancel the intent, then the order fails and its places are free, or, in
 *                         a shopping session, held for the next try
 *   requires_capture    → claim (our transaction decides, also on a late payment) → capture →
 *                         confirm; claim refused → void: no money was taken
 *   succeeded           → claim if that is still possible → confirm, or write the refund down
 *   canceled            → the order ends, if it has not
 *   anything else       → the buyer is at it; the order's own time limit watches
 */
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import { type EventId, isId, newScopedId, type OrderId, type PaymentId } from '../../kernel/ids.ts';
import { NotYet } from '../../kernel/jobs.ts';
import { assertNever, present, type Result } from '../../kernel/result.ts';
import { endPending, extendOrder, type OrderRow, orderLines, readOrder } from '../orders/index.ts';
import {
  type Asked,
  askIntent,
  type Checkout,
  cancelLateIntent,
  enqueueRefund,
  findPayment,
  type Intent,
  isLate,
  lookAtCheckout,
  markKnown,
  markUnknown,
  noteFingerprint,
  type PaymentRow,
  providerFor,
  voidPayment,
} from '../payments/index.ts';
import { checkoutTerms } from './checkout-terms.ts';
import { endOdd, isOdd, ODD_CAPTURE } from './odd-capture.ts';
import { claimKind, confirmFreeKind, confirmKind } from './settle-kinds.ts';

const BUSY_RETRY_SECONDS = 1;
/** A payment that is under way when the time runs out gets so long. */
const IN_FLIGHT_MS = 300_000;

type Purchase = {
  readonly order: OrderRow;
  readonly payment: PaymentRow;
  /** How many places the order has. */
  readonly places: number;
};

export async function settlePayment(
  ctx: Ctx,
  eventId: EventId,
  paymentId: PaymentId,
): Promise<void> {
  await ctx.pause('settle.before_look');
  const payment = await findPayment(ctx.db, eventId, paymentId);
  if (!payment) return;
  // Where that is not certain after it, the reconciler comes again.
  if (isLate(payment)) await cancelLateIntent(ctx, payment);
  if (isOver(payment)) return;
  // The reference of a payment is the id of the order that it pays for.
  const order = present(
    await readOrder(ctx.db, eventId, payment.reference as OrderId),
    'the order of a payment',
  );
  const places = await countPlaces(ctx, order);
  const purchase = { order, payment, places };
  const isAsked = payment.providerId !== null || payment.checkoutId !== null;
  if (!isAsked && order.status !== 'pending') return giveUpPayment(ctx, purchase);
  const asked = await lookAt(ctx, purchase);
  // A refused reading says nothing about the payment: a key may just have been changed.
  if (asked.kind === 'refused' && isAsked) return unknown(ctx, payment);
  if (asked.kind === 'refused') return endWithPayment(ctx, purchase, asked.code);
  if (asked.kind === 'unknown') return unknown(ctx, payment);
  const { checkout, intent } = asked.value;
  return intent ? follow(ctx, purchase, intent) : followCheckout(ctx, purchase, checkout);
}

/** The provider's intent, and the session that it may belong to; asked for where there is none. */
async function lookAt(
  ctx: Ctx,
  { order, payment }: Purchase,
): Promise<Asked<{ readonly checkout: Checkout | null; readonly intent: Intent | null }>> {
  if (payment.method === 'checkout_session') {
    return lookAtCheckout(ctx, payment, checkoutTerms(order, payment));
  }
  const asked = await askIntent(ctx, payment, `Order ${order.orderId}`);
  return asked.kind === 'ok'
    ? { kind: 'ok', value: { checkout: null, intent: asked.value } }
    : asked;
}

/** Nobody has begun to pay in the session yet. */
function followCheckout(ctx: Ctx, purchase: Purchase, checkout: Checkout | null): Promise<void> {
  return purchase.order.status === 'pending' && checkout?.status === 'expired'
    ? endWithPayment(ctx, purchase, 'payment_cancelled')
    : awaitBuyer(ctx, purchase);
}

function isOver(payment: PaymentRow): boolean {
  return ['captured', 'disputed', 'voided', 'failed'].includes(payment.status);
}

const ENDED: readonly string[] = ['succeeded', 'canceled'];

function follow(ctx: Ctx, purchase: Purchase, intent: Intent): Promise<void> {
  const { order, payment } = purchase;
  if (isOdd(order, payment, intent) && !ENDED.includes(intent.status)) {
    return decline(ctx, purchase, ODD_CAPTURE);
  }
  switch (intent.status) {
    case 'requires_capture':
      return claimAndCapture(ctx, purchase, intent);
    case 'succeeded':
      return confirmCaptured(ctx, purchase, intent);
    case 'canceled':
      // Final, and without money.
      return order.status === 'pending'
        ? endWithPayment(ctx, purchase, intent.declineCode ?? 'payment_cancelled')
        : giveUpPayment(ctx, purchase);
    case 'requires_payment_method':
      // A declined card: for a booking, that is the end (D2); the buyer books again.
      if (intent.declineCode !== null && order.status === 'pending') {
        return decline(ctx, purchase, intent.declineCode);
      }
      return awaitBuyer(ctx, purchase);
    case 'requires_confirmation':
      return awaitBuyer(ctx, purchase);
    case 'requires_action':
    case 'processing':
      return awaitBank(ctx, purchase);
    default:
      return assertNever(intent.status);
  }
}

/** The buyer has not paid yet: there is nothing to do while the order waits for it. */
async function awaitBuyer(ctx: Ctx, purchase: Purchase): Promise<void> {
  if (purchase.order.status !== 'pending') return giveUpPayment(ctx, purchase);
  await markKnown(ctx, purchase.payment);
}

/** The buyer's bank is at it: their places do not lapse under their hands. Once. */
async function awaitBank(ctx: Ctx, purchase: Purchase): Promise<void> {
  if (purchase.order.status === 'pending') await extendOrder(ctx, purchase.order, IN_FLIGHT_MS);
  await awaitBuyer(ctx, purchase);
}

async function claimAndCapture(ctx: Ctx, purchase: Purchase, intent: Intent): Promise<void> {
  const { payment } = purchase;
  const { paymentId } = payment;
  if (intent.cardFingerprint) await noteFingerprint(ctx, payment, intent.cardFingerprint);
  await ctx.pause('settle.before_claim');
  const verdict = await claim(ctx, purchase);
  if (verdict !== 'claimed' && verdict !== 'sold') return refuseClaim(ctx, purchase, verdict);
  await ctx.pause('settle.before_capture');
  // An intent is captured once whatever the key; a new key after a lost answer gets a new answer.
  const key = `capture:${paymentId}:${payment.attempt}`;
  const captured = await providerFor(ctx, payment).captureIntent(intent.id, key);
  if (captured.kind === 'unknown') {
    // Another look is just capturing: nothing is unknown but to this one.
    if (captured.isUnderWay) throw new NotYet(BUSY_RETRY_SECONDS);
    return unknown(ctx, payment);
  }
  if (captured.kind === 'refused') return settleRefusedCapture(ctx, purchase, intent.id);
  await ctx.pause('settle.before_confirm');
  await confirm(ctx, purchase, captured.value);
}

/** The provider said no to the capture: what is true is read, never guessed. */
async function settleRefusedCapture(ctx: Ctx, purchase: Purchase, intentId: string): Promise<void> {
  const { payment } = purchase;
  const read = await providerFor(ctx, payment).readIntent(intentId);
  if (read.kind !== 'ok' || read.value.status === 'requires_capture') return unknown(ctx, payment);
  if (read.value.status === 'succeeded') {
    return confirm(ctx, purchase, read.value);
  }
  // The authorisation is gone without money.
  await endWithPayment(ctx, purchase, 'capture_failed');
}

async function confirmCaptured(ctx: Ctx, purchase: Purchase, intent: Intent): Promise<void> {
  if (!isOdd(purchase.order, purchase.payment, intent)) await claim(ctx, purchase);
  await confirm(ctx, purchase, intent);
}

async function claim(ctx: Ctx, purchase: Purchase): Promise<string> {
  const { order, payment } = purchase;
  const request = { ...claimOf(ctx, order, purchase.places), paymentId: payment.paymentId };
  const verdict = orLater(await ctx.lanes.ask(ctx, claimKind, order.eventId, request));
  // Lapsed holds stand in the way of a late payment: they are reclaimed a thousand at a time.
  if (verdict === 'again') throw new NotYet(BUSY_RETRY_SECONDS);
  return verdict;
}

/** Nothing is left to sell: the order ends, and the authorisation with it. */
async function refuseClaim(ctx: Ctx, purchase: Purchase, verdict: string): Promise<void> {
  if (verdict === 'event_cancelled' || verdict === 'ended' || verdict === 'not_found') {
    return cancelFor(ctx, purchase, verdict);
  }
  // Time ended it; why a late payment could not be honoured stands with the payment.
  return cancelFor(ctx, purchase, 'expired', verdict === 'lapsed' ? null : verdict);
}

function claimOf(ctx: Ctx, { eventId, orderId }: OrderRow, places: number) {
  const ticketIds = Array.from({ length: places }, () => newScopedId(ctx.ids, 'tkt', eventId));
  return { orderId, ticketIds, actor: ctx.actor };
}

async function confirm(ctx: Ctx, purchase: Purchase, taken: Intent): Promise<void> {
  const { eventId, orderId } = purchase.order;
  const { paymentId } = purchase.payment;
  const { receivedMinor, currency } = taken;
  const odd = isOdd(purchase.order, purchase.payment, { amountMinor: receivedMinor, currency });
  if (odd) await endOdd(ctx, purchase, taken);
  const refundId = newScopedId(ctx.ids, 'ref', eventId);
  const request = {
    ...{ orderId, paymentId, refundId, actor: ctx.actor },
    capturedMinor: receivedMinor,
    ...(odd ? { refundReason: ODD_CAPTURE } : {}),
  };
  const verdict = orLater(await ctx.lanes.ask(ctx, confirmKind, eventId, request));
  await ctx.pause('settle.after_confirm');
  if (verdict !== 'refund_owed') return;
  // Where this is lost, the reconciler finds what is owed.
  await enqueueRefund(ctx.db, { eventId, refundId });
  ctx.wakeJobs();
}

/** The event is busy: the job comes again, and nothing is lost. */
function orLater<T>(asked: Result<T, Busy>): T {
  if (!asked.ok) throw new NotYet(BUSY_RETRY_SECONDS);
  return asked.value;
}

/** A declined attempt is not final for the provider, so the intent is cancelled first. */
async function decline(ctx: Ctx, purchase: Purchase, code: string): Promise<void> {
  await endAtProvider(ctx, purchase, purchase.payment, () => endWithPayment(ctx, purchase, code));
}

/** There is nothing to sell: the order ends at once, for others to buy; then its payment. */
async function cancelFor(
  ctx: Ctx,
  purchase: Purchase,
  reason: string,
  voidCode: string | null = null,
): Promise<void> {
  const { eventId, orderId } = purchase.order;
  orLater(await endPending(ctx, { eventId, orderId, to: 'cancelled', reason, endClaim: false }));
  await giveUpPayment(ctx, purchase, { reason, failureCode: voidCode });
}

/** Of an order that has ended, or has nothing to wait for. */
async function giveUpPayment(
  ctx: Ctx,
  purchase: Purchase,
  { reason, failureCode }: { reason: string; failureCode: string | null } = {
    reason: 'expired',
    failureCode: null,
  },
): Promise<void> {
  const { eventId, paymentId } = purchase.payment;
  const now = await findPayment(ctx.db, eventId, paymentId);
  if (!now || isOver(now)) return;
  const { orderId } = purchase.order;
  const over = { paymentId, paymentTo: 'voided', failureCode, endClaim: true } as const;
  await endAtProvider(ctx, purchase, now, async () => {
    orLater(await endPending(ctx, { eventId, orderId, to: 'cancelled', reason, ...over }));
  });
}

/** Nothing can be taken any more, and `record` writes that down; or it was taken. */
async function endAtProvider(
  ctx: Ctx,
  purchase: Purchase,
  payment: PaymentRow,
  record: () => Promise<void>,
): Promise<void> {
  const voided = await voidPayment(ctx, payment, record);
  if (voided.kind === 'captured') return confirmCaptured(ctx, purchase, voided.intent);
  if (voided.kind === 'unknown') return unknown(ctx, payment);
}

/**
 * The payment has failed for good, and its order with it. One transaction writes down both, and
 * the end of whatever another look had claimed meanwhile: once a payment is over, nobody looks at
 * it again.
 */
async function endWithPayment(ctx: Ctx, purchase: Purchase, code: string): Promise<void> {
  const { order, payment } = purchase;
  const ended = await endPending(ctx, {
    eventId: order.eventId,
    orderId: order.orderId,
    to: 'failed',
    reason: code,
    endClaim: true,
    // A shopping session keeps its places for the next try (B10); what is booked ends at once (D2).
    keepHold: isId('ssn', order.caller),
    paymentId: payment.paymentId,
    paymentTo: 'failed',
    failureCode: code.slice(0, 100),
  });
  orLater(ended);
}

/** Nobody knows: it is written down, and asked again, the less often the longer it lasts. */
async function unknown(ctx: Ctx, payment: PaymentRow): Promise<void> {
  throw new NotYet(await markUnknown(ctx, payment));
}

async function countPlaces(ctx: Ctx, order: OrderRow): Promise<number> {
  const lines = await orderLines(ctx.db, order.eventId, order.orderId);
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

/**
 * An order of which nothing has to be paid: claimed and confirmed in one step. Where the event is
 * busy, the order stays as it is; whoever asks again settles it, or it ends with its time.
 */
export async function settleFree(ctx: Ctx, order: OrderRow): Promise<Result<string, Busy>> {
  const claim = claimOf(ctx, order, await countPlaces(ctx, order));
  const complimentary = order.method === 'complimentary';
  const request = { ...claim, paymentId: null, capturedMinor: 0, complimentary };
  return ctx.lanes.ask(ctx, confirmFreeKind, order.eventId, request);
}
