import type { Id, OrganizerId } from '../../kernel/ids.ts';
import {
  bool,
  bytes,
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  rows,
  text,
  textAs,
} from '../../kernel/sql.ts';
import type { VenueId } from './venue.sql.ts';

export type ConfigurationId = Id<'cfg'>;

const columns = {
  configurationId: textAs<ConfigurationId>(),
  venueId: textAs<VenueId>(),
  organizerId: textAs<OrganizerId>(),
  name: text,
  version: int,
  status: textAs<'draft' | 'published'>(),
  validFrom: instant,
  validTo: instantOrNull,
  seats: int,
  capacity: int,
  used: bool,
  madeAt: instant,
};

const configurationSelect = fragment`c.configuration_id as "configurationId",
    c.venue_id as "venueId", v.organizer_id as "organizerId", c.name, c.version, c.status,
    c.valid_from as "validFrom", c.valid_to as "validTo", c.seats, c.capacity, c.used,
    c.made_at as "madeAt"`;

export type ConfigurationRow = ReturnType<ReturnType<typeof selectConfiguration>['decode']>;

export type NewConfiguration = {
  readonly configurationId: ConfigurationId;
  readonly venueId: VenueId;
  readonly name: string;
  readonly version: number;
  readonly status: 'draft' | 'published';
  readonly validFrom: Date;
  readonly validTo: Date | null;
  readonly seats: number;
  readonly capacity: number;
  readonly plan: Buffer;
  readonly planHash: Buffer;
};

export const insertConfiguration = (c: NewConfiguration) => command`
  insert into venues.configuration (configuration_id, venue_id, name, version, status, valid_from,
    valid_to, seats, capacity, plan, plan_hash)
  values (${c.configurationId}, ${c.venueId}, ${c.name}, ${c.version}, ${c.status}, ${c.validFrom},
    ${c.validTo}, ${c.seats}, ${c.capacity}, ${c.plan}, ${c.planHash})`;

export const selectConfiguration = (configurationId: ConfigurationId) => rows(columns)`
  select ${configurationSelect}
  from venues.configuration c join venues.venue v on v.venue_id = c.venue_id
  where c.configuration_id = ${configurationId}`;

export const selectPlan = (configurationId: ConfigurationId) => rows({ plan: bytes })`
  select plan from venues.configuration where configuration_id = ${configurationId}`;

/** All of a venue by name and version, the newest version first. */
export const selectConfigurations = (venueId: VenueId) => rows(columns)`
  select ${configurationSelect}
  from venues.configuration c join venues.venue v on v.venue_id = c.venue_id
  where c.venue_id = ${venueId}
  order by c.name, c.version desc`;

export const setPublished = (configurationId: ConfigurationId) => command`
  update venues.configuration set status = 'published'
  where configuration_id = ${configurationId}`;

export const setValidTo = (configurationId: ConfigurationId, validTo: Date | null) => command`
  update venues.configuration set valid_to = ${validTo}
  where configuration_id = ${configurationId}`;

/** Idempotent: an event that was not made after all leaves it used, which costs nothing. */
export const setUsed = (configurationId: ConfigurationId) => command`
  update venues.configuration set used = true
  where configuration_id = ${configurationId} and status = 'published'`;

export const deleteConfiguration = (configurationId: ConfigurationId) => command`
  delete from venues.configuration where configuration_id = ${configurationId} and not used`;

export const deleteUnused = (venueId: VenueId) => command`
  delete from venues.configuration where venue_id = ${venueId} and not used`;
