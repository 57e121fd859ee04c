import type { Ctx } from '../../kernel/context.ts';
import { type JobHandler, NotYet, type Recurring } from '../../kernel/jobs.ts';
import { sweepLapsed } from '../inventory/index.ts';
import { expireOrders } from '../orders/index.ts';
import {
  DISPUTE_JOB,
  enqueueSettle,
  findPayment,
  lookAtOpenDisputes,
  measurePayments,
  paymentsToCheck,
  providerFor,
  resubmitOpenRefunds,
  SETTLE_JOB,
  type SettleJob,
} from '../payments/index.ts';
import { settleCreditJob, tidyCredit } from './settle-credit.ts';
import { settleDisputes } from './settle-dispute.ts';
import { settleLossJob } from './settle-loss.ts';
import { settlePayment } from './settle-payment.ts';

/** Enqueued by `shopping.book_batch`. */
const PAY_SIMULATED_JOB = 'pay_simulated';

/** The card that the simulated buyer of E4 pays with. */
const SIMULATED_CARD = 'pm_card_visa';
/** A lapsed place is shown as free within a second (G5): this, and the time of the sweep. */
const SWEEP_MS = 250;
/** One event whose lane is busy keeps no other's places from being shown in time. */
const SWEEP_WAIT_MAX_MS = 250;
const EXPIRE_MS = 500;
const RECONCILE_MS = 5_000;
const TIDY_CREDIT_MS = 15_000;

/** Also where an answer about it was lost. */
const UNPAID: readonly string[] = ['created', 'processing', 'unknown'];

/** The asynchronous payer of E4: pays with a card that works, then lets settlement look. */
async function paySimulated(ctx: Ctx, { eventId, paymentId }: SettleJob): Promise<void> {
  const payment = await findPayment(ctx.db, eventId, paymentId);
  const isUnpaid = payment !== null && UNPAID.includes(payment.status);
  // The booking is just asking for the intent, or the reconciler will.
  if (isUnpaid && payment.providerId === null) throw new NotYet(1);
  if (isUnpaid && payment.providerId !== null) {
    const key = `simulated:${paymentId}`;
    const provider = providerFor(ctx, payment);
    const paid = await provider.confirmIntent(payment.providerId, SIMULATED_CARD, key);
    if (paid.kind === 'unknown') throw new Error(paid.message);
  }
  await settlePayment(ctx, eventId, paymentId);
}

export const settleHandlers: Readonly<Record<string, JobHandler>> = {
  [DISPUTE_JOB]: (ctx, job) => {
    // Written by `enqueueDisputes`.
    const { eventId, paymentId } = job.data as SettleJob;
    return settleDisputes(ctx, eventId, paymentId);
  },
  [SETTLE_JOB]: (ctx, job) => {
    // Written by `enqueueSettle`.
    const { eventId, paymentId } = job.data as SettleJob;
    return settlePayment(ctx, eventId, paymentId);
  },
  // As above.
  [PAY_SIMULATED_JOB]: (ctx, job) => paySimulated(ctx, job.data as SettleJob),
  [settleCreditJob.kind]: settleCreditJob.handler,
  [settleLossJob.kind]: settleLossJob.handler,
};

/** Apart from orders: what is shown to buyers does not wait for what is said to those who left. */
export const sweepRecurring: Recurring = {
  name: 'sweep',
  everyMs: SWEEP_MS,
  run: async (ctx) => {
    await sweepLapsed(ctx, { waitMaxMs: SWEEP_WAIT_MAX_MS });
  },
};

export const expireRecurring: Recurring = {
  name: 'expire',
  everyMs: EXPIRE_MS,
  run: async (ctx) => {
    await expireOrders(ctx);
  },
};

/** Webhooks are an optimisation: this finds what they miss. */
export const settleRecurring: Recurring = {
  name: 'reconcile',
  everyMs: RECONCILE_MS,
  run: async (ctx) => {
    // All that are due: in a rush thousands are, and none may wait for the next round.
    for (;;) {
      const due = await paymentsToCheck(ctx);
      if (due.length === 0) break;
      for (const job of due) await enqueueSettle(ctx.db, job);
      ctx.wakeJobs();
    }
    await resubmitOpenRefunds(ctx);
    await lookAtOpenDisputes(ctx);
    await measurePayments(ctx);
  },
};

export const creditRecurring: Recurring = {
  name: 'tidy_credit',
  everyMs: TIDY_CREDIT_MS,
  run: tidyCredit,
};
