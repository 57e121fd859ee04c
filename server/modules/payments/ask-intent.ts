import type { Ctx } from '../../kernel/context.ts';
import { assertOutsideTx, run } from '../../kernel/db.ts';
import { assert } from '../../kernel/result.ts';
import { type PaymentRow, setProviderIntent } from './payment.sql.ts';
import { type Asked, type Intent, providerFor } from './provider.ts';
import { cancelLateIntent } from './void-payment.ts';

/**
 * The provider's intent of this payment, made if it has none yet. The key is the payment's id, so
 * that asking again after a lost answer finds the same intent.
 */
export async function askIntent(
  ctx: Ctx,
  payment: PaymentRow,
  description: string,
): Promise<Asked<Intent>> {
  assertOutsideTx('the payment provider');
  const provider = providerFor(ctx, payment);
  if (payment.providerId !== null) return provider.readIntent(payment.providerId);
  const asked = await provider.createIntent({
    amountMinor: payment.amountMinor,
    currency: payment.currency,
    description,
    metadata: {
      payment_id: payment.paymentId,
      event_id: payment.eventId,
      reference: payment.reference,
      // Stripe's own search and the ledger of the sandbox both speak of orders.
      order_id: payment.reference,
    },
    idempotencyKey: `intent:${payment.paymentId}`,
  });
  if (asked.kind !== 'ok') return asked;
  const { id, clientSecret, amountMinor, currency } = asked.value;
  assert(amountMinor === payment.amountMinor, 'the intent has another amount than its payment');
  assert(currency === payment.currency, 'the intent has another currency than its payment');
  await ctx.pause('intent.before_store');
  await run(ctx.db, setProviderIntent(payment.eventId, payment.paymentId, id, clientSecret));
  const late = await cancelLateIntent(ctx, payment);
  if (late?.kind === 'unknown') return late;
  if (late) {
    return { kind: 'refused', code: 'payment_ended', message: 'The payment has ended meanwhile.' };
  }
  return asked;
}
