import type { EventId, PoolId, TicketTypeId } from '../../kernel/ids.ts';
import {
  bool,
  instant,
  instantOrNull,
  int,
  intOrNull,
  listOf,
  objectOf,
  real,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';
import type { SpecialSeat } from '../venues/index.ts';

const typeColumns = objectOf({
  ticketTypeId: textAs<TicketTypeId>(),
  free: int,
  notOpen: bool,
  closed: bool,
});

/** A row for each event: its sale and what is free of each ticket type at this instant. */
export const selectAvailability = (eventIds: readonly EventId[], now: Date | null) => rows({
  eventId: textAs<EventId>(),
  state: textAs<'unpublished' | 'open' | 'paused' | 'closed' | 'cancelled'>(),
  version: int,
  now: instant,
  opensAt: instantOrNull,
  closesAt: instantOrNull,
  endsAt: instant,
  ticketTypes: listOf(typeColumns),
})`
  with clock as materialized (select kernel.instant(${now}) as t)
  select s.event_id as "eventId", s.state, s.version, c.t as now, s.opens_at as "opensAt", s.closes_at as "closesAt",
    s.ends_at as "endsAt",
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'ticketTypeId', t.ticket_type_id,
        'free', p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked,
        'notOpen', coalesce(t.opens_at > c.t, false),
        'closed', coalesce(t.closes_at <= c.t, false)) order by t.ticket_type_id)
      from inventory.ticket_type t
      join inventory.pool p on p.event_id = t.event_id and p.pool_id = t.pool_id
      where t.event_id = s.event_id and t.withdrawn_at is null
    ), '[]') as "ticketTypes"
  from unnest(${eventIds}::text[]) as wanted (event_id)
  join inventory.sale s on s.event_id = wanted.event_id
  cross join clock c`;

/** The keys of seats by their numbers, those that are gone too. */
export const selectSeatKeys = (eventId: EventId, seatNos: readonly number[]) => rows({
  seatNo: int,
  key: text,
})`
  select seat_no as "seatNo", seat_key as key
  from inventory.seat where event_id = ${eventId} and seat_no = any (${seatNos}::int[])`;

const seat = objectOf({
  key: text,
  /** Its position in the map; null where it is gone. */
  mapNo: intOrNull,
  poolId: textAs<PoolId>(),
  section: text,
  row: int,
  place: int,
  distance: real,
  special: textAsOrNull<SpecialSeat>(),
});

const type = objectOf({
  ticketTypeId: textAs<TicketTypeId>(),
  poolId: textAs<PoolId>(),
  priceMinor: int,
  currency: text,
  minPerOrder: int,
  maxPerOrder: int,
  isOffered: bool,
});

export type SeatedType = ReturnType<typeof type>;

/** The event's seats by their numbers, those that are gone too; one row. */
export const selectSeatPlan = (eventId: EventId) => rows({
  planVersion: int,
  seats: listOf(seat),
})`
  select s.plan_version as "planVersion",
    coalesce((
      select json_agg(json_build_object('key', n.seat_key,
        'mapNo', case when n.status <> 'gone' then coalesce(n.map_no, n.seat_no) end,
        'poolId', n.pool_id, 'section', n.section, 'row', n.row_no, 'place', n.place,
        'distance', n.distance, 'special', n.special) order by n.seat_no)
      from inventory.seat n where n.event_id = s.event_id
    ), '[]') as seats
  from inventory.sale s where s.event_id = ${eventId}`;

export const selectSaleVersion = (eventId: EventId) => rows({ version: int })`
  select version from inventory.sale where event_id = ${eventId}`;

export const selectPlanVersion = (eventId: EventId) => rows({ planVersion: int })`
  select plan_version as "planVersion" from inventory.sale where event_id = ${eventId}`;

/** The cheapest first; `isOffered`: who names none may be given it, if it is on sale. */
export const selectSeatedTypes = (eventId: EventId, now: Date | null) => rows({
  types: listOf(type),
})`
  select coalesce(json_agg(json_build_object('ticketTypeId', t.ticket_type_id,
      'poolId', t.pool_id, 'priceMinor', t.price_minor, 'currency', s.currency,
      'minPerOrder', t.min_per_order, 'maxPerOrder', t.max_per_order,
      'isOffered', t.listed and not t.needs_code
        and inventory.type_refusal@v(t, t.min_per_order, kernel.instant(${now})) is null)
    order by t.price_minor, t.ticket_type_id), '[]') as types
  from inventory.ticket_type t
  join inventory.pool p on p.event_id = t.event_id and p.pool_id = t.pool_id
  join inventory.sale s on s.event_id = t.event_id
  where t.event_id = ${eventId} and p.seated and t.withdrawn_at is null`;

/**
 * The states of an event's seats in the order of their numbers, a letter each: f(ree), h(eld),
 * c(laimed), s(old), r(eserved), b(locked), g(one); and the version of the sale that they are of.
 */
export const selectSeatStates = (eventId: EventId) => rows({
  version: int,
  planVersion: int,
  states: text,
})`
  select s.version, s.plan_version as "planVersion",
    coalesce((
      select string_agg(left(n.status, 1), '' order by n.seat_no)
      from inventory.seat n where n.event_id = s.event_id
    ), '') as states
  from inventory.sale s where s.event_id = ${eventId}`;
