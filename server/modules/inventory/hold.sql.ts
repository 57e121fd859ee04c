import type { EventId, HoldId, TicketTypeId } from '../../kernel/ids.ts';
import {
  bool,
  instant,
  instantOrNull,
  int,
  intOrNull,
  json,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import type { HoldState } from './states.ts';

/** Lane functions: the event, the instant (null: the database's clock), the batch as JSON. */
const answers = { answers: listOf(json) };
const words = { answers: listOf(text) };

export const callHoldBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  answers,
)`
  select inventory.hold_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callSearchBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  answers,
)`
  select inventory.search_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callChangeBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  answers,
)`
  select inventory.change_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callNameBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  answers,
)`
  select inventory.name_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callReleaseBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  words,
)`
  select inventory.release_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callSweepBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(int),
})`
  select inventory.sweep_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callArchiveHolds = (eventId: EventId, most: number) => rows({ moved: int })`
  select inventory.archive_holds@v(${eventId}, ${most}) as moved`;

/** Events some hold of which has lapsed, the longest overdue first. */
export const selectEventsWithLapsed = (now: Date | null, most: number) => rows({
  eventId: textAs<EventId>(),
})`
  select event_id as "eventId" from inventory.sale
  where oldest_expiry <= kernel.instant(${now})
  order by oldest_expiry limit ${most}`;

/** When the next hold of any event lapses. */
export const selectNextExpiry = () => rows({ at: instantOrNull })`
  select min(oldest_expiry) as at from inventory.sale where oldest_expiry is not null`;

const item = objectOf({
  ticketTypeId: textAs<TicketTypeId>(),
  quantity: int,
  unitPriceMinor: int,
  // Lines without seats have no such member.
  seatNos: (raw: unknown) => (raw === undefined ? null : listOf(int)(raw)),
});

/** The hold that this caller made with this key. */
export const selectHoldByKey = (eventId: EventId, caller: string, key: string) => rows({
  holdId: textAs<HoldId>(),
})`
  select hold_id as "holdId" from inventory.hold
  where event_id = ${eventId} and caller = ${caller} and key = ${key}`;

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
  promoCode: textOrNull,
  items: listOf(item),
})`
  select h.hold_id as "holdId",
    case when h.status = 'active' and h.expires_at <= kernel.instant(${now}) then 'lapsed'
      else h.status end as status,
    h.caller, h.guarded,
    h.status <> 'active' or h.expires_at <= kernel.instant(${now}) as ended,
    h.expires_at as "expiresAt", s.organizer_id as "organizerId", s.currency,
    h.promo_code as "promoCode", inventory.items_of@v(h) as items
  from inventory.hold h join inventory.sale s on s.event_id = h.event_id
  where h.event_id = ${eventId} and h.hold_id = ${holdId}`;

export const selectNameRefusal = (
  eventId: EventId,
  holdId: HoldId,
  personKeys: string[],
  now: Date | null,
) => rows({
  refusal: textAsOrNull<'per_person_limit' | 'buyer_required'>(),
  limit: intOrNull,
})`
  select inventory.name_refusal@v(${eventId}, ${holdId}, ${personKeys}::text[], ${now}) as refusal,
    inventory.person_limit@v(${eventId}) as limit`;
