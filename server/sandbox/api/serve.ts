/**
 * One API call: who calls, what was asked, the fault that may strike, then the endpoint in one
 * transaction under its idempotency key, and the answer with Stripe's headers. An endpoint that
 * refuses leaves nothing behind but its answer under the key.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { inTx, run, type Tx } from '../../kernel/db.ts';
import { ok } from '../../kernel/result.ts';
import { findAnyones } from '../store.ts';
import { recordHappenings } from '../webhooks/events.ts';
import { API_VERSION, type Call, chance, type Outcome, scopeOf, type World } from '../world.ts';
import {
  invalidParams,
  lockTimeout,
  rateLimited,
  secretKeyRequired,
  serverError,
} from './errors.ts';
import { expand } from './expand.ts';
import type { CallFault, Strike } from './faults.ts';
import { type Form, parseForm } from './form.ts';
import { markStart, undoSinceStart } from './idempotency.sql.ts';
import { requestHash, type Sent, sentError, underKey } from './idempotency.ts';
import { accessOf } from './keys.ts';
import type { Endpoint, Work } from './route.ts';

const MAX_KEY_CHARS = 255;
const MAX_EXPANSIONS = 10;

/** What was asked for, after everything that could be wrong before the endpoint begins. */
type Asked = {
  readonly work: Work;
  readonly access: Call['access'];
  readonly key: string | null;
  readonly expand: readonly string[];
  readonly strike: Strike<CallFault> | null;
};

export async function serve(
  world: World,
  endpoint: Endpoint,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const requestId = `req_${chance(world.ids, 14)}`;
  reply.header('request-id', requestId);
  reply.header('stripe-version', headerOf(request, 'stripe-version') ?? API_VERSION);
  const asked = readRequest(world, endpoint, request);
  if (!asked.ok) return send(reply, sentError(asked));
  const { strike, key } = asked.value;
  if (key !== null) reply.header('idempotency-key', key);
  if (strike?.kind === 'rate_limit') return send(reply, sentError(rateLimited));
  if (strike && strike.kind !== 'hang_after') await hold(request, strike.ms);
  if (strike?.kind === 'reset' || strike?.kind === 'hang_before') {
    return cut(request, reply, strike.kind);
  }
  const sent = await execute(world, request, requestId, asked.value);
  if (strike?.kind === 'hang_after') {
    await hold(request, strike.ms);
    return cut(request, reply, strike.kind);
  }
  return send(reply, sent);
}

function readRequest(world: World, endpoint: Endpoint, request: FastifyRequest): Outcome<Asked> {
  const query = request.url.split('?').slice(1).join('?');
  const form = parseForm(endpoint.method === 'POST' ? bodyOf(request) : query);
  if (!form.ok) return invalidParams(form.refusal.detail);
  const access = accessOf(world, headerOf(request, 'authorization'), form.value);
  if (!access.ok) return access;
  if (access.value === 'publishable' && !endpoint.publishable) return secretKeyRequired;
  const { key: _key, expand: given, ...params } = form.value;
  const paths = expansionsOf(given);
  if (paths === null) return invalidParams('Invalid expand: must be a list.', { param: 'expand' });
  if (request.url.includes('%00')) return invalidParams('The address contains a null character.');
  const work = endpoint.prepare(params);
  if (!work.ok) return work;
  const key = endpoint.method === 'POST' ? (headerOf(request, 'idempotency-key') ?? null) : null;
  if (key !== null && (key.length > MAX_KEY_CHARS || key === '')) {
    return invalidParams(`An Idempotency-Key has 1 to ${MAX_KEY_CHARS} characters.`);
  }
  const strike = world.faults.forCall(`${endpoint.method} ${endpoint.path}`);
  return ok({ work: work.value, access: access.value, key, expand: paths, strike });
}

function expansionsOf(given: string | Form | undefined): readonly string[] | null {
  if (given === undefined) return [];
  if (typeof given === 'string') return [given];
  const paths = Object.values(given).filter((path) => typeof path === 'string');
  return paths.length === Object.keys(given).length && paths.length <= MAX_EXPANSIONS
    ? paths
    : null;
}

async function execute(
  world: World,
  request: FastifyRequest,
  requestId: string,
  asked: Asked,
): Promise<Sent> {
  const path = request.url.split('?')[0] ?? '';
  // Routes without an id have no such parameter.
  const id = (request.params as { readonly id?: string }).id ?? '';
  const result = await inTx(scopeOf(world, requestId), async (tx) => {
    const call: Call = {
      tx,
      world,
      owner: await ownerOf(tx, asked, id, headerOf(request, 'stripe-account')),
      access: asked.access,
      requestId,
      idempotencyKey: asked.key,
      baseUrl: baseUrlOf(world, request),
      happened: [],
    };
    const hash = requestHash([asked.access, request.method, path, bodyOf(request)]);
    const sent =
      asked.key === null
        ? await runEndpoint(call, asked, id)
        : await underKey(call, asked.key, hash, () => runEndpoint(call, asked, id));
    return ok({ sent, toDeliver: await recordHappenings(call) });
  });
  if (!result.ok) return sentError(lockTimeout);
  if (result.value.toDeliver) world.wake();
  return result.value.sent;
}

/** A buyer's browser does not name the account: its client secret belongs to one. */
async function ownerOf(
  tx: Tx,
  asked: Asked,
  id: string,
  header: string | undefined,
): Promise<string> {
  if (asked.access === 'secret') return header ?? '';
  return (await findAnyones(tx, 'payment_intent', id))?.owner ?? '';
}

async function runEndpoint(call: Call, asked: Asked, id: string): Promise<Sent> {
  if (asked.strike?.kind === 'error_500') return sentError(serverError);
  await run(call.tx, markStart());
  const outcome = await asked.work(call, id);
  const answered = outcome.ok && outcome.value.status < 300;
  const expanded = answered ? await expand(call, outcome.value.body, asked.expand) : ok({});
  const refused = outcome.ok ? expanded : outcome;
  if (!outcome.ok || !expanded.ok) {
    await run(call.tx, undoSinceStart());
    call.happened.length = 0;
    // One of the two was refused, and `refused` is the first that was.
    return sentError(refused as Extract<typeof refused, { ok: false }>);
  }
  if (asked.strike?.kind === 'error_500_after') return sentError(serverError);
  const { status } = outcome.value;
  const body = JSON.stringify(answered ? expanded.value : outcome.value.body);
  return { status, body, replayOf: null, began: true };
}

function send(reply: FastifyReply, sent: Sent): FastifyReply {
  if (sent.replayOf !== null) {
    reply.header('idempotent-replayed', 'true');
    reply.header('original-request', sent.replayOf);
  }
  // A kept 500 would only be replayed; a key or an object in use will soon be free.
  if (sent.status === 500) reply.header('stripe-should-retry', 'false');
  if (sent.status === 409) reply.header('stripe-should-retry', 'true');
  return reply.status(sent.status).type('application/json').send(sent.body);
}

/** Waits, but not for a client that has gone. */
function hold(request: FastifyRequest, ms: number): Promise<void> {
  if (ms === 0) return Promise.resolve();
  const { socket } = request.raw;
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      socket.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    socket.once('close', done);
  });
}

function cut(request: FastifyRequest, reply: FastifyReply, kind: CallFault): FastifyReply {
  reply.hijack();
  if (kind === 'reset') request.raw.socket.resetAndDestroy();
  else request.raw.socket.destroy();
  return reply;
}

export function baseUrlOf(world: World, request: FastifyRequest): string {
  return world.baseUrl() ?? `${request.protocol}://${request.host}`;
}

/** The plugin's parser hands form bodies over as they came. */
function bodyOf(request: FastifyRequest): string {
  return typeof request.body === 'string' ? request.body : '';
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
