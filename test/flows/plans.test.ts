/**
 * E6: what a batch reads does not grow with what was sold before. On 100,000 holds that were never
 * analysed, in a session whose plans were made while there was next to nothing, and in a fresh one,
 * no node of any plan of any hot function reads more than a few rows for each of its requests.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import { selectEntry } from '../../server/modules/waitlist/waitlist.sql.ts';
import type { EntryId } from '../../server/modules/waitlist/waitlist-kinds.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';
import { callLane, wordOf } from '../kit/lane-calls.ts';
import { batchesOf, fillEvents, neverAnalyse, RANGE } from '../kit/many-rows.ts';
import { fillList, HALL_SEATS, listBatches, neverAnalyseLists } from '../kit/many-waiting.ts';
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

const WAITING = 20_000;
/** Of a position: some hundreds of ranks one by one, the others by what they want. */
const POSITION_READS_MAX = 1_000;
/** A look ends a thousand entries, and as many wants. */
const CLOSE_READS_MAX = 4_000;

/** The most that a node reads of each thing that is done with a list. */
async function worstOfList(
  client: pg.Client,
  event: string,
  batches: ReturnType<typeof listBatches>,
) {
  await explainAll(client);
  const found: Record<string, Read> = {};
  for (const { name, requests, what } of batches) {
    await client.query('set role fanfare_lane');
    let answers: readonly unknown[] = [];
    const { plans, reads } = await readsOf(client, async () => {
      answers = await callLane(client, name + functionSuffix(), event, requests);
    });
    await client.query('set role none');
    expect(plans).toBeGreaterThan(1);
    expect(new Set(answers.map((answer) => doneOf(answer)))).toEqual(new Set([DONE[what]]));
    found[what] = reads.reduce((most, read) => (read.rows > most.rows ? read : most));
  }
  return found;
}

const DONE: Record<string, unknown> = {
  ...{ join: 'joined', leave: 'left', accept: 'accepted', look: BATCH, close: 0 },
};
const doneOf = (answer: unknown) =>
  // A look answers with how many it has offered.
  wordOf(answer) ?? (answer as { offers: number }).offers;

describe('20,000 who wait', () => {
  let database: TestDb;
  let warm: pg.Client;
  let fresh: pg.Client;
  beforeAll(async () => {
    database = await cloneDb();
    warm = await connect(database);
    fresh = await connect(database);
    await neverAnalyse(warm);
    await neverAnalyseLists(warm);
    await fillList(warm, 'warm', WARM_CALLS * 4, WARM_CALLS * 4);
    for (let call = 0; call < WARM_CALLS; call++) {
      for (const { name, requests } of listBatches(call, 4)) {
        await callLane(warm, name + functionSuffix(), 'warm', requests);
      }
    }
    await fillList(fresh, 'evt1', WAITING, 3 * BATCH);
    await fillList(fresh, 'evt2', WAITING, 3 * BATCH);
  }, 120_000);
  afterAll(async () => {
    for (const client of [warm, fresh]) await client.end();
    await database.close();
  });

  it('F10 cost a few reads for each who joins, leaves, is offered something, or accepts', async () => {
    const [first, second] = [listBatches(WARM_CALLS, BATCH), listBatches(WARM_CALLS + 1, BATCH)];
    for (const found of [
      await worstOfList(warm, 'evt1', first),
      await worstOfList(fresh, 'evt2', second),
    ]) {
      // A look reads which seats of the hall are reserved.
      const { look, ...others } = found;
      expect(tooMuch(others)).toEqual([]);
      expect(look).toMatchObject({ rows: HALL_SEATS });
    }
  });

  it.each([
    [WAITING - 3, ['', 'A']],
    [WAITING - 2, ['', 'A', 'B']],
    [WAITING - 1, ['', 'B']],
  ])('F10 are not counted for the position of number %i', async (rank, sections) => {
    await explainAll(fresh);
    // As fillList has made them.
    const asked = selectEntry('evt1' as EventId, `w${rank}` as EntryId);
    let ahead = 0;
    const { reads } = await readsOf(fresh, async () => {
      const { rows } = await fresh.query({ text: asked.text, values: [...asked.values] });
      ahead = rows[0].ahead;
    });
    expect(Math.max(...reads.map(({ rows }) => rows))).toBeLessThan(POSITION_READS_MAX);
    const { rows } = await fresh.query(
      `select count(*)::int as ahead from waitlist.want
       where event_id = 'evt1' and rank < $1 and section = any ($2)`,
      [rank, sections],
    );
    expect({ ahead }).toEqual(rows[0]);
  });

  it('D9 end a thousand at a time', async () => {
    await fresh.query(`update inventory.sale set state = 'closed' where event_id = 'evt2'`);
    const look = { name: 'waitlist.offer_batch', what: 'close', requests: [{ slots: [] }] };
    const { close } = await worstOfList(fresh, 'evt2', [look]);
    expect(close?.rows).toBeLessThanOrEqual(CLOSE_READS_MAX);
    const { rows } = await fresh.query(
      `select live::int from waitlist.list where event_id = 'evt2'`,
    );
    expect(rows).toEqual([{ live: WAITING - 1_000 }]);
  });
});
