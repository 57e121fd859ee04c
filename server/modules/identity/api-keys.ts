import type { Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, inTx, maybe, one, run } from '../../kernel/db.ts';
import { newRootId, type OrganizerId, type UserId } from '../../kernel/ids.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { insertKey, revokeKey, selectKeys, selectRoles } from './api-key.sql.ts';
import { forgetKeys, hashSecret } from './authenticate.ts';
import { selectOrganizer } from './organizer.sql.ts';
import { selectPerson } from './person.sql.ts';

const SECRET_CHARS = 32;
export const SHOWN_CHARS = 9;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** `fk_` and 160 random bits in base 32. */
export function newSecret(ctx: Ctx): string {
  const chance = Array.from(ctx.ids.bytes(SECRET_CHARS), (byte) => ALPHABET.charAt(byte & 31));
  return `fk_${chance.join('')}`;
}

export type NewApiKey = {
  readonly name: string;
  readonly role: string;
  readonly scopes?: readonly string[] | undefined;
  readonly userId?: UserId | undefined;
  readonly organizerId?: OrganizerId | undefined;
  readonly expiresAt?: Date | undefined;
};

type NewKeyRefusal = RefusalOf<
  | 'unknown_role'
  | 'unknown_scope'
  | 'forbidden_role'
  | 'unknown_person'
  | 'unknown_organizer'
  | 'busy'
>;

/**
 * Makes a key and returns it with its secret, this once. Nobody can make a key that may do more
 * than their own: not by its role, and not by acting as a person whose data theirs does not open.
 */
export async function createApiKey(
  ctx: Ctx,
  staff: Key,
  wanted: NewApiKey,
): Promise<Result<ReturnType<typeof keyView> & { secret?: string }, NewKeyRefusal>> {
  const organizerId = wanted.organizerId ?? staff.organizerId;
  if (!staff.platform && organizerId !== staff.organizerId) return refused('unknown_organizer');
  const role = (await all(ctx.db, selectRoles())).find((r) => r.role === wanted.role);
  if (!role) return refused('unknown_role');
  const strange = wanted.scopes?.find((scope) => !role.scopes.includes(scope));
  if (strange !== undefined) {
    return refused('unknown_scope', { detail: `The role ${role.role} has other scopes.` });
  }
  // The whole role counts, though fewer scopes were asked for: some power comes with its name.
  const exceeds = role.scopes.some((scope) => !staff.scopes.has(scope));
  if (exceeds) return refused('forbidden_role', { detail: 'The role may do more than your key.' });
  const isPersons = wanted.userId !== undefined || wanted.role === 'fan';
  if (isPersons && !staff.scopes.has('users:write')) {
    return refused('forbidden_role', { detail: 'A key that acts as a person needs users:write.' });
  }
  const secret = newSecret(ctx);
  const made = await inTx(ctx, async (tx) => {
    if (!(await maybe(tx, selectOrganizer(organizerId)))) return refused('unknown_organizer');
    if (isPersons) {
      const person = await maybe(tx, selectPerson(wanted.userId ?? '', organizerId));
      if (!person) return refused('unknown_person');
    }
    const key = await one(
      tx,
      insertKey({
        keyId: newRootId(ctx.ids, 'key'),
        organizerId,
        userId: wanted.userId ?? null,
        role: wanted.role,
        scopes: wanted.scopes ?? null,
        name: wanted.name,
        shownPrefix: secret.slice(0, SHOWN_CHARS),
        secretHash: hashSecret(secret),
        expiresAt: wanted.expiresAt ?? null,
      }),
    );
    return ok(keyView(key));
  });
  // Outside the transaction, whose value is what a replay of this request is answered with.
  return made.ok ? ok({ ...made.value, secret }) : made;
}

type KeyRow = Awaited<
  ReturnType<typeof all<ReturnType<ReturnType<typeof selectKeys>['decode']>>>
>[0];

export function keyView(key: KeyRow) {
  return {
    id: key.keyId,
    organizerId: key.organizerId,
    userId: key.userId,
    name: key.name,
    role: key.role,
    scopes: [...key.scopes],
    prefix: key.shownPrefix,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    createdAt: key.madeAt.toISOString(),
  };
}

export async function listApiKeys(
  ctx: Ctx,
  staff: Key,
  page: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const cursor = readCursor(ctx.secrets, 'api-keys', page.cursor);
  if (!cursor.ok) return cursor;
  const organizerId = staff.platform ? null : staff.organizerId;
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const found = await all(ctx.db, selectKeys(organizerId, after, page.limit + 1));
  return ok(
    toPage(ctx.secrets, 'api-keys', found, page.limit, {
      view: keyView,
      key: (row) => [row.keyId],
    }),
  );
}

/**
 * The key opens nothing from now on, in other processes within KEY_STALE_MAX_MS; revoking it again
 * changes nothing.
 */
export async function revokeApiKey(
  ctx: Ctx,
  staff: Key,
  keyId: string,
): Promise<Result<null, RefusalOf<'not_found'>>> {
  const touched = await run(ctx.db, revokeKey(keyId, staff.platform ? null : staff.organizerId));
  forgetKeys(ctx);
  return touched === 1 ? ok(null) : refused('not_found');
}
