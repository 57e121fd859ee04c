/**
 * E6: what a batch reads does not grow with what was sold before. On 100,000 holds that were never
 * analysed, in a session whose plans were made while there was next to nothing, and in a fresh one,
 * no node of any plan of any hot function reads more than a few rows for each of its requests.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';
import { callLane } from '../kit/lane-calls.ts';
import { batchesOf, fillEvents, neverAnalyse, RANGE } from '../kit/many-rows.ts';
import { explainAll, type Read, readsOf } from '../kit/plans.ts';
import { installVariant } from '../kit/variants.ts';

const HOLDS = 100_000;
const BATCH = RANGE / 3;
const READS_PER_REQUEST_MAX = 8;
/** Calls of each function before the rows come: PostgreSQL keeps a plan from the sixth on. */
const WARM_CALLS = 8;
const WARM_HOLDS = 2_000;
const UNPINNED = '_unpinned';

async function connect(database: TestDb): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client;
}

async function warmUp(client: pg.Client, suffix: string, event: string): Promise<void> {
  for (let call = 0; call < WARM_CALLS; call++) {
    const size = RANGE / WARM_CALLS;
    for (const { name, requests } of batchesOf(call * size, size, WARM_HOLDS)) {
      await callLane(client, name + suffix, event, requests);
    }
  }
}

/** The most that a node of each function reads, in a batch that begins at this request. */
async function worst(
  client: pg.Client,
  suffix: string,
  event: string,
  from: number,
  holds: number,
) {
  await explainAll(client);
  const found: Record<string, Read> = {};
  for (const { name, requests, what = '' } of batchesOf(from, BATCH, holds)) {
    await client.query('set role fanfare_lane');
    let answers: readonly unknown[] = [];
    const { plans, reads } = await readsOf(client, async () => {
      answers = await callLane(client, name + suffix, event, requests);
    });
    await client.query('set role none');
    // A batch that is refused says nothing about what a batch reads.
    expect({ name, refused: answers.filter((answer) => !successOf(answer)) }).toEqual({
      name,
      refused: [],
    });
    expect(plans).toBeGreaterThan(1);
    found[`${name} ${what}`] = reads.reduce((most, read) => (read.rows > most.rows ? read : most));
  }
  return found;
}

const GOOD = ['granted', 'placed', 'claimed', 'confirmed', 'ended', 'released'].concat([
  // Of remedies; `chosen` is what finish_batch found.
  'offered',
  'decided',
  'chosen',
]);
const successOf = (answer: unknown): boolean => {
  // A lane's function answers with words, instants, counts, or objects with a verdict.
  const word =
    typeof answer === 'object' ? (answer as { verdict?: string } | null)?.verdict : answer;
  return GOOD.includes(String(word)) || word === BATCH || /^2/.test(String(word));
};

const tooMuch = (found: Record<string, Read>) =>
  Object.entries(found).filter(([, read]) => read.rows > READS_PER_REQUEST_MAX * BATCH);

describe.each([
  ['one event', 1, HOLDS],
  ['many events', 40, HOLDS / 40],
])('100,000 holds of %s', (_what, events, holds) => {
  let database: TestDb;
  let warm: pg.Client;
  let unpinned: pg.Client;
  let fresh: pg.Client;
  beforeAll(async () => {
    database = await cloneDb();
    await installVariant(database.url, UNPINNED, (text) =>
      text.replaceAll(/\s+set (enable_\w+ = off|cpu_\w+ = 100|plan_cache_mode = \w+)/g, ''),
    );
    warm = await connect(database);
    unpinned = await connect(database);
    fresh = await connect(database);
    await neverAnalyse(warm);
    for (const [client, suffix, event] of [
      [warm, functionSuffix(), 'warm'],
      [unpinned, UNPINNED, 'loose'],
    ] as const) {
      await fillEvents(client, event, 1, WARM_HOLDS);
      await warmUp(client, suffix, `${event}1`);
    }
    await fillEvents(fresh, 'evt', events, holds);
    await fresh.end();
    fresh = await connect(database);
  }, 120_000);
  afterAll(async () => {
    for (const client of [warm, unpinned, fresh]) await client.end();
    await database.close();
  });

  it('cost no more than a few reads for each request, with plans from before', async () => {
    const found = await worst(warm, functionSuffix(), 'evt1', 0, holds);
    expect(tooMuch(found)).toEqual([]);
    expect(Object.keys(found)).toHaveLength(19);
  });

  it('cost no more than that with plans that are new', async () => {
    const found = await worst(fresh, functionSuffix(), 'evt1', BATCH, holds);
    expect(tooMuch(found)).toEqual([]);
  });

  it('would cost more without the planner’s switches', async () => {
    const found = await worst(unpinned, UNPINNED, 'evt1', 2 * BATCH, holds);
    expect(tooMuch(found).length).toBeGreaterThan(0);
  });
});
