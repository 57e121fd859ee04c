/**
 * What facts cost, and how soon they are there: holds of one event, in process and with everything
 * on, in blocks without and with a relay and a consumer beside them; how old each fact was when it
 * got its number; and the same for single holds on an idle server. bench/README.md says how to read
 * it. Kept as text under bench/results/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, createConsumers } from '../server/kernel/consumers.ts';
import type { EventId } from '../server/kernel/ids.ts';
import { createRelay, relayFacts } from '../server/kernel/relay.ts';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { callInside } from './inventory/callers-inside.ts';
import { openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import { holdInside, openEvent, openProduct, type Product } from './inventory/product.ts';
import { openReport, type Report, short, spreadOf } from './inventory/report.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';

const CALLERS = 512;
const USAGE = 'npm run bench -- relay [--smoke]';
/** Both arms have as many blocks, one after the other. */
const full = { blocks: 5, seconds: 4, capacity: 400_000, singles: 200 };
const smoke = { blocks: 1, seconds: 0.5, capacity: 50_000, singles: 10 };
const SINGLE_EVERY_MS = 25;
const STORM_LAG_MAX_MS = 1_000;
const IDLE_LAG_MAX_MS = 250;

type Plan = typeof full;

export async function main(args: readonly string[] = []): Promise<number> {
  const isSmoke = args.includes('--smoke');
  if (args.length !== (isSmoke ? 1 : 0)) {
    console.error(USAGE);
    return 2;
  }
  exitOnSignals();
  const databases = await openDatabases();
  const report = openReport(false);
  try {
    const { rows } = await databases.client.query<PostgresFacts>(postgresFacts);
    report.line(machineLine(present(rows[0], 'the facts of the server'), databases.folder));
    const product = await openProduct(await databases.fresh(), { worker: false });
    try {
      await storm(product, report, isSmoke ? smoke : full);
      await idle(product, report, isSmoke ? smoke : full);
    } finally {
      await product.close();
    }
  } finally {
    await databases.stop();
  }
  if (!isSmoke) keep(report);
  return 0;
}

/** It wants what there is little of, as most do. */
const reader: Consumer = {
  name: 'bench',
  kinds: ['order_confirmed'],
  keyOf: (fact) => fact.eventId,
  handle: () => Promise.resolve(),
};

type Stop = () => Promise<void>;

/** A relay, and a consumer. */
function startReading({ ctx }: Product): Stop {
  const relay = createRelay(() => ctx);
  const consumers = createConsumers(() => ctx, [reader]);
  let isOver = false;
  ctx.lanes.onCommit(() => {
    if (!isOver) relay.wake();
  });
  relay.onFacts(consumers.wake);
  relay.start();
  consumers.start();
  return async () => {
    isOver = true;
    await relay.stop();
    await consumers.stop();
  };
}

async function block(product: Product, plan: Plan, isRead: boolean) {
  const event = await openEvent(product, plan.capacity);
  await relayFacts(product.ctx);
  const stop = isRead ? startReading(product) : () => Promise.resolve();
  const tally = await callInside({
    callers: CALLERS,
    seconds: plan.seconds,
    requests: null,
    act: (n) => holdInside(product.ctx, event, n),
  });
  await stop();
  await relayFacts(product.ctx);
  const perSecond = tally.granted / tally.seconds;
  return { perSecond, lag: isRead ? await lagOf(product, event.eventId) : null };
}

/** How old the facts of an event were when they got their numbers, in milliseconds. */
async function lagOf({ ctx }: Product, eventId: EventId) {
  const { rows } = await ctx.db.pool.query<{ median: number; p99: number; most: number }>(
    `select percentile_cont(0.5) within group (order by l.ms) as median,
       percentile_cont(0.99) within group (order by l.ms) as p99, max(l.ms) as most
     from (
       select extract(epoch from f.relayed_at - f.at)::float8 * 1000 as ms
       from kernel.fact f where f.event_id = $1
     ) l`,
    [eventId],
  );
  return present(rows[0], 'the lag');
}

async function storm(product: Product, report: Report, plan: Plan): Promise<void> {
  report.section('storm', 'holds of one event in process, without and with a relay beside them');
  // The first block of a process is slower, whichever it is.
  await block(product, { ...plan, seconds: Math.min(1, plan.seconds) }, false);
  const ratios: number[] = [];
  const lags: number[] = [];
  const lines: string[][] = [];
  for (let n = 0; n < plan.blocks; n++) {
    const without = await block(product, plan, false);
    const read = await block(product, plan, true);
    const lag = present(read.lag, 'the lag of a block that was relayed');
    ratios.push(read.perSecond / without.perSecond);
    lags.push(lag.p99);
    const numbers = [without.perSecond, read.perSecond, lag.median, lag.p99, lag.most];
    lines.push(numbers.map(short));
  }
  report.table(['holds/s without', 'with', 'lag p50 ms', 'p99', 'most'], lines);
  report.figure({ says: 'with ÷ without', bar: { atLeast: 0.9 }, value: spreadOf(ratios) });
  const bar = { atMost: STORM_LAG_MAX_MS };
  report.figure({ says: 'lag p99, ms', bar, value: spreadOf(lags) });
}

async function idle(product: Product, report: Report, plan: Plan): Promise<void> {
  report.section('idle', 'one hold every 25 ms, and nothing else');
  const event = await openEvent(product, plan.capacity);
  const stop = startReading(product);
  for (let n = 0; n < plan.singles; n++) {
    await holdInside(product.ctx, event, n);
    await sleep(SINGLE_EVERY_MS);
  }
  await stop();
  await relayFacts(product.ctx);
  const lag = await lagOf(product, event.eventId);
  report.figure({ says: 'lag p99, ms', bar: { atMost: IDLE_LAG_MAX_MS }, value: lag.p99 });
}

function keep(report: Report): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const name = `relay-table-${new Date().toISOString().slice(0, 10)}.txt`;
  writeFileSync(join(results, name), report.text());
  console.log(`kept as bench/results/${name}`);
}
