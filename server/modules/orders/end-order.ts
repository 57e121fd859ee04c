import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, one, type Tx } from '../../kernel/db.ts';
import { type EventId, newScopedId, type OrderId, type TicketId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { enqueueRefund } from '../payments/index.ts';
import { callEndPending, callRefundTickets, type Ending } from './order.sql.ts';

export type { Ending };

/**
 * Ends a pending order without a sale; its places come back in the same transaction. `claimed`: a
 * capture is under way, and decides first. Any other word is the status that it has already.
 */
export function endPending(ctx: Ctx, ending: Ending): Promise<Result<string, Busy>> {
  return inTx(ctx, async (tx) => ok((await one(tx, callEndPending(ending))).verdict));
}

type RefundAnswer = { readonly verdict: string; readonly refundId?: EventId | null };

export type RefundRefusal = RefusalOf<
  'not_found' | 'order_not_confirmed' | 'unknown_ticket' | 'order_archived'
>;

/**
 * Takes tickets back for their money: all that are live, or those named. The refund is owed at
 * once and submitted by a job.
 */
export function refundTickets(
  ctx: Ctx,
  order: OrderKey,
  ticketIds: readonly TicketId[] | null,
  reason: string,
): Promise<Result<null, RefundRefusal | Busy>> {
  return inTx(ctx, (tx) => refundTicketsIn(ctx, tx, order, ticketIds, reason));
}

type OrderKey = { readonly eventId: EventId; readonly orderId: OrderId };

/** The same inside a transaction, for whoever answers with what has become of the order. */
export async function refundTicketsIn(
  ctx: Ctx,
  tx: Tx,
  { eventId, orderId }: OrderKey,
  ticketIds: readonly TicketId[] | null,
  reason: string,
): Promise<Result<null, RefundRefusal>> {
  const refundId = newScopedId(ctx.ids, 'ref', eventId);
  const row = await one(tx, callRefundTickets(eventId, orderId, ticketIds, refundId, reason));
  // The function answers in this shape.
  const answer = row.answer as RefundAnswer;
  if (answer.verdict === 'not_found') return refused('not_found');
  if (answer.verdict === 'unknown_ticket') return refused('unknown_ticket');
  if (answer.verdict === 'archived') return refused('order_archived');
  if (answer.verdict !== 'refunded') {
    return refused('order_not_confirmed', { extra: { orderStatus: answer.verdict } });
  }
  if (answer.refundId) await enqueueRefund(tx, { eventId, refundId });
  return ok(null);
}
