/**
 * Who may do what, written down once more and by hand: the oracle of the access test. It reads a
 * route's declared access and nothing of the server that enforces it.
 */
import type { Route } from '../../server/kernel/route.ts';

/** What each role may do, as the organizers are promised it; compared with the database's list. */
export const ROLES = {
  platform_admin: [
    'platform:write',
    'events:read',
    'events:write',
    'orders:read',
    'orders:write',
    'refunds:write',
    'users:read',
    'users:write',
    'keys:write',
    'statistics:read',
    'audit:read',
    'sandbox:write',
    'venues:read',
    'venues:write',
    'webhooks:read',
    'webhooks:write',
  ],
  admin: [
    'events:read',
    'events:write',
    'orders:read',
    'orders:write',
    'refunds:write',
    'users:read',
    'users:write',
    'keys:write',
    'statistics:read',
    'audit:read',
    'venues:read',
    'venues:write',
    'webhooks:read',
    'webhooks:write',
  ],
  manager: [
    'events:read',
    'events:write',
    'orders:read',
    'orders:write',
    'refunds:write',
    'users:read',
    'statistics:read',
    'venues:read',
    'venues:write',
  ],
  box_office: ['events:read', 'orders:read', 'orders:write', 'users:read', 'venues:read'],
  analyst: ['events:read', 'statistics:read', 'venues:read'],
  venue_manager: ['events:read', 'venues:read', 'venues:write', 'statistics:read'],
  fan: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Role = keyof typeof ROLES;
export type Side = 'ours' | 'theirs';

/** Who asks. `side` is the organizer that they belong to. */
export type Kind =
  | { readonly is: 'nobody' }
  /** A credential that counts for nothing: malformed, revoked, expired. */
  | { readonly is: 'refused' }
  /** A guest with an access token: of the order at hand on our side, or of none here. */
  | { readonly is: 'guest'; readonly opens: 'our order' | 'another order' }
  | { readonly is: 'fan'; readonly side: Side; readonly person: 'buyer' | 'stranger' }
  /** With `scopes`, of its role only those. */
  | {
      readonly is: 'staff';
      readonly side: Side;
      readonly role: Role;
      readonly scopes?: readonly string[];
    }
  | { readonly is: 'platform' };

/**
 * What is asked for. `ours` and `theirs` are two organizers' objects, alike in everything; `draft`
 * is an unpublished event of ours, `guarded` a hold that our buyer made with their key, `unknown`
 * has an id of the right shape that never existed, `mixed` names their part of our whole, `none` is
 * a list or a thing to be made.
 */
export type Variant = 'ours' | 'theirs' | 'draft' | 'guarded' | 'mixed' | 'unknown' | 'none';

/** What kind of thing the route's id names: a guest's token opens an order or a session. */
export type Thing = 'event' | 'hold' | 'order' | 'session' | 'person' | 'key' | 'venue' | 'none';

/** `done` is the route's own success; `unsigned` the refusal of a webhook without a signature. */
export type Expected = 'done' | 'unsigned' | 401 | 403 | 404;

/** What the route does not declare: what its id names, and a further right that staff needs. */
export type Asked = { readonly thing: Thing; readonly alsoNeeds?: string | undefined };

export function expectedOf(route: Route, asked: Asked, kind: Kind, variant: Variant): Expected {
  const expected = byAccess(route, asked.thing, kind, variant);
  const isStaff = kind.is === 'staff' || kind.is === 'platform';
  const lacks = isStaff && asked.alsoNeeds !== undefined && !hasScope(kind, asked.alsoNeeds);
  return expected === 'done' && lacks ? 403 : expected;
}

function byAccess(route: Route, thing: Thing, kind: Kind, variant: Variant): Expected {
  if (kind.is === 'refused') return 401;
  switch (route.access.kind) {
    case 'signed':
      return 'unsigned';
    case 'public':
      return ofPublic(route, kind, variant);
    case 'platform':
      if (kind.is === 'nobody' || kind.is === 'guest') return 401;
      return kind.is === 'platform' ? reached(variant, true) : 403;
    case 'scope':
      if (kind.is === 'nobody' || kind.is === 'guest') return 401;
      if (!hasScope(kind, route.access.scope)) return 403;
      return reached(variant, isStaffThere(kind, variant, route.access.scope));
    case 'owner':
      return ofOwner(route.access.scope, thing, kind, variant);
  }
}

function ofPublic(route: Route, kind: Kind, variant: Variant): Expected {
  switch (variant) {
    case 'none':
    case 'ours':
    case 'theirs':
      return 'done';
    case 'mixed':
    case 'unknown':
      return 404;
    case 'draft':
      // Nobody buys what is not published, staff included.
      return route.method === 'GET' && isStaffThere(kind, variant, 'events:read') ? 'done' : 404;
    case 'guarded': {
      const isOwn = kind.is === 'fan' && kind.side === 'ours' && kind.person === 'buyer';
      const needed = route.method === 'GET' ? 'orders:read' : 'orders:write';
      return isOwn || isStaffThere(kind, variant, needed) ? 'done' : 404;
    }
  }
}

function ofOwner(scope: string, thing: Thing, kind: Kind, variant: Variant): Expected {
  switch (kind.is) {
    case 'nobody':
    case 'refused':
      return 401;
    case 'guest':
      return isOpened(thing) && variant === 'ours' && kind.opens === 'our order' ? 'done' : 404;
    case 'fan':
      if (variant === 'none') return 'done';
      return kind.person === 'buyer' && kind.side === variant ? 'done' : 404;
    case 'staff':
    case 'platform':
      if (!hasScope(kind, scope)) return 403;
      return reached(variant, isStaffThere(kind, variant, scope));
  }
}

/** Whether a token of its own opens it. */
const isOpened = (thing: Thing) => thing === 'order' || thing === 'session';

function hasScope(kind: Kind, scope: string): boolean {
  if (kind.is === 'platform') return has('platform_admin', scope);
  if (kind.is !== 'staff' || !has(kind.role, scope)) return false;
  return kind.scopes === undefined || kind.scopes.includes(scope);
}

function has(role: Role, scope: string): boolean {
  const scopes: readonly string[] = ROLES[role];
  return scopes.includes(scope);
}

/** Whether they have the scope with the organizer that the thing belongs to. */
function isStaffThere(kind: Kind, variant: Variant, scope: string): boolean {
  if (!hasScope(kind, scope)) return false;
  const side: Side = variant === 'theirs' ? 'theirs' : 'ours';
  return (
    kind.is === 'platform' || variant === 'none' || (kind.is === 'staff' && kind.side === side)
  );
}

function reached(variant: Variant, mayReach: boolean): Expected {
  return mayReach && variant !== 'unknown' && variant !== 'mixed' ? 'done' : 404;
}

/** Whose buyers' names, addresses and numbers an answer to them may contain. */
export function mayReadPeopleOf(kind: Kind): readonly Side[] {
  switch (kind.is) {
    case 'nobody':
    case 'refused':
      return [];
    case 'guest':
      return kind.opens === 'our order' ? ['ours'] : [];
    case 'fan':
      return kind.person === 'buyer' ? [kind.side] : [];
    case 'staff':
      return hasScope(kind, 'orders:read') ? [kind.side] : [];
    case 'platform':
      return ['ours', 'theirs'];
  }
}
