import type {
  EventId,
  HoldId,
  OrganizerId,
  SessionId,
  TicketTypeId,
  UserId,
} from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
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
  textOrNull,
} from '../../kernel/sql.ts';
import type { EntryState, OfferState } from './states.ts';
import type { ChangeAnswer, EntryId, OfferAnswer, OfferId } from './waitlist-kinds.ts';

/** Names and addresses are kept so many days after the end of an entry. */
const KEPT_DAYS = 7;

// The functions answer in these shapes (change_batch, offer_batch).
const changed = listOf((raw: unknown) => raw as ChangeAnswer);
// As above.
const offered = listOf((raw: unknown) => raw as OfferAnswer);

/** Lane functions: the event, the instant (null: the database's clock), the batch as JSON. */
export const callChangeBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: changed,
})`
  select waitlist.change_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callOfferBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: offered,
})`
  select waitlist.offer_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export type EntryRow = ReturnType<ReturnType<typeof selectEntry>['decode']>;

const listOrNull = (raw: unknown) => (raw === null ? null : listOf(text)(raw));

/** With how many wait before it for places that it could take. */
export const selectEntry = (eventId: EventId, entryId: EntryId) => rows({
  entryId: textAs<EntryId>(),
  status: textAs<EntryState>(),
  quantity: int,
  acceptsFewer: bool,
  ticketTypeIds: listOrNull,
  sections: listOrNull,
  email: textOrNull,
  name: textOrNull,
  language: textAsOrNull<Language>(),
  userId: textAsOrNull<UserId>(),
  organizerId: textAs<OrganizerId>(),
  offerId: textAsOrNull<OfferId>(),
  endedAs: textOrNull,
  joinedAt: instant,
  closesAt: instant,
  ahead: int,
  joined: int,
  served: int,
  offeredPlaces: int,
})`
  select e.entry_id as "entryId", e.status, e.quantity, e.accepts_fewer as "acceptsFewer",
    e.ticket_type_ids as "ticketTypeIds", e.sections, e.person ->> 'email' as email,
    e.person ->> 'name' as name, e.person ->> 'language' as language, e.user_id as "userId", l.organizer_id as "organizerId",
    e.offer_id as "offerId", e.ended_as as "endedAs", e.joined_at as "joinedAt",
    l.closes_at as "closesAt", case when e.status = 'waiting'
      then waitlist.ahead_of@v(e.event_id, e.entry_id, e.rank) else 0 end as ahead,
    l.last_rank::int as joined, l.served, l.offered_places as "offeredPlaces"
  from waitlist.entry e join waitlist.list l on l.event_id = e.event_id
  where e.event_id = ${eventId} and e.entry_id = ${entryId}`;

export type OfferRow = ReturnType<ReturnType<typeof selectOffer>['decode']>;

/** What is open and over is expired, whether or not anybody has written it down. */
export const selectOffer = (eventId: EventId, offerId: OfferId, now: Date | null) => rows({
  offerId: textAs<OfferId>(),
  entryId: textAs<EntryId>(),
  holdId: textAs<HoldId>(),
  sessionId: textAs<SessionId>(),
  status: textAs<OfferState>(),
  ticketTypeId: textAs<TicketTypeId>(),
  quantity: int,
  wanted: int,
  apart: bool,
  expiresAt: instant,
  isOver: bool,
  organizerId: textAs<OrganizerId>(),
  userId: textAsOrNull<UserId>(),
})`
  select o.offer_id as "offerId", o.entry_id as "entryId", o.hold_id as "holdId",
    o.session_id as "sessionId", o.status, o.ticket_type_id as "ticketTypeId", o.quantity,
    e.quantity as wanted, o.apart, o.expires_at as "expiresAt",
    o.expires_at <= kernel.instant(${now}) as "isOver", l.organizer_id as "organizerId",
    e.user_id as "userId"
  from waitlist.offer o
  join waitlist.entry e on e.event_id = o.event_id and e.entry_id = o.entry_id
  join waitlist.list l on l.event_id = o.event_id
  where o.event_id = ${eventId} and o.offer_id = ${offerId}`;

export const selectList = (eventId: EventId) => rows({
  offerMinutes: int,
  ownClosesAt: instantOrNull,
  closesAt: instant,
  isOpen: bool,
})`
  select offer_minutes as "offerMinutes", own_closes_at as "ownClosesAt", closes_at as "closesAt",
    closed_at is null as "isOpen"
  from waitlist.list where event_id = ${eventId}`;

/** How it went, by state: of all, and of each pool that somebody still waits for. */
export const selectStates = (eventId: EventId) => rows({
  status: textAs<EntryState>(),
  entries: int,
  places: int,
})`
  select status, count(*)::int as entries, sum(quantity)::int as places
  from waitlist.entry where event_id = ${eventId} group by status`;

export const selectOfferStates = (eventId: EventId) => rows({
  status: textAs<OfferState>(),
  offers: int,
  places: int,
})`
  select status, count(*)::int as offers, sum(quantity)::int as places
  from waitlist.offer where event_id = ${eventId} group by status`;

export const selectMedianWait = (eventId: EventId) => rows({ seconds: intOrNull })`
  select round(percentile_cont(0.5) within group (
    order by extract(epoch from e.offered_at - e.joined_at)))::int as seconds
  from waitlist.entry e where e.event_id = ${eventId} and e.offered_at is not null`;

export const forgetPersons = (now: Date | null, most: number) => command`
  update waitlist.entry e set person = null
  from (
    select x.event_id, x.entry_id from waitlist.entry x
    where x.person is not null
      and x.ended_at <= kernel.instant(${now}) - make_interval(days => ${KEPT_DAYS})
    order by x.ended_at limit ${most}
  ) old
  where e.event_id = old.event_id and e.entry_id = old.entry_id`;
