/**
 * A member of a consumer group. Offsets are committed after what they stand for was handled. What
 * cannot be handled now is tried again in place while the member's heart goes on beating; a member
 * whose library gives up is made anew.
 */
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { Logger } from 'pino';
import type { BusGroup, BusMessage, BusSubscription } from '../../kernel/fact-bus.ts';
import { GOODBYE_MAX_MS, RETRY, withinMs } from './client.ts';

const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_000;
const FETCH_WAIT_MS = 500;
/** Some hundred messages at once. */
const FETCH_BYTES = 256_000;
const TRY_AGAIN_MS = 1_000;
/** A member that has neither fetched nor beaten for so long has lost its way, and is made anew. */
const SILENCE_MAX_MS = 45_000;

type GroupOptions = {
  readonly kafka: Kafka;
  readonly prepare: () => Promise<void>;
  readonly groupId: string;
  readonly topic: string;
  readonly handle: BusGroup['handle'];
  readonly log: Logger;
};

export function joinGroup(options: GroupOptions): BusSubscription {
  const stopping = new AbortController();
  const running = stayIn(options, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function stayIn(options: GroupOptions, signal: AbortSignal): Promise<void> {
  const { log, groupId } = options;
  while (!signal.aborted) {
    try {
      await options.prepare();
      await memberUntilItEnds(options, signal);
    } catch (error) {
      log.warn({ err: error, group: groupId }, 'a member of a Kafka group failed');
      await pause(TRY_AGAIN_MS, signal);
    }
  }
}

/** Resolves when it was told to stop; rejects when the library has given up. */
async function memberUntilItEnds(options: GroupOptions, signal: AbortSignal): Promise<void> {
  const consumer = options.kafka.consumer({
    groupId: options.groupId,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytesPerPartition: FETCH_BYTES,
    allowAutoTopicCreation: false,
    retry: { ...RETRY, restartOnFailure: async () => false },
  });
  const run = async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (batch) => handleBatch(options, consumer, batch, signal),
    });
  };
  const life = watch(consumer);
  try {
    await Promise.race([run().then(() => life.ended), life.ended, aborted(signal)]);
  } finally {
    life.forget();
    await withinMs(consumer.disconnect(), GOODBYE_MAX_MS);
  }
}

/** `ended` rejects when the library gives the member up, or when nothing is heard of it. */
function watch(consumer: Consumer): {
  readonly ended: Promise<never>;
  readonly forget: () => void;
} {
  const { events } = consumer;
  let lastSign = performance.now();
  const sign = () => {
    lastSign = performance.now();
  };
  consumer.on(events.HEARTBEAT, sign);
  consumer.on(events.FETCH, sign);
  consumer.on(events.GROUP_JOIN, sign);
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_, reject) => {
    consumer.on(events.CRASH, ({ payload }) => reject(payload.error));
    timer = setInterval(() => {
      const silentMs = performance.now() - lastSign;
      if (silentMs > SILENCE_MAX_MS) reject(new Error('nothing was heard of it for too long'));
    }, HEARTBEAT_MS);
  });
  // Nobody may be waiting for it any more.
  ended.catch(() => {});
  return { ended, forget: () => clearInterval(timer) };
}

async function handleBatch(
  { handle, topic, log, groupId }: GroupOptions,
  consumer: Consumer,
  { batch, heartbeat, resolveOffset, isRunning, isStale }: EachBatchPayload,
  signal: AbortSignal,
): Promise<void> {
  const messages = batch.messages.flatMap((message) => toBusMessage(topic, message));
  const beat: { error?: unknown } = {};
  const beating = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      beat.error = error;
    });
  }, HEARTBEAT_MS);
  const isOurs = () => isRunning() && !isStale() && !signal.aborted;
  try {
    while (isOurs()) {
      try {
        await handle(messages);
      } catch (error) {
        log.warn({ err: error, group: groupId }, 'facts of the bus could not be handled now');
        // The group is being shared out anew: whoever gets the partition tries again.
        if (beat.error) throw beat.error;
        await pause(TRY_AGAIN_MS, signal);
        continue;
      }
      resolveOffset(batch.lastOffset());
      const offset = String(BigInt(batch.lastOffset()) + 1n);
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset }]);
      return;
    }
  } finally {
    clearInterval(beating);
  }
}

function toBusMessage(topic: string, { key, value, headers }: KafkaMessage): BusMessage[] {
  if (!value) return [];
  const read = Object.entries(headers ?? {}).map(([name, given]) => [name, String(given)]);
  return [
    {
      topic,
      key: key?.toString() ?? '',
      headers: Object.fromEntries(read),
      value: value.toString(),
    },
  ];
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}
