import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { OrderId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type EventWords, readEventWords, type SeatWords } from '../catalog/index.ts';
import { findOrder, type OrderView, orderNow } from '../orders/index.ts';

/** A ticket that opens a door, and what is printed of it. */
export type PaperTicket = {
  readonly id: string;
  readonly code: string;
  readonly typeName: string;
  readonly price: { readonly amount: number; readonly currency: string };
  /** The words of its floor plan, or its id where it has none; null for a counted place. */
  readonly seat: SeatWords | string | null;
};

export type Papers = {
  readonly event: EventWords['event'];
  readonly order: OrderView;
  /** Those whose codes are given out, by id. */
  readonly tickets: readonly PaperTicket[];
};

/**
 * All that a buyer's papers are made of: the order's tickets and the words of their event, which
 * two rooms below know. Refused until the order is confirmed, and once its money went back.
 */
export async function readPapers(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
): Promise<Result<Papers, RefusalOf<'not_found' | 'order_not_confirmed'>>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const order = await orderNow(ctx, found.order);
  const { status } = order;
  if (status !== 'confirmed' && status !== 'partially_refunded') {
    return refused('order_not_confirmed', { extra: { orderStatus: status } });
  }
  const keys = order.tickets.flatMap(({ seat }) => seat ?? []);
  const words = await readEventWords(ctx, found.order.eventId, keys);
  return ok({ event: words.event, order, tickets: printed(order, words) });
}

function printed(order: OrderView, { typeNames, seats }: EventWords): PaperTicket[] {
  const names: ReadonlyMap<string, string> = typeNames;
  return order.tickets.flatMap(({ id, code, ticketTypeId, price, seat }) => {
    if (code === null) return [];
    const typeName = names.get(ticketTypeId) ?? '';
    return [{ id, code, typeName, price, seat: seat ? (seats.get(seat) ?? seat) : null }];
  });
}

/** `Stalls, row A, seat 3`; the ticket type alone for a counted place. */
export function placeText({ seat, typeName }: PaperTicket): string {
  if (seat === null) return typeName;
  if (typeof seat === 'string') return `${typeName}, ${seat}`;
  return `${typeName}, ${seat.section}, row ${seat.row}, seat ${seat.number}`;
}
