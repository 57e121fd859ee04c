import type { EventId, HoldId, OrganizerId, PoolId, TicketTypeId } from '../../kernel/ids.ts';
import {
  bool,
  command,
  instant,
  instantOrNull,
  int,
  intOrNull,
  listOf,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';
import type { SpecialSeat } from '../venues/index.ts';

export type SaleTerms = {
  readonly eventId: EventId;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly endsAt: Date;
  readonly holdMs: number;
  readonly personLimit: number | null;
  readonly totalCapacity: number | null;
  /** Before it, only the organizer's staff knows of the sale; null: everybody does. */
  readonly publicAt: Date | null;
};

export type TicketTypeTerms = {
  readonly eventId: EventId;
  readonly ticketTypeId: TicketTypeId;
  readonly poolId: PoolId;
  readonly priceMinor: number;
  readonly minPerOrder: number;
  readonly maxPerOrder: number;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly needsCode: boolean;
  /** Whether it may be given to who has not named it. */
  readonly listed: boolean;
};

const verdict = { verdict: text };

/** Lane functions: the event, the instant (null: the database's clock), the batch as JSON. */
export const callBlockBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(text),
})`
  select inventory.block_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callWaitBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(intOrNull),
})`
  select inventory.wait_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const insertSale = (t: SaleTerms, organizerId: OrganizerId, currency: string) => command`
  insert into inventory.sale (event_id, organizer_id, currency, opens_at, closes_at, ends_at,
    hold_ms, person_limit, total_capacity, public_at)
  values (${t.eventId}, ${organizerId}, ${currency}, ${t.opensAt}, ${t.closesAt}, ${t.endsAt},
    ${t.holdMs}, ${t.personLimit}, ${t.totalCapacity}, ${t.publicAt})`;

export const callSetSale = (t: SaleTerms) => rows(verdict)`
  select inventory.set_sale@v(${t.eventId}, ${t.opensAt}, ${t.closesAt}, ${t.endsAt}, ${t.holdMs},
    ${t.personLimit}, ${t.totalCapacity}, ${t.publicAt}) as verdict`;

export const callSetSaleState = (eventId: EventId, from: readonly string[], to: string) =>
  rows(verdict)`
  select inventory.set_sale_state@v(${eventId}, ${from}, ${to}) as verdict`;

export const callSetPool = (eventId: EventId, poolId: PoolId, name: string, capacity: number) =>
  rows(verdict)`
  select inventory.set_pool@v(${eventId}, ${poolId}, ${name}, ${capacity}) as verdict`;

export const callOpenSeats = (
  eventId: EventId,
  pool: {
    readonly poolId: PoolId;
    readonly name: string;
    readonly seats: readonly {
      readonly seatNo?: number;
      readonly key: string;
      readonly section: string;
      readonly row: number;
      readonly place: number;
      readonly distance: number;
      readonly special?: string | null;
    }[];
  },
) => rows({ first: int })`
  select inventory.open_seats@v(${eventId}, ${pool.poolId}, ${pool.name},
    ${pool.seats.map((seat) => seat.seatNo ?? null)}::int[],
    ${pool.seats.map((seat) => seat.key)}::text[],
    ${pool.seats.map((seat) => seat.section)}::text[],
    ${pool.seats.map((seat) => seat.row)}::int[], ${pool.seats.map((seat) => seat.place)}::int[],
    ${pool.seats.map((seat) => seat.distance)}::real[],
    ${pool.seats.map((seat) => seat.special ?? null)}::text[]) as first`;

/** The event's lock; before a change of what a hold is being decided on. */
export const callLockSale = (eventId: EventId) => command`
  select inventory.lock_sale@v(${eventId}, null)`;

export const upsertTicketType = (t: TicketTypeTerms) => command`
  insert into inventory.ticket_type as i (event_id, ticket_type_id, pool_id, price_minor,
    min_per_order, max_per_order, opens_at, closes_at, needs_code, listed)
  select p.event_id, ${t.ticketTypeId}, p.pool_id, ${t.priceMinor}, ${t.minPerOrder},
    ${t.maxPerOrder}, ${t.opensAt}, ${t.closesAt}, ${t.needsCode}, ${t.listed}
  from inventory.pool p where p.event_id = ${t.eventId} and p.pool_id = ${t.poolId}
  on conflict (event_id, ticket_type_id) do update
    set pool_id = excluded.pool_id, price_minor = excluded.price_minor,
        min_per_order = excluded.min_per_order, max_per_order = excluded.max_per_order,
        opens_at = excluded.opens_at, closes_at = excluded.closes_at,
        needs_code = excluded.needs_code, listed = excluded.listed`;

export const callDropTicketType = (
  eventId: EventId,
  ticketTypeId: TicketTypeId,
  keepPool: boolean,
) => rows(verdict)`
  select inventory.drop_ticket_type@v(${eventId}, ${ticketTypeId}, ${keepPool}) as verdict`;

export const callDropSale = (eventId: EventId) => rows(verdict)`
  select inventory.drop_sale@v(${eventId}) as verdict`;

export const selectSales = (eventIds: readonly EventId[]) => rows({
  eventId: textAs<EventId>(),
  state: textAs<'unpublished' | 'open' | 'paused' | 'closed' | 'cancelled'>(),
  opensAt: instantOrNull,
  closesAt: instantOrNull,
  endsAt: instant,
  holdMs: int,
  personLimit: intOrNull,
  totalCapacity: intOrNull,
})`
  select event_id as "eventId", state, opens_at as "opensAt", closes_at as "closesAt", ends_at as "endsAt",
    hold_ms as "holdMs", person_limit as "personLimit", total_capacity as "totalCapacity"
  from inventory.sale where event_id = any(${eventIds}::text[])`;

export const selectPools = (eventIds: readonly EventId[]) => rows({
  eventId: textAs<EventId>(),
  poolId: textAs<PoolId>(),
  name: text,
  capacity: int,
  held: int,
  claimed: int,
  sold: int,
  reserved: int,
  blocked: int,
  seated: bool,
})`
  select event_id as "eventId", pool_id as "poolId", name, capacity, held, claimed, sold, reserved,
    blocked, seated
  from inventory.pool where event_id = any(${eventIds}::text[]) order by pool_id`;

export const selectTicketTypes = (eventIds: readonly EventId[]) => rows({
  eventId: textAs<EventId>(),
  ticketTypeId: textAs<TicketTypeId>(),
  poolId: textAs<PoolId>(),
  priceMinor: int,
  minPerOrder: int,
  maxPerOrder: int,
  opensAt: instantOrNull,
  closesAt: instantOrNull,
  needsCode: bool,
  listed: bool,
  withdrawn: bool,
  everHeld: bool,
})`
  select t.event_id as "eventId", t.ticket_type_id as "ticketTypeId", t.pool_id as "poolId", t.price_minor as "priceMinor",
    t.min_per_order as "minPerOrder", t.max_per_order as "maxPerOrder", t.opens_at as "opensAt",
    t.closes_at as "closesAt", t.needs_code as "needsCode", t.listed,
    t.withdrawn_at is not null as withdrawn, t.ever_held as "everHeld"
  from inventory.ticket_type t
  where t.event_id = any(${eventIds}::text[]) order by t.ticket_type_id`;

/** Which seats these are, of which pools; without those that the event does not have. */
export const selectSeatNos = (eventId: EventId, keys: readonly string[]) => rows({
  poolId: textAs<PoolId>(),
  seatNos: listOf(int),
})`
  select pool_id as "poolId", array_agg(seat_no order by seat_no) as "seatNos"
  from inventory.seat
  where event_id = ${eventId} and seat_key = any(${keys}::text[]) and status <> 'gone'
  group by pool_id order by pool_id`;

/** Seats of a sale, in the order of their map. */
export type PlannedPlaces = {
  readonly seats: readonly {
    readonly key: string;
    readonly poolId: PoolId;
    readonly section: string;
    readonly row: number;
    readonly place: number;
    readonly distance: number;
    readonly special?: SpecialSeat | null;
  }[];
  /** All that these places are in, new ones too; a pool of seats has no capacity of its own. */
  readonly pools: readonly {
    readonly id: PoolId;
    readonly name: string;
    readonly capacity: number | null;
  }[];
};

export const callMovePlan = (
  eventId: EventId,
  { seats, pools }: PlannedPlaces,
  moves: readonly { readonly from: string; readonly to: string }[],
) => rows(verdict)`
  select inventory.move_plan@v(${eventId}, ${JSON.stringify(seats)}::jsonb,
    ${JSON.stringify(pools)}::jsonb, ${moves.map(({ from }) => from)}::text[],
    ${moves.map(({ to }) => to)}::text[]) as verdict`;

/** Seats that are not free, by number; those that are gone are left out. */
export const selectTakenSeats = (eventId: EventId) => rows({
  key: text,
  poolId: textAs<PoolId>(),
  status: textAs<'held' | 'claimed' | 'sold' | 'reserved' | 'blocked'>(),
  holdId: textAsOrNull<HoldId>(),
  bound: bool,
})`
  select s.seat_key as key, s.pool_id as "poolId", s.status, s.hold_id as "holdId",
    coalesce(h.bound, false) as bound
  from inventory.seat s
  left join inventory.hold h on h.event_id = s.event_id and h.hold_id = s.hold_id
  where s.event_id = ${eventId} and s.status not in ('free', 'gone')
  order by s.seat_no`;
