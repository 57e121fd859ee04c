/**
 * The HTTP server around the routes: limits, parsing, authentication, idempotency, problems,
 * metrics. What it promises: every answer that is not a success is a problem document with a stable
 * code and the request's id; nothing of the inside (stack, SQL, value) ever leaves.
 */

import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { type Actor, anonymous } from './actor.ts';
import type { Ctx } from './context.ts';
import { acceptStrictJson } from './http-body.ts';
import { closeWhenQuiet } from './http-drain.ts';
import { answerNoHttp, answerProblems, internalError, problemOfError } from './http-errors.ts';
import { securityHeaders } from './http-headers.ts';
import { methodGuard } from './http-methods.ts';
import { type Authenticate, ProblemError, sendProblem } from './http-problem.ts';
import { countNothing, limitRates, type RateLimits } from './http-rates.ts';
import { registerRoute } from './http-route.ts';
import { requestLog } from './log.ts';
import type { Route } from './route.ts';

const BODY_LIMIT_BYTES = 256 * 1024;
const HEADERS_LIMIT_BYTES = 16 * 1024;
const URL_PARAM_LIMIT_CHARS = 200;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** How often Node looks whether a request has run out of its time; by default each 30 s. */
const TIMEOUT_CHECK_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
const REQUEST_ID_PATTERN = /^[A-Za-z0-9_-]{8,64}$/;

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor;
    rawBody: Buffer | null;
    /** Of a route of ours; the framework makes `routeOptions` anew whenever it is read. */
    routePath: string | null;
    /** Its answer goes on for as long as its caller listens. */
    isStream: boolean;
  }
}

export type HttpOptions = {
  readonly routes: readonly Route[];
  readonly basePath: string;
  readonly authenticate: Authenticate;
  readonly rates: RateLimits | null;
  readonly trustProxy: string | undefined;
  readonly logRequests: boolean;
  /** Runs before the routes are registered: what watches them (the OpenAPI document). */
  readonly before?: (app: FastifyInstance) => Promise<void>;
};

export async function createHttpServer(ctx: Ctx, options: HttpOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: ctx.log,
    logController: new LogController({ disableRequestLogging: true }),
    // What a request's own logger would add, its id, `req` says where it matters.
    childLoggerFactory: (logger) => logger,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // Whoever still has a connection is served, and told to close it.
    return503OnClosing: false,
    routerOptions: { maxParamLength: URL_PARAM_LIMIT_CHARS, ignoreTrailingSlash: false },
    trustProxy: options.trustProxy ? options.trustProxy.split(',').map((a) => a.trim()) : false,
    http: {
      maxHeaderSize: HEADERS_LIMIT_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      // Looked for below: Node's own answer to a request without one is no problem document.
      requireHostHeader: false,
    },
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : randomUUID();
    },
    clientErrorHandler: answerNoHttp,
    frameworkErrors: (error, request, reply) => {
      sendProblem(request, reply, problemOfError(error) ?? internalError);
    },
    // Without `http2` or `https` among the options it is a plain server.
  }) as unknown as FastifyInstance<Server>;

  app.decorateRequest('actor');
  app.decorateRequest('rawBody', null);
  app.decorateRequest('routePath', null);
  app.decorateRequest('isStream', false);
  // First: it counts what comes in, also what a later hook refuses.
  closeWhenQuiet(app);

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(securityHeaders).header('x-request-id', request.id);
    request.actor = anonymous;
    const isHostMissing = request.headers.host === undefined && request.raw.httpVersion === '1.1';
    done(isHostMissing ? new ProblemError(noHost) : undefined);
  });
  const count = options.rates ? limitRates(app, options.rates, ctx.shared) : countNothing;
  acceptStrictJson(app);
  answerProblems(app, ctx);
  observe(app, ctx, options.logRequests);
  methodGuard(app, count);

  await options.before?.(app);
  for (const route of options.routes) registerRoute(app, ctx, route, { ...options, count });
  return app;
}

const noHost = {
  status: 400,
  code: 'malformed_request',
  title: 'The request names no host',
} as const;

function observe(app: FastifyInstance, ctx: Ctx, logRequests: boolean): void {
  const requests = requestLog(ctx.log);
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routePath ?? request.routeOptions.url ?? '(none)';
    const status = statusClasses[Math.floor(reply.statusCode / 100)] ?? 'other';
    // How long somebody listened is no time to answer.
    if (!request.isStream) {
      ctx.metrics.http.observe({ method: request.method, route, status }, reply.elapsedTime / 1000);
    }
    if (logRequests) requests(request, reply.statusCode, reply.elapsedTime);
    done();
  });
}

const statusClasses = ['other', '1xx', '2xx', '3xx', '4xx', '5xx'];
