import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, maybe } from '../../kernel/db.ts';
import type { OrderId, TicketId } from '../../kernel/ids.ts';
import { record } from '../../kernel/outbox.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { EPOCH_MAX } from '../ticket-codes/index.ts';
import { findOrder } from './find-order.ts';
import { selectTicket, updateEpoch } from './order.sql.ts';
import { type OrderView, orderIn } from './order-view.ts';

type ReissueRefusal =
  | RefusalOf<'not_found' | 'ticket_not_valid' | 'ticket_reissued_too_often'>
  | Busy;

/**
 * Gives a valid ticket a new code, for whoever lost the old one or let others see it. The old code
 * keeps its good signature; its epoch is not the ticket's any more, and doors compare that.
 *
 * One row changes, by one statement that decides: a refund at the same moment either finds the new
 * epoch, or leaves a void ticket that is not reissued.
 */
export async function reissueTicket(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  ticketId: TicketId,
): Promise<Result<OrderView, ReissueRefusal>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:write');
  if (!found) return refused('not_found');
  const { order } = found;
  const { eventId } = order;
  return inTx(ctx, async (tx) => {
    const changed = await maybe(tx, updateEpoch(eventId, orderId, ticketId, EPOCH_MAX));
    if (!changed) {
      const ticket = await maybe(tx, selectTicket(eventId, orderId, ticketId));
      if (!ticket) return refused('not_found');
      if (ticket.status === 'valid') return refused('ticket_reissued_too_often');
      return refused('ticket_not_valid', { extra: { ticketStatus: ticket.status } });
    }
    const data = { orderId, ticketId, epoch: changed.epoch };
    await record(tx, { kind: 'ticket_reissued', eventId, data });
    return ok(await orderIn(ctx, tx, order));
  });
}
