/**
 * Refunds, in three beats: owed (recorded with what caused it) → submitted (before the call, with
 * a key of its own per attempt) → the provider's answer. An answer that did not come is asked for
 * again under the same key; a failure makes it owed again, under the next key.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, one, type Queryable } from '../../kernel/db.ts';
import type { EventId, RefundId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, NotYet } from '../../kernel/jobs.ts';
import { present } from '../../kernel/result.ts';
import { callMoveRefund, selectOpenRefunds, selectRefund } from './payment.sql.ts';
import { type ProviderRefund, providerFor } from './provider.ts';
import type { RefundState } from './states.ts';

const REFUND_JOB = 'submit_refund';
const PENDING_LOOK_SECONDS = 60;
const FAILED_WAIT_SECONDS = 300;
const RESUBMIT_AT_ONCE = 200;

type RefundJob = { readonly eventId: EventId; readonly refundId: RefundId };

export async function enqueueRefund(on: Queryable, data: RefundJob): Promise<void> {
  await enqueue(on, { kind: REFUND_JOB, key: data.refundId, data });
}

/** The job: moves one refund as far as it goes now. */
export const submitRefund: { readonly kind: string; readonly handler: JobHandler } = {
  kind: REFUND_JOB,
  handler: async (ctx, job) => {
    // Written by `enqueueRefund`.
    const { eventId, refundId } = job.data as RefundJob;
    const refund = await maybe(ctx.db, selectRefund(eventId, refundId));
    if (!refund) return;
    // A refund that has succeeded may still fail days later: the bank sends it back.
    if (refund.status === 'pending' || refund.status === 'succeeded') {
      const read = await providerFor(ctx, refund).readRefund(
        present(refund.providerId, 'refund id'),
      );
      if (read.kind !== 'ok') throw new NotYet(PENDING_LOOK_SECONDS);
      return recordAnswer(ctx, refund, read.value);
    }
    if (refund.status === 'failed') {
      await move(ctx, refund, ['failed'], 'owed');
      throw new NotYet(FAILED_WAIT_SECONDS);
    }
    await move(ctx, refund, ['owed'], 'submitted');
    const asked = await providerFor(ctx, refund).refund({
      intentId: present(refund.intentId, 'the intent of a captured payment'),
      amountMinor: refund.amountMinor,
      currency: refund.currency,
      metadata: { refund_id: refundId, event_id: eventId },
      idempotencyKey: `refund:${refundId}:${refund.attempt}`,
    });
    if (asked.kind === 'ok') return recordAnswer(ctx, refund, asked.value);
    if (asked.kind === 'refused') {
      await move(ctx, refund, ['submitted'], 'failed', { failureCode: asked.code });
    }
    throw new Error(`refund ${refundId}: ${asked.message}`);
  },
};

/** With what it means for the books, in one transaction; nothing where it is elsewhere by now. */
async function move(
  ctx: Ctx,
  { eventId, refundId }: RefundJob,
  from: readonly RefundState[],
  to: RefundState,
  more: { readonly providerId?: string; readonly failureCode?: string | null } = {},
): Promise<void> {
  const now = ctx.clock.now();
  await one(ctx.db, callMoveRefund(eventId, refundId, from, to, { ...more, now }));
}

const cameFrom = {
  pending: ['submitted'],
  succeeded: ['submitted', 'pending'],
  failed: ['submitted', 'pending', 'succeeded'],
} as const;

async function recordAnswer(ctx: Ctx, refund: RefundJob, answer: ProviderRefund): Promise<void> {
  const more = { providerId: answer.id, failureCode: answer.failureCode };
  await move(ctx, refund, cameFrom[answer.status], answer.status, more);
  if (answer.status === 'succeeded') return;
  throw new NotYet(answer.status === 'pending' ? PENDING_LOOK_SECONDS : FAILED_WAIT_SECONDS);
}

/**
 * The reconciler's part: every open refund has a job, also where one was lost. Slice by slice to
 * the last one: refunds that stay open for long must not hide the ones behind them.
 */
export async function resubmitOpenRefunds(ctx: Ctx, atOnce = RESUBMIT_AT_ONCE): Promise<void> {
  let slice = await all(ctx.db, selectOpenRefunds(null, atOnce));
  while (slice.length > 0) {
    for (const { eventId, refundId } of slice) {
      const data: RefundJob = { eventId, refundId };
      await enqueue(ctx.db, { kind: REFUND_JOB, key: refundId, data, onlyIfMissing: true });
    }
    slice = await all(
      ctx.db,
      selectOpenRefunds(present(slice.at(-1), 'the last of a slice'), atOnce),
    );
  }
}
