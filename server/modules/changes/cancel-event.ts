import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import { eachOf } from '../../kernel/concurrent.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, NotYet } from '../../kernel/jobs.ts';
import { inTurn } from '../../kernel/lanes.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type EventView, eventView, findEvent, markCancelled } from '../catalog/index.ts';
import { giveUp, liveOrders, type OrderRow, refundTickets } from '../orders/index.ts';

const CANCEL_JOB = 'cancel_event_orders';
const SLICE_ORDERS = 200;
/** So many are under way together, and share their event's commits. */
const TOGETHER = 50;
const AGAIN_SECONDS = 2;
const REASON = 'event_cancelled';

/**
 * Cancels an event; nothing of it is sold from that moment, and every order ends with its refund.
 * Refusals: `not_found`, `event_over` where it was cancelled or archived before.
 */
export async function cancelEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<Result<EventView, RefusalOf<'not_found' | 'event_over'> | Busy>> {
  const done = await inTurn(ctx, eventId, async (tx) => {
    const seen = await findEvent(ctx, actor, eventId, tx);
    if (!seen || !isStaffOf(actor, seen.event.organizerId, 'events:write')) {
      return refused('not_found');
    }
    if (!(await markCancelled(tx, eventId))) return refused('event_over');
    await enqueue(tx, { kind: CANCEL_JOB, key: eventId, data: { eventId } });
    const after = present(await findEvent(ctx, actor, eventId, tx), 'the event');
    return ok(await eventView(tx, after.event, 'staff'));
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}

/** Ends the orders of a cancelled event, slice by slice; again, until none is left. */
export const cancelEventJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: CANCEL_JOB,
  handler: async (ctx, job) => {
    // Written by `cancelEvent`.
    const { eventId } = job.data as { eventId: EventId };
    let left = 0;
    for (let after = ''; ; ) {
      const slice = await liveOrders(ctx.db, eventId, after, SLICE_ORDERS);
      await eachOf(slice, TOGETHER, async (order) => {
        if (!(await endOrder(ctx, order))) left += 1;
      });
      ctx.wakeJobs();
      const last = slice.at(-1);
      if (!last) break;
      after = last.orderId;
    }
    // What is left has a capture under way, whose settlement decides first, or failed.
    if (left > 0) throw new NotYet(AGAIN_SECONDS);
  },
};

/** One order that cannot be ended must not keep those behind it from their money. */
async function endOrder(ctx: Ctx, order: OrderRow): Promise<boolean> {
  try {
    if (order.status === 'pending') {
      const ended = await giveUp(ctx, order, REASON);
      return ended.ok && ended.value === 'ended';
    }
    return (await refundTickets(ctx, order, null, REASON)).ok;
  } catch (error) {
    ctx.log.error({ err: error, orderId: order.orderId }, 'an order could not be ended');
    return false;
  }
}
