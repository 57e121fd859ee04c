/** Section wal: write-ahead log, commits and flushes for one hold as callers become more. */
import { type Arm, OURS, openBaselines, ourArms, ROW_LOCK } from './arms.ts';
import { type Bench, type Section, seconds } from './bench.ts';
import { type Block, runBlock } from './blocks.ts';
import { openProduct } from './product.ts';
import { short } from './report.ts';

const CALLERS = [1, 4, 16, 64, 256, 1_024];
const SMOKE_CALLERS = [1, 16];
const BLOCK_SECONDS = 1.5;

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const baselines = await openBaselines(product, null);
  const isOne = (arm: Arm) => arm.over === 'process' && [OURS, ROW_LOCK].includes(arm.name);
  const arms = [...ourArms(product), ...baselines.arms].filter(isOne);
  const blocks: { readonly callers: number; readonly block: Block }[] = [];
  try {
    for (const callers of bench.options.smoke ? SMOKE_CALLERS : CALLERS) {
      for (const arm of arms) {
        const plan = { callers, seconds: seconds(bench, BLOCK_SECONDS) };
        const { tally: _tally, ...block } = await runBlock(bench, arm, plan);
        blocks.push({ callers, block });
        bench.report.block(block);
      }
    }
  } finally {
    await baselines.close();
    await product.close();
    await bench.databases.drop(url);
  }
  bench.report.table(
    ['callers, in process', 'arm', 'holds/s', 'WAL B/hold', 'commits/hold', 'syncs/hold', 'p99 ms'],
    blocks.map(({ callers, block }) => [
      String(callers),
      block.arm,
      short(block.rate),
      short(block.cost.walBytesPerHold),
      short(block.cost.commitsPerHold),
      short(block.cost.syncsPerHold),
      short(block.p99Ms),
    ]),
  );
}

export const walSection: Section = {
  name: 'wal',
  title: 'what one hold writes, by callers',
  run,
};
