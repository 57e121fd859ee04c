import { all, type Queryable, run } from '../../kernel/db.ts';
import { groupBy } from '../../kernel/group-by.ts';
import type { EventId, HoldId, OrderId } from '../../kernel/ids.ts';
import type { Turn } from '../../kernel/lanes.ts';
import { record } from '../../kernel/outbox.ts';
import { selectOrdersOfHolds, updateSeats } from './order.sql.ts';

/** By hold, the order that stands on it; a hold that nobody has bought on is left out. */
export async function ordersOfHolds(
  on: Queryable,
  eventId: EventId,
  holdIds: readonly HoldId[],
): Promise<ReadonlyMap<HoldId, OrderId>> {
  const found = await all(on, selectOrdersOfHolds(eventId, holdIds));
  return new Map(found.map(({ holdId, orderId }) => [holdId, orderId]));
}

export type SeatMove = { readonly orderId: OrderId; readonly from: string; readonly to: string };

/** Tickets are for other seats from now on, by key; inventory has moved their places already. */
export async function moveTickets(turn: Turn, moves: readonly SeatMove[]): Promise<void> {
  const { eventId } = turn;
  const [orderIds, from, to] = [
    moves.map((move) => move.orderId),
    moves.map((move) => move.from),
    moves.map((move) => move.to),
  ];
  await run(turn, updateSeats(eventId, orderIds, from, to));
  const byOrder = groupBy(moves, ({ orderId }) => orderId);
  const facts = [...byOrder].map(([orderId, own]) => ({
    kind: 'order_reseated',
    eventId,
    data: { orderId, seats: own.map((move) => ({ from: move.from, to: move.to })) },
  }));
  await record(turn, ...facts);
}
