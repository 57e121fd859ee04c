/** Section spread: the same load on one hot event and on a hundred: what the hot row costs. */
import { type Arm, OURS, openBaselines, ourArms, ROW_LOCK } from './arms.ts';
import {
  type Bench,
  CAPACITY_MAX,
  callers,
  HOT_CALLERS,
  rounds,
  type Section,
  seconds,
} from './bench.ts';
import { call } from './callers.ts';
import { ratioOf } from './hot.ts';
import { openProduct } from './product.ts';
import { spreadOf, spreadText } from './report.ts';

const ROUNDS = 3;
const BLOCK_SECONDS = 2;
const EVENTS = 100;

/** Holds a second over HTTP on so many fresh events in turn. */
async function rateOn(bench: Bench, arm: Arm, events: number): Promise<number> {
  const stages = [];
  for (let i = 0; i < events; i += 1) stages.push(await arm.open(CAPACITY_MAX / EVENTS));
  const tally = await call({
    ports: stages.slice(0, 1).map(({ port }) => port),
    templates: stages.flatMap(({ templates }) => templates),
    // A person asks for events in turn, so as many of their requests meet on each.
    requestsPerPerson: 2 * events,
    ...{ callers: callers(bench, HOT_CALLERS), seconds: seconds(bench, BLOCK_SECONDS) },
    ...{ firstNumber: 0, requests: null, rate: null, keepIds: false, sampleEvery: 0 },
  });
  return tally.granted / tally.seconds;
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const baselines = await openBaselines(product, null);
  const isOne = (arm: Arm) => arm.over === 'http' && [OURS, ROW_LOCK].includes(arm.name);
  const arms = [...ourArms(product), ...baselines.arms].filter(isOne);
  const many = bench.options.smoke ? 4 : EVENTS;
  const cells = arms.flatMap((arm) => [1, many].map((events) => ({ arm, events })));
  const seen = cells.map((): number[] => []);
  try {
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      for (let i = 0; i < cells.length; i += 1) {
        const at = (i + round) % cells.length;
        const cell = cells[at];
        if (cell) seen[at]?.push(await rateOn(bench, cell.arm, cell.events));
      }
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await baselines.close();
    await product.close();
    await bench.databases.drop(url);
  }
  const rows = arms.map((arm, i) => [
    arm.name,
    spreadText(spreadOf(seen[2 * i] ?? [])),
    spreadText(spreadOf(seen[2 * i + 1] ?? [])),
  ]);
  bench.report.table(['holds/s over HTTP', 'one event', `${many} events`], rows);
  arms.forEach((arm, i) => {
    const value = ratioOf(seen[2 * i] ?? [], seen[2 * i + 1] ?? []);
    const bar = arm.name === OURS ? { atLeast: 0.9 } : null;
    bench.report.figure({ says: `one hot event ÷ ${many} events, ${arm.name}`, bar, value });
  });
}

export const spreadSection: Section = {
  name: 'spread',
  title: 'one hot event against a hundred',
  run,
};
