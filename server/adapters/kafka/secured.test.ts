/** TLS, credentials and rights, against a real broker that asks for them; and what it refuses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/kit/given.ts';
import { KAFKA_TEST_MAX_MS, startKafka, type TestKafka } from '../../../test/kit/kafka.ts';
import { type SecuredKafka, securedKafka } from '../../../test/kit/kafka-secured.ts';
import { requireEngine } from '../../../test/kit/requires.ts';
import { BusAway, type FactBus } from '../../kernel/fact-bus.ts';
import { createLog } from '../../kernel/log.ts';
import { present } from '../../kernel/result.ts';
import type { KafkaOptions } from './client.ts';
import { createKafkaBus } from './index.ts';

const home = requireEngine('kafka');
const log = createLog({ LOG_LEVEL: 'silent' });

describe.skipIf(home === undefined)(
  'D7 Kafka with TLS and passwords',
  { timeout: KAFKA_TEST_MAX_MS },
  () => {
    let secured: SecuredKafka;
    let kafka: TestKafka;
    const open: FactBus[] = [];
    beforeAll(async () => {
      secured = securedKafka();
      const { settings, format } = secured;
      kafka = await startKafka(home ?? '', { secured: settings, format });
    }, KAFKA_TEST_MAX_MS);
    afterAll(async () => {
      for (const bus of open) await bus.close();
      await kafka.close();
    });

    const as = (sasl: KafkaOptions['sasl'], more: Partial<KafkaOptions> = {}) => {
      const bus = createKafkaBus({
        brokers: kafka.brokers.split(','),
        prefix: 'acme',
        tls: { caFile: secured.caFile },
        sasl,
        topics: ['orders'],
        log,
        ...more,
      });
      open.push(bus);
      return bus;
    };
    const message = (value: string) => ({ topic: 'orders', key: 'e1', headers: {}, value });

    it('tells that a topic is missing, and who may not make it', async () => {
      const guest = as({ mechanism: 'plain', username: 'guest', password: 'tseug' });
      await expect(guest.prepare()).rejects.toThrow(
        /^Kafka has no topic acme\.orders, and refused to make it \(\w*AUTHORIZATION_FAILED\): make it/,
      );
      await expect(guest.publish([message('1')])).rejects.toThrow(BusAway);
    });

    it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
      'publishes by %s',
      async (name) => {
        const owner = as({ mechanism: name, username: 'owner', password: 'renwo' });
        await owner.prepare();
        // A broker that has just made a topic may say for a moment that it does not lead it.
        const before = await eventually(
          () => owner.endOf('orders').catch(() => null),
          (ends) => ends !== null,
        );
        await owner.publish([message(name), message(name)]);
        const sum = (ends: ReadonlyMap<number, bigint>) =>
          [...ends.values()].reduce((a, b) => a + b, 0n);
        expect(sum(await owner.endOf('orders'))).toBe(
          sum(present(before, 'the ends of a topic')) + 2n,
        );
      },
    );

    it('lets nobody in with another password, and trusts no authority untold', async () => {
      const wrong = as({ mechanism: 'scram-sha-256', username: 'owner', password: 'owner' });
      await expect(wrong.prepare()).rejects.toThrow(/^Kafka cannot be asked: .*credentials/i);
      const untold = as(
        { mechanism: 'plain', username: 'owner', password: 'renwo' },
        {
          tls: { caFile: null },
        },
      );
      await expect(untold.prepare()).rejects.toThrow(/^Kafka cannot be asked: .*self.signed/);
    });

    it('says of a message that is too long that it can never be published', async () => {
      const owner = as({ mechanism: 'plain', username: 'owner', password: 'renwo' });
      const refused = await owner.publish([message('x'.repeat(2_000_000))]).catch((error) => error);
      expect(refused).not.toBeInstanceOf(BusAway);
      expect(refused.message).toMatch(/^Kafka refuses it: .*larger/);
      await owner.publish([message('short')]);
    });
  },
);
