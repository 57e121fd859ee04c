/** The topics that are written to: made where they are missing, if the cluster lets us. */
import type { Admin } from 'kafkajs';
import { BusAway } from '../../kernel/fact-bus.ts';
import { messageOfError, typesOf } from './client.ts';

/** As many of a group's members can work at once; the events are spread over them. */
const PARTITIONS = 6;
const COPIES_MAX = 3;

/** Throws BusAway, with one sentence for a person, where they are missing and cannot be made. */
export async function ensureTopics(admin: Admin, topics: readonly string[]): Promise<void> {
  const missing = await missingOf(admin, topics);
  if (missing.length === 0) return;
  const { brokers } = await admin.describeCluster();
  const copies = Math.min(COPIES_MAX, brokers.length);
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({
        topic,
        numPartitions: PARTITIONS,
        replicationFactor: copies,
        // With three copies one broker may be away, and what was acknowledged is on two.
        configEntries: [{ name: 'min.insync.replicas', value: String(Math.max(1, copies - 1)) }],
      })),
    });
  } catch (error) {
    const left = await missingOf(admin, topics);
    // Another process was quicker.
    if (left.length === 0) return;
    const why = [...new Set(typesOf(error))].join(', ') || messageOfError(error);
    throw new BusAway(
      `Kafka has no topic ${left.join(', ')}, and refused to make it (${why}): ` +
        'make it, or allow the user of KAFKA_SASL_USERNAME to',
    );
  }
}

async function missingOf(admin: Admin, topics: readonly string[]): Promise<readonly string[]> {
  const there = new Set(await admin.listTopics());
  return topics.filter((topic) => !there.has(topic));
}
