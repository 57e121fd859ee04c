/** Every code that a client may be answered with, and which of them a route may answer. */
import type { JsonRefusalCode } from '../kernel/json.ts';
import { commonRefusals } from '../kernel/problem.ts';
import type { Route } from '../kernel/route.ts';

export type ProblemCode = {
  readonly status: number;
  readonly title: string;
  readonly retryAfterSeconds?: number;
};
type Codes = Readonly<Record<string, ProblemCode>>;

const json = {
  malformed_json: { status: 400, title: 'The body is not JSON' },
  byte_order_mark: { status: 400, title: 'The body begins with a byte order mark' },
  trailing_content: { status: 400, title: 'Something follows the JSON value' },
  duplicate_key: { status: 400, title: 'A key is there twice' },
  forbidden_key: { status: 400, title: 'A key that no object may have' },
  too_deep: { status: 400, title: 'Too many objects inside each other' },
  too_many_members: { status: 400, title: 'Too many members and elements' },
  nul_character: { status: 400, title: 'A text contains the character NUL' },
  lone_surrogate: { status: 400, title: 'A text contains half a character' },
  number_out_of_range: { status: 400, title: 'A number cannot be kept exactly' },
} as const satisfies Readonly<Record<JsonRefusalCode, ProblemCode>>;

const body = {
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
} as const;

const identity = {
  unauthenticated: { status: 401, title: 'Not signed in, or not with a credential that counts' },
  forbidden: { status: 403, title: 'This key may not do that' },
  cross_site_request: { status: 403, title: 'A page of another site asked in somebody’s name' },
} as const;

const anywhere = {
  malformed_request: { status: 400, title: 'The request is malformed' },
  malformed_url: { status: 400, title: 'The address is not valid' },
  method_not_allowed: { status: 405, title: 'This method is not possible here' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
} as const;

const limits = {
  rate_limited: { status: 429, title: 'Too many requests', retryAfterSeconds: 1 },
  unavailable: {
    status: 503,
    title: 'The database cannot be reached at the moment',
    retryAfterSeconds: 5,
  },
} as const;

/** All of them, those of the routes included, by name. */
export function allProblemCodes(routes: readonly Route[]): ReadonlyMap<string, ProblemCode> {
  const tables: readonly Codes[] = [
    ...[json, body, identity, anywhere, limits, commonRefusals],
    ...routes.map((route) => route.refusals),
  ];
  const codes = new Map(tables.flatMap((table) => Object.entries(table)));
  return new Map([...codes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Those that this route may answer, beyond the ones that any address may. */
export function problemCodesOf(route: Route): ReadonlyMap<string, ProblemCode> {
  const has = (code: keyof typeof commonRefusals) => ({ [code]: commonRefusals[code] });
  const { kind } = route.access;
  const tables: Codes[] = [{ unauthenticated: identity.unauthenticated }];
  if (kind !== 'public' && kind !== 'signed') tables.push({ forbidden: identity.forbidden });
  if (route.method !== 'GET') tables.push({ cross_site_request: identity.cross_site_request });
  // A guest's token opens one object; of anything else it is told that there is none.
  if (route.params || kind === 'owner') tables.push(has('not_found'));
  if (route.body) tables.push({ malformed_json: json.malformed_json }, body);
  if (route.body || route.query) tables.push(has('validation_failed'));
  if (route.idempotency !== 'none') {
    tables.push(has('idempotency_key_invalid'), has('idempotency_key_reused'));
    if (route.idempotency !== 'own') tables.push(has('request_in_flight'));
    if (route.idempotency === 'required') tables.push(has('idempotency_key_required'));
  }
  tables.push({ rate_limited: limits.rate_limited }, has('busy'), route.refusals);
  return new Map(tables.flatMap((table) => Object.entries(table)));
}
