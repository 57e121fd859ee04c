import type { Ctx } from '../../kernel/context.ts';
import { run } from '../../kernel/db.ts';
import { type PaymentRow, setProviderIntent } from './payment.sql.ts';
import { providerFor } from './provider.ts';

/**
 * Ends the payment's session at the provider, so that nobody can begin to pay. Answers with the
 * intent where somebody has paid or begun to, null where nobody has: that one has to be cancelled
 * too. Whoever fails to end a session reads it, because it may have been paid.
 */
export async function closeCheckout(
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

export function hasCheckout(
  payment: PaymentRow,
): payment is PaymentRow & { readonly checkoutId: string } {
  return payment.checkoutId !== null;
}
