import type { EventId, Id, OrganizerId } from '../../kernel/ids.ts';
import { instant, instantOrNull, int, rows, text, textAs } from '../../kernel/sql.ts';

export const selectVenueOrganizer = (venueId: Id<'ven'>) => rows({
  organizerId: textAs<OrganizerId>(),
})`
  select organizer_id as "organizerId" from venues.venue where venue_id = ${venueId}`;

/** What takes place in a venue's floor plans and touches that time, the earliest first. */
export const selectScheduled = (
  venueId: Id<'ven'>,
  within: { readonly from: Date; readonly to: Date },
  most: number,
) => rows({
  eventId: textAs<EventId>(),
  name: text,
  status: text,
  startsAt: instant,
  endsAt: instantOrNull,
  configurationId: textAs<Id<'cfg'>>(),
  configurationName: text,
  configurationVersion: int,
  capacity: int,
})`
  select e.event_id as "eventId", e.name, e.status, e.starts_at as "startsAt",
    e.ends_at as "endsAt", c.configuration_id as "configurationId", c.name as "configurationName",
    c.version as "configurationVersion",
    coalesce((
      select sum(p.capacity)::int from inventory.pool p where p.event_id = e.event_id
    ), 0) as capacity
  from venues.configuration c
  join catalog.event e on e.configuration_id = c.configuration_id
  where c.venue_id = ${venueId} and e.status <> 'cancelled'
    and e.starts_at < ${within.to} and coalesce(e.ends_at, e.starts_at) >= ${within.from}
  order by e.starts_at, e.event_id limit ${most}`;
