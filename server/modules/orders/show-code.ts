import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import type { OrderId, TicketId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { paymentsOf } from '../payments/index.ts';
import { findOrder } from './find-order.ts';
import { selectTicket } from './order.sql.ts';
import { referencesOf, showsCode } from './order-view.ts';
import { ticketCode } from './ticket-keys.ts';

/** The code of one ticket of an order, where it is given out, to whoever may read the order. */
export async function showCode(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  ticketId: TicketId,
): Promise<Result<string, RefusalOf<'not_found' | 'ticket_not_valid'>>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const ticket = await maybe(ctx.db, selectTicket(found.order.eventId, orderId, ticketId));
  if (!ticket) return refused('not_found');
  const payments = await paymentsOf(ctx.db, referencesOf([found.order]));
  if (!showsCode(ticket.status, payments)) {
    return refused('ticket_not_valid', { extra: { ticketStatus: ticket.status } });
  }
  return ok(ticketCode(ctx.secrets, ticketId, ticket.epoch));
}
