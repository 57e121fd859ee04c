/**
 * News for all buyers of an event, and the reminder on the day before: slice by slice, each slice
 * with its position in one transaction, so that whoever goes on after a dead process leaves nobody
 * out and tells nobody twice.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, inTx, maybe, one, type Queryable, run, type Tx } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, NotYet, type Recurring } from '../../kernel/jobs.ts';
import { inTxOrNotNow } from '../../kernel/not-now.ts';
import { ok } from '../../kernel/result.ts';
import { readOrder } from '../orders/index.ts';
import {
  selectConcernedOrders,
  selectEventsSoon,
  selectLatestChange,
  selectLiveOrders,
} from './buyers.view.sql.ts';
import type { Kind } from './kinds.ts';
import { countOpen, deleteOldMessages } from './message.sql.ts';
import { awaitsRemedyOf, changeKey, notifyBuyer } from './notify-buyer.ts';
import { endRound, insertRound, moveRound, selectRound } from './round.sql.ts';

const ROUND_JOB = 'notify_round';
const SLICE_ORDERS = 200;
/** At this distance the messages of a slice are sent faster than they are written down. */
const REST_SECONDS = 2;
const REMINDED_HOURS = 24;
/** Whoever is on their way already needs no mail. */
const REMINDED_LEAST_HOURS = 1;
const EVENTS_AT_ONCE = 100;
const REMINDER_EVERY_MS = 60_000;
const FORGET_EVERY_MS = 60_000;
const FORGOTTEN_AT_ONCE = 5_000;

/** Once for each key of an event. */
export async function beginRound(
  ctx: Ctx,
  on: Queryable,
  eventId: EventId,
  key: string,
  kind: Kind,
): Promise<void> {
  if (!(await maybe(on, insertRound(eventId, key, kind, ctx.clock.now())))) return;
  await enqueue(on, { kind: ROUND_JOB, key: `${eventId}/${key}`, data: { eventId, key } });
}

export const roundJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: ROUND_JOB,
  handler: async (ctx, job) => {
    // Written by `beginRound`.
    const { eventId, key } = job.data as { readonly eventId: EventId; readonly key: string };
    const round = await maybe(ctx.db, selectRound(eventId, key));
    if (!round || round.doneAt) return;
    // Written by `beginRound` as well.
    const isOver = await tellSlice(ctx, eventId, key, round.kind as Kind, round.position);
    ctx.wakeJobs();
    if (!isOver) throw new NotYet(REST_SECONDS);
  },
};

async function tellSlice(
  ctx: Ctx,
  eventId: EventId,
  key: string,
  kind: Kind,
  position: string,
): Promise<boolean> {
  const { changeNo } = await one(ctx.db, selectLatestChange(eventId));
  const isChange = kind !== 'reminder' && changeNo !== null;
  const slice = isChange
    ? await all(ctx.db, selectConcernedOrders(eventId, changeNo, position, SLICE_ORDERS))
    : await all(ctx.db, selectLiveOrders(eventId, position, SLICE_ORDERS));
  const last = slice.at(-1);
  const isLast = slice.length < SLICE_ORDERS;
  const messageKey = isChange ? changeKey(changeNo) : key;
  const data = isChange ? awaitsRemedyOf(changeNo) : {};
  const told = await inTx(ctx, async (tx) => {
    for (const { orderId } of slice) {
      await tellOrder(ctx, tx, { eventId, orderId }, kind, messageKey, data);
    }
    if (last) await run(tx, moveRound(eventId, key, last.orderId));
    if (isLast) await run(tx, endRound(eventId, key, ctx.clock.now()));
    return ok(null);
  });
  if (!told.ok) throw new NotYet(REST_SECONDS);
  return isLast;
}

async function tellOrder(
  ctx: Ctx,
  tx: Tx,
  { eventId, orderId }: { readonly eventId: EventId; readonly orderId: OrderId },
  kind: Kind,
  key: string,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  const order = await readOrder(tx, eventId, orderId);
  if (order) await notifyBuyer(ctx, tx, order, kind, key, data);
}

/** One round for each event and each date of it, the day before. */
export const reminderRecurring: Recurring = {
  name: 'remind',
  everyMs: REMINDER_EVERY_MS,
  run: async (ctx) => {
    const now = ctx.clock.now();
    const hours = [REMINDED_HOURS, REMINDED_LEAST_HOURS] as const;
    for (const { eventId, startsAt } of await all(
      ctx.db,
      selectEventsSoon(now, ...hours, EVENTS_AT_ONCE),
    )) {
      const key = `reminder:${Math.floor(startsAt.getTime() / 1_000)}`;
      await inTxOrNotNow(ctx, (tx) => beginRound(ctx, tx, eventId, key, 'reminder'));
    }
    ctx.wakeJobs();
  },
};

/** What was sent long ago is forgotten, and what waits is counted. */
export const forgetMessagesRecurring: Recurring = {
  name: 'forget_messages',
  everyMs: FORGET_EVERY_MS,
  run: async (ctx) => {
    while ((await run(ctx.db, deleteOldMessages(ctx.clock.now(), FORGOTTEN_AT_ONCE))) > 0);
    ctx.metrics.messagesWaiting.set((await one(ctx.db, countOpen())).open);
  },
};
