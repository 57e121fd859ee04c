/**
 * Who reads the facts of the product; each has a position of its own. They run on the log in the
 * database, or, where KAFKA_BROKERS is set, as groups of Kafka, to which everything is published.
 */

import { facts } from './facts/index.ts';
import { createBusConsumers } from './kernel/bus-consumers.ts';
import type { Config } from './kernel/config.ts';
import { type Consumer, type Consumers, createConsumers } from './kernel/consumers.ts';
import type { Ctx } from './kernel/context.ts';
import type { FactBus } from './kernel/fact-bus.ts';
import { ALL_FACTS, createSink } from './kernel/fact-sink.ts';
import { topics } from './kernel/facts.ts';
import { availabilityBeside } from './modules/inventory/index.ts';
import { notificationConsumer } from './modules/notifications/index.ts';
import { waitlistConsumer } from './modules/waitlist/index.ts';
import { webhooksConsumer } from './modules/webhooks/index.ts';

/** Those of this process, by its settings. */
export const readersOf = ({ NOTIFY }: Pick<Config, 'NOTIFY'>): readonly Consumer[] => [
  ...(NOTIFY ? [notificationConsumer] : []),
  waitlistConsumer,
  webhooksConsumer(facts),
];

const SINK = 'kafka';

/** What all consumers of this version know, whether or not they run in this process. */
export const knownKinds: readonly Pick<Consumer, 'name' | 'kinds'>[] = [
  ...readersOf({ NOTIFY: true }),
  { name: SINK, kinds: Object.keys(facts) },
];

export async function consumersOf(getCtx: () => Ctx, config: Config): Promise<Consumers> {
  const those = readersOf(config);
  const bus = await busOf(getCtx, config);
  if (!bus) return createConsumers(getCtx, those);
  const beside = { ticket_availability: availabilityBeside };
  const sink = createSink({ name: SINK, bus, definitions: facts, beside });
  return createBusConsumers(getCtx, bus, sink, those);
}

async function busOf(getCtx: () => Ctx, config: Config): Promise<FactBus | null> {
  const { KAFKA_BROKERS: brokers, KAFKA_SASL_MECHANISM: mechanism } = config;
  if (!brokers) return null;
  // Whoever has no Kafka need not load what speaks to it.
  const { createKafkaBus } = await import('./adapters/kafka/index.ts');
  return createKafkaBus({
    brokers,
    prefix: config.KAFKA_PREFIX ?? null,
    tls: config.KAFKA_TLS ? { caFile: config.KAFKA_TLS_CA ?? null } : null,
    sasl: mechanism
      ? {
          mechanism,
          username: config.KAFKA_SASL_USERNAME ?? '',
          password: config.KAFKA_SASL_PASSWORD ?? '',
        }
      : null,
    topics: [...Object.keys(topics), ALL_FACTS],
    log: getCtx().log,
    onUp: (isUp) => getCtx().metrics.busUp.set({ bus: 'kafka' }, isUp ? 1 : 0),
  });
}
