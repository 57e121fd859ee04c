/** Rate limits per API key and per address, in the memory of this process. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './http-problem.ts';

export type RateLimits = {
  readonly perAddressPerMinute: number;
  readonly perKeyPerMinute: number;
};

export const defaultRates: RateLimits = { perAddressPerMinute: 3_000, perKeyPerMinute: 30_000 };

/** Answers that scrapers and balancers need even from an address that asks too much. */
const UNLIMITED = new Set([
  ...['/healthz', '/readyz', '/metrics'],
  ...['/webhooks/stripe', '/api/v1/webhooks/stripe'],
]);
/** The simulated provider: this server calls it itself, all from one address. */
const UNLIMITED_BELOW = '/sandbox/stripe/';

function isUnlimited(url: string): boolean {
  return UNLIMITED.has(url) || url.startsWith(UNLIMITED_BELOW);
}

/** Counts a request, once, and throws the 429 where it is one too many. */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export const countNothing: CountRequest = async () => {};

/**
 * Counts every request of `app`: under its key or, without one, its address. A route counts as soon
 * as it knows who asks, also if that is nobody: who guesses keys is counted under their address.
 */
export function limitRates(app: FastifyInstance, rates: RateLimits): CountRequest {
  const byAddress = app.createRateLimit({
    max: rates.perAddressPerMinute,
    timeWindow: '1 minute',
    keyGenerator: (request) => `ip:${request.ip}`,
  });
  const byKey = app.createRateLimit({
    max: rates.perKeyPerMinute,
    timeWindow: '1 minute',
    keyGenerator: ({ actor, ip }) => (actor.kind === 'key' ? `key:${actor.keyId}` : `ip:${ip}`),
  });
  const counted = new WeakSet<FastifyRequest>();
  const count: CountRequest = async (request, reply) => {
    if (isUnlimited(request.routeOptions.url ?? '') || counted.has(request)) return;
    counted.add(request);
    const verdict = await (request.actor.kind === 'key' ? byKey(request) : byAddress(request));
    if (verdict.isAllowed) return;
    reply
      .header('ratelimit-limit', verdict.max)
      .header('ratelimit-remaining', verdict.remaining)
      .header('ratelimit-reset', verdict.ttlInSeconds);
    if (!verdict.isExceeded) return;
    throw new ProblemError({
      status: 429,
      code: 'rate_limited',
      title: 'Too many requests',
      retryAfterSeconds: Math.max(1, verdict.ttlInSeconds),
    });
  };
  // For what is no route of the API: pages, the sandbox, unknown addresses.
  app.addHook('preParsing', count);
  return count;
}
