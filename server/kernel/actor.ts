/** Who asks. Found once per request, from its credentials; every use case is told. */

import { hash } from 'node:crypto';
import type { OrganizerId, UserId } from './ids.ts';
import { assert } from './result.ts';

export type Actor =
  | {
      readonly kind: 'anonymous';
      /** A secret of the caller's device, by which a lost answer can be asked for again. */
      readonly device: string | null;
      /** An access token that opens one object, as the caller presented it. */
      readonly accessToken: string | null;
    }
  | {
      readonly kind: 'key';
      readonly keyId: string;
      readonly role: string;
      /** The organizer whose objects it may touch; null for a key of the platform itself. */
      readonly organizerId: OrganizerId;
      readonly platform: boolean;
      /** The person it belongs to, for a fan's key. */
      readonly userId: UserId | null;
      readonly scopes: ReadonlySet<string>;
    };

export const anonymous: Actor = { kind: 'anonymous', device: null, accessToken: null };

/** For the audit log: an id, never a name. */
export function actorLabel(actor: Actor): string {
  if (actor.kind === 'key') return actor.userId ?? actor.keyId;
  return actor.accessToken ? 'buyer' : 'anonymous';
}

/**
 * The person who buys, where the key says who that is: a personal key acts for its person. A key
 * with any scope is staff's, also where it has an owner: it acts for the buyer whom a request
 * names, and nothing is counted for its owner.
 */
export function buyingPerson(actor: Actor): UserId | null {
  return actor.kind === 'key' && actor.scopes.size === 0 ? actor.userId : null;
}

/** A key with any scope: whoever it acts for is somebody else. */
export function isStaff(actor: Actor): actor is Key {
  return actor.kind === 'key' && actor.scopes.size > 0;
}

/** Whether this actor is staff of the organizer (or of the platform) with that scope. */
export function isStaffOf(actor: Actor, organizerId: string, scope: string): boolean {
  return (
    actor.kind === 'key' &&
    actor.scopes.has(scope) &&
    (actor.platform || actor.organizerId === organizerId)
  );
}

export type Key = Extract<Actor, { kind: 'key' }>;

/** For routes that only a key can reach: the server has refused everybody else before. */
export function keyOf(actor: Actor): Key {
  assert(actor.kind === 'key', 'an anonymous caller passed the access check');
  return actor;
}

/**
 * The name under which a caller's idempotency keys are kept: two callers may use the same key. It
 * is stored, so what opens something is hashed first.
 */
export function callerOf(actor: Actor): string {
  if (actor.kind === 'key') return actor.userId ?? actor.keyId;
  if (actor.device) return `device:${digest(actor.device)}`;
  return actor.accessToken ? `access:${digest(actor.accessToken)}` : 'anonymous';
}

function digest(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
