/**
 * Section two-processes: one hot event through one server process and through two, the same callers
 * dealt to both. Then the rules that must hold across processes: one key, one hold; the cap.
 */
import { auditProduct, Unsound } from './audit.ts';
import {
  type Bench,
  CAPACITY_MAX,
  callers,
  HOT_CALLERS,
  rounds,
  type Section,
  seconds,
} from './bench.ts';
import { call } from './callers.ts';
import { startChildServer } from './child-server.ts';
import { ratioOf } from './hot.ts';
import {
  holdTemplate,
  openEvent,
  openProduct,
  PERSON_LIMIT,
  type Product,
  REQUESTS_PER_PERSON,
} from './product.ts';
import { spreadOf, spreadText } from './report.ts';
import { refusedIn, type Tally } from './tally.ts';

const ROUNDS = 4;
const BLOCK_SECONDS = 3;
/** Each asked for by both processes at once. */
const SAME_KEYS = 32;
const RUSH_CALLERS = 16;

async function hold(
  bench: Bench,
  product: Product,
  ports: readonly number[],
  time: number,
): Promise<Tally> {
  const event = await openEvent(product, CAPACITY_MAX);
  const tally = await call({
    ...{ ports, callers: callers(bench, HOT_CALLERS), templates: [holdTemplate(event)] },
    ...{ requestsPerPerson: REQUESTS_PER_PERSON, firstNumber: 0, seconds: time },
    ...{ requests: null, rate: null, keepIds: true, sampleEvery: 0 },
  });
  await auditProduct(product, event, tally);
  return tally;
}

/** The same requests to each process at the same time: one hold for each key. */
async function sameKeys(product: Product, ports: readonly number[]): Promise<void> {
  const event = await openEvent(product, CAPACITY_MAX);
  const tallies = await Promise.all(
    ports.map((port) =>
      call({
        ...{ ports: [port], callers: RUSH_CALLERS, templates: [holdTemplate(event)] },
        ...{ requestsPerPerson: REQUESTS_PER_PERSON, firstNumber: 0, seconds: 10 },
        ...{ requests: SAME_KEYS, rate: null, keepIds: true, sampleEvery: 0 },
      }),
    ),
  );
  const ids = new Set(tallies.flatMap((tally) => tally.ids));
  const answered = tallies.reduce((sum, { granted }) => sum + granted, 0);
  if (ids.size !== SAME_KEYS || answered !== SAME_KEYS * ports.length) {
    throw new Unsound(`${SAME_KEYS} keys, ${ids.size} holds, ${answered} answers`);
  }
  await auditProduct(product, event, { ids: [...ids], granted: ids.size });
}

/** One person at all processes at once, every request with a key of its own. */
async function oneGreedyPerson(product: Product, ports: readonly number[]): Promise<number> {
  const event = await openEvent(product, CAPACITY_MAX);
  const tally = await call({
    ...{ ports, callers: RUSH_CALLERS, templates: [holdTemplate(event)] },
    ...{ requestsPerPerson: 1_000_000, firstNumber: 0, seconds: 10 },
    ...{ requests: RUSH_CALLERS * PERSON_LIMIT, rate: null, keepIds: true, sampleEvery: 0 },
  });
  if (tally.granted !== PERSON_LIMIT) {
    throw new Unsound(`a cap of ${PERSON_LIMIT}, and one person holds ${tally.granted}`);
  }
  await auditProduct(product, event, tally);
  return refusedIn(tally);
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const servers = await Promise.all([startChildServer(url), startChildServer(url)]);
  const ports = servers.map(({ port }) => port);
  const time = seconds(bench, BLOCK_SECONDS);
  const rates: Record<1 | 2, number[]> = { 1: [], 2: [] };
  try {
    if (!bench.options.smoke) await hold(bench, product, ports, 1);
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      for (const many of round % 2 === 0 ? ([1, 2] as const) : ([2, 1] as const)) {
        const tally = await hold(bench, product, ports.slice(0, many), time);
        rates[many].push(tally.granted / tally.seconds);
      }
      bench.report.progress(`round ${round + 1} done`);
    }
    await sameKeys(product, ports);
    const refused = await oneGreedyPerson(product, ports);
    bench.report.line(
      `${SAME_KEYS} keys at both processes at once: one hold each; one person at both: ` +
        `${PERSON_LIMIT} places held, ${refused} requests refused`,
    );
  } finally {
    for (const server of servers) await server.stop();
    await product.close();
    await bench.databases.drop(url);
  }
  bench.report.line(`one process ${spreadText(spreadOf(rates[1]))} holds/s`);
  bench.report.line(`two processes ${spreadText(spreadOf(rates[2]))} holds/s`);
  bench.report.figure({
    says: 'two API processes on one hot event ÷ one',
    bar: { atLeast: 0.9 },
    value: ratioOf(rates[2], rates[1]),
  });
}

export const twoProcessesSection: Section = {
  name: 'two-processes',
  title: 'one hot event through two server processes',
  run,
};
