/** The two ways that put Redis before, or in the place of, the database. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hold } from './baseline-ways.ts';
import type { Redis } from './redis.ts';

const LOCK_MS = 5_000;
const RETRY_MIN_MS = 1;
const RETRY_SPREAD_MS = 4;
const WAIT_MAX_MS = 10_000;

const UNLOCK = `
  if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
  return 0`;

/** A lock with a life of its own around one SQL way; whoever does not get it asks again. */
export function redisLock(redis: Redis, inner: Hold): Hold {
  return async (ask) => {
    const token = randomUUID();
    const lock = `lock:${ask.eventId}`;
    const givenUpAt = performance.now() + WAIT_MAX_MS;
    while ((await redis.ask('SET', lock, token, 'NX', 'PX', LOCK_MS)) !== 'OK') {
      if (performance.now() > givenUpAt) return { refused: 'busy' };
      await sleep(RETRY_MIN_MS + Math.random() * RETRY_SPREAD_MS);
    }
    try {
      return await inner(ask);
    } finally {
      await redis.ask('EVAL', UNLOCK, 1, lock, token);
    }
  };
}

const TAKE = `
  local free = tonumber(redis.call('get', KEYS[1]) or '0')
  if free <= 0 then return 0 end
  redis.call('decr', KEYS[1])
  redis.call('hset', KEYS[2], ARGV[1], ARGV[2])
  return 1`;

const freeKey = (eventId: string) => `free:${eventId}`;
const holdsKey = (eventId: string) => `holds:${eventId}`;

/** A counter and a hash in memory. NOT DURABLE: what it acknowledges may be gone a moment later. */
export async function redisCounter(redis: Redis): Promise<Hold> {
  const sha = String(await redis.ask('SCRIPT', 'LOAD', TAKE));
  return async ({ eventId, person, key }) => {
    const id = randomUUID();
    const keys = [freeKey(eventId), holdsKey(eventId)];
    const taken = await redis.ask('EVALSHA', sha, 2, ...keys, id, `${person} ${key}`);
    return taken === 1 ? { id } : { refused: 'sold_out' };
  };
}

export async function openRedisEvent(redis: Redis, eventId: string, capacity: number) {
  await redis.ask('SET', freeKey(eventId), capacity);
}

/** What is free and which holds there are. */
export async function readRedisEvent(redis: Redis, eventId: string) {
  const free = Number(await redis.ask('GET', freeKey(eventId)));
  const ids = await redis.ask('HKEYS', holdsKey(eventId));
  await redis.ask('DEL', freeKey(eventId), holdsKey(eventId));
  return { free, ids: new Set(Array.isArray(ids) ? ids.map(String) : []) };
}
