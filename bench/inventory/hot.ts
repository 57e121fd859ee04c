/**
 * Sections http, no-op and process: one hot ticket type, all arms in one run. Which of the three
 * are asked for decides which arms take part.
 */
import {
  type Arm,
  BARE_NO_OP,
  OURS,
  OURS_WITH_KEY,
  openBaselines,
  ourArms,
  PIPELINE_NO_OP,
  SKIP_LOCKED,
} from './arms.ts';
import { type Bench, callers, HOT_CALLERS, seconds } from './bench.ts';
import { type Block, runBlock, runRounds } from './blocks.ts';
import { openProduct } from './product.ts';
import { type Bar, type Spread, short, spreadOf, spreadText } from './report.ts';
import { refusedIn } from './tally.ts';

export type HotName = 'http' | 'no-op' | 'process';

const ROUNDS = 5;
const BLOCK_SECONDS = 2;
/** Other machines, other work: never a factor, only where one stands. */
const ELSEWHERE = [
  'Published elsewhere, on other machines and for other work; no comparison, only where one stands:',
  '  pretix, older documents 6.7/s and event; 12306 700 to 1,032/s; TigerFans 977 reservations/s;',
  '  a Redis Lua platform 1,554/s (claimed); tb-perf, batches on PostgreSQL 17,000 transfers/s;',
  '  AliSQL on one row 31,000/s',
];
/** Sold out almost at once: what follows are refusals. */
const FEW_PLACES = 100;

export async function runHot(bench: Bench, wanted: ReadonlySet<HotName>): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const baselines = await openBaselines(product, bench.redis);
  try {
    const arms = [...ourArms(product), ...baselines.arms].filter((arm) => takesPart(arm, wanted));
    const plan = {
      callers: callers(bench, HOT_CALLERS),
      seconds: seconds(bench, BLOCK_SECONDS),
      rounds: ROUNDS,
    };
    bench.report.line(
      `${arms.length} arms, ${plan.callers} callers, blocks of ${short(plan.seconds)} s, ` +
        'a fresh event for each; medians (lowest to highest)',
    );
    if (!bench.redis) bench.report.line('Redis is not on this machine: its arms are left out.');
    const blocks = await runRounds(bench, arms, plan);
    tellBlocks(bench, arms, blocks);
    for (const line of ELSEWHERE) bench.report.line(line);
    if (wanted.has('http')) ratio(bench, { arms, blocks }, 'http', { atLeast: 6, aim: 10 });
    if (wanted.has('no-op')) ratiosToNothing(bench, blocks);
    if (wanted.has('process')) ratio(bench, { arms, blocks }, 'process', { atLeast: 10, aim: 20 });
    if (wanted.has('http')) await tellSoldOut(bench, arms, plan);
  } finally {
    await baselines.close();
    await product.close();
    await bench.databases.drop(url);
  }
}

function takesPart(arm: Arm, wanted: ReadonlySet<HotName>): boolean {
  if (arm.over === 'process') return wanted.has('process');
  if (arm.kind === 'nothing') return wanted.has('no-op');
  if (arm.name === OURS) return wanted.has('http') || wanted.has('no-op');
  return wanted.has('http');
}

const keyOf = (arm: { readonly name: string; readonly over: string }) => `${arm.over} ${arm.name}`;

export function ratesOf(blocks: readonly Block[], over: Block['over'], name: string): number[] {
  return blocks.filter((b) => b.over === over && b.arm === name).map(({ rate }) => rate);
}

/** The medians' ratio, with the lowest and highest of the rounds. */
export function ratioOf(above: readonly number[], below: readonly number[]): Spread {
  const rounds = above.map((rate, i) => rate / (below[i] ?? Number.NaN));
  const { low, high } = spreadOf(rounds);
  return { median: spreadOf(above).median / spreadOf(below).median, low, high };
}

/** Per-request SQL only: neither ours, nor with a Redis in front, nor nothing at all. */
function sqlNames(arms: readonly Arm[], over: Block['over']): readonly string[] {
  return arms.filter((arm) => arm.kind === 'sql' && arm.over === over).map(({ name }) => name);
}

function best(blocks: readonly Block[], over: Block['over'], names: readonly string[]): string {
  const medians = names.map((name) => ({
    name,
    median: spreadOf(ratesOf(blocks, over, name)).median,
  }));
  return medians.sort((a, b) => b.median - a.median)[0]?.name ?? '';
}

/** Against the best of all, which has the bar; and of those that count in one row, as ours does. */
function ratio(
  bench: Bench,
  { arms, blocks }: { readonly arms: readonly Arm[]; readonly blocks: readonly Block[] },
  over: Block['over'],
  bar: Bar,
): void {
  const names = sqlNames(arms, over);
  const counting = names.filter((name) => name !== SKIP_LOCKED);
  const where = over === 'http' ? 'over HTTP' : 'in process';
  for (const [theirs, what, own] of [
    [best(blocks, over, names), 'best per-request SQL arm', bar],
    [best(blocks, over, counting), 'best of those with a counter', null],
  ] as const) {
    const value = ratioOf(ratesOf(blocks, over, OURS), ratesOf(blocks, over, theirs));
    bench.report.figure({ says: `holds/s ${where} ÷ ${what} (${theirs})`, bar: own, value });
  }
}

function ratiosToNothing(bench: Bench, blocks: readonly Block[]): void {
  const ours = ratesOf(blocks, 'http', OURS);
  for (const [name, bar] of [
    [BARE_NO_OP, { atLeast: 0.35, aim: 0.5 }],
    [PIPELINE_NO_OP, { atLeast: 0.5 }],
  ] as const) {
    const value = ratioOf(ours, ratesOf(blocks, 'http', name));
    bench.report.figure({ says: `holds/s over HTTP ÷ ${name}`, bar, value });
  }
}

export function tellBlocks(bench: Bench, arms: readonly Arm[], blocks: readonly Block[]): void {
  const head = [
    ...['arm', 'holds/s', 'p50 ms', 'p99 ms', 'WAL B/hold', 'commits/hold', 'syncs/hold'],
    ...['CPUs server', 'callers', 'PostgreSQL', 'refused'],
  ];
  const rows = arms.map((arm) => {
    const own = blocks.filter((block) => block.arm === arm.name && block.over === arm.over);
    const middle = (pick: (block: Block) => number | null) =>
      short(spreadOf(own.map((block) => pick(block) ?? Number.NaN)).median);
    return [
      `${keyOf(arm)}${arm.isDurable || arm.kind === 'nothing' ? '' : ' *'}`,
      spreadText(spreadOf(own.map(({ rate }) => rate))),
      middle(({ p50Ms }) => p50Ms),
      middle(({ p99Ms }) => p99Ms),
      middle(({ cost }) => cost.walBytesPerHold),
      middle(({ cost }) => cost.commitsPerHold),
      middle(({ cost }) => cost.syncsPerHold),
      middle(({ cost }) => cost.serverCpus),
      middle(({ cost }) => cost.callersCpus),
      middle(({ cost }) => cost.postgresCpus),
      middle(({ refused }) => refused),
    ];
  });
  bench.report.table(head, rows);
  if (arms.some(({ isDurable, kind }) => !isDurable && kind !== 'nothing')) {
    bench.report.line('* not durable: what it acknowledges may be lost a moment later');
  }
}

/** Refusals are cheaper than holds, so they have a line of their own. */
async function tellSoldOut(
  bench: Bench,
  arms: readonly Arm[],
  plan: { readonly callers: number; readonly seconds: number },
): Promise<void> {
  const told = arms.filter(({ over, name, kind }) => {
    if (bench.options.smoke && name !== OURS) return false;
    return over === 'http' && kind !== 'nothing' && name !== OURS_WITH_KEY;
  });
  const rows: string[][] = [];
  for (const arm of told) {
    const { tally } = await runBlock(bench, arm, { ...plan, capacity: FEW_PLACES });
    rows.push([
      arm.name,
      short(refusedIn(tally) / tally.seconds),
      Object.entries(tally.refusals)
        .map(([code, times]) => `${code} ${times}`)
        .join(', '),
      String(tally.granted),
    ]);
  }
  bench.report.line('sold out, over HTTP (refusals are no part of any rate above):');
  bench.report.table(['arm', 'refusals/s', 'which', 'granted'], rows);
}
