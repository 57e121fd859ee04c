import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { command, rows, textAs, textAsOrNull, textOrNull } from '../../kernel/sql.ts';

export type ContactChannel = 'email' | 'sms';

export const selectContact = (
  organizerId: OrganizerId,
  channel: ContactChannel,
  address: string,
) => rows({ userId: textAs<UserId>() })`
  select user_id as "userId" from identity.contact
  where organizer_id = ${organizerId} and channel = ${channel} and address = ${address}`;

/**
 * All that is a buyer's, in one look: they buy with one address, and have more. One that staff has
 * written down counts until another one has proved it.
 */
export const selectContactsOfBuyer = (
  organizerId: OrganizerId,
  b: {
    readonly userId: UserId | null;
    readonly mailbox: string;
    readonly phone: string | null;
  },
) => rows({
  userId: textAs<UserId>(),
  channel: textAsOrNull<ContactChannel>(),
  address: textOrNull,
})`
  select a.user_id as "userId", c.channel, c.address
  from (
    select ${b.userId}::text as user_id where ${b.userId}::text is not null
    union
    select p.user_id from identity.person p
    where p.organizer_id = ${organizerId} and p.mailbox = ${b.mailbox}
    union
    select e.user_id from identity.contact e
    where e.organizer_id = ${organizerId} and e.channel = 'email' and e.address = ${b.mailbox}
    union
    select n.user_id from identity.contact n
    where n.organizer_id = ${organizerId} and n.channel = 'sms' and n.address = ${b.phone}
  ) a
  left join identity.contact c on c.user_id = a.user_id`;

/** Whose it is now: another person’s stays theirs. */
export const upsertContact = (
  organizerId: OrganizerId,
  channel: ContactChannel,
  address: string,
  userId: UserId,
  now: Date | null,
) => rows({ userId: textAs<UserId>() })`
  insert into identity.contact as c (organizer_id, channel, address, user_id, verified_at)
  values (${organizerId}, ${channel}, ${address}, ${userId}, kernel.instant(${now}))
  on conflict (organizer_id, channel, address) do update
  set verified_at = case when c.user_id = excluded.user_id then excluded.verified_at
    else c.verified_at end
  returning c.user_id as "userId"`;

export const selectLanguage = (userId: UserId) => rows({ language: textAsOrNull<'en' | 'de'>() })`
  select language from identity.person where user_id = ${userId}`;

export const updateLanguage = (userId: UserId, language: string) => command`
  update identity.person set language = ${language} where user_id = ${userId}`;

export const markFromSignIn = (keyId: string) => command`
  update identity.api_key set from_sign_in = true where key_id = ${keyId}`;

/** Ends a key that came of signing in; another one is not ended by signing out. */
export const endSignInKey = (keyId: string) => command`
  update identity.api_key set revoked_at = coalesce(revoked_at, kernel.instant(null))
  where key_id = ${keyId} and from_sign_in`;
