/** Facts that wait for a person: all of them are found, however many wait before them. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { listener } from '../../test/kit/fact-readers.ts';
import { connect, kernelCtx } from '../../test/kit/kernel.ts';
import type { Ctx } from './context.ts';
import { countParked, parkedKeys, retryParked } from './parked-facts.ts';

let database: TestDb;
let outside: pg.Client;
let ctx: Ctx;
beforeAll(async () => {
  database = await cloneDb();
  outside = await connect(database.url);
  ctx = kernelCtx(database.db);
});
afterAll(async () => {
  await outside.end();
  await database.close();
});
beforeEach(async () => {
  await outside.query('truncate kernel.parked_fact');
});

/** So many of one key, of an event of the same name, numbered from 1. */
async function park(consumer: string, key: string, many: number, kind = 'a'): Promise<void> {
  await outside.query(
    `insert into kernel.parked_fact (consumer, n, key, event_id, seq, kind, version, data, at, error)
     select $1, coalesce(max(p.n), 0) + i, $2, $2, i, $4, 1, '{}', clock_timestamp(), 'cannot'
     from generate_series(1, $3::int) i
     left join kernel.parked_fact p on p.consumer = $1 group by i`,
    [consumer, key, many, kind],
  );
}

it('one that still fails keeps no other key from being tried, however many wait', async () => {
  const { consumer, heard, broken } = listener('hears');
  await park('hears', 'e1', 1_001);
  await park('hears', 'e2', 1);
  broken.set('e1 a', new Error('still not'));
  const { done, failed } = await retryParked(ctx, [consumer]);
  expect({ done, failed }).toEqual({ done: 1, failed: new Map([['hears e1', 'still not']]) });
  expect(heard).toEqual(['e2 1 a']);
});

it('all of a key are handled in one go, in order', async () => {
  const { consumer, heard } = listener('hears');
  await park('hears', 'e1', 2_500);
  expect(await retryParked(ctx, [consumer])).toMatchObject({ done: 2_500 });
  expect(heard).toEqual(Array.from({ length: 2_500 }, (_, i) => `e1 ${i + 1} a`));
});

it('every key is listed, by its first fact and how many wait with it', async () => {
  await park('hears', 'e1', 3);
  await outside.query(
    `insert into kernel.parked_fact (consumer, n, key, event_id, seq, kind, version, data, at, error)
     select 'other', i, 'k' || i, 'k', i, 'a', 1, '{}', clock_timestamp(), 'cannot'
     from generate_series(1, 2001) i`,
  );
  const keys: string[] = [];
  for await (const { key, seq, facts } of parkedKeys(ctx)) keys.push(`${key} ${seq} ${facts}`);
  expect(keys[0]).toBe('e1 1 3');
  expect(new Set(keys).size).toBe(2_002);
  expect(await countParked(ctx, { consumer: 'other' })).toEqual(new Map([['other', 2_001]]));
});

it('those of consumers that are not here hide nothing', async () => {
  const { consumer, heard } = listener('hears');
  await park('elsewhere', 'e1', 1_001);
  await park('hears', 'e2', 1);
  expect(await retryParked(ctx, [consumer])).toEqual({
    done: 1,
    failed: new Map(),
    elsewhere: new Map([['elsewhere', 1_001]]),
  });
  expect(heard).toEqual(['e2 1 a']);
});

it('what this version does not know is left for one that does', async () => {
  const { consumer, heard } = listener('hears');
  await park('hears', 'e1', 1, 'x');
  expect(await retryParked(ctx, [consumer])).toMatchObject({
    done: 0,
    failed: new Map([['hears e1', 'this version does not know x']]),
  });
  expect(heard).toEqual([]);
});
