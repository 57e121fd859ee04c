/**
 * Section growth: what one hold costs in process as things grow: the capacity of the event, the
 * events of the database, the orders and holds that are there already. Every size gets the same
 * work: so many holds, each few on a fresh event where capacity is what grows.
 */
import { auditProduct } from './audit.ts';
import {
  type Bench,
  CAPACITY_MAX,
  callers,
  HOT_CALLERS,
  howMany,
  rounds,
  type Section,
  seconds,
} from './bench.ts';
import { callInside } from './callers-inside.ts';
import { multiply, settleDown } from './multiply.ts';
import { type BenchEvent, holdInside, openEvent, openProduct, type Product } from './product.ts';
import { confirmedOrders } from './purchase.ts';
import { short, spreadOf, spreadText } from './report.ts';
import { refusedIn, type Tally } from './tally.ts';

const ROUNDS = 5;
const CAPACITIES = [1_000, 10_000, 100_000, 1_000_000];
const EVENTS = [100, 1_000, 10_000, 100_000];
const ORDERS = [10_000, 100_000, 1_000_000];
/** Of the orders, in the hot event itself; the others are in events beside it. */
const ORDERS_PER_EVENT = 250_000;
/** Fewer than the smallest capacity: no block sells out. */
const HOLDS_PER_EVENT = 900;
const EVENTS_PER_BLOCK = 8;
const BLOCK_SECONDS = 2;
/** Several products stand beside each other. */
const CONNECTIONS = 8;
const EVENT_CHARS = 13;

/** Microseconds for one hold. */
type Measure = () => Promise<number>;
type Size = { readonly label: string; readonly measure: Measure };

async function holdSome(
  bench: Bench,
  product: Product,
  event: BenchEvent,
  limit: { readonly seconds: number; readonly requests: number | null; readonly from?: number },
): Promise<Tally> {
  const from = limit.from ?? 0;
  return callInside({
    ...{ callers: callers(bench, HOT_CALLERS), seconds: limit.seconds, requests: limit.requests },
    act: (n) => holdInside(product.ctx, event, from + n),
  });
}

/** Every size once in each round, each round beginning with another size. */
async function compare(bench: Bench, what: string, sizes: readonly Size[]): Promise<void> {
  const costs = sizes.map((): number[] => []);
  for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
    for (let i = 0; i < sizes.length; i += 1) {
      const at = (i + round) % sizes.length;
      const size = sizes[at];
      if (size) costs[at]?.push(await size.measure());
    }
  }
  const spreads = costs.map(spreadOf);
  const rows = sizes.map(({ label }, i) => [label, spreadText(spreads[i] ?? spreadOf([]))]);
  bench.report.table([`${what}`, 'µs/hold'], rows);
  const medians = spreads.map(({ median }) => median);
  bench.report.note(what, Object.fromEntries(sizes.map(({ label }, i) => [label, costs[i]])));
  bench.report.figure({
    says: `cost per hold across ${what}, max ÷ min`,
    bar: { atMost: 1.25 },
    value: Math.max(...medians) / Math.min(...medians),
  });
}

/** A smoke run shows that one size works. */
const few = (bench: Bench, sizes: readonly number[]) =>
  bench.options.smoke ? sizes.slice(0, 1) : sizes;

async function acrossCapacity(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url, { connections: CONNECTIONS });
  const measure = (capacity: number) => async () => {
    let spent = 0;
    let granted = 0;
    const most = seconds(bench, BLOCK_SECONDS);
    for (let i = 0; i < howMany(bench, EVENTS_PER_BLOCK) && spent < most; i += 1) {
      const event = await openEvent(product, capacity);
      const limit = { seconds: most, requests: HOLDS_PER_EVENT };
      const tally = await holdSome(bench, product, event, limit);
      await auditProduct(product, event, tally);
      spent += tally.seconds;
      granted += tally.granted;
    }
    return (spent / granted) * 1_000_000;
  };
  const sizes = few(bench, CAPACITIES).map((capacity) => ({
    label: `${short(capacity)} places`,
    measure: measure(capacity),
  }));
  if (!bench.options.smoke) await measure(CAPACITY_MAX)();
  await compare(bench, 'capacity', sizes);
  await product.close();
  await bench.databases.drop(url);
}

type Grown = Size & {
  readonly product: Product;
  /** Throws Unsound; the books of a large event take seconds to count. */
  readonly audit: () => Promise<void>;
};

/** Blocks on fresh events. */
function onFreshEvents(bench: Bench, product: Product): Pick<Grown, 'measure' | 'audit'> {
  const measure = async () => {
    const event = await openEvent(product, CAPACITY_MAX);
    const limit = { seconds: seconds(bench, BLOCK_SECONDS), requests: null };
    const tally = await holdSome(bench, product, event, limit);
    await auditProduct(product, event, tally);
    return (tally.seconds / tally.granted) * 1_000_000;
  };
  return { measure, audit: async () => {} };
}

/** Blocks on one event that has `before` orders. */
function onOneEvent(
  bench: Bench,
  product: Product,
  event: BenchEvent,
  before: number,
): Pick<Grown, 'measure' | 'audit'> {
  let from = 0;
  const ids: string[] = [];
  const measure = async () => {
    const limit = { seconds: seconds(bench, BLOCK_SECONDS), requests: null, from };
    const tally = await holdSome(bench, product, event, limit);
    for (const id of tally.ids) ids.push(id);
    // Numbers that were asked for and refused are not asked for again.
    from += tally.granted + refusedIn(tally);
    return (tally.seconds / tally.granted) * 1_000_000;
  };
  const audit = () => auditProduct(product, event, { ids, granted: ids.length }, { before });
  return { measure, audit };
}

async function withEvents(bench: Bench, count: number): Promise<Grown> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url, { connections: CONNECTIONS, worker: false });
  const original = await openEvent(product, 1_000);
  const word = original.eventId.slice(-EVENT_CHARS);
  const schemas = ['catalog', 'inventory'];
  await multiply(url, { ...original, schemas, words: [word] }, { from: 1, count: count - 1 });
  await settleDown(url);
  const label = `${short(count)} events`;
  return { label, product, ...onFreshEvents(bench, product) };
}

async function withOrders(bench: Bench, count: number): Promise<Grown> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url, { connections: CONNECTIONS, worker: false });
  const hot = await openEvent(product, CAPACITY_MAX);
  const inHot = Math.min(count, ORDERS_PER_EVENT);
  await confirmedOrders(product, hot, inHot);
  for (let left = count - inHot; left > 0; left -= ORDERS_PER_EVENT) {
    const beside = await openEvent(product, CAPACITY_MAX);
    await confirmedOrders(product, beside, Math.min(left, ORDERS_PER_EVENT));
  }
  await settleDown(url);
  const label = `${short(count)} orders`;
  return { label, product, ...onOneEvent(bench, product, hot, inHot) };
}

async function acrossDatabases(
  bench: Bench,
  what: string,
  sizes: readonly number[],
  grow: (bench: Bench, count: number) => Promise<Grown>,
): Promise<void> {
  const grown: Grown[] = [];
  try {
    for (const size of few(bench, sizes).map((wanted) => howMany(bench, wanted))) {
      grown.push(await grow(bench, Math.max(2, size)));
      bench.report.progress(`${grown.at(-1)?.label} are there`);
    }
    if (!bench.options.smoke) for (const { measure } of grown) await measure();
    await compare(bench, what, grown);
    for (const { audit } of grown) await audit();
  } finally {
    for (const { product } of grown) {
      await product.close();
      await bench.databases.drop(product.url);
    }
  }
}

async function run(bench: Bench): Promise<void> {
  await acrossCapacity(bench);
  await acrossDatabases(bench, 'events in the database', EVENTS, withEvents);
  await acrossDatabases(bench, 'orders in the database', ORDERS, withOrders);
}

export const growthSection: Section = {
  name: 'growth',
  title: 'the cost of a hold as capacity, events and orders grow',
  run,
};
