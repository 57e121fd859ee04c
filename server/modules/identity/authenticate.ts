import { createHash } from 'node:crypto';
import { type Actor, anonymous } from '../../kernel/actor.ts';
import { maybe, run } from '../../kernel/db.ts';
import type { Authenticate } from '../../kernel/http-problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { isAccessToken } from './access-token.ts';
import { selectKeyByHash, touchKey } from './api-key.sql.ts';

const DEVICE_PATTERN = /^[A-Za-z0-9_-]{16,128}$/;

/** SHA-256 is enough for a key of 160 random bits: there is nothing to guess faster. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/**
 * Finds who asks: `Bearer fk_…` is an API key, `Bearer at_…` or `?access=` a guest's token. No
 * credential is an anonymous buyer; a wrong one is refused, never taken for anonymous. An API key
 * does not count in an address, where proxies, logs and histories would keep it.
 */
export const authenticate: Authenticate = async (ctx, { authorization, access, device }) => {
  const deviceToken = device !== null && DEVICE_PATTERN.test(device) ? device : null;
  const credential = authorization === null ? access : bearerOf(authorization);
  if (authorization === null && credential === null) {
    return ok({ ...anonymous, device: deviceToken });
  }
  if (credential === null || credential.length > 200) return refused('unauthenticated');
  if (isAccessToken(credential)) {
    return ok({ kind: 'anonymous', device: deviceToken, accessToken: credential });
  }
  if (authorization === null) return refused('unauthenticated');
  const key = await maybe(ctx.db, selectKeyByHash(hashSecret(credential), ctx.clock.now()));
  if (!key) return refused('unauthenticated');
  if (key.touch) await run(ctx.db, touchKey(key.keyId));
  const actor: Actor = {
    kind: 'key',
    keyId: key.keyId,
    role: key.role,
    organizerId: key.organizerId,
    platform: key.role === 'platform_admin',
    userId: key.userId,
    scopes: new Set(key.scopes),
  };
  return ok(actor);
};

function bearerOf(authorization: string): string | null {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1] ?? null;
}
