import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx } from '../../kernel/db.ts';
import type { OrderId, TicketId } from '../../kernel/ids.ts';
import { inTurn } from '../../kernel/lanes.ts';
import { readNow } from '../../kernel/now.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import type { AskedApproval } from '../approvals/index.ts';
import { enqueueSettle, paymentsOf } from '../payments/index.ts';
import { askedForRefund } from './ask-refund.ts';
import { endPending, type RefundRefusal, refundTicketsIn } from './end-order.ts';
import { findOrder, type Standing } from './find-order.ts';
import type { OrderRow } from './order.sql.ts';
import { keptOfTickets } from './order-price.ts';
import { type OrderView, orderIn, referencesOf } from './order-view.ts';

type CancelRefusal =
  | RefusalOf<
      'not_found' | 'refund_window_closed' | 'payment_in_progress' | 'order_ended' | 'forbidden'
    >
  | RefundRefusal
  | Busy;

/**
 * Gives an order up. Pending: its places are free at once, and its payment is voided. Confirmed:
 * all of it is refunded, by its buyer within the event's window, by staff at any time.
 */
export async function cancelOrder(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
): Promise<Result<OrderView | AskedApproval, CancelRefusal>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:write');
  if (!found) return refused('not_found');
  const { order, as } = found;
  const reason = as === 'buyer' ? 'cancelled_by_buyer' : 'cancelled_by_organizer';
  if (order.status === 'pending') {
    const ended = await giveUp(ctx, order, reason);
    if (!ended.ok) return ended;
    if (ended.value === 'claimed') return refused('payment_in_progress');
    if (ended.value !== 'ended') return cancelOrder(ctx, actor, orderId);
    // Read in a transaction, which keeps it as the answer to a repetition.
    return inTx(ctx, async (tx) => ok(await orderIn(ctx, tx, order)));
  }
  if (order.status !== 'confirmed' && order.status !== 'partially_refunded') {
    return refused('order_ended', { extra: { orderStatus: order.status } });
  }
  // Giving money back takes its own right, whichever way it is asked for.
  if (as === 'staff' && !isStaffOf(actor, order.organizerId, 'refunds:write')) {
    return refused('forbidden', { detail: 'The scope refunds:write is needed.' });
  }
  return refundOrder(ctx, { order, as }, null, reason);
}

/** Ends a pending order; its payment is looked at right away, so that nothing stays authorised. */
export async function giveUp(
  ctx: Ctx,
  order: OrderRow,
  reason: string,
): Promise<Result<string, Busy>> {
  const { eventId, orderId } = order;
  const ended = await endPending(ctx, {
    eventId,
    orderId,
    to: 'cancelled',
    reason,
    endClaim: false,
  });
  await ctx.pause('end.before_look');
  if (ended.ok && ended.value === 'ended') await lookAtPayments(ctx, order);
  return ended;
}

async function lookAtPayments(ctx: Ctx, order: OrderRow): Promise<void> {
  for (const { eventId, paymentId } of await paymentsOf(ctx.db, referencesOf([order]))) {
    await enqueueSettle(ctx.db, { eventId, paymentId });
  }
  ctx.wakeJobs();
}

/**
 * Refunds tickets of a confirmed order: all, or those named. By staff above their organizer's
 * threshold it is only asked for.
 */
export async function refundOrder(
  ctx: Ctx,
  { order, as }: { readonly order: OrderRow; readonly as: Standing },
  ticketIds: readonly TicketId[] | null,
  reason: string,
): Promise<Result<OrderView | AskedApproval, CancelRefusal>> {
  if (as === 'buyer') {
    const until = order.refundableUntil;
    const now = await readNow(ctx.db, ctx.clock);
    if (until === null || until <= now) return refused('refund_window_closed');
  }
  // The view is read inside: what the transaction returns is what a replay is answered with.
  const done = await inTurn(ctx, order.eventId, async (tx) => {
    const asked = as === 'staff' && (await askedForRefund(ctx, tx, order, ticketIds, reason));
    if (asked) return ok(asked);
    // Fees that do not go back are kept where it is the buyer who takes a step back.
    const kept = as === 'buyer' ? await keptOfTickets(tx, order) : null;
    const taken = await refundTicketsIn(ctx, tx, order, ticketIds, reason, { kept });
    return taken.ok ? ok(await orderIn(ctx, tx, order)) : taken;
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}
