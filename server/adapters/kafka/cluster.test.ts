/**
 * Three real brokers that are killed, that hang, and that are away for a while, under a sink and a
 * group of two: whatever happens to them, all facts arrive, in order for each event.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../../test/kit/db.ts';
import {
  announce,
  firstTimes,
  type Listener,
  letterFacts,
  listener,
} from '../../../test/kit/fact-readers.ts';
import { eventually } from '../../../test/kit/given.ts';
import {
  KAFKA_TEST_MAX_MS,
  KAFKA_WITHIN_MS,
  startKafka,
  type TestKafka,
} from '../../../test/kit/kafka.ts';
import { readTopic } from '../../../test/kit/kafka-topic.ts';
import { connect, kernelCtx } from '../../../test/kit/kernel.ts';
import { requireEngine } from '../../../test/kit/requires.ts';
import { createBusConsumers } from '../../kernel/bus-consumers.ts';
import type { Consumers } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import { createSink } from '../../kernel/fact-sink.ts';
import { parkedFacts } from '../../kernel/parked-facts.ts';
import { createKafkaBus } from './index.ts';

const home = requireEngine('kafka');
const EVENTS = Array.from({ length: 8 }, (_, n) => `e${n}`);
const BROKERS = [1, 2, 3] as const;

describe.skipIf(home === undefined)(
  'Kafka of three brokers',
  { timeout: KAFKA_TEST_MAX_MS },
  () => {
    let database: TestDb;
    let outside: pg.Client;
    let ctx: Ctx;
    let kafka: TestKafka;
    let processes: readonly Consumers[] = [];
    const members: readonly Listener[] = [listener('pair'), listener('pair')];
    let announced = 0;

    beforeAll(async () => {
      database = await cloneDb();
      outside = await connect(database.url);
      ctx = kernelCtx(database.db);
      kafka = await startKafka(home ?? '', { brokers: 3 });
      processes = members.map(({ consumer }) => {
        const bus = createKafkaBus({
          brokers: kafka.brokers.split(','),
          prefix: 'acme',
          tls: null,
          sasl: null,
          topics: ['orders', 'events', 'facts'],
          log: ctx.log,
        });
        const sink = createSink({ name: 'kafka', bus, definitions: letterFacts, beside: {} });
        return createBusConsumers(() => ctx, bus, sink, [consumer]);
      });
      await processes[0]?.drain();
      for (const process of processes) process.start();
    }, KAFKA_TEST_MAX_MS);
    afterAll(async () => {
      await Promise.all(processes.map((process) => process.stop()));
      await kafka.close();
      await outside.end();
      await database.close();
    });

    /** A fact or two of every event; the rest goes on at its own pace. */
    const more = async (times = 1) => {
      for (let time = 0; time < times; time++) {
        for (const event of EVENTS) await announce(ctx, event, ['a', 'c']);
        announced += 2;
        for (const process of processes) process.wake();
      }
    };
    const heard = () => members.flatMap((member) => member.heard);
    /** Every event's facts up to the last that was announced. */
    const expectAll = async () => {
      const last = EVENTS.map((event) => `${event} ${announced} c`);
      await eventually(
        async () => new Set(heard()),
        (lines) => last.every((line) => lines.has(line)),
        KAFKA_WITHIN_MS,
      );
      const wanted = Array.from({ length: announced }, (_, at) => at + 1);
      for (const event of EVENTS) {
        const seqs = new Set(
          heard()
            .filter((line) => line.startsWith(`${event} `))
            .map((line) => Number(line.split(' ')[1])),
        );
        expect([...seqs].toSorted((a, b) => a - b)).toEqual(wanted);
      }
      for (const member of members) {
        for (const event of EVENTS) {
          const own = member.heard.filter((line) => line.startsWith(`${event} `));
          const seqs = firstTimes(own).map((line) => Number(line.split(' ')[1]));
          // What was first heard late was heard by the other member before.
          expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
        }
      }
      expect(await parkedFacts(ctx)).toEqual([]);
    };
    /** Of another reader, of the topic as it is. */
    const expectOnTopic = async () => {
      const lines = (await readTopic(kafka.brokers, 'acme.facts')).map(
        ({ value }) => `${value.eventId} ${value.seq} ${value.kind}`,
      );
      for (const event of EVENTS) {
        const own = firstTimes(lines.filter((line) => line.startsWith(`${event} `)));
        expect(own.map((line) => Number(line.split(' ')[1]))).toEqual(
          Array.from({ length: announced }, (_, at) => at + 1),
        );
      }
    };

    it('D7 makes the topics with three copies, and shares them among the members', async () => {
      await more(3);
      await expectAll();
      await expectOnTopic();
      const described = await kafka.run('org.apache.kafka.tools.TopicCommand', [
        '--bootstrap-server',
        kafka.brokers,
        '--describe',
        '--topic',
        'acme.facts',
      ]);
      expect(described).toMatch(/PartitionCount: 6\s+ReplicationFactor: 3/);
      expect(described).toContain('min.insync.replicas=2');
      // Both work, once the second one has got its share.
      await eventually(
        async () => {
          await more();
          return members.map((member) => member.heard.length);
        },
        ([one = 0, two = 0]) => one > 0 && two > 0,
        KAFKA_WITHIN_MS,
        500,
      );
      await expectAll();
    });

    it('D7 loses nothing when a broker is killed while it is written to', async () => {
      const going = more(10);
      await kafka.kill(1);
      await going;
      await expectAll();
      await kafka.start(1);
      await more();
      await expectAll();
      await expectOnTopic();
    });

    it('D7 waits for brokers that hang', async () => {
      for (const broker of BROKERS) kafka.freeze(broker);
      const begun = performance.now();
      await more(5);
      // Whoever announces does not notice.
      expect(performance.now() - begun).toBeLessThan(3_000);
      await eventually(
        async () => performance.now() - begun,
        (ms) => ms > 4_000,
      );
      for (const broker of BROKERS) kafka.thaw(broker);
      await expectAll();
    });

    it('D7 is made up for in order after it was away, and nothing is parked', async () => {
      for (const broker of BROKERS) await kafka.kill(broker);
      const before = heard().length;
      await more(20);
      const lag = await eventually(
        async () => {
          const { rows } = await outside.query(
            `select (r.last_n - c.position)::int as facts
           from kernel.consumer c, kernel.relay r where c.name = 'kafka'`,
          );
          return rows[0].facts as number;
        },
        (facts) => facts > 0,
      );
      expect(lag).toBeGreaterThanOrEqual(EVENTS.length);
      expect(heard().length - before).toBeLessThan(EVENTS.length * 20);
      await Promise.all(BROKERS.map((broker) => kafka.start(broker)));
      await expectAll();
      await expectOnTopic();
    });

    it('D7 repeats what it does not know to have published; readers know it by its id', async () => {
      await eventually(
        async () => (await outside.query(`select position from kernel.consumer`)).rows,
        (rows) => new Set(rows.map(({ position }) => position)).size === 1,
        KAFKA_WITHIN_MS,
      );
      const ids = async () =>
        (await readTopic(kafka.brokers, 'acme.facts')).map(({ headers }) => headers['fact-id']);
      const before = await ids();
      await outside.query(
        `update kernel.consumer set position = position - 16 where name = 'kafka'`,
      );
      for (const process of processes) await process.stop();
      processes = [];
      const bus = createKafkaBus({
        brokers: kafka.brokers.split(','),
        prefix: 'acme',
        tls: null,
        sasl: null,
        topics: ['orders', 'events', 'facts'],
        log: ctx.log,
      });
      const sink = createSink({ name: 'kafka', bus, definitions: letterFacts, beside: {} });
      await outside.query(
        `update kernel.consumer set position = position - 16 where name = 'kafka'`,
      );
      const again = createBusConsumers(() => ctx, bus, sink, []);
      await again.drain();
      await again.stop();
      const after = await ids();
      expect(after.length).toBeGreaterThanOrEqual(before.length + 16);
      expect(new Set(after)).toEqual(new Set(before));
      await expectOnTopic();
    });
  },
);
