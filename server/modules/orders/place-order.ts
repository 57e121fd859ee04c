import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, type Queryable, run, type Tx } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { record } from '../../kernel/outbox.ts';
import {
  insertOrder,
  insertOrderLines,
  type NewOrder,
  type OrderLine,
  type OrderRow,
  selectOrder,
  selectOrderByKey,
  selectOrderLines,
} from './order.sql.ts';

/** Makes a pending order for a hold; false where the hold, or this request, has one already. */
export async function placeOrder(
  ctx: Ctx,
  tx: Tx,
  order: NewOrder,
  lines: readonly OrderLine[],
): Promise<boolean> {
  if (!(await maybe(tx, insertOrder(order, ctx.clock.now())))) return false;
  await run(tx, insertOrderLines(order.eventId, order.orderId, lines));
  const { eventId, orderId, holdId } = order;
  await record(tx, { kind: 'order_placed', eventId, data: { orderId, holdId } });
  return true;
}

export function readOrder(
  on: Queryable,
  eventId: EventId,
  orderId: OrderId,
): Promise<OrderRow | null> {
  return maybe(on, selectOrder(eventId, orderId));
}

/** The order that this caller made with this key before, if any. */
export function orderByKey(
  on: Queryable,
  eventId: EventId,
  caller: string,
  key: string,
): Promise<OrderRow | null> {
  return maybe(on, selectOrderByKey(eventId, caller, key));
}

export function orderLines(
  on: Queryable,
  eventId: EventId,
  orderId: OrderId,
): Promise<readonly OrderLine[]> {
  return all(on, selectOrderLines({ eventIds: [eventId], orderIds: [orderId] }));
}
