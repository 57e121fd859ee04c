/**
 * Complete purchases: booked, paid at the provider's simulator, captured, tickets in hand. The
 * product against a skeleton that does the same exchanges and keeps nothing, and against itself
 * with a transaction for each step instead of batches. bench/README.md says how to read it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { type Databases, openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import {
  openReport,
  type Report,
  type Spread,
  short,
  spreadOf,
  spreadText,
} from './inventory/report.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';
import { buyAll } from './purchases/buyers.ts';
import { openProductShop } from './purchases/product-shop.ts';
import type { Shop } from './purchases/shop.ts';
import { openSkeletonShop } from './purchases/skeleton-shop.ts';

const USAGE = 'npm run bench -- purchases [--smoke]';
const BUYERS = 64;
const PURCHASES = 400;
const ROUNDS = 3;
const WARM_PURCHASES = 100;
const SMOKE = { buyers: 4, purchases: 12, rounds: 1, warm: 0 };
const FULL = { buyers: BUYERS, purchases: PURCHASES, rounds: ROUNDS, warm: WARM_PURCHASES };
const TICKETS_MAX_MS = 2_000;

type Arm = { readonly name: string; readonly open: (on: Databases) => Promise<Shop> };

const OURS = 'the product';
const SINGLE = 'one transaction each';
const SKELETON = 'skeleton';

const arms: readonly Arm[] = [
  { name: OURS, open: (on) => openProductShop(on, 'lanes') },
  { name: SINGLE, open: (on) => openProductShop(on, 'one transaction each') },
  { name: SKELETON, open: openSkeletonShop },
];

/** What one block of one arm showed. */
type Seen = {
  readonly rate: number;
  readonly exchanges: number;
  readonly wholeP50Ms: number;
  readonly ticketsP99Ms: number;
};

export async function main(args: readonly string[] = []): Promise<number> {
  const isSmoke = args.includes('--smoke');
  if (args.some((arg) => arg !== '--smoke')) {
    console.error(USAGE);
    return 2;
  }
  exitOnSignals();
  const databases = await openDatabases();
  const report = openReport(false);
  try {
    const { rows } = await databases.client.query<PostgresFacts>(postgresFacts);
    report.line(machineLine(present(rows[0], 'the facts of the server'), databases.folder));
    const { buyers, purchases, rounds } = isSmoke ? SMOKE : FULL;
    report.line(
      `${buyers} buyers in the server's process, ${purchases} purchases a block on a fresh ` +
        `database, median of ${rounds} rounds (lowest to highest).` +
        (isSmoke ? ' A smoke run measures nothing.' : ''),
    );
    tell(report, await measure(databases, report, isSmoke));
  } finally {
    await databases.stop();
  }
  if (!isSmoke) keep(report);
  return 0;
}

async function measure(
  databases: Databases,
  report: Report,
  isSmoke: boolean,
): Promise<ReadonlyMap<string, readonly Seen[]>> {
  const { rounds } = isSmoke ? SMOKE : FULL;
  const seen = new Map<string, Seen[]>(arms.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % arms.length;
    for (const arm of [...arms.slice(turn), ...arms.slice(0, turn)]) {
      seen.get(arm.name)?.push(await block(databases, arm, isSmoke));
    }
    report.progress(`round ${round + 1} done`);
  }
  return seen;
}

async function block(databases: Databases, arm: Arm, isSmoke: boolean): Promise<Seen> {
  const { buyers, purchases, warm } = isSmoke ? SMOKE : FULL;
  await databases.client.query('checkpoint');
  const shop = await arm.open(databases);
  try {
    if (warm > 0) await buyAll(shop, warm, buyers);
    const before = total(shop.traffic.counts());
    const bought = await buyAll(shop, purchases, buyers);
    const exchanges = (total(shop.traffic.counts()) - before) / purchases;
    await shop.audit(warm + purchases);
    return {
      rate: bought.done / bought.seconds,
      exchanges,
      wholeP50Ms: quantile(bought.wholeMs, 0.5),
      ticketsP99Ms: quantile(bought.ticketsMs, 0.99),
    };
  } finally {
    await shop.close();
  }
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function tell(report: Report, seen: ReadonlyMap<string, readonly Seen[]>): void {
  const of = (name: string, what: (one: Seen) => number): Spread =>
    spreadOf(present(seen.get(name), name).map(what));
  report.section('purchases', 'booked, paid, captured, tickets in hand');
  report.table(
    ['', 'purchases/s', 'exchanges each', 'whole p50 ms', 'capture to tickets p99 ms'],
    [...seen.keys()].map((name) => [
      name,
      spreadText(of(name, ({ rate }) => rate)),
      short(of(name, ({ exchanges }) => exchanges).median),
      spreadText(of(name, ({ wholeP50Ms }) => wholeP50Ms)),
      spreadText(of(name, ({ ticketsP99Ms }) => ticketsP99Ms)),
    ]),
  );
  const against = (name: string): Spread => {
    const theirs = present(seen.get(name), name);
    return spreadOf(
      present(seen.get(OURS), OURS).map((one, i) => one.rate / (theirs[i]?.rate ?? 0)),
    );
  };
  report.figure({
    says: 'purchases/s ÷ the skeleton',
    ...{ bar: { atLeast: 0.35 }, value: against(SKELETON) },
  });
  report.figure({
    says: 'purchases/s ÷ one transaction each',
    ...{ bar: { atLeast: 3 }, value: against(SINGLE) },
  });
  report.figure({
    says: 'capture to tickets, p99 ms',
    ...{ bar: { atMost: TICKETS_MAX_MS }, value: of(OURS, ({ ticketsP99Ms }) => ticketsP99Ms) },
  });
  report.note('rounds', Object.fromEntries(seen));
}

function keep(report: Report): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const name = `purchases-table-${new Date().toISOString().slice(0, 10)}`;
  writeFileSync(join(results, `${name}.txt`), report.text());
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(report.json(), null, 1)}\n`);
  console.log(`kept as bench/results/${name}.txt and .json`);
}
