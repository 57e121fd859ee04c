/**
 * The work that a change of an event makes: every order that is concerned gets its offer, or its
 * remedy at once where there is nothing to choose; after the time to choose, what applies then; and
 * what was chosen is carried out. Slice by slice, so that memory does not grow with the event, and
 * with a lease that is renewed by each slice, so that a process that dies loses it within seconds.
 * Every step asks the rows what is left: doing one again changes nothing.
 */
import { eachOf } from '../../kernel/concurrent.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, type Queryable, run } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, NotYet, type Recurring } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import {
  decideRemedy,
  giveUp,
  openRemedies,
  ordersWithoutOffer,
  pendingOrders,
  type RemedyRow,
  readOrder,
} from '../orders/index.ts';
import {
  type ChangeRow,
  leaveChange,
  renewChange,
  selectDueChanges,
  takeChange,
} from './change.sql.ts';
import { offerTo } from './offer-remedy.ts';
import { newOrderOf, reasonOf, settleRemedy } from './settle-remedy.ts';

const FOLLOW_JOB = 'follow_change';
const SLICE_ORDERS = 200;
/** So many are under way together, and share their event's commits. */
const TOGETHER = 64;
/** A slice takes a second or two; so long after its worker died, another one goes on. */
const LEASE_SECONDS = 10;
/** A capture that is under way decides first, a moment later. */
const AGAIN_SECONDS = 2;
/** A fault is no matter of seconds. */
const LATER_SECONDS = 15;
/** What a bank has to decide first takes it weeks. */
const BANK_SECONDS = 600;
const DUE_AT_ONCE = 10;
const EVERY_MS = 1_000;

/** What is done for a change while its lease lasts. */
type Taken = {
  readonly change: ChangeRow;
  /** After each slice. Throws where somebody else took over. */
  readonly renew: (position: string) => Promise<void>;
};

class TakenOver extends Error {
  override readonly name = 'TakenOver';
}

/** In the transaction that changes the event. */
export async function enqueueFollowing(on: Queryable, eventId: EventId): Promise<void> {
  await enqueue(on, { kind: FOLLOW_JOB, key: eventId, data: { eventId } });
}

/** The work of an event's changes as far as it goes now; in how many seconds some is left to do. */
async function followChanges(ctx: Ctx, eventId: EventId): Promise<number | null> {
  let againSeconds: number | null = null;
  for (;;) {
    const taken = await maybe(ctx.db, takeChange(eventId, LEASE_SECONDS));
    if (!taken) return againSeconds;
    try {
      const left = await follow(ctx, taken);
      againSeconds = left.againSeconds ?? againSeconds;
      if (!left.isSettled) return againSeconds;
    } catch (error) {
      if (error instanceof TakenOver) return null;
      throw error;
    }
  }
}

async function follow(ctx: Ctx, first: ChangeRow & { readonly lease: string }) {
  let { lease } = first;
  const renew = async (position: string) => {
    const renewed = await maybe(ctx.db, renewChange({ ...first, lease }, position, LEASE_SECONDS));
    if (!renewed) throw new TakenOver();
    lease = renewed.lease;
  };
  const taken = { change: first, renew };
  const isOver = first.supersededAt !== null;
  const isOffered = first.offeredAt !== null || isOver || (await offerAll(ctx, taken));
  const isLate = first.chooseBy <= (await readNow(ctx.db, ctx.clock));
  // An order that has no offer yet keeps nobody else waiting.
  const decided = isLate && !isOver ? await decideAll(ctx, taken) : { failed: 0, disputed: 0 };
  const settled = await settleAll(ctx, taken);
  const failed = decided.failed + settled.failed;
  const disputed = decided.disputed + settled.disputed;
  const open = isOver ? 0 : (await openRemedies(ctx.db, first, 'offered', '', 1)).length;
  const isSettled = isOffered && failed + disputed + open === 0;
  const againSeconds = !isOffered
    ? AGAIN_SECONDS
    : failed > 0
      ? LATER_SECONDS
      : disputed > 0
        ? BANK_SECONDS
        : null;
  await run(ctx.db, leaveChange({ ...first, lease }, { isOffered, isSettled, againSeconds }));
  return { isSettled, againSeconds };
}

/** True where every order that is concerned has its offer: none is pending any more, either. */
async function offerAll(ctx: Ctx, { change, renew }: Taken): Promise<boolean> {
  let left = change.kind === 'cancellation' ? await endPending(ctx, change) : 0;
  for (let after = change.position; ; ) {
    const slice = await ordersWithoutOffer(ctx.db, change, after, SLICE_ORDERS);
    await eachOf(slice, TOGETHER, async (order) => {
      const isDone =
        order.status !== 'pending' && (await tried(ctx, order, offerTo(change, order)));
      if (!isDone) left += 1;
    });
    const last = slice.at(-1);
    if (!last) break;
    after = last.orderId;
    await renew(after);
  }
  // Where the pass began in the middle, those before were some other worker's, who may have failed.
  return left === 0 && change.position === '';
}

/** Orders that are not paid yet end first, and at once. Returns how many could not. */
async function endPending(ctx: Ctx, { eventId }: ChangeRow): Promise<number> {
  let left = 0;
  for (let after = ''; ; ) {
    const slice = await pendingOrders(ctx.db, eventId, after, SLICE_ORDERS);
    await eachOf(slice, TOGETHER, async (pending) => {
      const isDone = await tried(ctx, pending, async () => {
        const order = await readOrder(ctx.db, eventId, pending.orderId);
        const ended = order && (await giveUp(ctx, order, 'event_cancelled'));
        // One that has a capture under way is decided by that.
        return !ended || (ended.ok && ended.value !== 'claimed');
      });
      if (!isDone) left += 1;
    });
    const last = slice.at(-1);
    if (!last) return left;
    after = last.orderId;
  }
}

/** The time to choose is over. */
async function decideAll(ctx: Ctx, taken: Taken): Promise<Left> {
  const { change } = taken;
  const { eventId, changeNo } = change;
  return eachOpen(ctx, taken, 'offered', (row) => async () => {
    const decided = await decideRemedy(ctx, eventId, {
      ...{ orderId: row.orderId, changeNo, reason: reasonOf(change), remedy: null, by: 'deadline' },
      newOrderId: newOrderOf(ctx, change),
    });
    if (!decided.ok) return false;
    return decided.value ? true : 'disputed';
  });
}

function settleAll(ctx: Ctx, taken: Taken): Promise<Left> {
  return eachOpen(ctx, taken, 'chosen', (row) => () => settleRemedy(ctx, taken.change, row));
}

/** How many could not be done, and of how many a bank decides first. */
type Left = { failed: number; disputed: number };

async function eachOpen(
  ctx: Ctx,
  { change, renew }: Taken,
  status: 'offered' | 'chosen',
  work: (row: RemedyRow) => () => Promise<boolean | 'disputed'>,
): Promise<Left> {
  const left: Left = { failed: 0, disputed: 0 };
  for (let after = ''; ; ) {
    const slice = await openRemedies(ctx.db, change, status, after, SLICE_ORDERS);
    await eachOf(slice, TOGETHER, async (row) => {
      const done = await tried(ctx, row, work(row));
      if (done === 'disputed') left.disputed += 1;
      else if (!done) left.failed += 1;
    });
    const last = slice.at(-1);
    if (!last) return left;
    after = last.orderId;
    await renew('');
  }
}

/** One order that fails must not keep those behind it from their money. */
async function tried<T>(
  ctx: Ctx,
  { orderId }: { readonly orderId: OrderId },
  work: (ctx: Ctx) => Promise<T>,
): Promise<T | false> {
  try {
    return await work(ctx);
  } catch (error) {
    ctx.log.error({ err: error, orderId }, 'an order of a changed event failed');
    return false;
  }
}

/** Begins at once; where it dies, the recurring work finds it. */
export const followChangeJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: FOLLOW_JOB,
  handler: async (ctx, job) => {
    // Written by `enqueueFollowing`.
    const { eventId } = job.data as { readonly eventId: EventId };
    const againSeconds = await followChanges(ctx, eventId);
    ctx.wakeJobs();
    if (againSeconds !== null) throw new NotYet(againSeconds);
  },
};

/** What is due: a time to choose that is over, a choice, a worker that died. */
export const changesRecurring: Recurring = {
  name: 'follow_changes',
  everyMs: EVERY_MS,
  run: async (ctx) => {
    const acting = { ...ctx, actor: `job:${FOLLOW_JOB}` };
    for (const { eventId } of await all(ctx.db, selectDueChanges(ctx.clock.now(), DUE_AT_ONCE))) {
      await followChanges(acting, eventId);
    }
  },
};
