/**
 * Keys that must open something also while the database does not answer: those that may stop a
 * sale. They are read about once a second, so that a revoked one is out as soon as everywhere; the
 * last reading stands for as long as none follows.
 */
import type { Key } from '../../kernel/actor.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Db } from '../../kernel/db.ts';
import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { selectKeysWith } from './api-key.sql.ts';
import type { KnownKey } from './key-cache.ts';

/** What a key must carry to stop a sale. */
export const STOPPING_SCOPE = 'events:write';
const KEYS_MAX = 2_000;

type Standby = { keys: ReadonlyMap<string, KnownKey>; forgotten: number };

/** One for each database that this process is connected to. */
const standbys = new WeakMap<Db, Standby>();

function standbyOf(db: Db): Standby {
  const known = standbys.get(db) ?? { keys: new Map(), forgotten: 0 };
  standbys.set(db, known);
  return known;
}

/** Reads them on a connection of its own, for the process that works on `shared`. */
export async function readStandbyKeys(on: Db, shared: Db, clock: Clock): Promise<void> {
  const standby = standbyOf(shared);
  const before = standby.forgotten;
  const found = await all(on, selectKeysWith(STOPPING_SCOPE, clock.now(), KEYS_MAX));
  // What was revoked here meanwhile must not come back.
  if (before !== standby.forgotten) return;
  standby.keys = new Map(found.map((row) => [row.hash, knownKey(row)]));
}

export function standbyKey(ctx: Ctx, secretHash: string, nowMs: number): Key | null {
  const known = standbyOf(ctx.db).keys.get(secretHash);
  if (!known) return null;
  return known.expiresAt !== null && known.expiresAt.getTime() <= nowMs ? null : known.key;
}

export function forgetStandbyKeys(ctx: Ctx): void {
  const standby = standbyOf(ctx.db);
  standby.keys = new Map();
  standby.forgotten += 1;
}

export function knownKey(row: {
  readonly keyId: string;
  readonly organizerId: OrganizerId;
  readonly userId: UserId | null;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}): KnownKey {
  const key: Key = {
    kind: 'key',
    keyId: row.keyId,
    role: row.role,
    organizerId: row.organizerId,
    platform: row.role === 'platform_admin',
    userId: row.userId,
    scopes: new Set(row.scopes),
  };
  return { key, expiresAt: row.expiresAt };
}
