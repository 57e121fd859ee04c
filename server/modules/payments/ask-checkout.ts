/**
 * Payments by the provider's own page (a Checkout Session). Its intent exists from the moment the
 * buyer pays; before, only the session can be looked at, and only it can be given up.
 */
import type { Ctx } from '../../kernel/context.ts';
import { assertOutsideTx, run } from '../../kernel/db.ts';
import { assert } from '../../kernel/result.ts';
import { type PaymentRow, setCheckout, setProviderIntent } from './payment.sql.ts';
import { type Asked, type Checkout, type Intent, providerFor } from './provider.ts';
import { cancelLateIntent } from './void-payment.ts';

/** All of it follows from stored rows: asked again under the same key, it must be the same. */
export type CheckoutTerms = {
  readonly description: string;
  readonly customerEmail: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
  readonly expiresAt: Date;
};

/** Its intent is null until the buyer pays. */
export type CheckoutSeen = { readonly checkout: Checkout; readonly intent: Intent | null };

/** The provider's session of this payment, made if it has none yet. */
export async function askCheckout(
  ctx: Ctx,
  payment: PaymentRow,
  terms: CheckoutTerms,
): Promise<Asked<Checkout>> {
  assertOutsideTx('the payment provider');
  const provider = providerFor(ctx, payment);
  if (payment.checkoutId !== null) return provider.readCheckout(payment.checkoutId);
  const asked = await provider.createCheckout({
    ...terms,
    amountMinor: payment.amountMinor,
    currency: payment.currency,
    metadata: {
      payment_id: payment.paymentId,
      event_id: payment.eventId,
      reference: payment.reference,
      order_id: payment.reference,
    },
    idempotencyKey: `checkout:${payment.paymentId}`,
  });
  if (asked.kind !== 'ok') return asked;
  const { id, url, amountMinor, currency } = asked.value;
  assert(amountMinor === payment.amountMinor, 'the session has another amount than its payment');
  assert(currency === payment.currency, 'the session has another currency than its payment');
  await ctx.pause('intent.before_store');
  await run(ctx.db, setCheckout(payment.eventId, payment.paymentId, id, url));
  const late = await cancelLateIntent(ctx, payment);
  if (late?.kind === 'unknown') return late;
  if (late) {
    return { kind: 'refused', code: 'payment_ended', message: 'The payment has ended meanwhile.' };
  }
  return asked;
}

/** The session, and what the buyer has paid in it; from here on the payment knows its intent. */
export async function lookAtCheckout(
  ctx: Ctx,
  payment: PaymentRow,
  terms: CheckoutTerms,
): Promise<Asked<CheckoutSeen>> {
  const asked = await askCheckout(ctx, payment, terms);
  if (asked.kind !== 'ok') return asked;
  const checkout = asked.value;
  if (checkout.intentId === null) return { kind: 'ok', value: { checkout, intent: null } };
  if (payment.providerId !== checkout.intentId) {
    const { eventId, paymentId } = payment;
    await run(ctx.db, setProviderIntent(eventId, paymentId, checkout.intentId, null));
  }
  const read = await providerFor(ctx, payment).readIntent(checkout.intentId);
  return read.kind === 'ok' ? { kind: 'ok', value: { checkout, intent: read.value } } : read;
}
