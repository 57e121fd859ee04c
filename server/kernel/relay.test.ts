/** G12: every committed fact is numbered once, in order per event, and none is skipped. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { eventually } from '../../test/kit/given.ts';
import { connect, kernelCtx, scopeOn } from '../../test/kit/kernel.ts';
import type { Ctx } from './context.ts';
import { inTx } from './db.ts';
import type { EventId } from './ids.ts';
import { record } from './outbox.ts';
import { createRelay, forgetOldFacts, measureFacts, relayFacts } from './relay.ts';
import { ok } from './result.ts';

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
  await outside.query('truncate kernel.outbox, kernel.fact, kernel.fact_count, kernel.consumer');
});

const one = 'evt_1' as EventId;
const two = 'evt_2' as EventId;
const announce = (eventId: EventId, ...kinds: string[]) =>
  inTx(scopeOn(database.db), async (tx) => {
    await record(tx, ...kinds.map((kind) => ({ kind, eventId, data: {} })));
    return ok(null);
  });
const insert = `insert into kernel.outbox (event_id, kind, data) values ($1, $2, '{}')`;

const facts = async () => {
  const { rows } = await outside.query(
    'select n::int, event_id as event, seq::int, kind from kernel.fact order by n',
  );
  return rows.map(({ event, seq, kind }) => `${event} ${seq} ${kind}`);
};

describe('the relay', () => {
  it('numbers facts of each event from one, in their order', async () => {
    await announce(one, 'a', 'b');
    await announce(two, 'c');
    await announce(one, 'd');
    expect(await relayFacts(ctx)).toBe(4);
    await announce(one, 'e');
    expect(await relayFacts(ctx)).toBe(1);
    expect(await facts()).toEqual([
      ...['evt_1 1 a', 'evt_1 2 b', 'evt_2 1 c', 'evt_1 3 d', 'evt_1 4 e'],
    ]);
    expect(await relayFacts(ctx)).toBe(0);
  });

  it('finds what commits late, although later facts have been relayed', async () => {
    const late = await connect(database.url);
    await late.query('begin');
    await late.query(insert, [one, 'late']);
    await announce(two, 'early');
    await relayFacts(ctx);
    expect(await facts()).toEqual(['evt_2 1 early']);
    await late.query('commit');
    await late.end();
    await relayFacts(ctx);
    expect(await facts()).toEqual(['evt_2 1 early', 'evt_1 1 late']);
  });

  it('is one at a time: a second one leaves it to the first', async () => {
    await announce(one, 'a');
    const other = await connect(database.url);
    await other.query('begin');
    await other.query('select from kernel.relay for no key update');
    expect(await relayFacts(ctx)).toBe(0);
    expect(await facts()).toEqual([]);
    await other.query('rollback');
    await other.end();
    expect(await relayFacts(ctx)).toBe(1);
  });

  it('loses nothing and numbers nothing twice with several at it and one dying', async () => {
    const many = Array.from({ length: 40 }, (_, i) =>
      announce(i % 2 ? one : two, `k${i}`, `l${i}`),
    );
    const relays = Array.from({ length: 4 }, async () => {
      for (let turn = 0; turn < 10; turn++) await relayFacts(ctx, 7);
    });
    await Promise.all([...many, ...relays]);
    // One that has numbered and is killed before its commit.
    const dying = await connect(database.url);
    await announce(one, 'last');
    await dying.query('begin');
    await dying.query(`update kernel.relay set last_n = last_n + 5`);
    await dying.query('delete from kernel.outbox');
    const { rows } = await dying.query('select pg_backend_pid() as pid');
    await outside.query('select pg_terminate_backend($1)', [rows[0].pid]);
    await eventually(
      () => relayFacts(ctx),
      () => true,
    );
    await relayFacts(ctx);
    const seqs = await outside.query(
      `select event_id, array_agg(seq::int order by n) as seqs from kernel.fact group by event_id
       order by event_id`,
    );
    expect(seqs.rows.map(({ seqs: own }) => own)).toEqual([
      Array.from({ length: 41 }, (_, i) => i + 1),
      Array.from({ length: 40 }, (_, i) => i + 1),
    ]);
  });

  it('would lose a fact that commits late, were the outbox read from a position', async () => {
    // What it is instead of: an id is drawn before its commit, so a position passes over it.
    const late = await connect(database.url);
    await late.query('begin');
    await late.query(insert, [one, 'late']);
    await announce(two, 'early');
    const read = async (after: number) =>
      (await outside.query('select id::int, kind from kernel.outbox where id > $1', [after])).rows;
    const [early] = await read(0);
    await late.query('commit');
    await late.end();
    expect(await read(early.id)).toEqual([]);
    await relayFacts(ctx);
    expect(await facts()).toHaveLength(2);
  });

  it('tells of new facts, its own and another’s, without being asked', async () => {
    const relay = createRelay(() => ctx);
    let told = 0;
    relay.onFacts(() => {
      told += 1;
    });
    relay.start();
    await eventually(
      async () => told,
      (times) => times === 1,
    );
    await announce(one, 'a');
    relay.wake();
    await eventually(
      async () => told,
      (times) => times === 2,
    );
    expect(await facts()).toEqual(['evt_1 1 a']);
    await relay.stop();
  });

  it('is measured: what waits, and for how long', async () => {
    await outside.query(
      `insert into kernel.outbox (event_id, kind, data, at)
       values ('evt_1', 'a', '{}', clock_timestamp() - interval '1 minute')`,
    );
    await measureFacts(ctx);
    const value = async (gauge: { get: () => Promise<{ values: { value: number }[] }> }) =>
      (await gauge.get()).values[0]?.value;
    expect(await value(ctx.metrics.relayWaiting)).toBe(1);
    expect(await value(ctx.metrics.relayLag)).toBeGreaterThanOrEqual(60);
  });

  it('forgets what is a week old and read by all, and nothing else', async () => {
    await announce(one, 'a', 'b', 'c');
    await relayFacts(ctx);
    await outside.query(
      `update kernel.fact set relayed_at = relayed_at - interval '8 days' where seq < 3`,
    );
    const { rows } = await outside.query('select min(n)::int as first from kernel.fact');
    await outside.query(`insert into kernel.consumer (name, position) values ('slow', $1)`, [
      rows[0].first,
    ]);
    await forgetOldFacts(ctx);
    expect(await facts()).toEqual(['evt_1 2 b', 'evt_1 3 c']);
    await outside.query('update kernel.consumer set position = position + 10');
    await forgetOldFacts(ctx);
    expect(await facts()).toEqual(['evt_1 3 c']);
  });
});
