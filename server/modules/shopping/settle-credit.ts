/** Credit follows its order: spent, released or returned, in transactions after the event's own. */
import type { Ctx } from '../../kernel/context.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { type JobHandler, NotYet } from '../../kernel/jobs.ts';
import { present, type Refusal, type Result } from '../../kernel/result.ts';
import { creditReturnsOf, orderByKey, readOrder } from '../orders/index.ts';
import {
  dueReservations,
  expireCredits,
  lookLater,
  releaseCredit,
  releaseDue,
  returnCredit,
  spendCredit,
} from '../promotions/index.ts';

const BUSY_RETRY_SECONDS = 1;

function orLater(result: Result<null, Refusal>): void {
  if (!result.ok) throw new NotYet(BUSY_RETRY_SECONDS);
}

/** Looks at an order and does with its credit what is left to do; twice does no harm. */
async function settleCredit(ctx: Ctx, eventId: EventId, orderId: OrderId): Promise<void> {
  const order = await readOrder(ctx.db, eventId, orderId);
  if (!order || order.creditMinor === 0) return;
  const reservationId = present(order.creditReservation, 'the reservation of an order');
  if (order.confirmedAt !== null) {
    const spent = { reservationId, orderId, amountMinor: order.creditMinor };
    orLater(await spendCredit(ctx, spent));
  } else if (order.status !== 'pending') {
    orLater(await releaseCredit(ctx, reservationId));
  }
  for (const returned of await creditReturnsOf(ctx.db, order)) {
    // Where it went to no credit of this order, whoever wrote it down issues one.
    if (returned.creditId === null) continue;
    const { creditId, refundId, amountMinor } = returned;
    orLater(await returnCredit(ctx, { creditId, eventId, orderId, refundId, amountMinor }));
  }
}

/** Enqueued by `orders.settle_credit`. */
export const settleCreditJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: 'settle_credit',
  handler: (ctx, job) => {
    // Written by that function.
    const { eventId, orderId } = job.data as { eventId: EventId; orderId: OrderId };
    return settleCredit(ctx, eventId, orderId);
  },
};

/** What bookings that came to nothing have kept of credits, and credits whose time is over. */
export async function tidyCredit(ctx: Ctx): Promise<void> {
  for (const due of await dueReservations(ctx)) {
    const order = await orderByKey(ctx.db, due.eventId, due.caller, due.key);
    if (order?.creditReservation !== due.reservationId) await releaseDue(ctx, due);
    else if (order.status === 'pending') await lookLater(ctx, due);
    else await settleCredit(ctx, order.eventId, order.orderId);
  }
  await expireCredits(ctx);
}
