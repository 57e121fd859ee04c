import type { Id, OrganizerId } from '../../kernel/ids.ts';
import {
  command,
  fragment,
  instant,
  int,
  intOrNull,
  rows,
  text,
  textAs,
  textOrNull,
} from '../../kernel/sql.ts';

export type VenueId = Id<'ven'>;

const columns = {
  venueId: textAs<VenueId>(),
  organizerId: textAs<OrganizerId>(),
  name: text,
  timezone: text,
  address: textOrNull,
  legalCapacity: intOrNull,
  version: int,
  madeAt: instant,
};

export type VenueRow = ReturnType<ReturnType<typeof selectVenue>['decode']>;

export type VenueFields = {
  readonly name: string;
  readonly timezone: string;
  readonly address: string | null;
  readonly legalCapacity: number | null;
};

const venueSelect = fragment`venue_id as "venueId", organizer_id as "organizerId", name, timezone,
    address, legal_capacity as "legalCapacity", version, made_at as "madeAt"`;

export const insertVenue = (venueId: VenueId, organizerId: OrganizerId, v: VenueFields) => rows(
  columns,
)`
  insert into venues.venue (venue_id, organizer_id, name, timezone, address, legal_capacity)
  values (${venueId}, ${organizerId}, ${v.name}, ${v.timezone}, ${v.address}, ${v.legalCapacity})
  returning ${venueSelect}`;

export const selectVenue = (venueId: VenueId) => rows(columns)`
  select ${venueSelect} from venues.venue where venue_id = ${venueId}`;

/** The venue, and nobody else changes it until this transaction ends. */
export const lockVenue = (venueId: VenueId) => rows(columns)`
  select ${venueSelect} from venues.venue where venue_id = ${venueId} for no key update`;

/** Of one organizer, or of all where it is null. */
export const selectVenues = (
  organizerId: OrganizerId | null,
  after: string | null,
  most: number,
) => rows(columns)`
  select ${venueSelect} from venues.venue
  where (${organizerId}::text is null or organizer_id = ${organizerId})
    and (${after}::text is null or venue_id > ${after})
  order by venue_id limit ${most}`;

export const updateVenue = (venueId: VenueId, v: VenueFields) => rows(columns)`
  update venues.venue
  set name = ${v.name}, timezone = ${v.timezone}, address = ${v.address},
    legal_capacity = ${v.legalCapacity}, version = version + 1
  where venue_id = ${venueId}
  returning ${venueSelect}`;

/** Only where no floor plan of it is left. */
export const deleteVenue = (venueId: VenueId) => command`
  delete from venues.venue v
  where v.venue_id = ${venueId} and not exists (
    select from venues.configuration c where c.venue_id = v.venue_id
  )`;
