import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { fragment, instant, rows, text, textAs } from '../../kernel/sql.ts';

const columns = {
  userId: textAs<UserId>(),
  organizerId: textAs<OrganizerId>(),
  name: text,
  email: text,
  madeAt: instant,
};

const personSelect = fragment`user_id as "userId", organizer_id as "organizerId", name, email, made_at as "madeAt"`;

type NewPerson = {
  readonly userId: UserId;
  readonly organizerId: OrganizerId;
  readonly name: string;
  readonly email: string;
  readonly mailbox: string;
};

export const insertPerson = (p: NewPerson) => rows(columns)`
  insert into identity.person (user_id, organizer_id, name, email, mailbox)
  values (${p.userId}, ${p.organizerId}, ${p.name}, ${p.email}, ${p.mailbox})
  on conflict (organizer_id, mailbox) do nothing
  returning ${personSelect}`;

/** Null organizer: the platform's own look-up. */
export const selectPerson = (userId: string, organizerId: OrganizerId | null) => rows(columns)`
  select ${personSelect}
  from identity.person
  where user_id = ${userId} and (${organizerId}::text is null or organizer_id = ${organizerId})`;

export const selectPersonByMailbox = (organizerId: OrganizerId, mailbox: string) => rows(columns)`
  select ${personSelect}
  from identity.person where organizer_id = ${organizerId} and mailbox = ${mailbox}`;

export const selectPeople = (
  organizerId: OrganizerId | null,
  email: string | null,
  after: string | null,
  most: number,
) => rows(columns)`
  select ${personSelect}
  from identity.person
  where (${organizerId}::text is null or organizer_id = ${organizerId})
    and (${email}::text is null or mailbox = ${email})
    and (${after}::text is null or user_id > ${after})
  order by user_id limit ${most}`;

export const updatePerson = (p: Omit<NewPerson, 'organizerId'>) => rows(columns)`
  update identity.person set name = ${p.name}, email = ${p.email}, mailbox = ${p.mailbox}
  where user_id = ${p.userId}
    and not exists (
      select from identity.person other
      where other.organizer_id = person.organizer_id and other.mailbox = ${p.mailbox}
        and other.user_id <> ${p.userId}
    )
  returning ${personSelect}`;
