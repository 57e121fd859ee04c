/**
 * A connection that is asked only while it answers. Each question has a bound of its own; after one
 * without an answer nobody asks for a while, so that a Redis that hangs costs one wait in a second
 * and not one for each request.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Metrics } from '../../kernel/metrics.ts';

const ANSWER_MAX_MS = 100;
const CONNECT_MAX_MS = 2_000;
const RECONNECT_STEP_MS = 50;
const RECONNECT_MAX_MS = 2_000;
/** After a question without an answer. */
const REST_MS = 1_000;

/** In the background: what it cannot be asked now is not asked later. */
export async function connect(url: string, role: string, log: Logger): Promise<Redis> {
  // Whoever has no Redis does not load its client.
  const { Redis: Client } = await import('ioredis');
  const client = new Client(url, {
    connectionName: `fanfare-${role}`,
    connectTimeout: CONNECT_MAX_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(times * RECONNECT_STEP_MS, RECONNECT_MAX_MS),
  });
  return client.on('error', (error: Error) => log.debug({ err: error }, 'Redis'));
}

/** Null where there is no answer, for whatever reason. */
export type Ask = <T>(question: () => Promise<T>) => Promise<T | null>;

export function askOn(client: Redis, log: Logger, metrics: Metrics): Ask {
  const state = { restUntilMs: 0, isUp: false };
  const setUp = (isUp: boolean): void => {
    metrics.redisUp.set(isUp ? 1 : 0);
    if (state.isUp === isUp) return;
    state.isUp = isUp;
    if (isUp) log.info('Redis is there');
    else log.warn('Redis is away: limits, live updates and caches are of this process alone');
  };
  metrics.redisUp.set(0);
  client.on('ready', () => setUp(true));
  client.on('close', () => setUp(false));
  return async (question) => {
    if (client.status !== 'ready' || performance.now() < state.restUntilMs) return null;
    try {
      const answer = await inTime(question());
      setUp(true);
      return answer;
    } catch (error) {
      metrics.redisUnanswered.inc();
      state.restUntilMs = performance.now() + REST_MS;
      setUp(false);
      log.debug({ err: error }, 'Redis did not answer');
      return null;
    }
  };
}

/** An answer that comes later is dropped. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in time')), ANSWER_MAX_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
