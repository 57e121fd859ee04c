import type { EventId, HoldId, TicketTypeId } from '../../kernel/ids.ts';
import {
  bool,
  instant,
  int,
  json,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
} from '../../kernel/sql.ts';
import type { HoldState } from './states.ts';

export type HoldCall = {
  readonly eventId: EventId;
  readonly holdId: HoldId;
  readonly caller: string;
  readonly key: string;
  readonly bodyHash: Buffer;
  readonly guarded: boolean;
  readonly personKeys: readonly string[];
  readonly ticketTypeIds: readonly string[];
  readonly quantities: readonly number[];
};

const verdict = { verdict: json };

export const callHoldPlaces = (c: HoldCall, now: Date | null) => rows(verdict)`
  select inventory.hold_places@v(${c.eventId}, ${now}, ${c.holdId}, ${c.caller}, ${c.key},
    ${c.bodyHash}, ${c.guarded}, ${c.personKeys}, ${c.ticketTypeIds}, ${c.quantities}) as verdict`;

export const callChangeHold = (
  eventId: EventId,
  holdId: HoldId,
  ticketTypeIds: readonly string[],
  quantities: readonly number[],
  now: Date | null,
) => rows(verdict)`
  select inventory.change_hold@v(${eventId}, ${now}, ${holdId}, ${ticketTypeIds}, ${quantities})
    as verdict`;

export const callNameHolder = (
  eventId: EventId,
  holdId: HoldId,
  personKeys: readonly string[],
  now: Date | null,
) => rows(verdict)`
  select inventory.name_holder@v(${eventId}, ${now}, ${holdId}, ${personKeys}) as verdict`;

export const callReleaseHold = (eventId: EventId, holdId: HoldId) => rows({ verdict: text })`
  select inventory.give_up_hold@v(${eventId}, ${holdId}) as verdict`;

export const callBindHold = (eventId: EventId, holdId: HoldId, now: Date | null) => rows(verdict)`
  select inventory.bind_hold@v(${eventId}, ${holdId}, ${now}) as verdict`;

export const callSweepLapsed = (eventId: EventId, now: Date | null, most: number) => rows({
  lapsed: int,
})`
  select inventory.sweep_lapsed@v(${eventId}, ${now}, ${most}) as lapsed`;

export const callArchiveHolds = (eventId: EventId, most: number) => rows({ moved: int })`
  select inventory.archive_holds@v(${eventId}, ${most}) as moved`;

export const selectEventsWithLapsed = (now: Date | null, most: number) => rows({
  eventId: textAs<EventId>(),
})`
  select distinct h.event_id as "eventId" from (
    select event_id from inventory.hold
    where status = 'active' and expires_at <= kernel.instant(${now})
    order by expires_at limit ${most}
  ) h`;

const item = objectOf({
  ticketTypeId: textAs<TicketTypeId>(),
  quantity: int,
  unitPriceMinor: int,
});

/** `ended`: active no more, or its time is over. */
export const selectHold = (eventId: EventId, holdId: HoldId, now: Date | null) => rows({
  holdId: textAs<HoldId>(),
  status: textAs<HoldState>(),
  caller: text,
  guarded: bool,
  ended: bool,
  expiresAt: instant,
  organizerId: text,
  currency: text,
  items: listOf(item),
})`
  select h.hold_id as "holdId",
    case when h.status = 'active' and h.expires_at <= kernel.instant(${now}) then 'lapsed'
      else h.status end as status,
    h.caller, h.guarded,
    h.status <> 'active' or h.expires_at <= kernel.instant(${now}) as ended,
    h.expires_at as "expiresAt", s.organizer_id as "organizerId", s.currency,
    (select jsonb_agg(jsonb_build_object('ticketTypeId', i.ticket_type_id, 'quantity', i.quantity,
        'unitPriceMinor', i.unit_price_minor) order by i.line)
      from inventory.hold_item i
      where i.event_id = h.event_id and i.hold_id = h.hold_id) as items
  from inventory.hold h join inventory.sale s on s.event_id = h.event_id
  where h.event_id = ${eventId} and h.hold_id = ${holdId}`;
