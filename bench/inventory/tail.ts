/**
 * Section tail: latency over HTTP at the load at which the row-lock arm is at half its maximum.
 * Open load: a request counts from the moment it was due, so that a server that stands still does
 * not hide it by being asked less.
 */
import { type Arm, OURS, openBaselines, ourArms, ROW_LOCK } from './arms.ts';
import { type Bench, callers, HOT_CALLERS, rounds, type Section, seconds } from './bench.ts';
import { runBlock } from './blocks.ts';
import { type Histogram, percentile } from './histogram.ts';
import { openProduct } from './product.ts';
import { short, spreadOf, spreadText } from './report.ts';

const ROUNDS = 4;
const BLOCK_SECONDS = 4;
const MAXIMUM_SECONDS = 2;
const SHARE = 0.5;
const PERCENTILES = [0.5, 0.99, 0.999];

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const baselines = await openBaselines(product, null);
  const isOne = (arm: Arm) => arm.over === 'http' && [OURS, ROW_LOCK].includes(arm.name);
  const arms = [...ourArms(product), ...baselines.arms].filter(isOne);
  const seen = new Map<string, Histogram[]>(arms.map(({ name }) => [name, []]));
  const unanswered = new Map<string, number>(arms.map(({ name }) => [name, 0]));
  let rate = 0;
  try {
    const who = callers(bench, HOT_CALLERS);
    for (const arm of arms) {
      const most = await runBlock(bench, arm, {
        callers: who,
        seconds: seconds(bench, MAXIMUM_SECONDS),
      });
      if (arm.name === ROW_LOCK) rate = Math.max(20, SHARE * most.rate);
    }
    const plan = { callers: who, seconds: seconds(bench, BLOCK_SECONDS), rate };
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      for (const arm of round % 2 === 0 ? arms : [...arms].reverse()) {
        const { tally } = await runBlock(bench, arm, plan, round);
        seen.get(arm.name)?.push(tally.latency);
        unanswered.set(arm.name, (unanswered.get(arm.name) ?? 0) + tally.unanswered);
      }
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await baselines.close();
    await product.close();
    await bench.databases.drop(url);
  }
  tell(bench, rate, seen, unanswered);
}

function tell(
  bench: Bench,
  rate: number,
  seen: ReadonlyMap<string, readonly Histogram[]>,
  unanswered: ReadonlyMap<string, number>,
): void {
  bench.report.line(`${short(rate)} requests/s, due at fixed times; milliseconds`);
  const rows = [...seen].map(([name, all]) => [
    name,
    ...PERCENTILES.map((share) => spreadText(spreadOf(all.map((one) => percentile(one, share))))),
    String(unanswered.get(name)),
  ]);
  bench.report.table(['arm', 'p50', 'p99', 'p99.9', 'unanswered'], rows);
  const p99 = (name: string) => (seen.get(name) ?? []).map((one) => percentile(one, 0.99));
  const [ours, theirs] = [p99(OURS), p99(ROW_LOCK)];
  const { low, high } = spreadOf(ours.map((ms, i) => ms / (theirs[i] ?? Number.NaN)));
  const median = spreadOf(ours).median / spreadOf(theirs).median;
  bench.report.figure({
    says: 'p99 over HTTP at half of what the row-lock arm can do: ours ÷ row-lock',
    bar: { atMost: 1 },
    value: { median, low, high },
  });
}

export const tailSection: Section = {
  name: 'tail',
  title: 'latency under a load that row locks can just bear',
  run,
};
