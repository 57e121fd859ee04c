/**
 * What processes share, on a Redis. Nothing here is thrown, and nothing is kept that could not be
 * made again; what is not known in time is not known.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Metrics } from '../../kernel/metrics.ts';
import type { Shared, SharedTopic } from '../../kernel/shared.ts';
import { type Ask, askOn, connect } from './connection.ts';
import { addUpScript } from './scripts.ts';

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
  const { url, log, metrics } = options;
  const commands = await connect(url, 'commands', log);
  const news = await connect(url, 'news', log);
  const ask = askOn(commands, log, metrics);
  const keyOf = (kind: string, name: string) => `fanfare:${options.installation}:${kind}:${name}`;
  const onNews = hearNews(news, options, (topic) => keyOf('news', topic));
  return {
    isAlone: false,
    addUp: async (counted, windowMs) => {
      const keys = counted.map(({ name }) => keyOf('count', options.hide(name)));
      const by = counted.map((one) => one.by);
      const sums: number[] = [];
      for (let at = 0; at < keys.length; at += NAMES_AT_ONCE) {
        const to = at + NAMES_AT_ONCE;
        const some = await addUp(commands, ask, keys.slice(at, to), by.slice(at, to), windowMs);
        if (some === null) return null;
        sums.push(...some);
      }
      return sums;
    },
    tell: (topic, message) => {
      void ask(() => commands.publish(keyOf('news', topic), `${options.process} ${message}`));
    },
    onTold: onNews,
    read: (key) => ask(() => commands.get(keyOf('document', key))),
    keep: (key, text, ttlMs) => {
      void ask(() => commands.set(keyOf('document', key), text, 'PX', ttlMs));
    },
    close: async () => {
      for (const client of [commands, news]) client.disconnect();
    },
  };
}

async function addUp(
  commands: Redis,
  ask: Ask,
  keys: readonly string[],
  by: readonly number[],
  windowMs: number,
): Promise<readonly number[] | null> {
  const found = await ask(() => commands.eval(addUpScript, keys.length, ...keys, windowMs, ...by));
  return isNumbers(found) && found.length === keys.length ? found : null;
}

function isNumbers(found: unknown): found is readonly number[] {
  return Array.isArray(found) && found.every((one) => typeof one === 'number');
}

/** Subscribes whenever it is connected; what is told meanwhile is lost. */
function hearNews(
  news: Redis,
  { log, process }: RedisOptions,
  channelOf: (topic: SharedTopic) => string,
): Shared['onTold'] {
  const listeners = new Map<string, ((message: string) => void)[]>();
  news.on('ready', () => {
    news.subscribe(...TOPICS.map(channelOf)).catch((error: unknown) => {
      log.debug({ err: error }, 'news were not subscribed to');
    });
  });
  news.on('message', (channel: string, text: string) => {
    const [from, ...rest] = text.split(' ');
    if (from === process) return;
    for (const listener of listeners.get(channel) ?? []) listener(rest.join(' '));
  });
  return (topic, listener) => {
    const channel = channelOf(topic);
    listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
  };
}
