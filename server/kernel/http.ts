/**
 * The HTTP server around the routes: limits, parsing, authentication, idempotency, problems,
 * metrics. What it promises: every answer that is not a success is a problem document with a stable
 * code and the request's id; nothing of the inside (stack, SQL, value) ever leaves.
 */

import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyBodyParser, type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { type Actor, anonymous } from './actor.ts';
import type { Ctx } from './context.ts';
import { isAway, isBusy, sqlStateOf } from './db.ts';
import { methodGuard } from './http-methods.ts';
import { type Authenticate, ProblemError, sendProblem } from './http-problem.ts';
import { limitRates, type RateLimits } from './http-rates.ts';
import { registerRoute } from './http-route.ts';
import { parseStrictJson } from './json.ts';
import type { ProblemInput } from './problem.ts';
import type { Route } from './route.ts';

const BODY_LIMIT_BYTES = 256 * 1024;
const HEADERS_LIMIT_BYTES = 16 * 1024;
const URL_PARAM_LIMIT_CHARS = 200;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;
const REQUEST_ID_PATTERN = /^[A-Za-z0-9_-]{8,64}$/;

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor;
    rawBody: Buffer | null;
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
    disableRequestLogging: true,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: URL_PARAM_LIMIT_CHARS, ignoreTrailingSlash: false },
    trustProxy: options.trustProxy ? options.trustProxy.split(',').map((a) => a.trim()) : false,
    http: { maxHeaderSize: HEADERS_LIMIT_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : randomUUID();
    },
    clientErrorHandler,
    frameworkErrors: (error, request, reply) => {
      sendProblem(request, reply, problemOfError(error) ?? internalError);
    },
  }) as unknown as FastifyInstance<Server>;

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest('actor');
  app.decorateRequest('rawBody', null);
  acceptStrictJson(app);
  await app.register(helmet, securityHeaders);
  await app.register(rateLimit, { global: false });

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    request.actor = anonymous;
  });
  if (options.rates) limitRates(app, options.rates);
  answerProblems(app, ctx);
  observe(app, ctx, options.logRequests);
  methodGuard(app);

  await options.before?.(app);
  for (const route of options.routes) registerRoute(app, ctx, route, options);
  return app;
}

const securityHeaders = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      fontSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // Only a proxy that ends TLS knows whether the site is served over https alone.
  strictTransportSecurity: false,
  crossOriginEmbedderPolicy: false,
  referrerPolicy: { policy: 'strict-origin-when-cross-origin' as const },
};

/** JSON only, read strictly; the raw bytes stay at hand for signatures. */
function acceptStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parse: FastifyBodyParser<Buffer> = (request, raw, done) => {
    request.rawBody = raw;
    if (raw.length === 0) return done(null, undefined);
    let text: string;
    try {
      text = utf8.decode(raw);
    } catch {
      return done(malformed('malformed_json', 'The body is not UTF-8.'));
    }
    const parsed = parseStrictJson(text);
    if (parsed.ok) return done(null, parsed.value);
    return done(malformed(parsed.refusal.code, parsed.refusal.detail));
  };
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse);
  app.addContentTypeParser(/^application\/[a-z.-]+\+json$/, { parseAs: 'buffer' }, parse);
}

function malformed(code: string, detail: string | undefined): ProblemError {
  return new ProblemError({ status: 400, code, title: 'The body is not acceptable JSON', detail });
}

function answerProblems(app: FastifyInstance, ctx: Ctx): void {
  app.setErrorHandler((error, request, reply) => {
    const known = problemOfError(error);
    if (!known) {
      ctx.log.error({ err: error, req: request }, 'a request failed');
      return sendProblem(request, reply, internalError);
    }
    if (known.status >= 500) {
      ctx.log.warn({ code: known.code, sqlState: sqlStateOf(error), req: request }, 'unavailable');
    }
    ctx.metrics.refusals.inc({ code: known.code });
    return sendProblem(request, reply, known);
  });
}

function observe(app: FastifyInstance, ctx: Ctx, logRequests: boolean): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? '(none)';
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    ctx.metrics.http.observe({ method: request.method, route, status }, reply.elapsedTime / 1000);
    if (!logRequests) return;
    ctx.log.info(
      { req: request, status: reply.statusCode, ms: Math.round(reply.elapsedTime * 10) / 10 },
      'request',
    );
  });
}

const internalError: ProblemInput = {
  status: 500,
  code: 'internal_error',
  title: 'Something went wrong on our side',
};

const FASTIFY_PROBLEMS: Readonly<Record<string, Omit<ProblemInput, 'status'>>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'body_too_large', title: 'The body is too large' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    title: 'The body must be application/json',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'malformed_request',
    title: 'The body is not as long as its header says',
  },
  FST_ERR_BAD_URL: { code: 'malformed_url', title: 'The address is not valid' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'not_found', title: 'Not found' },
};

/** What a thrown thing means to a client; undefined for a fault of ours. */
function problemOfError(error: unknown): ProblemInput | undefined {
  if (error instanceof ProblemError) return error.input;
  if (isBusy(error) || isAway(error)) {
    return {
      status: 503,
      code: isBusy(error) ? 'busy' : 'unavailable',
      title: isBusy(error) ? 'Busy' : 'The database cannot be reached at the moment',
      retryAfterSeconds: isBusy(error) ? 1 : 5,
    };
  }
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number };
  const known = FASTIFY_PROBLEMS[code ?? ''];
  if (known) return { status: statusCode ?? 400, ...known };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: 'malformed_request', title: 'The request is malformed' };
  }
  return undefined;
}

/** Bytes that are not HTTP: answered as a problem too, then the connection is closed. */
function clientErrorHandler(error: Error & { code?: string }, socket: import('node:net').Socket) {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const [status, reason] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request'];
  const body = JSON.stringify({
    type: '/docs/problems#malformed_request',
    title: reason,
    status,
    code: 'malformed_request',
    instance: '',
    requestId: randomUUID(),
  });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
