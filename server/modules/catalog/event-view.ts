import { z } from 'zod';
import { breakdownLine, chargesOut, chargesView, includedLines } from '../../kernel/charges.ts';
import type { Queryable } from '../../kernel/db.ts';
import { all } from '../../kernel/db.ts';
import { present } from '../../kernel/result.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { toRfc3339 } from '../../kernel/time.ts';
import { readSupplies, type Supply } from '../inventory/index.ts';
import { type EventRow, selectTicketTypeTexts } from './event.sql.ts';

const ticketTypeSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    price: moneyOut.describe('What the buyer pays, with all fees and taxes'),
    breakdown: z.array(breakdownLine).describe('What the price contains'),
    poolId: z.string(),
    capacity: z.int().describe('Of its pool, which other ticket types may share'),
    minPerOrder: z.int(),
    maxPerOrder: z.int(),
    salesOpenAt: timeOut.nullable(),
    salesCloseAt: timeOut.nullable(),
    visibility: z.enum(['public', 'hidden', 'code']),
  })
  .meta({ id: 'TicketType' });

export const eventSchema = z
  .object({
    id: z.string(),
    organizerId: z.string(),
    name: z.string(),
    description: z.string(),
    status: z.enum(['draft', 'published', 'cancelled', 'archived']),
    version: z.int(),
    startsAt: timeOut,
    endsAt: timeOut.nullable(),
    doorsAt: timeOut.nullable(),
    timezone: z.string(),
    venueName: z.string().nullable(),
    series: z.string().nullable(),
    configurationId: z.string().nullable().describe('The floor plan that it takes place in'),
    sectionChoices: z.record(z.string(), z.string()),
    currency: z.string(),
    totalCapacity: z.int().nullable(),
    visibility: z.enum(['public', 'hidden', 'scheduled']),
    publicAt: timeOut.nullable(),
    salesOpenAt: timeOut.nullable(),
    salesCloseAt: timeOut.nullable(),
    maxTicketsPerPerson: z.int().nullable(),
    holdMinutes: z.int(),
    shoppingMinutes: z.int(),
    refundableUntil: timeOut.nullable(),
    charges: chargesOut.nullable(),
    pools: z.array(z.object({ id: z.string(), name: z.string(), capacity: z.int() })),
    ticketTypes: z.array(ticketTypeSchema),
    createdAt: timeOut,
  })
  .meta({ id: 'Event' });

export type EventView = z.input<typeof eventSchema>;
export { ticketTypeSchema };

/** The event as the API shows it; buyers do not see hidden ticket types listed. */
export async function eventView(
  on: Queryable,
  event: EventRow,
  audience: 'staff' | 'public',
): Promise<EventView> {
  const [view] = await eventViews(on, [event], audience);
  return present(view, 'the view of an event');
}

/** A list of them, in as many statements as one takes. */
export async function eventViews(
  on: Queryable,
  events: readonly EventRow[],
  audience: 'staff' | 'public',
): Promise<EventView[]> {
  const ids = events.map((event) => event.eventId);
  const supplies = await readSupplies(on, ids);
  const texts = await all(on, selectTicketTypeTexts(ids));
  return events.flatMap((event) => {
    const supply = supplies.get(event.eventId);
    // Deleted since it was listed.
    if (!supply) return [];
    const own = texts.filter((text) => text.eventId === event.eventId);
    return [toView(event, supply, own, audience)];
  });
}

type TypeText = ReturnType<ReturnType<typeof selectTicketTypeTexts>['decode']>;

/** What one ticket at this price contains. */
function containedIn(priceMinor: number, { charges, currency }: EventRow) {
  return [...includedLines([{ priceMinor, quantity: 1 }], charges, currency)];
}

function toView(
  event: EventRow,
  supply: Supply,
  texts: readonly TypeText[],
  audience: 'staff' | 'public',
): EventView {
  const terms = new Map(supply.ticketTypes.map((type) => [type.ticketTypeId, type]));
  const capacities = new Map(supply.pools.map((pool) => [pool.poolId, pool.capacity]));
  const shown = texts.filter((type) => audience === 'staff' || type.visibility === 'public');
  // A hidden ticket type's pool would give its name away.
  const isListed = (pool: { poolId: string }) =>
    audience === 'staff' ||
    shown.some((type) => terms.get(type.ticketTypeId)?.poolId === pool.poolId);
  const time = (at: Date | null) => (at ? toRfc3339(at, event.timezone) : null);
  return {
    id: event.eventId,
    organizerId: event.organizerId,
    name: event.name,
    description: event.description,
    status: event.status,
    version: event.version,
    startsAt: toRfc3339(event.startsAt, event.timezone),
    endsAt: time(event.endsAt),
    doorsAt: time(event.doorsAt),
    timezone: event.timezone,
    venueName: event.venueName,
    series: event.series,
    configurationId: event.configurationId,
    sectionChoices: event.sectionChoices,
    currency: event.currency,
    totalCapacity: supply.sale.totalCapacity,
    visibility: event.visibility,
    publicAt: time(event.publicAt),
    salesOpenAt: time(supply.sale.opensAt),
    salesCloseAt: time(supply.sale.closesAt),
    maxTicketsPerPerson: supply.sale.personLimit,
    // In the database it need not be whole minutes; no buyer is promised less than is shown.
    holdMinutes: Math.floor(supply.sale.holdMs / 60_000),
    shoppingMinutes: event.shoppingMinutes,
    refundableUntil: time(event.refundableUntil),
    charges: event.charges && chargesView(event.charges, event.currency),
    pools: supply.pools.filter(isListed).map((pool) => ({
      id: pool.poolId,
      name: pool.name,
      capacity: pool.capacity,
    })),
    ticketTypes: shown
      .map((type) => ({ type, term: present(terms.get(type.ticketTypeId), 'terms of a type') }))
      .filter(({ term }) => !term.withdrawn)
      .map(({ type, term }) => ({
        id: type.ticketTypeId,
        name: type.name,
        description: type.description,
        price: { amount: term.priceMinor, currency: event.currency },
        breakdown: containedIn(term.priceMinor, event),
        poolId: term.poolId,
        capacity: present(capacities.get(term.poolId), 'pool of a type'),
        minPerOrder: term.minPerOrder,
        maxPerOrder: term.maxPerOrder,
        salesOpenAt: time(term.opensAt),
        salesCloseAt: time(term.closesAt),
        visibility: type.visibility,
      })),
    createdAt: event.madeAt.toISOString(),
  };
}
