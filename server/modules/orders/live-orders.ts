import { all, type Queryable } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { selectLive } from './order.sql.ts';

/** Orders of an event that still hold places or money: a slice of them, by id, after one. */
export function liveOrders(on: Queryable, eventId: EventId, after: string, most: number) {
  return all(on, selectLive(eventId, after, most));
}
