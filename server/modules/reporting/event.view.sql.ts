import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import { rows, textAs } from '../../kernel/sql.ts';

export const selectOrganizerOf = (eventId: EventId) => rows({
  organizerId: textAs<OrganizerId>(),
})`
  select organizer_id as "organizerId" from catalog.event where event_id = ${eventId}`;
