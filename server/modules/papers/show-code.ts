import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { OrderId, TicketId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findOrder, orderNow } from '../orders/index.ts';

/** The code of one ticket of an order, where it is given out, to whoever may read the order. */
export async function showCode(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  ticketId: TicketId,
): Promise<Result<string, RefusalOf<'not_found' | 'ticket_not_valid'>>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const { tickets } = await orderNow(ctx, found.order);
  const ticket = tickets.find(({ id }) => id === ticketId);
  if (!ticket) return refused('not_found');
  if (ticket.code === null) {
    return refused('ticket_not_valid', { extra: { ticketStatus: ticket.status } });
  }
  return ok(ticket.code);
}
