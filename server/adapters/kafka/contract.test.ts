/**
 * What consumers are promised, on the log in the database and as groups of a real Kafka: the same
 * tests for both.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../../test/kit/db.ts';
import { announce, firstTimes, letterFacts, listener } from '../../../test/kit/fact-readers.ts';
import { eventually } from '../../../test/kit/given.ts';
import {
  KAFKA_TEST_MAX_MS,
  KAFKA_WITHIN_MS,
  startKafka,
  type TestKafka,
} from '../../../test/kit/kafka.ts';
import { connect, kernelCtx } from '../../../test/kit/kernel.ts';
import { requireEngine } from '../../../test/kit/requires.ts';
import { createBusConsumers } from '../../kernel/bus-consumers.ts';
import { type Consumer, type Consumers, createConsumers } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { FactBus } from '../../kernel/fact-bus.ts';
import { createSink } from '../../kernel/fact-sink.ts';
import { parkedFacts, retryParked } from '../../kernel/parked-facts.ts';
import { createKafkaBus } from './index.ts';

const home = requireEngine('kafka');
const TOPICS = ['orders', 'events', 'facts'];

type Way = {
  readonly process: (...consumers: Consumer[]) => Consumers;
  /** Events of which the bus takes nothing, where there is one. */
  readonly refused: Set<string>;
};

const onDatabase = async (ctx: Ctx): Promise<Way & { close: () => Promise<void> }> => ({
  process: (...consumers) => createConsumers(() => ctx, consumers),
  refused: new Set(),
  close: async () => {},
});

async function onKafka(ctx: Ctx): Promise<Way & { close: () => Promise<void> }> {
  const kafka: TestKafka = await startKafka(home ?? '');
  const refused = new Set<string>();
  return {
    process: (...consumers) => {
      const { brokers, log } = { brokers: kafka.brokers.split(','), log: ctx.log };
      const real = createKafkaBus({
        brokers,
        prefix: null,
        tls: null,
        sasl: null,
        topics: TOPICS,
        log,
      });
      const bus: FactBus = {
        ...real,
        publish: async (messages) => {
          if (messages.some(({ key }) => refused.has(key))) throw new Error('it is refused');
          await real.publish(messages);
        },
      };
      const sink = createSink({ name: 'kafka', bus, definitions: letterFacts, beside: {} });
      return createBusConsumers(() => ctx, bus, sink, consumers);
    },
    refused,
    close: kafka.close,
  };
}

describe.each([
  { way: 'on the log in the database', open: onDatabase, skip: false },
  { way: 'as groups of Kafka', open: onKafka, skip: home === undefined },
])('D8 consumers $way', { timeout: KAFKA_TEST_MAX_MS }, ({ open, skip }) => {
  let database: TestDb;
  let outside: pg.Client;
  let ctx: Ctx;
  let way: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    if (skip) return;
    database = await cloneDb();
    outside = await connect(database.url);
    ctx = kernelCtx(database.db);
    way = await open(ctx);
  }, KAFKA_TEST_MAX_MS);
  afterAll(async () => {
    if (skip) return;
    await way.close();
    await outside.end();
    await database.close();
  });

  /** Running, and past its beginning: what comes from now on is heard. */
  const begun = async (...consumers: Consumer[]) => {
    const process = way.process(...consumers);
    await process.drain();
    process.start();
    return process;
  };
  const until = (heard: readonly string[], last: string) =>
    eventually(
      async () => heard,
      (lines) => lines.includes(last),
      KAFKA_WITHIN_MS,
    );

  it.skipIf(skip)('hear what comes from their beginning on, in order per key', async () => {
    const { consumer, heard } = listener('hears', ['a', 'c']);
    await announce(ctx, 'h1', ['a']);
    const process = await begun(consumer);
    await announce(ctx, 'h1', ['c', 'b', 'a', 'c']);
    await announce(ctx, 'h2', ['c', 'a']);
    process.wake();
    await until(heard, 'h1 5 c');
    await until(heard, 'h2 2 a');
    await process.stop();
    const of = (event: string) => firstTimes(heard.filter((line) => line.startsWith(event)));
    expect(of('h1')).toEqual(['h1 2 c', 'h1 4 a', 'h1 5 c']);
    expect(of('h2')).toEqual(['h2 1 c', 'h2 2 a']);
  });

  it.skipIf(skip)('go on where they were, also where nothing was heard before', async () => {
    const { consumer, heard } = listener('goes_on');
    await (await begun(consumer)).stop();
    await announce(ctx, 'g1', ['a', 'b', 'c']);
    const next = way.process(consumer);
    await next.drain();
    await next.stop();
    expect(firstTimes(heard)).toEqual(['g1 1 a', 'g1 2 b', 'g1 3 c']);
    await announce(ctx, 'g1', ['a']);
    const third = way.process(consumer);
    await third.drain();
    await third.stop();
    expect(firstTimes(heard).at(-1)).toBe('g1 4 a');
  });

  it.skipIf(skip)(
    'are several processes: one that stops leaves its share to the other',
    async () => {
      const [one, two] = [listener('shared'), listener('shared')];
      const first = await begun(one.consumer);
      const second = await begun(two.consumer);
      const events = Array.from({ length: 12 }, (_, n) => `s${n}`);
      for (const event of events) await announce(ctx, event, ['a', 'b']);
      first.wake();
      const heardAll = (seq: number) =>
        eventually(
          async () => new Set([...one.heard, ...two.heard].map((line) => line.slice(0, -2))),
          (lines) => events.every((event) => lines.has(`${event} ${seq}`)),
          KAFKA_WITHIN_MS,
        );
      await heardAll(2);
      await first.stop();
      for (const event of events) await announce(ctx, event, ['c']);
      second.wake();
      await heardAll(3);
      await second.stop();
      for (const { heard } of [one, two]) {
        for (const event of events) {
          const own = heard.filter((line) => line.startsWith(`${event} `));
          expect(firstTimes(own)).toEqual([...new Set(own)].toSorted());
        }
      }
    },
  );

  it.skipIf(skip)('park a fact that cannot be handled, with its key; others go on', async () => {
    const { consumer, heard, broken } = listener('parks');
    broken.set('p1 b', new Error('cannot'));
    const process = await begun(consumer);
    await announce(ctx, 'p1', ['a', 'b', 'c']);
    await announce(ctx, 'p2', ['a', 'b']);
    process.wake();
    await until(heard, 'p2 2 b');
    const parked = await eventually(
      () => parkedFacts(ctx, { consumer: 'parks' }),
      (those) => those.length === 2,
      KAFKA_WITHIN_MS,
    );
    expect(parked.map(({ key, seq, error }) => [key, seq, error])).toEqual([
      ['p1', 2, 'cannot'],
      ['p1', 3, 'behind one that was parked'],
    ]);
    broken.clear();
    expect(await retryParked(ctx, process.list, { key: 'p1' })).toMatchObject({ done: 2 });
    await announce(ctx, 'p1', ['a']);
    process.wake();
    await until(heard, 'p1 4 a');
    await process.stop();
    const own = heard.filter((line) => line.startsWith('p1'));
    expect(firstTimes(own)).toEqual(['p1 1 a', 'p1 2 b', 'p1 3 c', 'p1 4 a']);
  });

  it.skipIf(skip)('wait, and park nothing, where the database is away', async () => {
    const { consumer, heard, broken } = listener('waits');
    broken.set('w1 b', Object.assign(new Error('terminating'), { code: '57P01' }));
    const process = await begun(consumer);
    await announce(ctx, 'w1', ['a', 'b', 'c']);
    process.wake();
    await until(heard, 'w1 1 a');
    broken.clear();
    await until(heard, 'w1 3 c');
    await process.stop();
    expect(firstTimes(heard)).toEqual(['w1 1 a', 'w1 2 b', 'w1 3 c']);
    expect(await parkedFacts(ctx, { consumer: 'waits' })).toEqual([]);
  });

  it.skipIf(skip)(
    'hear what the bus has refused, also in a process that begins later',
    async () => {
      const { consumer, heard } = listener('late');
      const process = await begun(consumer);
      way.refused.add('x1');
      await announce(ctx, 'x1', ['a', 'b']);
      await announce(ctx, 'x2', ['a']);
      await process.drain();
      await until(heard, 'x2 1 a');
      await process.stop();
      way.refused.clear();
      const next = await begun(consumer);
      expect((await retryParked(ctx, next.list)).failed).toEqual(new Map());
      await until(heard, 'x1 2 b');
      await next.stop();
      expect(firstTimes(heard.filter((line) => line.startsWith('x1')))).toEqual([
        'x1 1 a',
        'x1 2 b',
      ]);
    },
  );

  it.skipIf(skip)('leave what only a newer version knows to it', async () => {
    const [older, newer] = [listener('rolls', ['a']), listener('rolls', ['a', 'b'])];
    const first = await begun(older.consumer);
    await announce(ctx, 'r1', ['a']);
    first.wake();
    await until(older.heard, 'r1 1 a');
    const second = await begun(newer.consumer);
    await announce(ctx, 'r1', ['b', 'a']);
    for (const process of [first, second]) process.wake();
    await until(newer.heard, 'r1 3 a');
    await first.stop();
    await second.stop();
    expect(older.heard).toEqual(['r1 1 a']);
    expect(firstTimes(newer.heard).slice(-2)).toEqual(['r1 2 b', 'r1 3 a']);
  });

  it.skipIf(skip)('are known to be as far behind as they are', async () => {
    const { consumer, broken } = listener('lags');
    broken.set('l1 a', Object.assign(new Error('terminating'), { code: '57P01' }));
    const process = await begun(consumer);
    const behind = async () => {
      const { rows } = await outside.query(
        `select (r.last_n - c.position)::int as facts
         from kernel.consumer c, kernel.relay r where c.name = 'lags'`,
      );
      return rows[0].facts as number;
    };
    expect(await behind()).toBe(0);
    await announce(ctx, 'l1', ['a', 'b']);
    process.wake();
    expect(await behind()).toBe(2);
    broken.clear();
    await eventually(behind, (facts) => facts === 0, KAFKA_WITHIN_MS);
    await process.stop();
    expect(await behind()).toBe(0);
  });
});
