/**
 * Looks at one payment and does what follows, whatever brought us here: a webhook, the reconciler,
 * a repeated booking, a cancelled order. It may run at any time, twice, and at once with itself:
 * every step is conditional on the rows as they are.
 *
 *   declined            → cancel the intent, then the order fails and its places are free
 *   requires_capture    → claim (our transaction decides) → capture → confirm
 *                         claim refused → void: no money was taken
 *   succeeded           → claim if that is still possible → confirm, or write the refund down
 *   canceled            → the order ends, if it has not
 *   anything else       → the buyer is at it; the order's own time limit watches
 */
import type { Ctx } from '../../kernel/context.ts';
import { one } from '../../kernel/db.ts';
import { type EventId, newScopedId, type OrderId, type PaymentId } from '../../kernel/ids.ts';
import { NotYet } from '../../kernel/jobs.ts';
import { assert, assertNever, present } from '../../kernel/result.ts';
import { endPending, type OrderRow, orderLines, readOrder } from '../orders/index.ts';
import {
  askIntent,
  enqueueRefund,
  findPayment,
  type Intent,
  markUnknown,
  noteFingerprint,
  type PaymentRow,
  voidPayment,
} from '../payments/index.ts';
import { callClaimOrder, callConfirmFree, callConfirmOrder } from './settle.sql.ts';

const UNKNOWN_RETRY_SECONDS = 5;
const BUSY_RETRY_SECONDS = 1;

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
  const payment = await findPayment(ctx.db, eventId, paymentId);
  if (!payment || isOver(payment)) return;
  // The reference of a payment is the id of the order that it pays for.
  const order = present(
    await readOrder(ctx.db, eventId, payment.reference as OrderId),
    'the order of a payment',
  );
  const places = await countPlaces(ctx, order);
  const purchase = { order, payment, places };
  if (payment.providerId === null && order.status !== 'pending')
    return giveUpPayment(ctx, purchase);
  const asked = await askIntent(ctx, payment, `Order ${order.orderId}`);
  // A refused reading says nothing about the payment: a key may just have been changed.
  if (asked.kind === 'refused' && payment.providerId !== null) return unknown(ctx, payment);
  if (asked.kind === 'refused') return failOrder(ctx, purchase, asked.code);
  if (asked.kind === 'unknown') return unknown(ctx, payment);
  return follow(ctx, purchase, asked.value);
}

function isOver(payment: PaymentRow): boolean {
  return ['captured', 'disputed', 'voided', 'failed'].includes(payment.status);
}

function follow(ctx: Ctx, purchase: Purchase, intent: Intent): Promise<void> {
  const { order, payment } = purchase;
  assert(intent.amountMinor === payment.amountMinor, 'the intent has another amount');
  assert(intent.currency === payment.currency, 'the intent has another currency');
  switch (intent.status) {
    case 'requires_capture':
      return claimAndCapture(ctx, purchase, intent);
    case 'succeeded':
      return confirmCaptured(ctx, purchase, intent);
    case 'canceled':
      return failOrder(ctx, purchase, intent.declineCode ?? 'payment_cancelled');
    case 'requires_payment_method':
      // A declined card: for a booking, that is the end (D2); the buyer books again.
      if (intent.declineCode !== null && order.status === 'pending') {
        return decline(ctx, purchase, intent.declineCode);
      }
      return order.status === 'pending' ? Promise.resolve() : giveUpPayment(ctx, purchase);
    case 'requires_confirmation':
    case 'requires_action':
    case 'processing':
      return order.status === 'pending' ? Promise.resolve() : giveUpPayment(ctx, purchase);
    default:
      return assertNever(intent.status);
  }
}

async function claimAndCapture(ctx: Ctx, purchase: Purchase, intent: Intent): Promise<void> {
  const { order, payment } = purchase;
  const { eventId, paymentId } = payment;
  if (intent.cardFingerprint) await noteFingerprint(ctx, payment, intent.cardFingerprint);
  await ctx.pause('settle.before_claim');
  const verdict = await claim(ctx, purchase);
  if (verdict !== 'claimed' && verdict !== 'sold') {
    return failOrder(ctx, purchase, verdict === 'lapsed' ? 'expired' : verdict);
  }
  await ctx.pause('settle.before_capture');
  // An intent is captured once whatever the key; a new key after a lost answer gets a new answer.
  const key = `capture:${paymentId}:${payment.attempt}`;
  const captured = await ctx.ports.payments.captureIntent(intent.id, key);
  if (captured.kind === 'unknown') return unknown(ctx, payment);
  if (captured.kind === 'refused') return settleRefusedCapture(ctx, purchase, intent.id);
  await ctx.pause('settle.before_confirm');
  await confirm(ctx, order, { eventId, paymentId, amountMinor: captured.value.receivedMinor });
}

/** The provider said no to the capture: what is true is read, never guessed. */
async function settleRefusedCapture(ctx: Ctx, purchase: Purchase, intentId: string): Promise<void> {
  const { order, payment } = purchase;
  const read = await ctx.ports.payments.readIntent(intentId);
  if (read.kind !== 'ok' || read.value.status === 'requires_capture') return unknown(ctx, payment);
  if (read.value.status === 'succeeded') {
    const amountMinor = read.value.receivedMinor;
    return confirm(ctx, order, { ...payment, amountMinor });
  }
  // The authorisation is gone without money: the claim ends, the places are free.
  await endPending(ctx, {
    eventId: order.eventId,
    orderId: order.orderId,
    to: 'failed',
    reason: 'capture_failed',
    endClaim: true,
    payment: { paymentId: payment.paymentId, to: 'failed', failureCode: 'capture_failed' },
  });
}

async function confirmCaptured(ctx: Ctx, purchase: Purchase, intent: Intent): Promise<void> {
  await claim(ctx, purchase);
  await confirm(ctx, purchase.order, { ...purchase.payment, amountMinor: intent.receivedMinor });
}

async function claim(ctx: Ctx, { order, payment, places }: Purchase): Promise<string> {
  const { eventId, orderId } = order;
  const { verdict } = await one(
    ctx.db,
    callClaimOrder(
      {
        eventId,
        orderId,
        paymentId: payment.paymentId,
        ticketIds: Array.from({ length: places }, () => newScopedId(ctx.ids, 'tkt', eventId)),
        actor: ctx.actor,
      },
      ctx.clock.now(),
    ),
  );
  return verdict;
}

async function confirm(
  ctx: Ctx,
  order: OrderRow,
  capture: { eventId: EventId; paymentId: PaymentId; amountMinor: number },
): Promise<void> {
  const { eventId, paymentId, amountMinor } = capture;
  const refundId = newScopedId(ctx.ids, 'ref', eventId);
  const { verdict } = await one(
    ctx.db,
    callConfirmOrder(
      {
        eventId,
        orderId: order.orderId,
        paymentId,
        capturedMinor: amountMinor,
        refundId,
        actor: ctx.actor,
      },
      ctx.clock.now(),
    ),
  );
  if (verdict !== 'refund_owed') return;
  await enqueueRefund(ctx.db, { eventId, refundId });
  ctx.wakeJobs();
}

/** A declined attempt is not final for the provider, so the intent is cancelled first. */
async function decline(ctx: Ctx, purchase: Purchase, code: string): Promise<void> {
  const voided = await voidPayment(ctx, purchase.payment, { to: 'failed', failureCode: code });
  if (voided.kind === 'captured') return confirmCaptured(ctx, purchase, voided.intent);
  if (voided.kind === 'unknown') return unknown(ctx, purchase.payment);
  return failOrder(ctx, purchase, code);
}

/** The order ends without money: failed where the payment failed, cancelled where time did. */
async function failOrder(ctx: Ctx, purchase: Purchase, code: string): Promise<void> {
  const { order, payment } = purchase;
  const expired = code === 'expired' || code === 'event_cancelled' || code === 'ended';
  const ended = await endPending(ctx, {
    eventId: order.eventId,
    orderId: order.orderId,
    to: expired ? 'cancelled' : 'failed',
    reason: code,
    endClaim: false,
    payment: expired
      ? null
      : { paymentId: payment.paymentId, to: 'failed', failureCode: code.slice(0, 100) },
  });
  if (!ended.ok) throw new NotYet(BUSY_RETRY_SECONDS);
  await giveUpPayment(ctx, purchase);
}

async function giveUpPayment(ctx: Ctx, purchase: Purchase): Promise<void> {
  const now = await findPayment(ctx.db, purchase.payment.eventId, purchase.payment.paymentId);
  if (!now || isOver(now)) return;
  const voided = await voidPayment(ctx, now, { to: 'voided', failureCode: null });
  if (voided.kind === 'captured') return confirmCaptured(ctx, purchase, voided.intent);
  if (voided.kind === 'unknown') return unknown(ctx, now);
}

/** Nobody knows: it is written down, and asked again soon. */
async function unknown(ctx: Ctx, payment: PaymentRow): Promise<void> {
  await markUnknown(ctx, payment);
  throw new NotYet(UNKNOWN_RETRY_SECONDS);
}

async function countPlaces(ctx: Ctx, order: OrderRow): Promise<number> {
  const lines = await orderLines(ctx.db, order.eventId, order.orderId);
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

/** An order of which nothing has to be paid: claimed and confirmed in one step. */
export async function settleFree(ctx: Ctx, order: OrderRow): Promise<string> {
  const { eventId, orderId } = order;
  const places = await countPlaces(ctx, order);
  const ticketIds = Array.from({ length: places }, () => newScopedId(ctx.ids, 'tkt', eventId));
  const call = { eventId, orderId, ticketIds, actor: ctx.actor };
  return (await one(ctx.db, callConfirmFree(call, ctx.clock.now()))).verdict;
}
