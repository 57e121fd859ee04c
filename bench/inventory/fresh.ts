/**
 * Section fresh: a database that nobody has used, without statistics; the server is warm. Plans
 * that need statistics show here: each round has a new database, first without, then with them.
 */
import { auditProduct } from './audit.ts';
import {
  type Bench,
  CAPACITY_MAX,
  callers,
  HOT_CALLERS,
  rounds,
  type Section,
  seconds,
} from './bench.ts';
import { callInside } from './callers-inside.ts';
import { asSuperuser } from './databases.ts';
import { ratioOf } from './hot.ts';
import { holdInside, openEvent, openProduct, type Product } from './product.ts';
import { spreadOf, spreadText } from './report.ts';
import { rateBetween, type Tally } from './tally.ts';

const ROUNDS = 3;
const FIRST_SECONDS = 5;
/** Of the steady block, before its five seconds. */
const SETTLE_SECONDS = 1;
const settle = (bench: Bench) => Math.min(SETTLE_SECONDS, seconds(bench, SETTLE_SECONDS));
const WARM_SECONDS = 2;
/** The new server's connections and its first batch; too few rows to matter. */
const HELLO_HOLDS = 64;

async function holdFor(bench: Bench, product: Product, time: number, requests: number | null) {
  const event = await openEvent(product, CAPACITY_MAX);
  const tally = await callInside({
    callers: callers(bench, HOT_CALLERS),
    seconds: time,
    requests,
    act: (n) => holdInside(product.ctx, event, n),
  });
  await auditProduct(product, event, tally);
  return tally;
}

/** Compiles what the server is made of, on another database. */
async function warm(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url, { worker: false });
  await holdFor(bench, product, seconds(bench, WARM_SECONDS), null);
  await product.close();
  await bench.databases.drop(url);
}

type Round = { readonly fresh: Tally; readonly steady: Tally; readonly time: number };

async function oneRound(bench: Bench): Promise<Round> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  try {
    await holdFor(bench, product, FIRST_SECONDS, HELLO_HOLDS);
    const time = seconds(bench, FIRST_SECONDS);
    const fresh = await holdFor(bench, product, time, null);
    await asSuperuser(url, (client) => client.query('vacuum analyze'));
    const steady = await holdFor(bench, product, time + settle(bench), null);
    return { fresh, steady, time };
  } finally {
    await product.close();
    await bench.databases.drop(url);
  }
}

async function run(bench: Bench): Promise<void> {
  await warm(bench);
  const first: number[] = [];
  const five: number[] = [];
  const steady: number[] = [];
  let time = FIRST_SECONDS;
  for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
    const measured = await oneRound(bench);
    time = measured.time;
    first.push(rateBetween(measured.fresh, 0, Math.min(1, time)));
    five.push(rateBetween(measured.fresh, 0, time));
    steady.push(rateBetween(measured.steady, settle(bench), settle(bench) + time));
    bench.report.note(`round ${round} fresh, by tenths`, measured.fresh.tenths);
    bench.report.progress(`round ${round + 1} done`);
  }
  bench.report.line(`holds/s in process, first second ${spreadText(spreadOf(first))}`);
  bench.report.line(`holds/s in process, first ${time} s ${spreadText(spreadOf(five))}`);
  bench.report.line(`holds/s in process, steady state ${spreadText(spreadOf(steady))}`);
  const bar = { atLeast: 0.8 };
  bench.report.figure({
    ...{ says: 'fresh database: the first second ÷ steady state', bar },
    value: ratioOf(first, steady),
  });
  bench.report.figure({
    ...{ says: `fresh database: the first ${time} s ÷ steady state`, bar },
    value: ratioOf(five, steady),
  });
}

export const freshSection: Section = {
  name: 'fresh',
  title: 'a fresh database without statistics',
  run,
};
