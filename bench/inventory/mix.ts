/**
 * Section mix: 60 % holds, 20 % confirms and 20 % releases of one hot event in process, with the
 * sweeper and the worker of the product running, against holds alone. A confirm is the settlement
 * of an order that was placed before: claim and confirm, without the provider.
 */

import type { HoldId } from '../../server/kernel/ids.ts';
import { releaseHold } from '../../server/modules/inventory/index.ts';
import { auditProduct, Unsound } from './audit.ts';
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
import { type Histogram, newHistogram, note, percentile } from './histogram.ts';
import { ratioOf } from './hot.ts';
import { holdInside, openEvent, openProduct, type Product } from './product.ts';
import { pendingOrders, settleOrder } from './purchase.ts';
import { short, spreadOf, spreadText } from './report.ts';
import type { Outcome } from './tally.ts';

const ROUNDS = 3;
const BLOCK_SECONDS = 4;
/** A block ends when they are used up. */
const ORDERS = 30_000;
/** What each of five requests in a row is. */
const KINDS = ['hold', 'hold', 'confirm', 'hold', 'release'] as const;
type Kind = (typeof KINDS)[number];

type Mixed = { readonly rate: number; readonly latency: Readonly<Record<Kind, Histogram>> };

async function holdsAlone(bench: Bench, product: Product): Promise<number> {
  const event = await openEvent(product, CAPACITY_MAX);
  const tally = await callInside({
    callers: callers(bench, HOT_CALLERS),
    seconds: seconds(bench, BLOCK_SECONDS),
    requests: null,
    act: (n) => holdInside(product.ctx, event, n),
  });
  await auditProduct(product, event, tally);
  return tally.granted / tally.seconds;
}

async function mixed(bench: Bench, product: Product): Promise<Mixed> {
  const { ctx } = product;
  const event = await openEvent(product, CAPACITY_MAX);
  const orders = await pendingOrders(product, event, howMany(bench, ORDERS));
  const toConfirm = [...orders];
  const toRelease: string[] = [];
  const held: string[] = [];
  const latency = { hold: newHistogram(), confirm: newHistogram(), release: newHistogram() };
  const done = { hold: 0, confirm: 0, release: 0 };
  const hold = async (n: number): Promise<Outcome> => {
    const outcome = await holdInside(ctx, event, n);
    if ('id' in outcome) {
      held.push(outcome.id);
      toRelease.push(outcome.id);
    }
    return outcome;
  };
  const confirm = async (): Promise<Outcome> => {
    const order = toConfirm.pop();
    const verdict = order ? await settleOrder(ctx, order) : 'no_orders_left';
    return verdict === 'confirmed' ? { id: '' } : { refused: verdict };
  };
  const release = async (): Promise<Outcome> => {
    const id = toRelease.shift();
    if (id === undefined) return { refused: 'nothing_held' };
    // Acknowledged by the product a moment ago.
    const released = await releaseHold(ctx, id as HoldId);
    return released.ok ? { id: '' } : { refused: released.refusal.code };
  };
  const act = async (n: number): Promise<Outcome> => {
    const kind = KINDS[n % KINDS.length] ?? 'hold';
    const startedAt = performance.now();
    const outcome = await (kind === 'hold' ? hold(n) : kind === 'confirm' ? confirm() : release());
    if ('id' in outcome) {
      done[kind] += 1;
      note(latency[kind], performance.now() - startedAt);
    }
    return outcome;
  };
  const tally = await callInside({
    callers: callers(bench, HOT_CALLERS),
    seconds: seconds(bench, BLOCK_SECONDS),
    requests: orders.length * KINDS.length,
    act,
  });
  const made = { ids: held, granted: held.length };
  await auditProduct(product, event, made, { before: orders.length });
  await insistOn(product, event.eventId, done);
  const refused = Object.entries(tally.refusals).map(([code, times]) => `${times} ${code}`);
  bench.report.line(
    `done: ${done.hold} holds, ${done.confirm} confirms, ${done.release} releases` +
      (refused.length > 0 ? `; refused: ${refused.join(', ')}` : ''),
  );
  return { rate: tally.granted / tally.seconds, latency };
}

const DONE = `
  select (select count(*)::int from orders.order
      where event_id = $1 and status = 'confirmed') as confirm,
    (select count(*)::int from orders.ticket where event_id = $1 and status = 'valid') as tickets,
    (select count(*)::int from inventory.hold where event_id = $1 and status = 'released') as release`;

/** What was acknowledged has happened, and nothing else has. */
async function insistOn(
  { ctx }: Product,
  eventId: string,
  done: { readonly confirm: number; readonly release: number },
): Promise<void> {
  const { rows } = await ctx.db.pool.query(DONE, [eventId]);
  const [found] = rows;
  const isSound =
    found.confirm === done.confirm &&
    found.tickets === done.confirm &&
    found.release === done.release;
  if (!isSound) throw new Unsound(`mix: ${JSON.stringify({ found, done })}`);
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const alone: number[] = [];
  const mixes: Mixed[] = [];
  try {
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      const first = round % 2 === 0 ? ['alone', 'mix'] : ['mix', 'alone'];
      for (const arm of first) {
        if (arm === 'alone') alone.push(await holdsAlone(bench, product));
        else mixes.push(await mixed(bench, product));
      }
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await product.close();
    await bench.databases.drop(url);
  }
  const p99 = (kind: Kind) => spreadOf(mixes.map((one) => percentile(one.latency[kind], 0.99)));
  const rates = mixes.map(({ rate }) => rate);
  bench.report.line(`holds alone ${spreadText(spreadOf(alone))}/s`);
  bench.report.line(`the mix ${spreadText(spreadOf(rates))} requests/s`);
  bench.report.line(
    `p99 of holds ${short(p99('hold').median)} ms, of releases ${short(p99('release').median)} ms`,
  );
  bench.report.figure({
    says: 'mix of 60 % holds, 20 % confirms, 20 % releases ÷ holds alone',
    bar: { atLeast: 0.6 },
    value: ratioOf(rates, alone),
  });
  bench.report.figure({
    says: 'p99 of a confirm in the mix, ms',
    bar: { atMost: 50 },
    value: p99('confirm'),
  });
}

export const mixSection: Section = {
  name: 'mix',
  title: 'holds, confirms and releases, with sweeper and worker running',
  run,
};
