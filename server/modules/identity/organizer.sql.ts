import type { OrganizerId } from '../../kernel/ids.ts';
import { fragment, instant, rows, text, textAs } from '../../kernel/sql.ts';

const columns = { organizerId: textAs<OrganizerId>(), name: text, madeAt: instant };

const organizerSelect = fragment`organizer_id as "organizerId", name, made_at as "madeAt"`;

export const insertOrganizer = (organizerId: OrganizerId, name: string) => rows(columns)`
  insert into identity.organizer (organizer_id, name) values (${organizerId}, ${name})
  returning ${organizerSelect}`;

export const selectOrganizer = (organizerId: string) => rows(columns)`
  select ${organizerSelect}
  from identity.organizer where organizer_id = ${organizerId}`;

export const selectFirstOrganizer = () => rows(columns)`
  select ${organizerSelect}
  from identity.organizer order by organizer_id limit 1`;

export const selectOrganizers = (after: string | null, most: number) => rows(columns)`
  select ${organizerSelect}
  from identity.organizer
  where ${after}::text is null or organizer_id > ${after}
  order by organizer_id limit ${most}`;
