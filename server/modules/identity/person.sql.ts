import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { command, fragment, instant, rows, text, textAs, textOrNull } from '../../kernel/sql.ts';

const columns = {
  userId: textAs<UserId>(),
  organizerId: textAs<OrganizerId>(),
  name: text,
  email: text,
  /** Null where another one has proved that the address is theirs. */
  mailbox: textOrNull,
  madeAt: instant,
};

const personSelect = fragment`user_id as "userId", organizer_id as "organizerId", name, email, mailbox,
    made_at as "madeAt"`;

type NewPerson = {
  readonly userId: UserId;
  readonly organizerId: OrganizerId;
  readonly name: string;
  readonly email: string;
  readonly mailbox: string | null;
};

/** Nothing where somebody has the address already, or has proved that it is theirs. */
export const insertPerson = (p: NewPerson) => rows(columns)`
  insert into identity.person (user_id, organizer_id, name, email, mailbox)
  select ${p.userId}, ${p.organizerId}, ${p.name}, ${p.email}, ${p.mailbox}
  where not exists (
    select from identity.contact c
    where c.organizer_id = ${p.organizerId} and c.channel = 'email' and c.address = ${p.mailbox}
  )
  on conflict (organizer_id, mailbox) do nothing
  returning ${personSelect}`;

/** Null organizer: the platform's own look-up. */
export const selectPerson = (userId: string, organizerId: OrganizerId | null) => rows(columns)`
  select ${personSelect}
  from identity.person
  where user_id = ${userId} and (${organizerId}::text is null or organizer_id = ${organizerId})`;

/**
 * Whom staff has written down with this address, where nobody has ever been them: no contact was
 * proved for them and no key was made. Whoever proves the address finds nobody else's things there.
 */
export const selectUnclaimed = (organizerId: OrganizerId, mailbox: string) => rows({
  userId: textAs<UserId>(),
})`
  select p.user_id as "userId" from identity.person p
  where p.organizer_id = ${organizerId} and p.mailbox = ${mailbox}
    and not exists (select from identity.contact c where c.user_id = p.user_id)
    and not exists (select from identity.api_key k where k.user_id = p.user_id)`;

/** Others who stand with an address that they have not proved are not found by it any more. */
export const releaseMailbox = (
  organizerId: OrganizerId,
  mailbox: string,
  keeper: UserId | null,
) => command`
  update identity.person p set mailbox = null
  where p.organizer_id = ${organizerId} and p.mailbox = ${mailbox}
    and p.user_id is distinct from ${keeper}
    and not exists (
      select from identity.contact c
      where c.organizer_id = p.organizer_id and c.channel = 'email' and c.address = p.mailbox
        and c.user_id = p.user_id
    )`;

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
    and not exists (
      select from identity.contact c
      where c.organizer_id = person.organizer_id and c.channel = 'email'
        and c.address = ${p.mailbox} and c.user_id <> ${p.userId}
    )
  returning ${personSelect}`;
