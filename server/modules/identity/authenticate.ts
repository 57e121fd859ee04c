import { hash } from 'node:crypto';
import { type Actor, anonymous, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Db, maybe, run } from '../../kernel/db.ts';
import type { Authenticate } from '../../kernel/http-problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { isAccessToken } from './access-token.ts';
import { selectKeyByHash, touchKey } from './api-key.sql.ts';
import { createKeyCache, type KeyCache, type KnownKey } from './key-cache.ts';
import { forgetStandbyKeys, knownKey, standbyKey } from './standby-keys.ts';

const DEVICE_PATTERN = /^[A-Za-z0-9_-]{16,128}$/;

/** SHA-256 is enough for a key of 160 random bits: there is nothing to guess faster. */
export function hashSecret(secret: string): Buffer {
  return Buffer.from(hash('sha256', secret, 'hex'), 'hex');
}

/**
 * Finds who asks: `Bearer fk_…` is an API key, `Bearer at_…` or `?access=` a guest's token. No
 * credential is an anonymous buyer; a wrong one is refused, never taken for anonymous. An API key
 * does not count in an address, where proxies, logs and histories would keep it. The cookie of a
 * browser that has signed in counts where neither of them is there.
 */
export const authenticate: Authenticate = (
  ctx,
  { authorization, access, device, session, standby },
) => {
  const deviceToken = device !== null && DEVICE_PATTERN.test(device) ? device : null;
  const credential = authorization === null ? access : bearerOf(authorization);
  if (authorization === null && credential === null) {
    const nobody = deviceToken === null ? anonymous : { ...anonymous, device: deviceToken };
    return session === null ? ok(nobody) : ofSession(ctx, session, nobody);
  }
  if (credential === null || credential.length > 200) return refused('unauthenticated');
  if (isAccessToken(credential)) {
    return ok({ kind: 'anonymous', device: deviceToken, accessToken: credential });
  }
  if (authorization === null) return refused('unauthenticated');
  const nowMs = nowOf(ctx);
  const secretHash = hash('sha256', credential, 'hex');
  const known = standby ? standbyKey(ctx, secretHash, nowMs) : null;
  if (known) return ok(known);
  const found = keysOf(ctx).find(secretHash, nowMs);
  return found instanceof Promise ? found.then(outcome) : outcome(found);
};

/** A cookie that opens nothing any more is none: its browser still sees what everybody sees. */
function ofSession(ctx: Ctx, session: string, nobody: Actor): ReturnType<Authenticate> {
  if (session.length > 200) return ok(nobody);
  const found = keysOf(ctx).find(hash('sha256', session, 'hex'), nowOf(ctx));
  return found instanceof Promise ? found.then((key) => ok(key ?? nobody)) : ok(found);
}

function nowOf(ctx: Ctx): number {
  return (ctx.clock.now() ?? new Date(ctx.ids.nowMs())).getTime();
}

const outcome = (key: Key | null) => (key ? ok(key) : refused('unauthenticated'));

function bearerOf(authorization: string): string | null {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1] ?? null;
}

/** One for each database that this process is connected to. */
const caches = new WeakMap<Db, KeyCache>();

function keysOf(ctx: Ctx): KeyCache {
  const known = caches.get(ctx.db);
  if (known) return known;
  const cache = createKeyCache(
    (secretHash) => readKey(ctx, secretHash),
    (error) => ctx.log.debug({ err: error }, 'an API key could not be read again'),
  );
  caches.set(ctx.db, cache);
  return cache;
}

/** To be called wherever a key was changed: this process then asks anew for each. */
export function forgetKeys(ctx: Ctx): void {
  caches.get(ctx.db)?.forgetAll();
  forgetStandbyKeys(ctx);
}

/** To be called where a key without scopes has ended, which is no standby key. */
export function forgetKey(ctx: Ctx, keyId: string): void {
  caches.get(ctx.db)?.forget(keyId);
}

async function readKey(ctx: Ctx, secretHash: string): Promise<KnownKey | null> {
  const found = await maybe(
    ctx.db,
    selectKeyByHash(Buffer.from(secretHash, 'hex'), ctx.clock.now()),
  );
  if (!found) return null;
  if (found.touch) {
    // Nobody waits for it, and a request does not fail for it.
    run(ctx.db, touchKey(found.keyId)).catch((error: unknown) => {
      ctx.log.warn({ err: error }, 'the last use of an API key was not written down');
    });
  }
  return knownKey(found);
}
