/** Publishing from the log: what goes where, and what happens when the bus does not want it. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { announce, letterFacts, listener } from '../../test/kit/fact-readers.ts';
import { connect, kernelCtx } from '../../test/kit/kernel.ts';
import { createConsumers } from './consumers.ts';
import type { Ctx } from './context.ts';
import { BusAway, type BusMessage, type FactBus } from './fact-bus.ts';
import { createSink } from './fact-sink.ts';
import { parkedFacts, retryParked } from './parked-facts.ts';

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

/** A bus that keeps what it gets; it may be away, or refuse what has a word in it. */
function memoryBus() {
  const state = { isAway: false, refuses: 'never', calls: 0 };
  const messages: BusMessage[] = [];
  const bus: FactBus = {
    prepare: async () => {},
    publish: async (those) => {
      state.calls += 1;
      if (state.isAway) throw new BusAway('it is away');
      const bad = those.find(({ value }) => value.includes(state.refuses));
      if (bad) throw new Error('it is refused');
      messages.push(...those);
    },
    subscribe: () => ({ stop: async () => {} }),
    endOf: async () => new Map(),
    handledBy: async () => new Map(),
    close: async () => {},
  };
  const sink = createSink({
    name: 'bus',
    bus,
    definitions: letterFacts,
    beside: {
      events: async (_ctx, facts) => new Map(facts.map(({ n, seq }) => [n, { twice: seq * 2 }])),
    },
  });
  const on = (topic: string) =>
    messages
      .filter((message) => message.topic === topic)
      .map(({ headers }) => `${headers['fact-id']} ${headers['kind']}`);
  return { state, messages, sink, on };
}

const drain = (...consumers: Parameters<typeof createConsumers>[1]) =>
  createConsumers(() => ctx, consumers).drain();
const positions = async () => {
  const { rows } = await outside.query('select name, position::int from kernel.consumer');
  return new Map(rows.map(({ name, position }) => [name, position as number]));
};

describe('the sink', () => {
  it('publishes every fact on its topic and on that of all, many at once', async () => {
    const { sink, state, messages, on } = memoryBus();
    await drain(sink);
    await announce(ctx, 'e1', ['a', 'c', 'b', 'unlisted']);
    await announce(ctx, 'e2', ['c']);
    await drain(sink);
    expect(on('facts')).toEqual(['e1:1 a', 'e1:2 c', 'e1:3 b', 'e1:4 unlisted', 'e2:1 c']);
    expect(on('orders')).toEqual(['e1:1 a', 'e1:3 b']);
    expect(on('events')).toEqual(['e1:2 c', 'e2:1 c']);
    expect(state.calls).toBe(1);
    const told = messages.filter(({ topic }) => topic === 'events');
    expect(told.map(({ value }) => JSON.parse(value).twice)).toEqual([4, 2]);
  });

  it('passes nothing while the bus is away, parks nothing, and lets another one try', async () => {
    const { sink, state, on } = memoryBus();
    await drain(sink);
    const before = await positions();
    await announce(ctx, 'e1', ['a', 'b']);
    state.isAway = true;
    await expect(drain(sink)).rejects.toThrow(BusAway);
    expect(await positions()).toEqual(before);
    expect(await parkedFacts(ctx)).toEqual([]);
    // The lease was given back: nobody waits for its end.
    state.isAway = false;
    await drain(sink);
    expect(on('facts')).toEqual(['e1:1 a', 'e1:2 b']);
  });

  it('parks what the bus refuses, with what follows of its event; all else is published', async () => {
    const { sink, state, on } = memoryBus();
    await drain(sink);
    state.refuses = 'far too long';
    await announce(ctx, 'e1', ['a']);
    await announce(ctx, 'e1', ['b'], { text: 'far too long' });
    await announce(ctx, 'e1', ['c']);
    await announce(ctx, 'e2', ['a', 'b']);
    await drain(sink);
    expect(on('facts').toSorted()).toEqual(['e1:1 a', 'e2:1 a', 'e2:2 b']);
    expect((await parkedFacts(ctx)).map(({ key, seq }) => [key, seq])).toEqual([
      ['e1', 2],
      ['e1', 3],
    ]);
    // With one that is stuck, the others still go many at once.
    await announce(ctx, 'e2', ['c', 'c', 'c']);
    const before = state.calls;
    await drain(sink);
    expect(state.calls).toBe(before + 1);
    state.refuses = 'never';
    expect(await retryParked(ctx, [sink])).toMatchObject({ done: 2 });
    expect(on('facts').slice(-2)).toEqual(['e1:2 b', 'e1:3 c']);
  });

  it('begins where the slowest consumer is, so that nobody misses anything', async () => {
    const slow = listener('slow');
    await drain(slow.consumer);
    await announce(ctx, 'e1', ['a', 'b']);
    const quick = listener('quick');
    await drain(quick.consumer);
    const { sink, on } = memoryBus();
    await drain(sink);
    expect(on('facts')).toEqual(['e1:1 a', 'e1:2 b']);
  });
});
