/** What a thrown thing means to a client; nothing of the inside leaves. */

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Ctx } from './context.ts';
import { isAway, isBusy, sqlStateOf } from './db.ts';
import { ProblemError, sendProblem } from './http-problem.ts';
import { type ProblemInput, problem } from './problem.ts';

export const internalError: ProblemInput = {
  status: 500,
  code: 'internal_error',
  title: 'Something went wrong on our side',
};

export function answerProblems(app: FastifyInstance, ctx: Ctx): void {
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

type FrameworkProblem = Pick<ProblemInput, 'code' | 'title'> & { readonly status?: number };

/** With the framework's own status, but for an id that is too long: that is unknown like others. */
const FASTIFY_PROBLEMS: Readonly<Record<string, FrameworkProblem>> = {
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
  FST_ERR_MAX_PARAM_LENGTH: { status: 404, code: 'not_found', title: 'Not found' },
};

/** Undefined for a fault of ours. */
export function problemOfError(error: unknown): ProblemInput | undefined {
  if (error instanceof ProblemError) return error.input;
  if (isBusy(error)) return { status: 503, code: 'busy', title: 'Busy', retryAfterSeconds: 1 };
  if (isAway(error)) {
    const title = 'The database cannot be reached at the moment';
    return { status: 503, code: 'unavailable', title, retryAfterSeconds: 5 };
  }
  if (!(error instanceof Error)) return undefined;
  // The framework's errors carry both; on others they are undefined.
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number };
  const known = FASTIFY_PROBLEMS[code ?? ''];
  if (known) return { status: statusCode ?? 400, ...known };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: 'malformed_request', title: 'The request is malformed' };
  }
  return undefined;
}

const SOCKET_PROBLEMS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Content Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** Bytes that are not HTTP, or never end: answered as a problem too, then the connection closes. */
export function answerNoHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason] = SOCKET_PROBLEMS[error.code ?? ''] ?? [400, 'Bad Request'];
  const id = randomUUID();
  const body = JSON.stringify(
    problem({ status, code: 'malformed_request', title: reason }, id, ''),
  );
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/problem+json\r\n` +
      `x-request-id: ${id}\r\ncache-control: no-store\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
