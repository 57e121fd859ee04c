/** One route on the server: authenticate, count, authorize, parse, run once, answer. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Actor, actorLabel, callerOf } from './actor.ts';
import { networkOf } from './caller-network.ts';
import type { Ctx } from './context.ts';
import { type Authenticate, ProblemError, sendProblem } from './http-problem.ts';
import type { CountRequest } from './http-rates.ts';
import { isForeign, sessionOf } from './http-session.ts';
import { type Begun, beginOnce, hashBody, isIdempotencyKey } from './idempotency.ts';
import { problemOfRefusal } from './problem.ts';
import { type Issue, ok, type Refusal, type Result } from './result.ts';
import type { Reply, Route, RouteInput } from './route.ts';

/** Nobody reads more; a hostile body has ten thousand. */
const ISSUES_MAX = 100;

export function registerRoute(
  app: FastifyInstance,
  ctx: Ctx,
  route: Route,
  options: {
    readonly basePath: string;
    readonly authenticate: Authenticate;
    readonly count: CountRequest;
  },
): void {
  const url = fullPath(options.basePath, route.path);
  const answer = answerOf(route);
  const isStandby = route.access.kind === 'scope' && route.access.standby === true;
  const admit = (request: FastifyRequest, reply: FastifyReply, actor: Actor | null) => {
    if (actor) request.actor = actor;
    options.count(request, reply);
    if (!actor) throw new ProblemError(notSignedIn);
    authorize(route, actor);
  };
  app.route({
    method: route.method,
    url,
    ...(route.upload ? { bodyLimit: route.upload.maxBytes } : {}),
    config: { upload: route.upload },
    // Input is parsed in the handler, so that every refusal has one shape and one order: who are
    // you, may you, is it well-formed, is it possible.
    handler: (request, reply) => handle(ctx, route, answer, request, reply),
    // Hooks with a callback: a promise is made only where somebody has to be asked.
    onRequest: (request, reply, done) => {
      request.routePath = url;
      const found = authenticate(ctx, options, request, isStandby);
      if (found instanceof Promise) {
        found.then((later) => admit(request, reply, actorOf(later))).then(() => done(), done);
        return;
      }
      admit(request, reply, actorOf(found));
      done();
    },
  });
}

/** Absolute paths (`/healthz`) stand outside the base path; they start with two slashes. */
export function fullPath(basePath: string, path: string): string {
  return path.startsWith('//') ? path.slice(1) : `${basePath}${path}`;
}

const crossSite = {
  status: 403,
  code: 'cross_site_request',
  title: 'A page of another site asked in somebody’s name',
} as const;

const notSignedIn = { status: 401, code: 'unauthenticated', title: 'Not signed in' } as const;

function authenticate(
  ctx: Ctx,
  options: { readonly authenticate: Authenticate },
  request: FastifyRequest,
  standby: boolean,
): ReturnType<Authenticate> {
  // The framework's parser makes an object of whatever stands there.
  const query = request.query as Readonly<Record<string, unknown>>;
  const device = request.headers['x-device-token'];
  const authorization = request.headers.authorization ?? null;
  const access = typeof query['access'] === 'string' ? query['access'] : null;
  // Read only where it counts: what a browser sends by itself is no credential beside another.
  const session = authorization === null && access === null ? sessionOf(request.headers) : null;
  if (session !== null && isForeign(request)) throw new ProblemError(crossSite);
  return options.authenticate(ctx, {
    authorization,
    access,
    session,
    device: typeof device === 'string' ? device : null,
    standby,
  });
}

/** Null for a credential that opens nothing. */
function actorOf(found: Awaited<ReturnType<Authenticate>>): Actor | null {
  return found.ok ? found.value : null;
}

/** May this actor call this route at all? Whose object it is, the use case decides. */
export function authorize(route: Route, actor: Actor): void {
  const { access } = route;
  if (access.kind === 'public' || access.kind === 'signed') return;
  if (actor.kind === 'anonymous') {
    if (access.kind === 'owner' && actor.accessToken) return;
    throw new ProblemError(notSignedIn);
  }
  if (access.kind === 'owner' && (actor.userId !== null || actor.scopes.has(access.scope))) return;
  const allowed = actor.scopes.has(access.scope) && (access.kind !== 'platform' || actor.platform);
  if (allowed) return;
  throw new ProblemError({
    status: 403,
    code: 'forbidden',
    title: 'This key may not do that',
    detail: `The scope ${access.scope} is needed.`,
  });
}

/** Answers later; a promise returned to the framework would only be one more of them. */
function handle(
  ctx: Ctx,
  route: Route,
  answer: Answer,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const fail = (error: unknown) => {
    reply.send(error instanceof Error ? error : new Error('thrown', { cause: error }));
  };
  runOnce(ctx, route, parse(route, request), request).then((result) => {
    try {
      respond(ctx, route, answer, result, request, reply);
    } catch (error) {
      fail(error);
    }
  }, fail);
}

function respond(
  ctx: Ctx,
  route: Route,
  answer: Answer,
  result: Result<Reply<unknown>, Refusal>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (!result.ok) {
    ctx.metrics.refusals.inc({ code: result.refusal.code });
    sendProblem(request, reply, problemOfRefusal(result.refusal, route.refusals));
    return;
  }
  const { body, encoded, headers, status, stream } = result.value;
  if (headers) reply.headers(headers);
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  if (stream && request.method !== 'HEAD') {
    reply.header('content-type', answer.contentType);
    startStream(route, stream, request, reply);
    return;
  }
  reply.status(status ?? (route.accepted?.is(body) ? 202 : route.success.status));
  if (status === 304 || route.success.status === 204) {
    reply.send();
    return;
  }
  reply.header('content-type', headers?.['content-type'] ?? answer.contentType);
  reply.serializer(asIs).send(encoded ?? answer.text(body));
}

function startStream(
  route: Route,
  stream: NonNullable<Reply<unknown>['stream']>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  request.isStream = true;
  const headers = { ...reply.getHeaders(), connection: 'close' };
  reply.hijack();
  const { raw } = reply;
  // Only then Node takes the end of the connection for the end of the body.
  raw.removeHeader('transfer-encoding');
  // Fastify's headers are what Node takes; its type also allows for none.
  raw.writeHead(route.success.status, headers as Record<string, string>);
  raw.flushHeaders();
  stream(raw);
}

type Answer = { readonly contentType: string; readonly text: (body: unknown) => string };

/**
 * What the schema does not know does not leave, and what does not fit it is a fault of ours. Such
 * schemas only check (a test sees to that), so that they can be parsed in the quick direction.
 */
function answerOf({ success: { schema, contentType }, accepted }: Route): Answer {
  // Such a route's body is its text.
  if (contentType) return { contentType, text: (body) => body as string };
  return {
    contentType: 'application/json; charset=utf-8',
    text: (body) => {
      const shape = accepted?.is(body) ? accepted.schema : schema;
      return JSON.stringify(shape ? shape.parse(body) : body);
    },
  };
}

const asIs = (text: string): string => text;

function parse(route: Route, request: FastifyRequest): RouteInput<unknown, unknown, unknown> {
  const { rawBody, headers } = request;
  const params = part(route.params, request.params, '', 'params');
  const query = part(route.query, withoutAccess(request.query), '', 'query');
  // A file that is no JSON is read by its handler.
  const isFile = Buffer.isBuffer(request.body);
  const body = isFile
    ? request.body
    : part(route.body ?? noBody, request.body ?? undefined, '', 'body');
  return {
    params,
    query,
    body,
    actor: request.actor,
    once: onceOf(route, request),
    request: { rawBody, headers, network: networkOf(request.ip) },
  };
}

const noBody = z.strictObject({}).optional().nullable();

function withoutAccess(query: unknown): unknown {
  // `?access=` is a credential of mail links, accepted everywhere and no route's parameter. The
  // framework's parser makes an object of whatever stands there.
  const { access: _credential, ...rest } = query as Record<string, unknown>;
  return rest;
}

function part(schema: z.ZodType | undefined, value: unknown, at: string, what: string): unknown {
  if (!schema) return value;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (what === 'params')
    throw new ProblemError({ status: 404, code: 'not_found', title: 'Not found' });
  throw new ProblemError({
    status: 422,
    code: 'validation_failed',
    title: 'The request is not valid',
    issues: parsed.error.issues.flatMap((issue) => toIssues(issue, at)).slice(0, ISSUES_MAX),
  });
}

type ZodIssue = z.core.$ZodIssue;

function toIssues(issue: ZodIssue, at: string): Issue[] {
  const path = [at, ...issue.path.map(String)].filter(Boolean).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [path, key.slice(0, 100)].filter(Boolean).join('.'),
      code: 'unknown_field',
      message: 'is not a field of this request',
    }));
  }
  const custom: unknown = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  const code = typeof custom === 'string' ? custom : issue.code;
  return [{ path, code, message: issue.message }];
}

function onceOf(route: Route, request: FastifyRequest): RouteInput<never, never, never>['once'] {
  if (route.idempotency === 'none') return null;
  const key = request.headers['idempotency-key'];
  if (key === undefined) {
    if (route.idempotency !== 'required') return null;
    throw new ProblemError({
      status: 400,
      code: 'idempotency_key_required',
      title: 'The header Idempotency-Key is required',
    });
  }
  if (typeof key !== 'string' || !isIdempotencyKey(key)) {
    throw new ProblemError({
      status: 400,
      code: 'idempotency_key_invalid',
      title: 'The header Idempotency-Key must be 1 to 255 visible ASCII characters',
    });
  }
  return { caller: callerOf(request.actor), key, bodyHash: hashBody(request.body ?? null) };
}

function runOnce(
  ctx: Ctx,
  route: Route,
  input: RouteInput<unknown, unknown, unknown>,
  request: FastifyRequest,
): Promise<Result<Reply<unknown>, Refusal>> {
  const isGone = () => request.raw.socket.destroyed;
  const own = { ...ctx, actor: actorLabel(input.actor), requestId: request.id, isGone };
  const stores = route.idempotency === 'optional' || route.idempotency === 'required';
  if (!stores || !input.once) return route.handle(own, input);
  return runStored(own, route, input, request, input.once);
}

async function runStored(
  ctx: Ctx,
  route: Route,
  input: RouteInput<unknown, unknown, unknown>,
  request: FastifyRequest,
  once: NonNullable<RouteInput<never, never, never>['once']>,
): Promise<Result<Reply<unknown>, Refusal>> {
  const begun = await beginOnce(ctx.db, {
    ...once,
    // The address itself, so that a key used for one event is a reuse on another.
    route: `${request.method} ${request.url.replace(/\?.*/s, '')}`,
    status: route.success.status,
  });
  if (!begun.ok) return begun;
  if (begun.value.kind === 'replay') {
    return ok({ body: begun.value.body, headers: { 'idempotency-replayed': 'true' } });
  }
  return handleFirst(ctx, route, input, begun.value);
}

async function handleFirst(
  ctx: Ctx,
  route: Route,
  input: RouteInput<unknown, unknown, unknown>,
  begun: Begun & { readonly kind: 'first' },
): Promise<Result<Reply<unknown>, Refusal>> {
  let completed = false;
  const once: typeof begun.once = {
    complete: async (tx, value) => {
      await begun.once.complete(tx, value);
      completed = true;
    },
  };
  let done = false;
  try {
    const result = await route.handle({ ...ctx, once }, input);
    done = result.ok && completed;
    return result;
  } finally {
    // After a refusal or a fault the key is free again; an answer that was committed stays.
    if (!done) {
      await begun.forget().catch((error: unknown) => {
        ctx.log.warn({ err: error }, 'an idempotency key stays taken until its lease ends');
      });
    }
  }
}
