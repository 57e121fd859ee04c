import { describe, expect, it } from 'vitest';
import { gate } from '../../../test/kit/kernel.ts';
import type { Key } from '../../kernel/actor.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { createKeyCache, KEY_STALE_MAX_MS, type KnownKey } from './key-cache.ts';

const keyNamed = (keyId: string): KnownKey => ({
  key: {
    kind: 'key',
    keyId,
    role: 'analyst',
    organizerId: 'org_1' as OrganizerId,
    platform: false,
    userId: null,
    scopes: new Set(),
  },
  expiresAt: null,
});

/** A cache before a table of keys, with every reading of the table. */
function world(keysMax?: number) {
  const table = new Map<string, KnownKey>();
  const readings: string[] = [];
  const failures: unknown[] = [];
  const state: { broken: Error | null } = { broken: null };
  const cache = createKeyCache(
    async (hash) => {
      readings.push(hash);
      if (state.broken) throw state.broken;
      return table.get(hash) ?? null;
    },
    (error) => failures.push(error),
    keysMax,
  );
  return { table, readings, failures, state, cache };
}

const idOf = async (found: Key | Promise<Key | null>) => (await found)?.keyId ?? null;

describe('a key in use', () => {
  it('is read once by all who use it at the same time, and then known at once', async () => {
    const { table, readings, cache } = world();
    table.set('a', keyNamed('key_a'));
    const found = await Promise.all([1, 2, 3].map(() => idOf(cache.find('a', 0))));
    expect(found).toEqual(['key_a', 'key_a', 'key_a']);
    expect(readings).toEqual(['a']);
    expect(cache.find('a', 499)).toMatchObject({ keyId: 'key_a' });
    expect(readings).toEqual(['a']);
  });

  it('is read again in time, without anybody waiting', async () => {
    const { table, readings, cache } = world();
    table.set('a', keyNamed('key_a'));
    await cache.find('a', 0);
    expect(cache.find('a', 500)).toMatchObject({ keyId: 'key_a' });
    expect(cache.find('a', 600)).toMatchObject({ keyId: 'key_a' });
    expect(readings).toEqual(['a', 'a']);
    await Promise.resolve().then(() => {});
    expect(cache.find('a', KEY_STALE_MAX_MS + 1)).toMatchObject({ keyId: 'key_a' });
  });

  it('that was revoked elsewhere opens nothing after KEY_STALE_MAX_MS', async () => {
    const { table, cache } = world();
    table.set('a', keyNamed('key_a'));
    await cache.find('a', 0);
    table.delete('a');
    expect(await idOf(cache.find('a', 1))).toBe('key_a');
    expect(await idOf(cache.find('a', KEY_STALE_MAX_MS))).toBeNull();
    expect(cache.size()).toBe(0);
  });

  it('ends at its own time', async () => {
    const { table, cache } = world();
    table.set('a', { ...keyNamed('key_a'), expiresAt: new Date(100) });
    await cache.find('a', 0);
    table.delete('a');
    expect(await idOf(cache.find('a', 99))).toBe('key_a');
    expect(await idOf(cache.find('a', 100))).toBeNull();
  });

  it('is not made younger by a clock that was put back', async () => {
    const { table, cache } = world();
    table.set('a', keyNamed('key_a'));
    await cache.find('a', 10_000);
    table.delete('a');
    expect(await idOf(cache.find('a', 9_999))).toBeNull();
  });

  it('outlives a failed reading as long as it may, and no longer', async () => {
    const { table, failures, state, cache } = world();
    table.set('a', keyNamed('key_a'));
    await cache.find('a', 0);
    state.broken = new Error('away');
    expect(await idOf(cache.find('a', 500))).toBe('key_a');
    await expect(cache.find('a', KEY_STALE_MAX_MS)).rejects.toThrow('away');
    expect(failures).toEqual([state.broken]);
    state.broken = null;
    expect(await idOf(cache.find('a', KEY_STALE_MAX_MS))).toBe('key_a');
  });
});

describe('forgetting', () => {
  it('takes effect at once', async () => {
    const { table, cache } = world();
    table.set('a', keyNamed('key_a'));
    await cache.find('a', 0);
    table.delete('a');
    cache.forgetAll();
    expect(await idOf(cache.find('a', 1))).toBeNull();
  });

  it('of one key leaves the others known', async () => {
    const { table, readings, cache } = world();
    for (const name of ['a', 'b']) {
      table.set(name, keyNamed(`key_${name}`));
      await cache.find(name, 0);
    }
    table.delete('a');
    cache.forget('key_a');
    expect(await idOf(cache.find('a', 1))).toBeNull();
    expect(cache.find('b', 1)).toMatchObject({ keyId: 'key_b' });
    expect(readings).toEqual(['a', 'b', 'a']);
  });

  it('also reaches a key that is just being read', async () => {
    const read = gate();
    const answers = [keyNamed('key_a'), null];
    const cache = createKeyCache(
      async () => {
        const answer = answers.shift() ?? null;
        if (answer) await read.reached;
        return answer;
      },
      () => {},
    );
    const before = cache.find('a', 0);
    cache.forgetAll();
    expect(await idOf(cache.find('a', 1))).toBeNull();
    read.open();
    expect(await idOf(before)).toBe('key_a');
    expect(cache.size()).toBe(0);
    expect(await idOf(cache.find('a', 2))).toBeNull();
  });
});

describe('memory', () => {
  it('holds nothing of keys that open nothing', async () => {
    const { cache } = world();
    for (let i = 0; i < 1_000; i++) expect(await idOf(cache.find(`guess-${i}`, 0))).toBeNull();
    expect(cache.size()).toBe(0);
  });

  it('holds so many keys, and lets the one go that was read first', async () => {
    const { table, readings, cache } = world(3);
    for (const name of ['a', 'b', 'c', 'd']) {
      table.set(name, keyNamed(name));
      await cache.find(name, 0);
    }
    expect(cache.size()).toBe(3);
    expect(cache.find('b', 0)).toMatchObject({ keyId: 'b' });
    await cache.find('a', 0);
    expect(readings).toEqual(['a', 'b', 'c', 'd', 'a']);
  });
});
