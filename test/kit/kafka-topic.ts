/** What is on a topic, as somebody else's reader sees it. */
import kafkajs from 'kafkajs';

export type Heard = {
  readonly partition: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  // A test asserts what it reads of a message.
  // biome-ignore lint/suspicious/noExplicitAny: messages are JSON of any shape
  readonly value: any;
};

/** A reader that has heard nothing for so long has lost its way: another one begins. */
const READER_MAX_MS = 20_000;
const READERS_MAX = 5;

/** Everything that is on a topic now, in order for each partition. */
export async function readTopic(brokers: string, topic: string): Promise<readonly Heard[]> {
  for (let reader = 1; ; reader++) {
    try {
      return await readOnce(brokers, topic);
    } catch (error) {
      if (!(error instanceof Lost) || reader === READERS_MAX) throw error;
    }
  }
}

class Lost extends Error {
  override readonly name = 'Lost';
}

async function readOnce(brokers: string, topic: string): Promise<readonly Heard[]> {
  const kafka = new kafkajs.Kafka({
    clientId: 'reader',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(
    ends.filter(({ high, low }) => high !== low).map(({ partition, high }) => [partition, high]),
  );
  const heard: Heard[] = [];
  if (left.size === 0) return heard;
  const groupId = `reader-${process.hrtime.bigint()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Lost(`${topic} was not heard to its end`)),
        READER_MAX_MS,
      );
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(new Lost(payload.error.message)));
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ partition, message: { key, value, headers, offset } }) => {
            heard.push({
              partition,
              key: String(key),
              headers: Object.fromEntries(
                Object.entries(headers ?? {}).map(([name, given]) => [name, String(given)]),
              ),
              value: JSON.parse(String(value)),
            });
            if (left.get(partition) === String(BigInt(offset) + 1n)) left.delete(partition);
            if (left.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
  return heard;
}
