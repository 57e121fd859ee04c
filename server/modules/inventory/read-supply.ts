import { all, type Queryable } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { selectPools, selectSales, selectTicketTypes } from './supply.sql.ts';

/** The sale's terms, pools and ticket types of each event that has a sale; three statements. */
export async function readSupplies(on: Queryable, eventIds: readonly EventId[]) {
  const sales = await all(on, selectSales(eventIds));
  const pools = await all(on, selectPools(eventIds));
  const ticketTypes = await all(on, selectTicketTypes(eventIds));
  return new Map(
    sales.map((sale) => [
      sale.eventId,
      {
        sale,
        pools: pools.filter((pool) => pool.eventId === sale.eventId),
        ticketTypes: ticketTypes.filter((type) => type.eventId === sale.eventId),
      },
    ]),
  );
}

export type Supply =
  Awaited<ReturnType<typeof readSupplies>> extends Map<EventId, infer One> ? One : never;

/** The same for one event; null where it has no sale. */
export async function readSupply(on: Queryable, eventId: EventId): Promise<Supply | null> {
  return (await readSupplies(on, [eventId])).get(eventId) ?? null;
}
