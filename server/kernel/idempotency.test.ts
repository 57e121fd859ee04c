import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { connect, gate, scopeOn } from '../../test/kit/kernel.ts';
import { type Db, inTx } from './db.ts';
import {
  type Begun,
  beginOnce,
  forgetOldKeys,
  hashBody,
  isIdempotencyKey,
  type OnceRequest,
} from './idempotency.ts';
import { ok, refused } from './result.ts';

let database: TestDb;
let db: Db;
let outside: pg.Client;

beforeAll(async () => {
  database = await cloneDb();
  db = database.db;
  outside = await connect(database.url);
});
afterAll(async () => {
  await outside.end();
  await database.close();
});
beforeEach(async () => {
  await outside.query('truncate kernel.idempotency');
});

const request = (more: Partial<OnceRequest> = {}): OnceRequest => ({
  caller: 'key_1',
  key: 'k-1',
  route: 'POST /api/v1/events',
  bodyHash: hashBody({ name: 'A' }),
  status: 201,
  ...more,
});

async function first(more: Partial<OnceRequest> = {}) {
  const begun = await beginOnce(db, request(more));
  if (!begun.ok || begun.value.kind !== 'first') return expect.unreachable('not the first');
  return begun.value;
}
type First = Begun & { readonly kind: 'first' };

const complete = (begun: First, value: unknown) =>
  inTx(scopeOn(db, { once: begun.once }), async () => ok(value));

const stored = async () => {
  const { rows } = await outside.query('select caller, key, state, body from kernel.idempotency');
  return rows;
};
const age = (interval: string) =>
  outside.query(`update kernel.idempotency set made_at = made_at - interval '${interval}',
    running_until = running_until - interval '${interval}'`);
const codeOf = async (more: Partial<OnceRequest> = {}) => {
  const begun = await beginOnce(db, request(more));
  return begun.ok ? begun.value.kind : begun.refusal.code;
};

describe('a key', () => {
  it('gives the same answer again for the same body', async () => {
    await complete(await first(), { id: 'evt_1', list: [1, null] });
    const again = await beginOnce(db, request());
    expect(again).toEqual(ok({ kind: 'replay', body: { id: 'evt_1', list: [1, null] } }));
  });

  it('is refused with another body, and on another route', async () => {
    await complete(await first(), {});
    expect(await codeOf({ bodyHash: hashBody({ name: 'B' }) })).toBe('idempotency_key_reused');
    expect(await codeOf({ route: 'POST /api/v1/users' })).toBe('idempotency_key_reused');
    expect(await codeOf()).toBe('replay');
  });

  it('is in flight while the first runs, whatever the second says', async () => {
    await first();
    expect(await codeOf()).toBe('request_in_flight');
    expect(await codeOf({ bodyHash: hashBody({}) })).toBe('idempotency_key_reused');
  });

  it('belongs to its caller', async () => {
    await complete(await first(), {});
    expect(await codeOf({ caller: 'key_2' })).toBe('first');
    expect(await stored()).toHaveLength(2);
  });

  it('lets one of many at once be the first', async () => {
    const codes = await Promise.all(Array.from({ length: 12 }, () => codeOf()));
    expect(codes.filter((code) => code === 'first')).toHaveLength(1);
    expect(codes.filter((code) => code === 'request_in_flight')).toHaveLength(11);
  });

  it('is new again after 24 hours', async () => {
    await complete(await first(), {});
    await age('23 hours 59 minutes');
    expect(await codeOf({ bodyHash: hashBody({}) })).toBe('idempotency_key_reused');
    await age('2 minutes');
    expect(await codeOf({ bodyHash: hashBody({}) })).toBe('first');
  });

  it('is deleted after 25 hours, not before', async () => {
    await complete(await first(), {});
    await age('24 hours 59 minutes');
    expect(await forgetOldKeys(db)).toBe(0);
    await age('2 minutes');
    expect(await forgetOldKeys(db)).toBe(1);
    expect(await stored()).toEqual([]);
  });
});

describe('a request that does not end well', () => {
  it('leaves nothing when its transaction is rolled back', async () => {
    const begun = await first();
    const scope = scopeOn(db, { once: begun.once });
    const thrown = inTx(scope, async (tx) => {
      await begun.once.complete(tx, { lost: true });
      throw new Error('after the answer was stored');
    });
    await expect(thrown).rejects.toThrow('after the answer');
    expect(await stored()).toMatchObject([{ state: 'running', body: null }]);
    await begun.forget();
    expect(await codeOf()).toBe('first');
  });

  it('stores no refusal', async () => {
    const begun = await first();
    await inTx(scopeOn(db, { once: begun.once }), async () => refused('no'));
    await begun.forget();
    expect(await stored()).toEqual([]);
  });

  it('keeps its answer when it is forgotten after it was stored', async () => {
    const begun = await first();
    await complete(begun, { id: 1 });
    await begun.forget();
    expect(await codeOf()).toBe('replay');
  });

  it('frees its key after 30 seconds if it crashed', async () => {
    await first();
    await age('29 seconds');
    expect(await codeOf()).toBe('request_in_flight');
    await age('2 seconds');
    expect(await codeOf()).toBe('first');
  });

  it('has no effect if another took its key over meanwhile', async () => {
    const sleeper = await first();
    await age('31 seconds');
    const next = await first();
    await expect(complete(sleeper, 'late')).rejects.toThrow('taken over');
    await sleeper.forget();
    expect(await stored()).toMatchObject([{ state: 'running', body: null }]);
    expect(await complete(next, 'in time')).toEqual(ok('in time'));
    await expect(complete(sleeper, 'later still')).rejects.toThrow('taken over');
    expect(await stored()).toMatchObject([{ state: 'done', body: 'in time' }]);
  });

  it('loses against the one that took over while both finish', async () => {
    const sleeper = await first();
    await age('31 seconds');
    const next = await first();
    const inside = gate();
    const go = gate();
    const winner = inTx(scopeOn(db), async (tx) => {
      await next.once.complete(tx, 'next');
      inside.open();
      await go.reached;
      return ok('next');
    });
    await inside.reached;
    const loser = complete(sleeper, 'late');
    go.open();
    await expect(loser).rejects.toThrow('taken over');
    expect(await winner).toEqual(ok('next'));
    expect(await stored()).toMatchObject([{ state: 'done', body: 'next' }]);
  });
});

describe('the hash of a body', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, member]) => [name, shuffled(member)]),
    );
  };

  it('does not depend on the order of keys or on white space', () => {
    fc.assert(
      fc.property(json, (value) => {
        const spaced: unknown = JSON.parse(JSON.stringify(shuffled(value), null, 3));
        expect(hashBody(spaced)).toEqual(hashBody(value));
      }),
    );
  });

  it('differs where the meaning differs', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        // -0 and 0 are one number in JSON.
        const same = JSON.stringify(shuffledSorted(a)) === JSON.stringify(shuffledSorted(b));
        expect(hashBody(a).equals(hashBody(b))).toBe(same);
      }),
    );
    const lookalikes = [[1, 2], ['1', '2'], { 0: 1, 1: 2 }, '1,2', 12, null, [], {}, '', [null]];
    expect(new Set(lookalikes.map((value) => hashBody(value).toString('hex'))).size).toBe(
      lookalikes.length,
    );
  });

  const shuffledSorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffledSorted);
    if (typeof value !== 'object' || value === null) return value;
    const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return { object: sorted.map(([name, member]) => [name, shuffledSorted(member)]) };
  };
});

describe('the shape of a key', () => {
  it.each(['a', '0'.repeat(255), '!~', '550e8400-e29b-41d4-a716-446655440000'])('takes %s', (k) => {
    expect(isIdempotencyKey(k)).toBe(true);
  });
  it.each(['', ' ', 'a b', '0'.repeat(256), 'é', 'a\n', 'a\u0000'])('refuses %j', (key) => {
    expect(isIdempotencyKey(key)).toBe(false);
  });
});
