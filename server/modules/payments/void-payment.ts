import type { Ctx } from '../../kernel/context.ts';
import { assertOutsideTx, one, run } from '../../kernel/db.ts';
import { callMovePayment, type PaymentRow, setFingerprint } from './payment.sql.ts';
import type { Intent } from './provider.ts';

/**
 * Gives up a payment at the provider, so that a late authorisation has nothing to hold on to.
 * Answers `captured` with the intent where the money had been taken meanwhile: cancelling is the
 * question, not the answer.
 */
export async function voidPayment(
  ctx: Ctx,
  payment: PaymentRow,
  end: { readonly to: 'voided' | 'failed'; readonly failureCode: string | null },
): Promise<
  | { readonly kind: 'voided' }
  | { readonly kind: 'captured'; readonly intent: Intent }
  | { readonly kind: 'unknown' }
> {
  assertOutsideTx('the payment provider');
  const { payments: provider } = ctx.ports;
  if (payment.providerId !== null) {
    const key = `void:${payment.paymentId}:${payment.attempt}`;
    const asked = await provider.cancelIntent(payment.providerId, key);
    if (asked.kind === 'unknown') return { kind: 'unknown' };
    if (asked.kind === 'refused') {
      const read = await provider.readIntent(payment.providerId);
      if (read.kind !== 'ok') return { kind: 'unknown' };
      if (read.value.status === 'succeeded') return { kind: 'captured', intent: read.value };
      if (read.value.status !== 'canceled') return { kind: 'unknown' };
    }
  }
  await one(ctx.db, callMovePayment(payment.eventId, payment.paymentId, end.to, end.failureCode));
  return { kind: 'voided' };
}

/** The provider did not answer; the reconciler and the alarm take it from here. */
export async function markUnknown(ctx: Ctx, payment: PaymentRow): Promise<void> {
  await one(ctx.db, callMovePayment(payment.eventId, payment.paymentId, 'unknown', null));
}

export async function noteFingerprint(
  ctx: Ctx,
  payment: PaymentRow,
  fingerprint: string,
): Promise<void> {
  await run(ctx.db, setFingerprint(payment.eventId, payment.paymentId, fingerprint));
}
