import type { Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, run, type Tx } from '../../kernel/db.ts';
import { type EndpointId, newRootId, type OrganizerId } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';
import { type CursorRefusal, type Page, readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { organizerExists } from '../identity/index.ts';
import { urlProblem } from './check-url.ts';
import {
  deleteEndpoint,
  type EndpointRow,
  type EndpointStatus,
  insertEndpoint,
  rotateSecret,
  selectEndpoints,
  updateEndpoint,
} from './endpoint.sql.ts';
import { type EndpointView, endpointView } from './endpoint-view.ts';
import { findEndpoint, findToChange } from './find-endpoint.ts';
import { FORGET_JOB, SEND_JOB, type SendJob } from './jobs.ts';
import { secretOf } from './sign-message.ts';
import { forgetTakers } from './takers.ts';

const ENDPOINTS_MAX = 20;
/** How long the secret before a rotation is good. */
const ROTATION_HOURS = 24;

type WithSecret = EndpointView & { readonly secret?: string };
type NotFound = RefusalOf<'not_found'>;
type UrlRefused = RefusalOf<'webhook_url_refused'>;

export type EndpointInput = {
  readonly url: string;
  readonly kinds: readonly string[] | null;
  readonly description: string;
  readonly status: EndpointStatus;
};

const isOwn = (key: Key, organizerId: OrganizerId) =>
  key.platform || key.organizerId === organizerId;

function urlRefusal(ctx: Ctx, url: string) {
  const problem = urlProblem(url, ctx.config.WEBHOOKS_ALLOW_PRIVATE);
  if (problem === null) return null;
  return refused('webhook_url_refused', {
    detail: `The URL ${problem}.`,
    issues: [{ path: 'url', code: 'url_refused', message: problem }],
  });
}

/** Each kind once, in one order. */
const settingsOf = (input: EndpointInput) => ({
  ...input,
  kinds: input.kinds === null ? null : [...new Set(input.kinds)].sort(),
});

/** Makes an endpoint and returns it with its secret, this once. */
export async function createEndpoint(
  ctx: Ctx,
  key: Key,
  organizerId: OrganizerId,
  input: EndpointInput,
): Promise<
  Result<WithSecret, NotFound | UrlRefused | RefusalOf<'too_many_webhook_endpoints'> | Busy>
> {
  if (!isOwn(key, organizerId)) return refused('not_found');
  const wrong = urlRefusal(ctx, input.url);
  const made = await inTx(ctx, async (tx) => {
    if (!(await organizerExists(tx, organizerId))) return refused('not_found');
    if (wrong) return wrong;
    const endpointId = newRootId(ctx.ids, 'whe');
    const wanted = { ...settingsOf(input), endpointId, organizerId };
    const row = await maybe(tx, insertEndpoint(wanted, ENDPOINTS_MAX, ctx.clock.now()));
    return row ? ok(endpointView(row)) : refused('too_many_webhook_endpoints');
  });
  if (!made.ok) return made;
  forgetTakers(ctx, organizerId);
  // Outside the transaction, whose value is what a replay of this request is answered with.
  const named = { endpointId: made.value.id, secretNo: 1 };
  return ok({ ...made.value, secret: secretOf(ctx.secrets, named) });
}

export async function listEndpoints(
  ctx: Ctx,
  key: Key,
  organizerId: OrganizerId,
  query: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<Page<EndpointView>, CursorRefusal | NotFound>> {
  const cursor = readCursor(ctx.secrets, 'webhook-endpoints', query.cursor);
  if (!cursor.ok) return cursor;
  if (!isOwn(key, organizerId) || !(await organizerExists(ctx.db, organizerId))) {
    return refused('not_found');
  }
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const found = await all(ctx.db, selectEndpoints(organizerId, after, query.limit + 1));
  return ok(
    toPage(ctx.secrets, 'webhook-endpoints', found, query.limit, {
      view: endpointView,
      key: (row) => [row.endpointId],
    }),
  );
}

export async function readEndpoint(
  ctx: Ctx,
  key: Key,
  id: EndpointId,
): Promise<Result<EndpointView, NotFound>> {
  const found = await findEndpoint(ctx.db, key, id);
  return found.ok ? ok(endpointView(found.value)) : found;
}

export async function replaceEndpoint(
  ctx: Ctx,
  key: Key,
  id: EndpointId,
  input: EndpointInput,
): Promise<Result<EndpointView, NotFound | UrlRefused | Busy>> {
  const wrong = urlRefusal(ctx, input.url);
  return change(ctx, key, id, async (tx, found) => {
    if (wrong) return wrong;
    return ok(await updated(tx, found, settingsOf(input)));
  });
}

/** Paused, or active again; what has waited meanwhile goes out in its order. */
export function setEndpointStatus(
  ctx: Ctx,
  key: Key,
  id: EndpointId,
  status: 'active' | 'paused',
): Promise<Result<EndpointView, NotFound | Busy>> {
  return change<never>(ctx, key, id, async (tx, found) => {
    return ok(await updated(tx, found, { ...found, status }));
  });
}

/** From now on messages carry a second signature, with the new secret, for a day with both. */
export async function rotateEndpointSecret(
  ctx: Ctx,
  key: Key,
  id: EndpointId,
): Promise<Result<WithSecret, NotFound | Busy>> {
  let secretNo = 0;
  const rotated = await change(ctx, key, id, async (tx) => {
    const row = await one(tx, rotateSecret(id, ROTATION_HOURS, ctx.clock.now()));
    secretNo = row.secretNo;
    return ok(row);
  });
  if (!rotated.ok) return rotated;
  return ok({ ...rotated.value, secret: secretOf(ctx.secrets, { endpointId: id, secretNo }) });
}

export async function removeEndpoint(
  ctx: Ctx,
  key: Key,
  id: EndpointId,
): Promise<Result<null, NotFound | Busy>> {
  const done = await change(ctx, key, id, async (tx, found) => {
    await run(tx, deleteEndpoint(id));
    const data: SendJob = { endpointId: id };
    await enqueue(tx, { kind: FORGET_JOB, key: id, data });
    return ok(found);
  });
  return done.ok ? ok(null) : done;
}

async function updated(tx: Tx, found: EndpointRow, to: EndpointInput): Promise<EndpointRow> {
  const row = await one(tx, updateEndpoint(found.endpointId, to));
  const data: SendJob = { endpointId: found.endpointId };
  if (row.status === 'active') await enqueue(tx, { kind: SEND_JOB, key: row.endpointId, data });
  return row;
}

/** One change of an endpoint that is the caller's; who reads the list of takers hears of it. */
async function change<R extends UrlRefused = never>(
  ctx: Ctx,
  key: Key,
  id: EndpointId,
  work: (tx: Tx, found: EndpointRow) => Promise<Result<EndpointRow, R>>,
): Promise<Result<EndpointView, R | NotFound | Busy>> {
  const done = await inTx(ctx, async (tx) => {
    const found = await findToChange(tx, key, id);
    if (!found.ok) return found;
    const changed = await work(tx, found.value);
    return changed.ok ? ok(endpointView(changed.value)) : changed;
  });
  if (!done.ok) return done;
  // An id of an organizer, as the row had it.
  forgetTakers(ctx, done.value.organizerId as OrganizerId);
  ctx.wakeJobs();
  return done;
}
