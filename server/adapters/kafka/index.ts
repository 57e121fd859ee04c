/**
 * Kafka as the bus of facts (kernel/fact-bus.ts), through kafkajs (docs/decisions/0017). Nobody who
 * sells waits for it: it is fed from the log in the database, and may be away for as long as it
 * likes. Loaded only where KAFKA_BROKERS is set.
 */
import type { Admin, Kafka } from 'kafkajs';
import { BusAway, type BusOffsets, type FactBus } from '../../kernel/fact-bus.ts';
import {
  ANSWER_MAX_MS,
  connectTo,
  GOODBYE_MAX_MS,
  inTime,
  type KafkaOptions,
  messageOfError,
  RETRY,
  withinMs,
} from './client.ts';
import { joinGroup } from './group.ts';
import { createPublisher } from './publisher.ts';
import { ensureTopics } from './topics.ts';

const GROUPS = 'fanfare';

export function createKafkaBus(options: KafkaOptions): FactBus {
  const { prefix, log, topics, onUp = () => {} } = options;
  const kafka = connectTo(options);
  const topicOf = (name: string) => (prefix === null ? name : `${prefix}.${name}`);
  const groupOf = (name: string) => `${prefix ?? GROUPS}.${name}`;
  let preparing: Promise<void> | undefined;
  const { ask, close } = createAsking(kafka, () => onUp(false));

  const prepare = () => {
    preparing ??= ask((admin) => ensureTopics(admin, topics.map(topicOf))).then(
      () => log.info('Kafka is there, and has the topics'),
      (error: unknown) => {
        preparing = undefined;
        throw error;
      },
    );
    return preparing;
  };

  const publisher = createPublisher(kafka, prepare);

  return {
    prepare,
    publish: async (messages) => {
      if (messages.length === 0) return;
      try {
        await publisher.publish(messages.map((each) => ({ ...each, topic: topicOf(each.topic) })));
        onUp(true);
      } catch (error) {
        if (error instanceof BusAway) {
          onUp(false);
          // Somebody may have deleted one.
          preparing = undefined;
        }
        throw error;
      }
    },
    subscribe: ({ name, topic, handle }) =>
      joinGroup({ kafka, prepare, groupId: groupOf(name), topic: topicOf(topic), handle, log }),
    endOf: async (topic) => {
      const ends = await ask((admin) => admin.fetchTopicOffsets(topicOf(topic)));
      onUp(true);
      return offsets(ends.filter(({ high, low }) => high !== low));
    },
    handledBy: async (group, topic) => {
      const [found] = await ask((admin) =>
        admin.fetchOffsets({ groupId: groupOf(group), topics: [topicOf(topic)] }),
      );
      // Where a group has not been, it is said to be at -1.
      return offsets((found?.partitions ?? []).filter(({ offset }) => !offset.startsWith('-')));
    },
    close: async () => {
      await publisher.close();
      await close();
    },
  };
}

/** Whoever asks about the cluster shares a connection, until something fails on it. */
function createAsking(kafka: Kafka, onFailure: () => void) {
  let connecting: Promise<Admin> | undefined;

  const connect = async () => {
    const admin = kafka.admin({ retry: RETRY });
    await admin.connect();
    return admin;
  };
  const close = async () => {
    const old = connecting;
    connecting = undefined;
    await withinMs(
      old?.then((admin) => admin.disconnect()),
      GOODBYE_MAX_MS,
    );
  };
  const ask = async <T>(what: (admin: Admin) => Promise<T>): Promise<T> => {
    try {
      connecting ??= connect();
      const late = new BusAway('Kafka did not answer in time');
      return await inTime(connecting.then(what), ANSWER_MAX_MS, late);
    } catch (error) {
      void close();
      onFailure();
      if (error instanceof BusAway) throw error;
      throw new BusAway(`Kafka cannot be asked: ${messageOfError(error)}`, { cause: error });
    }
  };
  return { ask, close };
}

function offsets(
  partitions: readonly { readonly partition: number; readonly offset: string }[],
): BusOffsets {
  return new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}
