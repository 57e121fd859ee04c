/**
 * What processes share, on a Redis. Each question has a bound of its own; after one that was not
 * answered nobody asks for a while, so that a Redis that hangs costs one wait in a second and not
 * one for each request. Nothing here is thrown, and nothing is kept that could not be made again.
 */
import type { Logger } from 'pino';
import type { Metrics } from '../../kernel/metrics.ts';
import type { Shared, SharedTopic } from '../../kernel/shared.ts';
import { addUpScript } from './scripts.ts';

const ANSWER_MAX_MS = 100;
const CONNECT_MAX_MS = 2_000;
const RECONNECT_MAX_MS = 2_000;
/** After a question without an answer. */
const REST_MS = 1_000;
const NAMES_AT_ONCE = 500;
const TOPICS: readonly SharedTopic[] = ['events', 'facts'];

export type RedisOptions = {
  readonly url: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Names this installation: others may use the same Redis. */
  readonly installation: string;
  /** Names this process, which does not hear what it tells itself. */
  readonly process: string;
  /** Hides whose counts they are: addresses of people are not given to anybody. */
  readonly hide: (name: string) => string;
};

/** Connects in the background: it is usable at once, and shares nothing until there is a Redis. */
export async function openRedis(options: RedisOptions): Promise<Shared> {
  const { log, metrics } = options;
  // Whoever has no Redis does not load its client.
  const { Redis } = await import('ioredis');
  const connect = (role: string) =>
    new Redis(options.url, {
      connectionName: `fanfare-${role}`,
      connectTimeout: CONNECT_MAX_MS,
      // What cannot be asked now is not asked later.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (times) => Math.min(times * 50, RECONNECT_MAX_MS),
    });
  const commands = connect('commands');
  const news = connect('news');
  const state = { restUntilMs: 0, isUp: false };
  const setUp = (isUp: boolean): void => {
    metrics.redisUp.set(isUp ? 1 : 0);
    if (state.isUp === isUp) return;
    state.isUp = isUp;
    if (isUp) log.info('Redis is there');
    else log.warn('Redis is away: limits, live updates and caches are of this process alone');
  };
  setUp(false);
  metrics.redisUp.set(0);
  commands.on('ready', () => setUp(true));
  commands.on('close', () => setUp(false));
  for (const client of [commands, news]) {
    client.on('error', (error: Error) => log.debug({ err: error }, 'Redis'));
  }

  /** Null where there is no answer, for whatever reason. */
  const ask = async <T>(question: () => Promise<T>): Promise<T | null> => {
    if (commands.status !== 'ready' || performance.now() < state.restUntilMs) return null;
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
  const keyOf = (kind: string, name: string) => `fanfare:${options.installation}:${kind}:${name}`;
  const listeners = new Map<string, ((message: string) => void)[]>();
  news.on('ready', () => {
    news.subscribe(...TOPICS.map((topic) => keyOf('news', topic))).catch((error: unknown) => {
      log.debug({ err: error }, 'news were not subscribed to');
    });
  });
  news.on('message', (channel: string, text: string) => {
    const [from, ...rest] = text.split(' ');
    if (from === options.process) return;
    for (const listener of listeners.get(channel) ?? []) listener(rest.join(' '));
  });

  return {
    isAlone: false,
    addUp: async (counted, windowMs) => {
      const sums: number[] = [];
      for (let at = 0; at < counted.length; at += NAMES_AT_ONCE) {
        const some = counted.slice(at, at + NAMES_AT_ONCE);
        const keys = some.map(({ name }) => keyOf('count', options.hide(name)));
        const by = some.map((one) => one.by);
        const found = await ask(() =>
          commands.eval(addUpScript, keys.length, ...keys, windowMs, ...by),
        );
        if (!isNumbers(found) || found.length !== some.length) return null;
        sums.push(...found);
      }
      return sums;
    },
    tell: (topic, message) => {
      void ask(() => commands.publish(keyOf('news', topic), `${options.process} ${message}`));
    },
    onTold: (topic, listener) => {
      const channel = keyOf('news', topic);
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
    },
    read: (key) => ask(() => commands.get(keyOf('document', key))),
    keep: (key, text, ttlMs) => {
      void ask(() => commands.set(keyOf('document', key), text, 'PX', ttlMs));
    },
    close: async () => {
      for (const client of [commands, news]) client.disconnect();
    },
  };
}

function isNumbers(found: unknown): found is readonly number[] {
  return Array.isArray(found) && found.every((one) => typeof one === 'number');
}

/** An answer that comes later is dropped. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in time')), ANSWER_MAX_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
