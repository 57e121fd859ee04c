import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import {
  bool,
  command,
  fragment,
  instant,
  int,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';

const columns = {
  signInId: text,
  organizerId: textAs<OrganizerId>(),
  channel: textAs<'email' | 'sms'>(),
  address: text,
  addressKey: text,
  userId: textAsOrNull<UserId>(),
  language: textAsOrNull<'en' | 'de'>(),
  expiresAt: instant,
};

const signInSelect = fragment`s.sign_in_id as "signInId", s.organizer_id as "organizerId", s.channel,
    s.address, s.address_key as "addressKey", s.user_id as "userId", s.language, s.expires_at as "expiresAt"`;

/** By which attempts are counted. */
type Counted = {
  readonly callerKey: string;
  readonly addressKey: string;
  /** Of somebody who is signed in. */
  readonly userId: UserId | null;
};

export type SignInRow = ReturnType<ReturnType<typeof selectSignIn>['decode']>;

/**
 * Whoever asks from the same place, for the same address or as the same person waits: what is
 * counted next is all that there is. In this order, so that no two wait for each other.
 */
export const lockCounted = ({ callerKey, addressKey, userId }: Counted) => command`
  select pg_advisory_xact_lock(hashtextextended('people.sign_in ' || s.name, 0))
  from unnest(array['caller ' || ${callerKey}::text, 'address ' || ${addressKey}::text,
    'person ' || ${userId}::text]) with ordinality as s(name, position)
  where s.name is not null order by s.position`;

export const countAsked = ({ callerKey, addressKey, userId }: Counted, now: Date | null) => rows({
  addressHour: int,
  addressDay: int,
  callerHour: int,
  personTextsDay: int,
})`
  select
    (select count(*)::int from people.sign_in s
      where s.address_key = ${addressKey}
        and s.made_at > kernel.instant(${now}) - interval '1 hour') as "addressHour",
    (select count(*)::int from people.sign_in s
      where s.address_key = ${addressKey}
        and s.made_at > kernel.instant(${now}) - interval '1 day') as "addressDay",
    (select count(*)::int from people.sign_in s
      where s.caller_key = ${callerKey}
        and s.made_at > kernel.instant(${now}) - interval '1 hour') as "callerHour",
    (select count(*)::int from people.sign_in s
      where s.user_id = ${userId}::text and s.channel = 'sms'
        and s.made_at > kernel.instant(${now}) - interval '1 day') as "personTextsDay"`;

export const insertSignIn = (
  s: Omit<SignInRow, 'expiresAt'> & { readonly callerKey: string },
  now: Date | null,
  minutes: number,
) => rows({ expiresAt: instant })`
  insert into people.sign_in (sign_in_id, organizer_id, channel, address, address_key, caller_key,
    user_id, language, made_at, expires_at)
  select ${s.signInId}, ${s.organizerId}, ${s.channel}, ${s.address}, ${s.addressKey},
    ${s.callerKey}, ${s.userId}, ${s.language}, t.at, t.at + make_interval(mins => ${minutes})
  from (select kernel.instant(${now}) as at) t
  returning expires_at as "expiresAt"`;

export const selectSignIn = (signInId: string) => rows(columns)`
  select ${signInSelect} from people.sign_in s where s.sign_in_id = ${signInId}`;

/** The latest for this address, of those that this caller may end: a code counts for that alone. */
export const selectLatest = (
  organizerId: OrganizerId,
  addressKey: string,
  userId: UserId | null,
) => rows(columns)`
  select ${signInSelect} from people.sign_in s
  where s.organizer_id = ${organizerId} and s.address_key = ${addressKey}
    and (s.user_id is null or s.user_id = ${userId})
  order by s.made_at desc, s.sign_in_id desc limit 1`;

/** Counts a try before it is looked at; nothing where there is none left. */
export const takeTry = (signInId: string, now: Date | null, most: number) => rows({ left: bool })`
  update people.sign_in set tries = tries + 1
  where sign_in_id = ${signInId} and tries < ${most} and used_at is null
    and expires_at > kernel.instant(${now})
  returning true as left`;

/** For one of those who come with it. */
export const useSignIn = (signInId: string, now: Date | null) => rows({ signInId: text })`
  update people.sign_in set used_at = kernel.instant(${now})
  where sign_in_id = ${signInId} and used_at is null and expires_at > kernel.instant(${now})
  returning sign_in_id as "signInId"`;

const KEPT_DAYS = 2;

export const deleteOldSignIns = (now: Date | null, most: number) => command`
  delete from people.sign_in where sign_in_id = any (array(
    select s.sign_in_id from people.sign_in s
    where s.made_at < kernel.instant(${now}) - make_interval(days => ${KEPT_DAYS})
    order by s.made_at limit ${most}))`;
