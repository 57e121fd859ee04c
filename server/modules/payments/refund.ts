/**
 * Refunds, in three beats: owed (recorded with what caused it) → submitted (before the call, with
 * a key of its own per attempt) → the provider's answer. An answer that did not come is asked for
 * again under the same key; a failure makes it owed again, under the next key.
 *
 * A provider may keep an answer that says nothing under its key for a day. So after a few of those
 * its list of refunds is read: what it made counts, and only where there is nothing the refund gets
 * the next key. In between it is left in peace for longer than any call lives, so that none that
 * was sent before can still be carried out after the list was read.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, one, type Queryable, run } from '../../kernel/db.ts';
import type { EventId, RefundId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, NotYet } from '../../kernel/jobs.ts';
import { present } from '../../kernel/result.ts';
import { pacesOf } from './pace-refunds.ts';
import {
  callMoveRefund,
  noteUnanswered,
  type RefundRow,
  selectRefund,
  takeRefundsToCheck,
} from './payment.sql.ts';
import { type Asked, type ProviderRefund, providerFor } from './provider.ts';
import type { RefundState } from './states.ts';

const REFUND_JOB = 'submit_refund';
/** So that what a lost webhook would have said is known within a minute. */
const PENDING_LOOK_SECONDS = 45;
const FAILED_WAIT_SECONDS = 300;
const DISPUTED_WAIT_SECONDS = 600;
/** Answers under one key that say nothing, before the provider's list is read. */
const UNANSWERED_MAX = 3;
const UNANSWERED_WAIT_MAX_SECONDS = 300;
/** Six times as long as the adapter waits for a call. */
const QUIET_SECONDS = 60;
/** In each turn of the reconciler: more than go out meanwhile, far less than it bears. */
const CHECK_AT_ONCE = 500;
const CHECK_EVERY_SECONDS = 600;

type RefundJob = { readonly eventId: EventId; readonly refundId: RefundId };

export async function enqueueRefund(
  on: Queryable,
  data: RefundJob,
  delaySeconds = 0,
): Promise<void> {
  await enqueue(on, { kind: REFUND_JOB, key: data.refundId, data, delaySeconds });
}

/** As one of very many: its time comes when those before it have gone out. */
export async function layOutRefund(ctx: Ctx, data: RefundJob): Promise<void> {
  // One row for all accounts: each goes out no faster than alone.
  await enqueueRefund(ctx.db, data, pacesOf(ctx).layOut.reserve(''));
}

/** The job: moves one refund as far as it goes now. */
export const submitRefund: { readonly kind: string; readonly handler: JobHandler } = {
  kind: REFUND_JOB,
  // Written by `enqueueRefund`.
  handler: (ctx, job) => goOn(ctx, job.data as RefundJob),
};

async function goOn(ctx: Ctx, { eventId, refundId }: RefundJob): Promise<void> {
  const refund = await maybe(ctx.db, selectRefund(eventId, refundId));
  if (!refund) return;
  // Paid by a dispute that was lost: there is nothing to read.
  if (refund.status === 'succeeded' && refund.providerId === null) return;
  // A refund that has succeeded may still fail days later: the bank sends it back.
  if (refund.status === 'pending' || refund.status === 'succeeded') {
    const read = await providerFor(ctx, refund).readRefund(present(refund.providerId, 'refund id'));
    if (read.kind !== 'ok') throw new NotYet(PENDING_LOOK_SECONDS);
    return recordAnswer(ctx, refund, read.value);
  }
  if (refund.status === 'failed') {
    await move(ctx, refund, ['failed'], 'owed');
    throw new NotYet(FAILED_WAIT_SECONDS);
  }
  // What is disputed is the bank's to give back or not; a refund beside it would be paid twice.
  if (refund.status === 'owed' && refund.paymentStatus === 'disputed') {
    throw new NotYet(DISPUTED_WAIT_SECONDS);
  }
  if (refund.unanswered >= UNANSWERED_MAX) return readWhatWasMade(ctx, refund);
  return submit(ctx, refund);
}

async function submit(ctx: Ctx, refund: RefundRow): Promise<void> {
  const { eventId, refundId } = refund;
  const waitSeconds = pacesOf(ctx).submit.admit(refund.account ?? '');
  if (waitSeconds > 0) throw new NotYet(waitSeconds);
  await ctx.pause('refund.before_submit');
  await move(ctx, refund, ['owed'], 'submitted');
  await ctx.pause('refund.before_call');
  const asked = await providerFor(ctx, refund).refund({
    intentId: present(refund.intentId, 'the intent of a captured payment'),
    amountMinor: refund.amountMinor,
    currency: refund.currency,
    metadata: { refund_id: refundId, event_id: eventId },
    idempotencyKey: `refund:${refundId}:${refund.attempt}`,
  });
  await ctx.pause('refund.after_submit');
  if (asked.kind === 'ok') return recordAnswer(ctx, refund, asked.value);
  if (asked.kind === 'unknown') {
    await run(ctx.db, noteUnanswered(eventId, refundId));
    throw new NotYet(Math.min(UNANSWERED_WAIT_MAX_SECONDS, 2 ** refund.unanswered));
  }
  // "Already refunded" may be our own, made under a key that the provider has forgotten.
  const made = await madeFor(ctx, refund);
  if (made.kind !== 'ok') throw new NotYet(PENDING_LOOK_SECONDS);
  if (made.value) return recordAnswer(ctx, refund, made.value);
  await move(ctx, refund, ['submitted'], 'failed', { failureCode: asked.code });
  throw new Error(`refund ${refundId}: ${asked.message}`);
}

/** Several calls were not answered: the provider's list decides, and then the next key. */
async function readWhatWasMade(ctx: Ctx, refund: RefundRow): Promise<void> {
  const restSeconds = QUIET_SECONDS - refund.quietSeconds;
  if (restSeconds > 0) throw new NotYet(Math.ceil(restSeconds));
  const made = await madeFor(ctx, refund);
  if (made.kind !== 'ok') throw new NotYet(PENDING_LOOK_SECONDS);
  if (made.value) return recordAnswer(ctx, refund, made.value);
  await move(ctx, refund, ['submitted'], 'owed');
  return goOn(ctx, refund);
}

/** The provider's refund for this one of ours, whose last attempt has not failed; null: none. */
async function madeFor(ctx: Ctx, refund: RefundRow): Promise<Asked<ProviderRefund | null>> {
  const intentId = present(refund.intentId, 'the intent of a captured payment');
  const listed = await providerFor(ctx, refund).refundsOf(intentId);
  if (listed.kind !== 'ok') return listed;
  const mine = listed.value.find(
    ({ metadata, status }) => metadata['refund_id'] === refund.refundId && status !== 'failed',
  );
  return { kind: 'ok', value: mine ?? null };
}

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
  await ctx.pause('refund.before_record');
  const more = { providerId: answer.id, failureCode: answer.failureCode };
  await move(ctx, refund, cameFrom[answer.status], answer.status, more);
  await ctx.pause('refund.after_record');
  if (answer.status === 'succeeded') return;
  throw new NotYet(answer.status === 'pending' ? PENDING_LOOK_SECONDS : FAILED_WAIT_SECONDS);
}

/**
 * The reconciler's part: every open refund has a job, also where one was lost. Those that have been
 * looked at longest ago, a bounded number in each turn: ones that stay open for long do not hide
 * the ones behind them, and a hundred thousand cost a turn no more than five hundred.
 */
export async function resubmitOpenRefunds(ctx: Ctx, atOnce = CHECK_AT_ONCE): Promise<void> {
  for (const data of await all(ctx.db, takeRefundsToCheck(atOnce, CHECK_EVERY_SECONDS))) {
    await enqueue(ctx.db, { kind: REFUND_JOB, key: data.refundId, data, onlyIfMissing: true });
  }
}
