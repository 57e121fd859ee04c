/**
 * The producer: idempotent, acknowledged by all copies that are in step. After a failure it is
 * thrown away, since what it knows of its sequence may no longer be true; the next one begins anew,
 * and may repeat what the last one had sent.
 */
import kafkajs, { type Kafka, type Message, type Producer, type TopicMessages } from 'kafkajs';
import { BusAway, type BusMessage } from '../../kernel/fact-bus.ts';
import { groupBy } from '../../kernel/group-by.ts';
import {
  ANSWER_MAX_MS,
  GOODBYE_MAX_MS,
  inTime,
  isRefused,
  messageOfError,
  RETRY,
  withinMs,
} from './client.ts';

const { DefaultPartitioner } = kafkajs.Partitioners;
/** What goes in one request: below the megabyte that a topic takes unless it is told otherwise. */
const REQUEST_BYTES_MAX = 400_000;
const ACKNOWLEDGED_BY_ALL = -1;
/** Headers, and what frames a message. */
const OVERHEAD_BYTES = 200;

export type Publisher = {
  readonly publish: (messages: readonly BusMessage[]) => Promise<void>;
  readonly close: () => Promise<void>;
};

export function createPublisher(kafka: Kafka, prepare: () => Promise<void>): Publisher {
  const closing = new AbortController();
  let producer: Promise<Producer> | undefined;

  const connect = async () => {
    const made = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: DefaultPartitioner,
      retry: RETRY,
    });
    await made.connect();
    return made;
  };

  const discard = async () => {
    const old = producer;
    producer = undefined;
    const gone = old?.then((connected) => connected.disconnect());
    await withinMs(gone, GOODBYE_MAX_MS);
  };

  const answered = <T>(what: Promise<T>) => {
    const late = new BusAway('Kafka did not answer in time, or is not wanted any more');
    return inTime(what, ANSWER_MAX_MS, late, closing.signal);
  };

  const send = async (messages: readonly BusMessage[]) => {
    await answered(prepare());
    producer ??= connect();
    const connected = await answered(producer);
    for (const part of partsOf(messages)) {
      await answered(connected.sendBatch({ acks: ACKNOWLEDGED_BY_ALL, topicMessages: part }));
    }
  };

  return {
    publish: async (messages) => {
      try {
        await send(messages);
      } catch (error) {
        void discard();
        if (error instanceof BusAway) throw error;
        const message = messageOfError(error);
        if (isRefused(error)) throw new Error(`Kafka refuses it: ${message}`, { cause: error });
        throw new BusAway(`Kafka cannot be written to: ${message}`, { cause: error });
      }
    },
    close: async () => {
      closing.abort();
      await discard();
    },
  };
}

/** In their order, as many as fit into a request; one that is too long goes alone. */
function partsOf(messages: readonly BusMessage[]): readonly TopicMessages[][] {
  const parts: BusMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const own = Buffer.byteLength(message.value) + OVERHEAD_BYTES;
    if (bytes + own > REQUEST_BYTES_MAX) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(message);
    bytes += own;
  }
  return parts.map((part) =>
    [...groupBy(part, ({ topic }) => topic)].map(([topic, own]) => ({
      topic,
      messages: own.map(({ key, headers, value }): Message => ({ key, headers, value })),
    })),
  );
}
