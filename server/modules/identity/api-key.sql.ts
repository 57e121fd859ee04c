import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import {
  bool,
  command,
  fragment,
  instant,
  instantOrNull,
  listOf,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';

/** How stale `last_used_at` may be; writing it at every request would cost a write per read. */
const LAST_USED_STALE = '1 minute';

export const selectKeyByHash = (hash: Buffer, now: Date | null) => rows({
  keyId: text,
  organizerId: textAs<OrganizerId>(),
  userId: textAsOrNull<UserId>(),
  role: text,
  scopes: listOf(text),
  expiresAt: instantOrNull,
  touch: bool,
})`
  select k.key_id as "keyId", k.organizer_id as "organizerId", k.user_id as "userId", k.role,
    k.scopes, k.expires_at as "expiresAt",
    coalesce(k.last_used_at < kernel.instant(null) - ${LAST_USED_STALE}::interval, true) as touch
  from identity.api_key k
  where k.secret_hash = ${hash}
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > kernel.instant(${now}))`;

/** Keys in force that carry a scope; those used last come first. */
export const selectKeysWith = (scope: string, now: Date | null, most: number) => rows({
  hash: text,
  keyId: text,
  organizerId: textAs<OrganizerId>(),
  userId: textAsOrNull<UserId>(),
  role: text,
  scopes: listOf(text),
  expiresAt: instantOrNull,
})`
  select encode(k.secret_hash, 'hex') as hash, k.key_id as "keyId",
    k.organizer_id as "organizerId", k.user_id as "userId", k.role, k.scopes,
    k.expires_at as "expiresAt"
  from identity.api_key k
  where ${scope} = any(k.scopes) and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > kernel.instant(${now}))
  order by k.last_used_at desc nulls last limit ${most}`;

/** Only where nobody else has just done it. */
export const touchKey = (keyId: string) => command`
  update identity.api_key set last_used_at = kernel.instant(null)
  where key_id = ${keyId}
    and coalesce(last_used_at < kernel.instant(null) - ${LAST_USED_STALE}::interval, true)`;

const keyColumns = {
  keyId: text,
  organizerId: textAs<OrganizerId>(),
  userId: textAsOrNull<UserId>(),
  role: text,
  scopes: listOf(text),
  name: text,
  shownPrefix: text,
  expiresAt: instantOrNull,
  revokedAt: instantOrNull,
  lastUsedAt: instantOrNull,
  madeAt: instant,
};

const keySelect = fragment`key_id as "keyId", organizer_id as "organizerId", user_id as "userId", role, scopes,
    name, shown_prefix as "shownPrefix", expires_at as "expiresAt", revoked_at as "revokedAt",
    last_used_at as "lastUsedAt", made_at as "madeAt"`;

export type NewKey = {
  readonly keyId: string;
  readonly organizerId: OrganizerId;
  readonly userId: UserId | null;
  readonly role: string;
  readonly scopes: readonly string[] | null;
  readonly name: string;
  readonly shownPrefix: string;
  readonly secretHash: Buffer;
  readonly expiresAt: Date | null;
};

/** The key gets the role's scopes, or those of them that were asked for. */
export const insertKey = (key: NewKey) => rows(keyColumns)`
  insert into identity.api_key
    (key_id, organizer_id, user_id, role, scopes, name, shown_prefix, secret_hash, expires_at)
  select ${key.keyId}, ${key.organizerId}, ${key.userId}, r.role,
    (select coalesce(array_agg(s order by s), '{}') from unnest(r.scopes) s
      where ${key.scopes}::text[] is null or s = any(${key.scopes}::text[])),
    ${key.name}, ${key.shownPrefix}, ${key.secretHash}, ${key.expiresAt}
  from identity.role r where r.role = ${key.role}
  on conflict (secret_hash) do nothing
  returning ${keySelect}`;

export const selectKeys = (organizerId: OrganizerId | null, after: string | null, most: number) =>
  rows(keyColumns)`
  select ${keySelect}
  from identity.api_key
  where (${organizerId}::text is null or organizer_id = ${organizerId})
    and (${after}::text is null or key_id > ${after}) and not from_sign_in
  order by key_id limit ${most}`;

export const revokeKey = (keyId: string, organizerId: OrganizerId | null) => command`
  update identity.api_key set revoked_at = coalesce(revoked_at, kernel.instant(null))
  where key_id = ${keyId} and (${organizerId}::text is null or organizer_id = ${organizerId})`;

/** The key of the setting is known as such; one that people made stays theirs. */
export const markFromSetting = (hash: Buffer, name: string) => command`
  update identity.api_key set from_setting = true
  where secret_hash = ${hash} and name = ${name} and not from_setting`;

/** Ends earlier keys of the setting where the one with this hash is in force. */
export const revokeEarlierFromSetting = (hash: Buffer, now: Date | null) => rows({ keyId: text })`
  update identity.api_key set revoked_at = kernel.instant(null)
  where from_setting and revoked_at is null and secret_hash <> ${hash}
    and exists (
      select from identity.api_key mine
      where mine.secret_hash = ${hash} and mine.revoked_at is null
        and (mine.expires_at is null or mine.expires_at > kernel.instant(${now}))
    )
  returning key_id as "keyId"`;

export const selectRoles = () => rows({ role: text, description: text, scopes: listOf(text) })`
  select role, description, scopes from identity.role order by role`;
