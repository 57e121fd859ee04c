/** How a request is answered with a problem, and what authentication looks like to the server. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from './actor.ts';
import type { Ctx } from './context.ts';
import { type ProblemInput, problem } from './problem.ts';
import type { Refusal, Result } from './result.ts';

type Found = Result<Actor, Refusal & { readonly code: 'unauthenticated' }>;

/** At once where nobody has to be asked: a promise for each request costs more than the rest. */
export type Authenticate = (
  ctx: Ctx,
  request: {
    readonly authorization: string | null;
    readonly access: string | null;
    readonly device: string | null;
    /** The secret in the cookie of a browser that has signed in. */
    readonly session: string | null;
    /** For a route that does not wait for the database. */
    readonly standby: boolean;
  },
) => Found | Promise<Found>;

/** Thrown inside hooks and handlers to answer with a problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly input: ProblemInput;
  constructor(input: ProblemInput) {
    super(input.title);
    this.input = input;
  }
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  input: ProblemInput,
): FastifyReply {
  if (input.retryAfterSeconds !== undefined) reply.header('retry-after', input.retryAfterSeconds);
  const instance = request.url.replace(/\?.*/s, '').slice(0, 300);
  return (
    reply
      .status(input.status)
      .header('cache-control', 'no-store')
      // Already there, but for an address so wrong that no hook has run.
      .header('x-request-id', request.id)
      .type('application/problem+json')
      .serializer((body: string) => body)
      .send(JSON.stringify(problem(input, request.id, instance)))
  );
}
