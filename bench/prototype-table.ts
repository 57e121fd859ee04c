/**
 * The table behind the hot path (ARCHITECTURE): four ways to hold tickets of one hot event, on the
 * PostgreSQL that Fanfare brings, durable, on one machine together with their callers. Work is
 * fixed, arms take turns in rounds, and after every block the books are checked: as many holds as
 * places, not one more. The schema is thrown away; it resembles the real one, it is not it.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import pg from 'pg';
import { startEmbeddedPostgres } from '../server/adapters/postgres/index.ts';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { postAll } from './http-callers.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';
import { bareFunction, ruledFunction, schema } from './prototype-schema.ts';

const ROUNDS = 5;
const CALLERS = 256;
/** More connections only lengthen the queue at the one row. */
const CONNECTIONS = 16;
const PER_PERSON_CAP = 4;
const REQUESTS_PER_PERSON = 2;
/** Asked for when all places are gone; every one must be refused. */
const TOO_MANY = 64;

type Request = { readonly person: string; readonly key: string };
/** Resolves after the commit; true when the place is held. */
type Hold = (eventId: number, request: Request) => Promise<boolean>;

const insertHold = 'insert into bench.hold (event_id, hold_id, person, key, quantity, expires_at)';

function lockAndUpdate(pool: pg.Pool): Hold {
  return async (eventId, { person, key }) => {
    const client = await pool.connect();
    const run = (name: string, text: string, values: unknown[]) =>
      client.query<{ free: number }>({ name, text, values });
    try {
      await client.query('begin');
      const { rows } = await run(
        'lock',
        `select capacity - held as free from bench.pool
          where event_id = $1 and pool_id = 1 for update`,
        [eventId],
      );
      const isFree = (rows[0]?.free ?? 0) > 0;
      if (isFree) {
        const take = 'update bench.pool set held = held + 1 where event_id = $1 and pool_id = 1';
        await run('take', take, [eventId]);
        const place = `${insertHold} values ($1, $2, $3, $4, 1, now() + interval '10 minutes')`;
        await run('place', place, [eventId, randomUUID(), person, key]);
      }
      await client.query('commit');
      return isFree;
    } finally {
      client.release();
    }
  };
}

function conditionalStatement(pool: pg.Pool): Hold {
  const text = `
    with taken as (update bench.pool set held = held + 1
      where event_id = $1 and pool_id = 1 and held < capacity returning event_id)
    ${insertHold} select event_id, $2, $3, $4, 1, now() + interval '10 minutes' from taken`;
  return async (eventId, { person, key }) => {
    const values = [eventId, randomUUID(), person, key];
    return (await pool.query({ name: 'conditional', text, values })).rowCount === 1;
  };
}

/** One lane: while a batch commits, the next one collects; an idle lane starts at once. */
function lane(client: pg.Client, functionName: string): Hold {
  type Waiting = Request & { readonly eventId: number; settle: (verdict: boolean) => void };
  const text = `select bench.${functionName}($1, $2, $3, $4) as verdicts`;
  let waiting: Waiting[] = [];
  let isBusy = false;
  const list = (values: readonly string[]) => `{${values.join(',')}}`;
  const drain = async () => {
    isBusy = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const values = [
        batch[0]?.eventId,
        list(batch.map(() => randomUUID())),
        list(batch.map((one) => one.person)),
        list(batch.map((one) => one.key)),
      ];
      const { rows } = await client.query({ name: functionName, text, values });
      const verdicts: readonly string[] = rows[0].verdicts;
      batch.forEach((one, i) => {
        one.settle(verdicts[i] === 'granted');
      });
    }
    isBusy = false;
  };
  return (eventId, request) =>
    new Promise((settle) => {
      waiting.push({ ...request, eventId, settle });
      if (!isBusy) void drain();
    });
}

type Arm = {
  readonly name: string;
  readonly callers: number;
  readonly work: number;
  readonly over: 'process' | 'http';
  readonly hold: Hold;
};

/** Holds per second, by arm. */
type Rates = Map<string, number[]>;

export async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fanfare-bench-'));
  const server = await startEmbeddedPostgres({ dataDir, say: () => {} });
  const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
  // Its idle connections are told of the server's end; nobody waits for them any more.
  pool.on('error', () => {});
  const client = new pg.Client({ connectionString: server.url });
  try {
    await client.connect();
    for (const sql of [schema, bareFunction, ruledFunction]) await client.query(sql);
    const lines = await machineLines(client, dataDir);
    const rates = await measure(pool, arms(pool, client));
    lines.push(...table(rates));
    const text = `${lines.join('\n')}\n`;
    console.log(text);
    const results = join(projectRoot, 'bench', 'results');
    mkdirSync(results, { recursive: true });
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(join(results, `prototype-table-${date}.txt`), text);
  } finally {
    await client.end();
    await pool.end();
    await server.stop();
    for (const path of [dataDir, server.homeDir]) rmSync(path, { recursive: true, force: true });
  }
}

const LOCK = 'begin; select for update; update; insert; commit';
const CONDITIONAL = 'one conditional statement';
const BARE = 'batch, bare';
const RULED = 'batch with window, cap, two pools, dedupe, counters, outbox';
const NOTHING = 'HTTP no-op';

function arms(pool: pg.Pool, client: pg.Client): readonly Arm[] {
  const ways = [
    { name: LOCK, hold: lockAndUpdate(pool), work: { process: 1_500, http: 1_000 } },
    { name: CONDITIONAL, hold: conditionalStatement(pool), work: { process: 3_000, http: 2_000 } },
    { name: BARE, hold: lane(client, 'hold_bare'), work: { process: 60_000, http: 20_000 } },
    { name: RULED, hold: lane(client, 'hold_ruled'), work: { process: 30_000, http: 15_000 } },
  ];
  const busy = (['process', 'http'] as const).flatMap((over) =>
    ways.map(({ name, hold, work }) => ({ name, hold, over, callers: CALLERS, work: work[over] })),
  );
  const few = [1, 16, 64].flatMap((callers) =>
    ways
      .filter(({ name }) => name === CONDITIONAL || name === RULED)
      .map(({ name, hold }) => ({
        name,
        hold,
        over: 'process' as const,
        callers,
        work: callers === 1 ? 500 : name === RULED ? callers * 150 : 1_500,
      })),
  );
  const noOp = { name: NOTHING, over: 'http' as const, callers: CALLERS, work: 30_000 };
  return [...busy, { ...noOp, hold: async () => true }, ...few];
}

const keyOf = (arm: Arm) => `${arm.over} ${arm.callers} ${arm.name}`;

async function measure(pool: pg.Pool, all: readonly Arm[]): Promise<Rates> {
  const rates: Rates = new Map();
  let eventId = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await pool.query('truncate bench.event, bench.pool, bench.hold, bench.person, bench.outbox');
    await pool.query('checkpoint');
    // Each round begins with another arm, so that none is always the one after a checkpoint.
    for (const arm of [...all.slice(round), ...all.slice(0, round)]) {
      eventId += 1;
      await openEvent(pool, eventId, arm.work);
      const seconds = await (arm.over === 'http' ? overHttp : inProcess)(arm, eventId);
      if (arm.name !== NOTHING) await audit(pool, arm, eventId);
      rates.set(keyOf(arm), [...(rates.get(keyOf(arm)) ?? []), arm.work / seconds]);
    }
    console.log(`round ${round + 1} of ${ROUNDS} done`);
  }
  return rates;
}

async function openEvent(pool: pg.Pool, eventId: number, capacity: number): Promise<void> {
  const window = `now() - interval '1 hour', now() + interval '1 hour'`;
  await pool.query(
    `insert into bench.event values (${eventId}, 'on_sale', ${window}, ${PER_PERSON_CAP})`,
  );
  await pool.query(
    `insert into bench.pool (event_id, pool_id, capacity)
     values (${eventId}, 1, ${capacity}), (${eventId}, 2, ${capacity})`,
  );
}

const requestOf = (i: number): Request => ({
  person: `person-${Math.floor(i / REQUESTS_PER_PERSON)}`,
  key: `key-${i}`,
});

async function inProcess(arm: Arm, eventId: number): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  const caller = async () => {
    while (next < arm.work) await arm.hold(eventId, requestOf(next++));
  };
  await Promise.all(Array.from({ length: arm.callers }, caller));
  return (performance.now() - startedAt) / 1_000;
}

/** Server and database here, the callers in a thread of their own, real sockets in between. */
async function overHttp(arm: Arm, eventId: number): Promise<number> {
  const app = fastify();
  app.post<{ Body: Request }>('/holds', async (request, reply) => {
    const isHeld = await arm.hold(eventId, request.body);
    return reply.code(isHeld ? 201 : 409).send({ ...request.body, isHeld });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  // A listening TCP server has an address object, never a name.
  const port = typeof address === 'object' && address ? address.port : 0;
  const requests = Array.from({ length: arm.work }, (_, i) => ({
    body: JSON.stringify(requestOf(i)),
  }));
  try {
    return await postAll({ port, path: '/holds', callers: arm.callers, requests });
  } finally {
    await app.close();
  }
}

/** Every place is held once, no counter and no person is over, and nobody gets one more. */
async function audit(pool: pg.Pool, arm: Arm, eventId: number): Promise<void> {
  const extra = Array.from({ length: TOO_MANY }, (_, i) =>
    arm.hold(eventId, { person: `late-${i}`, key: `late-${i}` }),
  );
  const late = (await Promise.all(extra)).filter(Boolean).length;
  const { rows } = await pool.query<{ holds: number; held: number; most: number }>(
    `select (select count(*)::int from bench.hold where event_id = $1) as holds,
            (select held from bench.pool where event_id = $1 and pool_id = 1) as held,
            (select max(n)::int from (select count(*) as n from bench.hold
              where event_id = $1 group by person) as people) as most`,
    [eventId],
  );
  const [books] = rows;
  const isSound =
    books?.holds === arm.work && books.held === arm.work && books.most <= PER_PERSON_CAP;
  if (!isSound || late > 0) {
    throw new Error(`${keyOf(arm)}: ${arm.work} places, ${late} late, ${JSON.stringify(books)}`);
  }
}

async function machineLines(client: pg.Client, dataDir: string): Promise<string[]> {
  const { rows } = await client.query<PostgresFacts>(postgresFacts);
  return [
    machineLine(present(rows[0], 'the facts of the server'), dataDir),
    `One hot event; callers, server and database on the same machine; ${CONNECTIONS} connections ` +
      'for single transactions, 1 for a lane.',
    `Fixed work, arms taking turns, median of ${ROUNDS} rounds (slowest to fastest). ` +
      'After each block: as many holds as places, later ones all refused.',
    '',
  ];
}

function table(rates: Rates): readonly string[] {
  const cell = (over: Arm['over'], callers: number, name: string) => {
    const sorted = [...(rates.get(`${over} ${callers} ${name}`) ?? [])].sort((a, b) => a - b);
    if (sorted.length === 0) return '–';
    const [median, low, high] = [sorted[ROUNDS >> 1], sorted[0], sorted[ROUNDS - 1]].map((rate) =>
      Math.round(rate ?? 0).toLocaleString('en'),
    );
    return `${median} (${low} to ${high})`;
  };
  const row = (...cells: readonly string[]) =>
    cells
      .map((text, i) => text.padEnd(i === 0 ? 62 : 30))
      .join('')
      .trimEnd();
  return [
    row(`holds/s, ${CALLERS} callers`, 'in process', 'over HTTP'),
    ...[LOCK, CONDITIONAL, BARE, RULED, NOTHING].map((name) =>
      row(name, cell('process', CALLERS, name), cell('http', CALLERS, name)),
    ),
    '',
    row('holds/s in process, by callers', CONDITIONAL, 'batch with all rules'),
    ...[1, 16, 64, CALLERS].map((callers) =>
      row(String(callers), cell('process', callers, CONDITIONAL), cell('process', callers, RULED)),
    ),
  ];
}
