/** Consumers of facts: at least once, in order per key, and one that fails stops nobody else. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { eventually } from '../../test/kit/given.ts';
import { connect, kernelCtx, scopeOn } from '../../test/kit/kernel.ts';
import { type Consumer, createConsumers } from './consumers.ts';
import type { Ctx } from './context.ts';
import { busy, inTx } from './db.ts';
import type { EventId } from './ids.ts';
import { createTeller } from './known-kinds.ts';
import { orNotNow } from './not-now.ts';
import { record } from './outbox.ts';
import { parkedFacts, retryParked } from './parked-facts.ts';
import { relayFacts } from './relay.ts';
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
  await outside.query(
    `truncate kernel.outbox, kernel.fact, kernel.fact_count, kernel.consumer, kernel.parked_fact`,
  );
});

async function announce(event: string, ...kinds: string[]): Promise<void> {
  await inTx(scopeOn(database.db), async (tx) => {
    const eventId = event as EventId;
    await record(tx, ...kinds.map((kind) => ({ kind, eventId, data: {} })));
    return ok(null);
  });
  await relayFacts(ctx);
}

/** Hears what it is told; fails for the kinds in `broken`. */
function listener(name = 'listener', kinds = ['a', 'b', 'c']) {
  const heard: string[] = [];
  const broken = new Set<string>();
  const consumer: Consumer = {
    name,
    kinds,
    keyOf: (fact) => fact.eventId,
    handle: async (_ctx, { eventId, seq, kind }) => {
      if (broken.has(`${eventId} ${kind}`)) throw new Error(`cannot ${kind}`);
      heard.push(`${eventId} ${seq} ${kind}`);
    },
  };
  return { consumer, heard, broken };
}

const drain = async (...consumers: Consumer[]) => {
  const all = createConsumers(() => ctx, consumers);
  await all.drain();
  return all;
};

describe('a consumer', () => {
  it('hears what it wants from its beginning on, each once, in order', async () => {
    const { consumer, heard } = listener();
    await announce('e1', 'a');
    await drain(consumer);
    // A new one begins with what comes from now on.
    expect(heard).toEqual([]);
    await announce('e1', 'b', 'x', 'c');
    await announce('e2', 'a');
    await drain(consumer);
    await drain(consumer);
    expect(heard.toSorted()).toEqual(['e1 2 b', 'e1 4 c', 'e2 1 a']);
    expect(heard.filter((line) => line.startsWith('e1'))).toEqual(['e1 2 b', 'e1 4 c']);
  });

  it('goes on where it was, and hears again what was not written down', async () => {
    const { consumer, heard } = listener();
    await drain(consumer);
    await announce('e1', 'a', 'b');
    await drain(consumer);
    // Killed after handling, before its position was written down.
    await outside.query('update kernel.consumer set position = position - 2');
    await drain(consumer);
    expect(heard).toEqual(['e1 1 a', 'e1 2 b', 'e1 1 a', 'e1 2 b']);
  });

  it('is one at a time: two processes share the work, not the facts', async () => {
    const [first, second] = [listener('same'), listener('same')];
    await drain(first.consumer);
    const held = await connect(database.url);
    await held.query(
      `update kernel.consumer set leased_until = clock_timestamp() + interval '1 minute'`,
    );
    await announce('e1', 'a');
    await drain(second.consumer);
    expect(second.heard).toEqual([]);
    // The first one has died, and its lease ends.
    await held.query(`update kernel.consumer set leased_until = clock_timestamp()`);
    await held.end();
    await drain(second.consumer);
    expect(second.heard).toEqual(['e1 1 a']);
  });

  it('whose lease was taken meanwhile writes down nothing', async () => {
    const { consumer, heard } = listener();
    await drain(consumer);
    await announce('e1', 'a');
    const taking = {
      ...consumer,
      handle: async (c: Ctx, fact: Parameters<Consumer['handle']>[1]) => {
        await outside.query('update kernel.consumer set lease_token = lease_token + 1');
        await consumer.handle(c, fact);
      },
    };
    await drain(taking);
    await outside.query(`update kernel.consumer set leased_until = '-infinity'`);
    await drain(consumer);
    expect(heard).toEqual(['e1 1 a', 'e1 1 a']);
  });

  it('parks what it cannot handle, with what follows of its key; other keys go on', async () => {
    const { consumer, heard, broken } = listener();
    await drain(consumer);
    broken.add('e1 b');
    await announce('e1', 'a', 'b', 'c');
    await announce('e2', 'a', 'b');
    await drain(consumer);
    await announce('e1', 'a');
    await drain(consumer);
    expect(heard.toSorted()).toEqual(['e1 1 a', 'e2 1 a', 'e2 2 b']);
    const parked = await parkedFacts(ctx);
    expect(parked.map(({ key, seq, error }) => [key, seq, error])).toEqual([
      ['e1', 2, 'cannot b'],
      ['e1', 3, 'behind one that was parked'],
      ['e1', 4, 'behind one that was parked'],
    ]);
    const still = await retryParked(ctx, [consumer]);
    expect(still).toMatchObject({ done: 0, failed: new Map([['listener e1', 'cannot b']]) });
    broken.clear();
    expect(await retryParked(ctx, [consumer], { key: 'e1' })).toMatchObject({ done: 3 });
    expect(heard.slice(-3)).toEqual(['e1 2 b', 'e1 3 c', 'e1 4 a']);
    await announce('e1', 'c');
    await drain(consumer);
    expect(heard.at(-1)).toBe('e1 5 c');
    expect(await parkedFacts(ctx)).toEqual([]);
  });

  it('handles what was behind one that is retried meanwhile', async () => {
    const { consumer, heard, broken } = listener();
    await drain(consumer);
    broken.add('e1 a');
    await announce('e1', 'a');
    await drain(consumer);
    broken.clear();
    await announce('e1', 'b');
    await announce('e2', 'a');
    const retrying: Consumer = {
      ...consumer,
      // Which keys are stuck is known by then.
      handleMany: async () => {
        expect(await retryParked(ctx, [consumer])).toMatchObject({ done: 1 });
        throw new Error('one by one');
      },
    };
    await drain(retrying);
    expect(await parkedFacts(ctx)).toEqual([]);
    expect(heard.filter((line) => line.startsWith('e1'))).toEqual(['e1 1 a', 'e1 2 b']);
  });

  it('parks nothing because somebody is in the way, however often', async () => {
    const { consumer, heard } = listener();
    await drain(consumer);
    await announce('e1', 'a', 'b');
    let left = 6;
    const heldUp = {
      ...consumer,
      handle: async (c: Ctx, fact: Parameters<Consumer['handle']>[1]) => {
        left -= 1;
        orNotNow(left >= 0 ? busy() : ok(null));
        await consumer.handle(c, fact);
      },
    };
    await expect(drain(heldUp)).rejects.toThrow('in the way');
    await drain(heldUp);
    expect(await parkedFacts(ctx)).toEqual([]);
    expect(heard).toEqual(['e1 1 a', 'e1 2 b']);
  });

  it('is left to who knows more kinds, and taken back when they are gone for good', async () => {
    const [older, newer] = [listener('rolls', ['a']), listener('rolls', ['a', 'b'])];
    await drain(older.consumer);
    await drain(newer.consumer);
    await announce('e1', 'a', 'b');
    await drain(older.consumer);
    expect(older.heard).toEqual([]);
    await drain(newer.consumer);
    expect(newer.heard).toEqual(['e1 1 a', 'e1 2 b']);
    await announce('e1', 'b', 'a');
    await outside.query(`update kernel.consumer set known_at = known_at - interval '4 minutes'`);
    await drain(older.consumer);
    expect(older.heard).toEqual([]);
    await outside.query(`update kernel.consumer set known_at = known_at - interval '2 minutes'`);
    await drain(older.consumer);
    expect(older.heard).toEqual(['e1 4 a']);
  });

  it('passes nothing once somebody knows more kinds, though it has the lease', async () => {
    const [older, newer] = [listener('rolls', ['a']), listener('rolls', ['a', 'b'])];
    await drain(older.consumer);
    await announce('e1', 'a');
    const meanwhile = {
      ...older.consumer,
      handle: async (c: Ctx, fact: Parameters<Consumer['handle']>[1]) => {
        await createTeller(newer.consumer)(ctx);
        await announce('e1', 'b');
        await older.consumer.handle(c, fact);
      },
    };
    await drain(meanwhile);
    await drain(newer.consumer);
    expect(older.heard).toEqual(['e1 1 a']);
    expect(newer.heard).toEqual(['e1 1 a', 'e1 2 b']);
  });

  it('hears within a moment what is announced while it runs, and stops when told', async () => {
    const { consumer, heard } = listener();
    const running = createConsumers(() => ctx, [consumer]);
    running.start();
    await eventually(
      async () => (await outside.query('select from kernel.consumer')).rowCount,
      (count) => count === 1,
    );
    await announce('e1', 'a');
    running.wake();
    await eventually(
      async () => heard,
      (lines) => lines.length === 1,
    );
    await running.stop();
    const { rows } = await outside.query(
      `select leased_until = '-infinity' as free from kernel.consumer`,
    );
    expect(rows).toEqual([{ free: true }]);
  });
});
