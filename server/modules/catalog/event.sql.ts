import { type Charges, chargesOrNull } from '../../kernel/charges.ts';
import type { EventId, OrganizerId, PoolId, TicketTypeId } from '../../kernel/ids.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';
import type { ConfigurationId, SectionChoices } from '../venues/index.ts';
import type { EventState } from './states.ts';

export const eventColumns = {
  eventId: textAs<EventId>(),
  organizerId: textAs<OrganizerId>(),
  name: text,
  description: text,
  startsAt: instant,
  endsAt: instantOrNull,
  doorsAt: instantOrNull,
  timezone: text,
  venueName: textAsOrNull<string>(),
  currency: textAs<Currency>(),
  visibility: textAs<'public' | 'hidden' | 'scheduled'>(),
  publicAt: instantOrNull,
  refundableUntil: instantOrNull,
  status: textAs<EventState>(),
  version: int,
  series: textAsOrNull<string>(),
  shoppingMinutes: int,
  configurationId: textAsOrNull<ConfigurationId>(),
  // The application writes it, from choices of that shape.
  sectionChoices: (raw: unknown) => raw as SectionChoices,
  charges: chargesOrNull,
  madeAt: instant,
};

const eventSelect = fragment`event_id as "eventId", organizer_id as "organizerId", name, description,
    starts_at as "startsAt", ends_at as "endsAt", doors_at as "doorsAt", timezone,
    venue_name as "venueName", currency, visibility, public_at as "publicAt",
    refundable_until as "refundableUntil", status, version, series,
    shopping_minutes as "shoppingMinutes", configuration_id as "configurationId",
    section_choices as "sectionChoices", charges, made_at as "madeAt"`;

export type EventRow = ReturnType<ReturnType<typeof selectEvent>['decode']>;

export type EventFields = {
  readonly eventId: EventId;
  readonly organizerId: OrganizerId;
  readonly name: string;
  readonly description: string;
  readonly startsAt: Date;
  readonly endsAt: Date | null;
  readonly doorsAt: Date | null;
  readonly timezone: string;
  readonly venueName: string | null;
  readonly currency: string;
  readonly visibility: string;
  readonly publicAt: Date | null;
  readonly refundableUntil: Date | null;
  readonly series: string | null;
  readonly charges: Charges | null;
  readonly shoppingMinutes: number;
};

export type InPlanFields = {
  readonly configurationId: ConfigurationId | null;
  readonly sectionChoices: SectionChoices;
};

const jsonOrNull = (value: unknown) => (value === null ? null : JSON.stringify(value));

export const insertEvent = (e: EventFields & InPlanFields, status: EventState) => command`
  insert into catalog.event (event_id, organizer_id, name, description, starts_at, ends_at,
    doors_at, timezone, venue_name, currency, visibility, public_at, refundable_until, status,
    series, shopping_minutes, configuration_id, section_choices, charges)
  values (${e.eventId}, ${e.organizerId}, ${e.name}, ${e.description}, ${e.startsAt}, ${e.endsAt},
    ${e.doorsAt}, ${e.timezone}, ${e.venueName}, ${e.currency}, ${e.visibility}, ${e.publicAt},
    ${e.refundableUntil}, ${status}, ${e.series}, ${e.shoppingMinutes}, ${e.configurationId},
    ${JSON.stringify(e.sectionChoices)}::jsonb, ${jsonOrNull(e.charges)}::jsonb)`;

/** Only where the version is the one that was read. */
export const updateEvent = (e: EventFields, version: number) => command`
  update catalog.event
  set name = ${e.name}, description = ${e.description}, starts_at = ${e.startsAt},
      ends_at = ${e.endsAt}, doors_at = ${e.doorsAt}, timezone = ${e.timezone},
      venue_name = ${e.venueName}, visibility = ${e.visibility}, public_at = ${e.publicAt},
      refundable_until = ${e.refundableUntil}, charges = ${jsonOrNull(e.charges)}::jsonb,
      shopping_minutes = ${e.shoppingMinutes},
      version = version + 1
  where event_id = ${e.eventId} and version = ${version}`;

export const touchEvent = (eventId: EventId) => command`
  update catalog.event set version = version + 1 where event_id = ${eventId}`;

export const setEventStatus = (eventId: EventId, from: readonly EventState[], to: EventState) =>
  command`
  update catalog.event set status = ${to}, version = version + 1
  where event_id = ${eventId} and status = any(${from}::text[])`;

export const deleteEvent = (eventId: EventId) => command`
  delete from catalog.event where event_id = ${eventId}`;

export const deleteImportRefs = (eventId: EventId) => command`
  delete from catalog.import_ref where event_id = ${eventId}`;

export const selectOrganizer = (eventId: EventId) => rows({
  organizerId: textAs<OrganizerId>(),
})`
  select organizer_id as "organizerId" from catalog.event where event_id = ${eventId}`;

export const selectEvent = (eventId: EventId) => rows(eventColumns)`
  select ${eventSelect}
  from catalog.event where event_id = ${eventId}`;

/** Locked, so that two editors take turns. */
export const lockEvent = (eventId: EventId) => rows(eventColumns)`
  select ${eventSelect}
  from catalog.event where event_id = ${eventId} for no key update`;

export type EventFilter = {
  /** Null: what everybody may see. Else: this organizer's own (null id: every organizer's). */
  readonly staffOf: { readonly organizerId: OrganizerId | null } | null;
  readonly pattern: string | null;
  readonly venue: string | null;
  readonly configurationId: ConfigurationId | null;
  readonly from: Date | null;
  readonly to: Date | null;
  readonly status: string | null;
  readonly after: readonly [Date, string] | null;
  readonly now: Date | null;
};

export const selectEvents = (f: EventFilter, most: number) => rows(eventColumns)`
  select ${eventSelect}
  from catalog.event
  where case when ${f.staffOf !== null}::boolean
      then ${f.staffOf?.organizerId ?? null}::text is null
        or organizer_id = ${f.staffOf?.organizerId ?? null}
      else status in ('published', 'cancelled')
        and (visibility = 'public'
          or (visibility = 'scheduled' and public_at <= kernel.instant(${f.now})))
    end
    and (${f.pattern}::text is null or name ilike ${f.pattern} or description ilike ${f.pattern})
    and (${f.venue}::text is null or lower(venue_name) = lower(${f.venue}))
    and (${f.configurationId}::text is null or configuration_id = ${f.configurationId})
    and (${f.from}::timestamptz is null or starts_at >= ${f.from})
    and (${f.to}::timestamptz is null or starts_at < ${f.to})
    and (${f.status}::text is null or status = ${f.status})
    and (${f.after?.[0] ?? null}::timestamptz is null
      or (starts_at, event_id) > (${f.after?.[0] ?? null}, ${f.after?.[1] ?? null}))
  order by starts_at, event_id limit ${most}`;

export const insertCategoryPools = (
  eventId: EventId,
  categories: readonly string[],
  poolIds: readonly PoolId[],
) => command`
  insert into catalog.category_pool (event_id, category, pool_id)
  select ${eventId}, n.category, n.pool_id
  from unnest(${categories}::text[], ${poolIds}::text[]) as n(category, pool_id)`;

export const selectCategoryPools = (eventId: EventId) => rows({
  category: text,
  poolId: textAs<PoolId>(),
})`
  select category, pool_id as "poolId" from catalog.category_pool
  where event_id = ${eventId} order by category`;

/** Events to come in any of these floor plans: the earliest first, after one of them. */
export const selectEventsInPlans = (
  configurationIds: readonly ConfigurationId[],
  now: Date | null,
  after: readonly [Date, string] | null,
  most: number,
) => rows(eventColumns)`
  select ${eventSelect}
  from catalog.event
  where configuration_id = any(${configurationIds}::text[]) and status in ('draft', 'published')
    and starts_at > kernel.instant(${now})
    and (${after?.[0] ?? null}::timestamptz is null
      or (starts_at, event_id) > (${after?.[0] ?? null}, ${after?.[1] ?? null}))
  order by starts_at, event_id limit ${most}`;

export const setEventPlan = (
  eventId: EventId,
  configurationId: ConfigurationId,
  choices: SectionChoices,
) => command`
  update catalog.event
  set configuration_id = ${configurationId}, section_choices = ${JSON.stringify(choices)}::jsonb,
    version = version + 1
  where event_id = ${eventId}`;

/** Kept seats that the floor plan has no more. */
export const deleteAllocationSeats = (eventId: EventId, keys: readonly string[]) => command`
  delete from catalog.allocation_seat
  where event_id = ${eventId} and seat_key = any(${keys}::text[])`;

const typeColumns = {
  eventId: textAs<EventId>(),
  ticketTypeId: textAs<TicketTypeId>(),
  name: text,
  description: text,
  visibility: textAs<'public' | 'hidden' | 'code'>(),
};

export const selectTicketTypeTexts = (eventIds: readonly EventId[]) => rows(typeColumns)`
  select event_id as "eventId", ticket_type_id as "ticketTypeId", name, description, visibility
  from catalog.ticket_type where event_id = any(${eventIds}::text[]) order by position`;

export const upsertTicketTypeText = (
  eventId: EventId,
  type: { ticketTypeId: TicketTypeId; name: string; description: string; visibility: string },
) => command`
  insert into catalog.ticket_type (event_id, ticket_type_id, name, description, visibility)
  values (${eventId}, ${type.ticketTypeId}, ${type.name}, ${type.description}, ${type.visibility})
  on conflict (event_id, ticket_type_id) do update
    set name = excluded.name, description = excluded.description,
        visibility = excluded.visibility`;

export const deleteTicketTypeText = (eventId: EventId, ticketTypeId: TicketTypeId) => command`
  delete from catalog.ticket_type
  where event_id = ${eventId} and ticket_type_id = ${ticketTypeId}`;

export const insertImportRef = (organizerId: OrganizerId, externalId: string, eventId: EventId) =>
  command`
  insert into catalog.import_ref (organizer_id, external_id, event_id)
  values (${organizerId}, ${externalId}, ${eventId})
  on conflict (organizer_id, external_id) do nothing`;

export const selectImported = (organizerId: OrganizerId, externalIds: readonly string[]) => rows({
  externalId: text,
})`
  select external_id as "externalId" from catalog.import_ref
  where organizer_id = ${organizerId} and external_id = any(${externalIds}::text[])`;

export const selectEventsToArchive = (endedBefore: Date, most: number) => rows({
  eventId: textAs<EventId>(),
})`
  select event_id as "eventId" from catalog.event
  where status in ('published', 'cancelled') and coalesce(ends_at, starts_at) < ${endedBefore}
    and coalesce(refundable_until, starts_at) < ${endedBefore}
  order by coalesce(ends_at, starts_at) limit ${most}`;
