import type { Ctx } from '../../kernel/context.ts';
import { type Busy, one } from '../../kernel/db.ts';
import { newScopedId, type RefundId, type TicketId } from '../../kernel/ids.ts';
import type { Turn } from '../../kernel/lanes.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { enqueueRefund } from '../payments/index.ts';
import { callRefundTickets } from './order.sql.ts';
import {
  type Ending,
  endKind,
  extendKind,
  type OrderKey,
  type RefundAnswer,
} from './order-kinds.ts';

/**
 * Ends a pending order without a sale; its places come back in the same transaction, or stay held
 * with `keepHold`. `claimed`: a capture is under way, and decides first. Any other word is the
 * status that it has already.
 */
export function endPending(
  ctx: Ctx,
  { eventId, ...ending }: Omit<Ending, 'actor'> & OrderKey,
): Promise<Result<string, Busy>> {
  return ctx.lanes.ask(ctx, endKind, eventId, { ...ending, actor: ctx.actor });
}

/**
 * A payment is under way when the time runs out: once, the order and its places get until `moreMs`
 * from now. True where they did.
 */
export async function extendOrder(
  ctx: Ctx,
  { eventId, orderId }: OrderKey,
  moreMs: number,
): Promise<boolean> {
  const asked = await ctx.lanes.ask(ctx, extendKind, eventId, { orderId, moreMs });
  return asked.ok && asked.value !== null;
}

export type RefundRefusal = RefusalOf<
  | 'not_found'
  | 'order_not_confirmed'
  | 'unknown_ticket'
  | 'order_archived'
  | 'payment_disputed'
  | 'remedy_chosen'
>;

/**
 * Takes tickets back for their money, in a turn: all that are live, or those named. The refund is
 * owed at once and submitted by a job; where the job is lost, the reconciler finds what is owed.
 * `kept`, by ticket, is not given back.
 */
export async function refundTicketsIn(
  ctx: Ctx,
  turn: Turn,
  { eventId, orderId }: OrderKey,
  ticketIds: readonly TicketId[] | null,
  reason: string,
  more: {
    readonly kept?: Readonly<Record<TicketId, number>> | null;
    /** Where it was given before: under one id tickets go back once. */
    readonly refundId?: RefundId;
  } = {},
): Promise<Result<null, RefundRefusal>> {
  const { kept = null, refundId = newScopedId(ctx.ids, 'ref', eventId) } = more;
  const call = callRefundTickets(eventId, orderId, ticketIds, refundId, reason, kept);
  const row = await one(turn, call);
  // The function answers in this shape.
  const answer = row.answer as RefundAnswer;
  if (answer.refundId) await enqueueRefund(turn, { eventId, refundId });
  return refundResult(answer);
}

function refundResult({ verdict, status }: RefundAnswer): Result<null, RefundRefusal> {
  if (verdict === 'refunded') return ok(null);
  if (verdict === 'not_found') return refused('not_found');
  if (verdict === 'unknown_ticket') return refused('unknown_ticket');
  if (verdict === 'payment_disputed') return refused('payment_disputed');
  if (verdict === 'archived') return refused('order_archived');
  if (verdict === 'remedy_chosen') return refused('remedy_chosen');
  return refused('order_not_confirmed', { extra: { orderStatus: present(status, verdict) } });
}
