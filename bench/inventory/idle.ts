/** Section idle: one caller over HTTP, nobody else: batching must not cost whoever is alone. */
import { type Arm, OURS, openBaselines, ourArms, ROW_LOCK } from './arms.ts';
import type { Bench, Section } from './bench.ts';
import { seconds } from './bench.ts';
import { runRounds } from './blocks.ts';
import { openProduct } from './product.ts';
import { spreadOf, spreadText } from './report.ts';

const ROUNDS = 5;
const BLOCK_SECONDS = 1.5;

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const baselines = await openBaselines(product, null);
  try {
    const isOne = (arm: Arm) => arm.over === 'http' && [OURS, ROW_LOCK].includes(arm.name);
    const arms = [...ourArms(product), ...baselines.arms].filter(isOne);
    const plan = { callers: 1, seconds: seconds(bench, BLOCK_SECONDS), rounds: ROUNDS };
    const blocks = await runRounds(bench, arms, plan);
    const latencies = (name: string) => blocks.filter((b) => b.arm === name).map((b) => b.p50Ms);
    const [ours, theirs] = [latencies(OURS), latencies(ROW_LOCK)];
    bench.report.line(`p50 of ours ${spreadText(spreadOf(ours))} ms`);
    bench.report.line(`p50 of ${ROW_LOCK} ${spreadText(spreadOf(theirs))} ms`);
    const { low, high } = spreadOf(ours.map((ms, i) => ms / (theirs[i] ?? Number.NaN)));
    const median = spreadOf(ours).median / spreadOf(theirs).median;
    bench.report.figure({
      says: 'one idle caller over HTTP: latency ÷ row-lock transaction',
      bar: { atMost: 1.5 },
      value: { median, low, high },
    });
  } finally {
    await baselines.close();
    await product.close();
    await bench.databases.drop(url);
  }
}

export const idleSection: Section = {
  name: 'idle',
  title: 'one idle caller over HTTP',
  run,
};
