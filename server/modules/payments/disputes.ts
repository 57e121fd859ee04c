/**
 * Disputes: the buyer's bank took money back. What is true is read from the provider, whoever
 * brought us there: a webhook, an hour without news of an open one, or the tie-out, which finds at
 * the latest what a lost webhook did not say. The room that composes purchases does the look.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, type Queryable } from '../../kernel/db.ts';
import { enqueue } from '../../kernel/jobs.ts';
import {
  type DisputeRow,
  type PaymentRow,
  selectDisputesOf,
  takeDisputesToCheck,
} from './payment.sql.ts';
import type { SettleJob } from './reconcile.ts';

export const DISPUTE_JOB = 'look_at_disputes';
const CHECK_AT_ONCE = 100;
const CHECK_EVERY_SECONDS = 3_600;

export async function enqueueDisputes(on: Queryable, data: SettleJob): Promise<void> {
  await enqueue(on, { kind: DISPUTE_JOB, key: data.paymentId, data });
}

/** Open disputes of which nothing was heard for an hour are looked at again. */
export async function lookAtOpenDisputes(ctx: Ctx): Promise<void> {
  for (const data of await all(ctx.db, takeDisputesToCheck(CHECK_AT_ONCE, CHECK_EVERY_SECONDS))) {
    await enqueueDisputes(ctx.db, data);
  }
}

/** The disputes of these payments; only money that was taken can be disputed. */
export async function disputesOf(
  on: Queryable,
  payments: readonly PaymentRow[],
): Promise<readonly (DisputeRow & Pick<PaymentRow, 'reference'>)[]> {
  const taken = payments.filter((payment) => payment.capturedMinor > 0);
  if (taken.length === 0) return [];
  const eventIds = taken.map((payment) => payment.eventId);
  const paymentIds = taken.map((payment) => payment.paymentId);
  const found = await all(on, selectDisputesOf({ eventIds, paymentIds }));
  return found.flatMap((row) => {
    const payment = taken.find(({ paymentId }) => paymentId === row.paymentId);
    return payment ? [{ ...row, reference: payment.reference }] : [];
  });
}
