/**
 * The provider has taken, or would take, something else than the payment asks for: another amount,
 * another currency. That makes no tickets, whatever else is true. The order ends; what was taken is
 * written down as it is, and owed back by the same transaction that writes it down.
 */
import type { Ctx } from '../../kernel/context.ts';
import { NotYet } from '../../kernel/jobs.ts';
import { endPending, type OrderRow } from '../orders/index.ts';
import { type Intent, noteCurrency, type PaymentRow } from '../payments/index.ts';

export const ODD_CAPTURE = 'amount_differs';
const BUSY_RETRY_SECONDS = 1;

/** Against the order too: the payment's own currency follows what was taken. */
export function isOdd(
  order: Pick<OrderRow, 'currency'>,
  payment: Pick<PaymentRow, 'amountMinor' | 'currency'>,
  asked: Pick<Intent, 'amountMinor' | 'currency'>,
): boolean {
  return (
    asked.amountMinor !== payment.amountMinor ||
    asked.currency !== payment.currency ||
    asked.currency !== order.currency
  );
}

/** Before what was taken is recorded: nothing is left that it could be taken for. */
export async function endOdd(
  ctx: Ctx,
  { order, payment }: { readonly order: OrderRow; readonly payment: PaymentRow },
  taken: Pick<Intent, 'receivedMinor' | 'currency'>,
): Promise<void> {
  const { eventId, paymentId, amountMinor, currency } = payment;
  const asked = { paymentId, amountMinor, currency };
  ctx.log.error({ ...asked, taken }, 'the provider took something else than was asked for');
  ctx.metrics.oddCaptures.inc();
  const ended = await endPending(ctx, {
    eventId,
    orderId: order.orderId,
    to: 'failed',
    reason: ODD_CAPTURE,
    endClaim: true,
  });
  if (!ended.ok) throw new NotYet(BUSY_RETRY_SECONDS);
  await noteCurrency(ctx, payment, taken.currency);
}
