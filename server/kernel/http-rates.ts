/** Rate limits per API key and per address, in the memory of this process. */
import type { FastifyInstance } from 'fastify';
import { ProblemError } from './http-problem.ts';

export type RateLimits = {
  readonly perAddressPerMinute: number;
  readonly perKeyPerMinute: number;
};

export const defaultRates: RateLimits = { perAddressPerMinute: 3_000, perKeyPerMinute: 30_000 };

/** Answers that scrapers and balancers need even from an address that asks too much. */
const UNLIMITED = new Set(['/healthz', '/readyz', '/metrics', '/webhooks/stripe']);

export function limitRates(app: FastifyInstance, rates: RateLimits): void {
  const byAddress = app.createRateLimit({
    max: rates.perAddressPerMinute,
    timeWindow: '1 minute',
    keyGenerator: (request) => `ip:${request.ip}`,
  });
  const byKey = app.createRateLimit({
    max: rates.perKeyPerMinute,
    timeWindow: '1 minute',
    keyGenerator: (request) =>
      request.actor.kind === 'key' ? `key:${request.actor.keyId}` : `ip:${request.ip}`,
  });
  app.addHook('preParsing', async (request, reply) => {
    if (UNLIMITED.has(request.routeOptions.url ?? '')) return;
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
  });
}
