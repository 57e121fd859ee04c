/**
 * Rate limits per API key and per address, in the memory of this process; what other processes have
 * counted is added to it where they share (shared-rates.ts).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { countedAs, networkOf } from './caller-network.ts';
import { ProblemError } from './http-problem.ts';
import type { Shared } from './shared.ts';
import { shareRates } from './shared-rates.ts';

export type RateLimits = {
  readonly perAddressPerMinute: number;
  readonly perKeyPerMinute: number;
};

export const defaultRates: RateLimits = { perAddressPerMinute: 3_000, perKeyPerMinute: 30_000 };

const WINDOW_MS = 60_000;
/** Keys and addresses counted at once, of each; then the one that began longest ago is let go. */
const COUNTED_MAX = 10_000;

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

declare module 'fastify' {
  interface FastifyRequest {
    isCounted: boolean;
  }
}

/** Counts a request, once, and throws the 429 where it is one too many. */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => void;

export const countNothing: CountRequest = () => {};

type Counted = { readonly max: number; readonly left: number; readonly endsInSeconds: number };

/**
 * Counts every request of `app`: under its key or, without one, its address; a fan's under both. A
 * route counts as soon as it knows who asks, also if that is nobody: who guesses keys is counted
 * under their address.
 */
export function limitRates(app: FastifyInstance, rates: RateLimits, shared: Shared): CountRequest {
  const common = shareRates(shared, WINDOW_MS);
  const byAddress = countInWindows();
  const byKey = countInWindows();
  app.addHook('onClose', async () => common.stop());
  app.decorateRequest('isCounted', false);
  const one = (windows: Windows, name: string, max: number): Counted => {
    const used = windows(name);
    common.counted(name, used);
    return { max, left: max - used.count, endsInSeconds: used.endsInSeconds };
  };
  const count: CountRequest = (request, reply) => {
    if (request.isCounted) return;
    request.isCounted = true;
    if (isUnlimited(request.routePath ?? request.routeOptions.url ?? '')) return;
    const { actor } = request;
    const network = networkOf(request.ip);
    const name = countedAs(actor, network);
    const counted = [
      ...(actor.kind === 'key' ? [one(byKey, actor.keyId, rates.perKeyPerMinute)] : []),
      ...(name === network ? [one(byAddress, network, rates.perAddressPerMinute)] : []),
    ];
    const [nearest] = counted.sort((a, b) => a.left - b.left);
    if (nearest) answerLimit(reply, nearest);
  };
  // For what is no route of the API: pages, the sandbox, unknown addresses.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    count(request, reply);
    done();
  });
  return count;
}

/** Tells the caller of the limit that is nearest, and refuses beyond it. */
function answerLimit(reply: FastifyReply, { max, left, endsInSeconds }: Counted): void {
  reply
    .header('ratelimit-limit', max)
    .header('ratelimit-remaining', Math.max(0, left))
    .header('ratelimit-reset', endsInSeconds);
  if (left >= 0) return;
  throw new ProblemError({
    status: 429,
    code: 'rate_limited',
    title: 'Too many requests',
    retryAfterSeconds: Math.max(1, endsInSeconds),
  });
}

export type Used = {
  count: number;
  endsAtMs: number;
  endsInSeconds: number;
  /** Counted here and not told to the other processes yet. */
  untold: number;
  /** The same in each of its windows: an answer may come when the next one has begun. */
  readonly told: Told;
};

export type Told = {
  /** The sum of all processes when they told last. */
  seen: number | null;
  /** Told since, without an answer: the next sum contains it, or it was lost. */
  unanswered: number;
};

type Windows = (name: string) => Used;

/** Counts names, each from its first request on for a minute; `nowMs` is of a steady clock. */
export function countInWindows(nowMs = () => performance.now(), countedMax = COUNTED_MAX): Windows {
  // In the order in which the windows began, so that the first one is the oldest.
  const windows = new Map<string, Used>();
  return (name) => {
    const now = nowMs();
    const known = windows.get(name);
    if (known && known.endsAtMs > now) {
      known.count += 1;
      known.endsInSeconds = Math.ceil((known.endsAtMs - now) / 1_000);
      return known;
    }
    windows.delete(name);
    const [oldest] = windows.size >= countedMax ? windows.keys() : [];
    if (oldest !== undefined) windows.delete(oldest);
    const told = known?.told ?? { seen: null, unanswered: 0 };
    const endsAtMs = now + WINDOW_MS;
    const fresh = { count: 1, endsAtMs, endsInSeconds: WINDOW_MS / 1_000, untold: 0, told };
    windows.set(name, fresh);
    return fresh;
  };
}
