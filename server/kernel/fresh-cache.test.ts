import { describe, expect, it } from 'vitest';
import { createFreshCache } from './fresh-cache.ts';

/** A source that answers when it is told to; counts how often it was asked. */
function source() {
  const waiting: ((value: string) => void)[] = [];
  let asked = 0;
  return {
    load: () => {
      asked += 1;
      return new Promise<string>((resolve) => waiting.push(resolve));
    },
    answer: (value: string) => waiting.shift()?.(value),
    asked: () => asked,
  };
}

function cacheAt(entriesMax = 10) {
  const time = { ms: 0 };
  return {
    time,
    cache: createFreshCache<string, string>({ staleMaxMs: 100, entriesMax, nowMs: () => time.ms }),
  };
}

describe('a cache of what is fresh', () => {
  it('loads once for all who ask at once, and not again while it is fresh', async () => {
    const { cache, time } = cacheAt();
    const from = source();
    const all = Promise.all([1, 2, 3].map(() => cache.read('a', from.load)));
    from.answer('one');
    expect(await all).toEqual(['one', 'one', 'one']);
    time.ms = 99;
    expect(await cache.read('a', from.load)).toBe('one');
    expect(from.asked()).toBe(1);
  });

  it('loads again when it is stale', async () => {
    const { cache, time } = cacheAt();
    await cache.read('a', async () => 'one');
    time.ms = 100;
    expect(await cache.read('a', async () => 'two')).toBe('two');
  });

  it('gives nobody what was loaded before a change they know of', async () => {
    const { cache, time } = cacheAt();
    const from = source();
    const before = cache.read('a', from.load);
    time.ms = 1;
    cache.touch('a');
    time.ms = 2;
    const after = cache.read('a', from.load);
    from.answer('old');
    expect(await before).toBe('old');
    await Promise.resolve();
    from.answer('new');
    expect(await after).toBe('new');
    expect(from.asked()).toBe(2);
  });

  it('rests between loads where changes never end', async () => {
    const time = { ms: 0 };
    const nowMs = () => time.ms;
    const cache = createFreshCache<string, string>({
      ...{ staleMaxMs: 100, entriesMax: 1, restMs: 10, nowMs },
    });
    const reads: string[] = [];
    for (let n = 0; n < 30; n++) {
      time.ms += 1;
      cache.touch('a');
      time.ms += 1;
      reads.push(await cache.read('a', async () => String(n)));
    }
    // At first every change is seen, then one in a rest, for as long as changes do not end.
    expect(reads.slice(0, 9)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
    expect(new Set(reads.slice(9)).size).toBeLessThan(8);
    time.ms += 10;
    cache.touch('a');
    time.ms += 10;
    expect(await cache.read('a', async () => 'last')).toBe('last');
  });

  it('keeps nothing of a load that failed', async () => {
    const { cache } = cacheAt();
    await expect(cache.read('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await cache.read('a', async () => 'here')).toBe('here');
  });

  it('keeps what is asked for, and forgets what nobody has asked for the longest', async () => {
    const { cache } = cacheAt(2);
    for (const key of ['a', 'b', 'a', 'c']) await cache.read(key, async () => key);
    expect(await cache.read('a', async () => 'again')).toBe('a');
    expect(await cache.read('b', async () => 'again')).toBe('again');
  });

  it('forgets the oldest beyond its bound', async () => {
    const { cache } = cacheAt(2);
    for (const key of ['a', 'b', 'c']) await cache.read(key, async () => key);
    expect(await cache.read('b', async () => 'again')).toBe('b');
    expect(await cache.read('a', async () => 'again')).toBe('again');
  });
});
