import type { Ctx } from '../../kernel/context.ts';
import { all, one } from '../../kernel/db.ts';
import { countLateRefunds, countUnknown, takePaymentsToCheck } from './payment.sql.ts';
import type { SettleJob } from './settle-job.ts';

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
