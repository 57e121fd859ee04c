/** Blocks: each arm on a fresh event for a while, in rounds that begin with another arm. */
import type { Arm } from './arms.ts';
import { type Bench, CAPACITY_MAX, rounds as roundsOf } from './bench.ts';
import { call } from './callers.ts';
import { callInside } from './callers-inside.ts';
import { percentile } from './histogram.ts';
import { type Cost, costOf, look } from './probe.ts';
import { REQUESTS_PER_PERSON } from './product.ts';
import { rateBetween, refusedIn, type Tally } from './tally.ts';

export type Block = {
  readonly arm: string;
  readonly over: Arm['over'];
  readonly round: number;
  /** Granted a second after the warm-up. */
  readonly rate: number;
  readonly granted: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cost: Cost;
};

export type BlockPlan = {
  readonly callers: number;
  readonly seconds: number;
  /** Requests a second under open load. */
  readonly rate?: number;
  /** Places of the event; as many as may be where it is left out. */
  readonly capacity?: number;
};

/** Of a block: connections are made, code is compiled, the first batch is small. */
const WARM_SHARE = 0.15;
const WARM_MAX_SECONDS = 0.5;

export async function runBlock(
  bench: Bench,
  arm: Arm,
  plan: BlockPlan,
  round = 0,
): Promise<Block & { readonly tally: Tally }> {
  const most = arm.placesPerSecond === null ? CAPACITY_MAX : plan.seconds * arm.placesPerSecond;
  const stage = await arm.open(plan.capacity ?? Math.ceil(most));
  const probed = bench.databases;
  const before = await look(probed, arm.sessions);
  const tally =
    arm.over === 'process'
      ? await callInside({ ...plan, requests: null, act: stage.act })
      : await call({
          ports: [stage.port],
          callers: plan.callers,
          templates: stage.templates,
          requestsPerPerson: REQUESTS_PER_PERSON,
          firstNumber: 0,
          seconds: plan.seconds,
          requests: null,
          rate: plan.rate ?? null,
          keepIds: arm.kind !== 'nothing',
          sampleEvery: 0,
        });
  const after = await look(probed, arm.sessions);
  await stage.audit(tally);
  const warm = Math.min(WARM_MAX_SECONDS, Math.floor(plan.seconds * WARM_SHARE * 10) / 10);
  return {
    arm: arm.name,
    over: arm.over,
    round,
    rate: rateBetween(tally, warm, Math.floor(plan.seconds * 10) / 10),
    granted: tally.granted,
    refused: refusedIn(tally),
    p50Ms: percentile(tally.latency, 0.5),
    p99Ms: percentile(tally.latency, 0.99),
    cost: costOf(before, after, tally),
    tally,
  };
}

/** Every arm once for nothing, then once in each round; a block's ids are dropped with it. */
export async function runRounds(
  bench: Bench,
  arms: readonly Arm[],
  plan: BlockPlan & { readonly rounds: number },
): Promise<readonly Block[]> {
  const blocks: Block[] = [];
  if (!bench.options.smoke) {
    const warm = { ...plan, seconds: Math.min(plan.seconds, WARM_MAX_SECONDS) };
    for (const arm of arms) await runBlock(bench, arm, warm);
  }
  for (let round = 0; round < roundsOf(bench, plan.rounds); round += 1) {
    // Each round begins with another arm, so that none is always the one after a checkpoint.
    const first = round % Math.max(1, arms.length);
    for (const arm of [...arms.slice(first), ...arms.slice(0, first)]) {
      const { tally: _tally, ...block } = await runBlock(bench, arm, plan, round);
      blocks.push(block);
      bench.report.block(block);
    }
    bench.report.progress(`round ${round + 1} done`);
  }
  return blocks;
}
