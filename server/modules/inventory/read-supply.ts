import { all, maybe, type Queryable } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { selectPools, selectSale, selectTicketTypes } from './supply.sql.ts';

/** The sale's terms, pools and ticket types of one event; null where it has no sale. */
export async function readSupply(on: Queryable, eventId: EventId) {
  const sale = await maybe(on, selectSale(eventId));
  if (!sale) return null;
  const pools = await all(on, selectPools(eventId));
  const ticketTypes = await all(on, selectTicketTypes(eventId));
  return { sale, pools, ticketTypes };
}

export type SupplyRow = NonNullable<Awaited<ReturnType<typeof readSupply>>>;
