import { all, type Queryable } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { selectLive } from './order.sql.ts';

/** Orders of an event that still hold places or money, a slice of them. */
export function selectLiveOrders(on: Queryable, eventId: EventId, most: number) {
  return all(on, selectLive(eventId, most));
}
