import type { Ctx } from '../../kernel/context.ts';
import { assertOutsideTx, one, run } from '../../kernel/db.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  callMarkKnown,
  callMarkUnknown,
  forgetLateIntent,
  type PaymentRow,
  setCurrency,
  setFingerprint,
  setProviderIntent,
} from './payment.sql.ts';
import { type Asked, type Intent, providerFor } from './provider.ts';
import { findPayment } from './read-payments.ts';

/**
 * Gives up a payment at the provider, so that a late authorisation has nothing to hold on to; then
 * `record` writes that down, together with the end of whatever was claimed for it. Answers
 * `captured` with the intent where the money had been taken meanwhile: cancelling is the question,
 * not the answer.
 */
export async function voidPayment(
  ctx: Ctx,
  payment: PaymentRow,
  record: () => Promise<void>,
): Promise<
  | { readonly kind: 'voided' }
  | { readonly kind: 'captured'; readonly intent: Intent }
  | { readonly kind: 'unknown' }
> {
  assertOutsideTx('the payment provider');
  const provider = providerFor(ctx, payment);
  await ctx.pause('void.before_call');
  const closed = hasCheckout(payment) ? await closeCheckout(ctx, payment) : null;
  if (closed?.kind === 'unknown') return closed;
  const intentId = closed?.intentId ?? payment.providerId;
  if (intentId !== null) {
    const key = `void:${payment.paymentId}:${payment.attempt}`;
    const asked = await provider.cancelIntent(intentId, key);
    if (asked.kind === 'unknown') return { kind: 'unknown' };
    if (asked.kind === 'refused') {
      const read = await provider.readIntent(intentId);
      if (read.kind !== 'ok') return { kind: 'unknown' };
      if (read.value.status === 'succeeded') return { kind: 'captured', intent: read.value };
      if (read.value.status !== 'canceled') return { kind: 'unknown' };
    }
  }
  await ctx.pause('void.before_record');
  await record();
  if (payment.providerId === null && payment.checkoutId === null) {
    await cancelLateIntent(ctx, payment);
  }
  return { kind: 'voided' };
}

/**
 * A booking may have asked for the intent while its order was being given up. Each of the two first
 * writes (the intent's id here, the payment's end there) and then reads what the other has written,
 * so that one of them at least finds the intent (or the session) that nobody may pay any more, and
 * ends it. Null where there is none; `unknown` also while the other one of the two is at it: then
 * it is to be looked at (`isLate`) until it has certainly ended.
 */
export async function cancelLateIntent(
  ctx: Ctx,
  payment: PaymentRow,
): Promise<Asked<Intent> | null> {
  const now = await findPayment(ctx.db, payment.eventId, payment.paymentId);
  if (!now || !hasFailed(now)) return null;
  const ended = await endLate(ctx, now);
  if (ended?.kind === 'unknown') await markUnknown(ctx, now);
  else if (isLate(now)) await run(ctx.db, forgetLateIntent(now.eventId, now.paymentId));
  return ended;
}

async function endLate(ctx: Ctx, payment: PaymentRow): Promise<Asked<Intent> | null> {
  const provider = providerFor(ctx, payment);
  const closed = hasCheckout(payment) ? await closeCheckout(ctx, payment) : null;
  if (closed?.kind === 'unknown') return { kind: 'unknown', message: 'the session may be open' };
  const intentId = closed?.intentId ?? payment.providerId;
  if (intentId === null) {
    return closed && { kind: 'refused', code: 'payment_ended', message: 'The session has ended.' };
  }
  const key = `void:${payment.paymentId}:late:${payment.attempt}`;
  const asked = await provider.cancelIntent(intentId, key);
  if (asked.kind !== 'refused') return asked;
  const read = await provider.readIntent(intentId);
  const isOver = read.kind === 'ok' && ['canceled', 'succeeded'].includes(read.value.status);
  return isOver ? asked : { kind: 'unknown', message: 'the intent may be open' };
}

/** It has ended without money: nobody may pay it any more. */
export function hasFailed({ status }: Pick<PaymentRow, 'status'>): boolean {
  return status === 'voided' || status === 'failed';
}

/** It has failed, and is looked at all the same: its intent may still be open. */
export function isLate(payment: PaymentRow): boolean {
  return hasFailed(payment) && payment.checkAt !== null;
}

/**
 * The provider did not answer; the reconciler and the alarm take it from here. Answers after how
 * many seconds it is to be asked again.
 */
export async function markUnknown(ctx: Ctx, payment: PaymentRow): Promise<number> {
  const { eventId, paymentId } = payment;
  return (await one(ctx.db, callMarkUnknown(eventId, paymentId))).seconds;
}

/** It has answered, and the buyer is at it. */
export async function markKnown(ctx: Ctx, payment: PaymentRow): Promise<void> {
  if (payment.status !== 'unknown') return;
  await run(ctx.db, callMarkKnown(payment.eventId, payment.paymentId));
}

export async function noteFingerprint(
  ctx: Ctx,
  payment: PaymentRow,
  fingerprint: string,
): Promise<void> {
  await run(ctx.db, setFingerprint(payment.eventId, payment.paymentId, fingerprint));
}

/** What will be recorded was taken in this currency, whatever had been asked for. */
export async function noteCurrency(
  ctx: Ctx,
  payment: PaymentRow,
  currency: Currency,
): Promise<void> {
  await run(ctx.db, setCurrency(payment.eventId, payment.paymentId, currency));
}

/**
 * Ends the payment's session at the provider, so that nobody can begin to pay. Answers with the
 * intent where somebody has paid or begun to, null where nobody has: that one has to be cancelled
 * too. Whoever fails to end a session reads it, because it may have been paid.
 */
async function closeCheckout(
  ctx: Ctx,
  payment: PaymentRow & { readonly checkoutId: string },
): Promise<
  { readonly kind: 'closed'; readonly intentId: string | null } | { readonly kind: 'unknown' }
> {
  const provider = providerFor(ctx, payment);
  const { eventId, paymentId, checkoutId } = payment;
  const key = `expire:${paymentId}:${payment.attempt}`;
  const expired = await provider.expireCheckout(checkoutId, key);
  if (expired.kind === 'unknown') return { kind: 'unknown' };
  const read = expired.kind === 'ok' ? expired : await provider.readCheckout(checkoutId);
  if (read.kind !== 'ok' || read.value.status === 'open') return { kind: 'unknown' };
  const { intentId } = read.value;
  if (intentId !== null && intentId !== payment.providerId) {
    await run(ctx.db, setProviderIntent(eventId, paymentId, intentId, null));
  }
  return { kind: 'closed', intentId };
}

function hasCheckout(payment: PaymentRow): payment is PaymentRow & { readonly checkoutId: string } {
  return payment.checkoutId !== null;
}
