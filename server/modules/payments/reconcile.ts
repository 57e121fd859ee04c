import type { Ctx } from '../../kernel/context.ts';
import { all, one, type Queryable } from '../../kernel/db.ts';
import type { EventId, PaymentId } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';
import { countLateRefunds, countUnknown, takePaymentsToCheck } from './payment.sql.ts';

/**
 * "Look at this payment and do what follows": the one job behind webhooks, the reconciler and the
 * simulated payment. The room that orchestrates a purchase handles it.
 */
export const SETTLE_JOB = 'settle_payment';

export type SettleJob = { readonly eventId: EventId; readonly paymentId: PaymentId };

export async function enqueueSettle(on: Queryable, data: SettleJob): Promise<void> {
  await enqueue(on, { kind: SETTLE_JOB, key: data.paymentId, data });
}

const AT_ONCE = 100;
const CHECK_EVERY_SECONDS = 45;
const UNKNOWN_ALARM_SECONDS = 60;
const LATE_REFUND_ALARM_SECONDS = 300;

/** Payments that nobody has said anything about for too long; leased to the caller. */
export function paymentsToCheck(ctx: Ctx): Promise<readonly SettleJob[]> {
  return all(ctx.db, takePaymentsToCheck(AT_ONCE, CHECK_EVERY_SECONDS));
}

/** Raises the alarm over payments whose outcome is not known, and refunds not given in yet. */
export async function measurePayments(ctx: Ctx): Promise<void> {
  const { unknown } = await one(ctx.db, countUnknown(UNKNOWN_ALARM_SECONDS));
  ctx.metrics.unknownPayments.set(unknown);
  const { late } = await one(ctx.db, countLateRefunds(LATE_REFUND_ALARM_SECONDS));
  ctx.metrics.lateRefunds.set(late);
}
