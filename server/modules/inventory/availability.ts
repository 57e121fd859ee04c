import type { Ctx } from '../../kernel/context.ts';
import { all, maybe } from '../../kernel/db.ts';
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import { selectAvailability, selectSaleVersion } from './availability.sql.ts';

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
