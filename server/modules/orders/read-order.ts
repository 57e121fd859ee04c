import { all, maybe, type Queryable } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import {
  type OrderLine,
  type OrderRow,
  selectCreditReturns,
  selectOrder,
  selectOrderByKey,
  selectOrderLines,
  selectOrderStates,
} from './order.sql.ts';

export function readOrder(
  on: Queryable,
  eventId: EventId,
  orderId: OrderId,
): Promise<OrderRow | null> {
  return maybe(on, selectOrder(eventId, orderId));
}

/** What these orders of an event are now, and who made each; unknown ones are left out. */
export function readOrderStates(on: Queryable, eventId: EventId, orderIds: readonly string[]) {
  return all(on, selectOrderStates(eventId, orderIds));
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

/** What of an order went back as credit, oldest first. */
export function creditReturnsOf(
  on: Queryable,
  { eventId, orderId }: Pick<OrderRow, 'eventId' | 'orderId'>,
) {
  return all(on, selectCreditReturns({ eventIds: [eventId], orderIds: [orderId] }));
}

const VOUCHER_OF = 'voucher of ';

/** Who made an order that a voucher became: the order that it was for, whose token opens it too. */
export const callerOfVoucher = (orderId: OrderId): string => VOUCHER_OF + orderId;

/** The order whose voucher this one was; null for all others. */
export function voucherOf({ caller }: Pick<OrderRow, 'caller'>): OrderId | null {
  // Written as above.
  return caller.startsWith(VOUCHER_OF) ? (caller.slice(VOUCHER_OF.length) as OrderId) : null;
}
