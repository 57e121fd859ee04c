/**
 * A guest's right to one object. The token is an HMAC of the object's id: nothing is stored, and
 * nothing can be guessed or listed.
 */
import type { Actor } from '../../kernel/actor.ts';
import { type Secrets, sameSecret } from '../../kernel/secrets.ts';

const PREFIX = 'at_';

/** The token that opens the object with this id, e.g. an order. */
export function accessTokenFor(secrets: Secrets, objectId: string): string {
  return `${PREFIX}${secrets.derive('access', objectId)}`;
}

/** Whether this actor holds the token of this object. */
export function opensWith(secrets: Secrets, actor: Actor, objectId: string): boolean {
  if (actor.kind !== 'anonymous' || !actor.accessToken) return false;
  return sameSecret(actor.accessToken, accessTokenFor(secrets, objectId));
}

export function isAccessToken(text: string): boolean {
  return /^at_[A-Za-z0-9_-]{43}$/.test(text);
}
