import type { Ctx } from '../../kernel/context.ts';
import { all, maybe } from '../../kernel/db.ts';
import { groupBy } from '../../kernel/group-by.ts';
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import type { Relayed } from '../../kernel/relay.ts';
import { selectAvailability, selectSaleVersion, selectSeatKeys } from './availability.sql.ts';

export type SaleStatus =
  | 'scheduled'
  | 'on_sale'
  | 'paused'
  | 'sold_out'
  | 'closed'
  | 'cancelled'
  | 'past';

export type Availability = {
  readonly eventId: EventId;
  /** Grows with every change of places or terms. */
  readonly version: number;
  readonly status: SaleStatus;
  readonly ticketTypes: readonly {
    readonly id: TicketTypeId;
    readonly available: number;
    readonly status: SaleStatus;
  }[];
};

type AvailabilityRow = ReturnType<ReturnType<typeof selectAvailability>['decode']>;

type Facts = {
  readonly state: 'unpublished' | 'open' | 'paused' | 'closed' | 'cancelled';
  readonly now: Date;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly endsAt: Date;
};

/** What a buyer is told of the sale as a whole, before it is known whether anything is left. */
export function saleStatusOf(sale: Facts): Exclude<SaleStatus, 'sold_out'> {
  if (sale.state === 'cancelled') return 'cancelled';
  if (sale.endsAt <= sale.now) return 'past';
  if (sale.state === 'closed') return 'closed';
  if (sale.closesAt !== null && sale.closesAt <= sale.now) return 'closed';
  if (sale.state === 'unpublished') return 'scheduled';
  if (sale.opensAt !== null && sale.opensAt > sale.now) return 'scheduled';
  return sale.state === 'paused' ? 'paused' : 'on_sale';
}

/** How many places of each ticket type are free now; null for an unknown event. */
export async function readAvailability(ctx: Ctx, eventId: EventId): Promise<Availability | null> {
  return (await readAvailabilities(ctx, [eventId])).get(eventId) ?? null;
}

/** The version that its availability has now; null for an unknown event. */
export async function readSaleVersion(ctx: Ctx, eventId: EventId): Promise<number | null> {
  return (await maybe(ctx.db, selectSaleVersion(eventId)))?.version ?? null;
}

/** What is free in several events at once; an unknown one is not in the answer. */
export async function readAvailabilities(
  ctx: Ctx,
  eventIds: readonly EventId[],
): Promise<ReadonlyMap<EventId, Availability>> {
  const found = await all(ctx.db, selectAvailability(eventIds, ctx.clock.now()));
  return new Map(found.map((row) => [row.eventId, availabilityOf(row)]));
}

function availabilityOf(row: AvailabilityRow): Availability {
  const whole = saleStatusOf(row);
  const ticketTypes = row.ticketTypes.map((type) => {
    let status: SaleStatus = whole;
    if (whole === 'on_sale') {
      if (type.notOpen) status = 'scheduled';
      else if (type.closed) status = 'closed';
      else if (type.free <= 0) status = 'sold_out';
    }
    return { id: type.ticketTypeId, available: Math.max(0, type.free), status };
  });
  const soldOut =
    whole === 'on_sale' &&
    ticketTypes.length > 0 &&
    ticketTypes.every((type) => type.available === 0);
  const { eventId, version } = row;
  return { eventId, version, status: soldOut ? 'sold_out' : whole, ticketTypes };
}

/**
 * What readers of facts about places are told beside them, by the fact's number: what became of the
 * places, which they are, and what is free of each ticket type now. Now is later than the fact: of
 * two messages the one with the higher version of the totals is right.
 */
export async function availabilityBeside(
  ctx: Ctx,
  facts: readonly Relayed[],
): Promise<ReadonlyMap<number, object>> {
  const byEvent = groupBy(facts, ({ eventId }) => eventId);
  const now = await readAvailabilities(ctx, [...byEvent.keys()]);
  const told = new Map<number, object>();
  for (const [eventId, own] of byEvent) {
    const totals = totalsOf(now.get(eventId));
    const keys = await seatKeys(ctx, eventId, own);
    for (const { n, kind, data } of own) {
      const change = changeOf(kind);
      const items = itemsOf(data);
      const seats = seatNosOf(data).flatMap((no) => keys.get(no) ?? []);
      told.set(n, {
        ...(change === null ? {} : { change }),
        ...(items.length > 0 ? { items } : {}),
        ...(seats.length > 0 ? { seats } : {}),
        ...(totals === null ? {} : { totals }),
      });
    }
  }
  return told;
}

function totalsOf(availability: Availability | undefined) {
  if (!availability) return null;
  const { version, ticketTypes } = availability;
  const free = ticketTypes.map(({ id, available }) => ({ ticketTypeId: id, available }));
  return { version, ticketTypes: free };
}

async function seatKeys(
  ctx: Ctx,
  eventId: EventId,
  facts: readonly Relayed[],
): Promise<ReadonlyMap<number, string>> {
  const seatNos = [...new Set(facts.flatMap(({ data }) => seatNosOf(data)))];
  if (seatNos.length === 0) return new Map();
  const found = await all(ctx.db, selectSeatKeys(eventId, seatNos));
  return new Map(found.map(({ seatNo, key }) => [seatNo, key]));
}

/** Several lines may be of one ticket type; a fact of another build may have no such members. */
function itemsOf({ ticketTypeIds, quantities }: Relayed['data']) {
  if (!Array.isArray(ticketTypeIds) || !Array.isArray(quantities)) return [];
  return ticketTypeIds.map((ticketTypeId, at) => ({ ticketTypeId, quantity: quantities[at] }));
}

function seatNosOf({ seatNos }: Relayed['data']): readonly number[] {
  return Array.isArray(seatNos) ? seatNos.filter((no) => typeof no === 'number') : [];
}

/** What became of places, in the three words of those who only count them. */
const changes: Readonly<Record<string, 'locked' | 'unlocked' | 'sold'>> = {
  places_held: 'locked',
  hold_changed: 'locked',
  hold_revived: 'locked',
  hold_released: 'unlocked',
  hold_lapsed: 'unlocked',
  places_returned: 'unlocked',
  places_sold: 'sold',
};

/** Null for facts about no particular places: totals alone tell what they changed. */
function changeOf(kind: string): 'locked' | 'unlocked' | 'sold' | null {
  return changes[kind] ?? null;
}
