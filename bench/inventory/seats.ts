/**
 * Section seats: parties of one to six at best available, by many callers, until 95 % of a grid is
 * taken; then the last seats by one caller, each answer held against an exact oracle. No seat may
 * be given out twice, and the database must have exactly what was acknowledged.
 */
import { Unsound } from './audit.ts';
import {
  type Bench,
  callers,
  HOT_CALLERS,
  howMany,
  rounds,
  type Section,
  seconds,
} from './bench.ts';
import { callInside } from './callers-inside.ts';
import { percentile } from './histogram.ts';
import { ratioOf } from './hot.ts';
import { openProduct, type Product } from './product.ts';
import { short, spreadOf, spreadText } from './report.ts';
import { openLockPerParty, openOurSeats, type SeatStage } from './seats-arms.ts';
import { allFree, type FreeSeats, freeIn, type Grid, judge, type Seat } from './seats-oracle.ts';

const ROUNDS = 2;
const GRID: Grid = { rows: 200, seatsPerRow: 200 };
const SMOKE_GRID: Grid = { rows: 5, seatsPerRow: 40 };
const PARTY_MAX = 6;
const FULL_SHARE = 0.95;
/** A slow arm ends here, with what it has done. */
const FILL_SECONDS_MAX = 40;
/** Refusals in a row after which nobody is seated any more. */
const REFUSALS_MAX = 12;

/** The same sizes in every run, in no order that suits anybody. */
const sizeOf = (n: number) => 1 + ((((n * 2_654_435_761) % 4_294_967_296) >>> 8) % PARTY_MAX);

type Filled = {
  readonly parties: number;
  readonly seats: number;
  readonly share: number;
  readonly p99Ms: number;
  readonly verdicts: Readonly<Record<string, number>>;
};

/** What is free after what was acknowledged; throws where a seat was acknowledged twice. */
function take(free: boolean[][], seats: readonly Seat[], arm: string): void {
  for (const { row, seat } of seats) {
    const own = free[row];
    if (own?.[seat] !== true) throw new Unsound(`${arm}: seat ${row}/${seat} is given out twice`);
    own[seat] = false;
  }
}

async function fill(bench: Bench, arm: string, stage: SeatStage, grid: Grid): Promise<Filled> {
  const free = allFree(grid);
  const wanted = grid.rows * grid.seatsPerRow * FULL_SHARE;
  // Asked for and not refused: what is under way counts, so that no arm goes far beyond.
  let asked = 0;
  let taken = 0;
  const act = async (n: number) => {
    if (asked >= wanted) return { refused: 'enough' };
    const size = sizeOf(n);
    asked += size;
    const seats = await stage.hold(size, n);
    if (seats === null) {
      asked -= size;
      return { refused: 'no_seats' };
    }
    take(free, seats, arm);
    taken += size;
    filledAt = performance.now();
    return { id: '' };
  };
  const startedAt = performance.now();
  let filledAt = startedAt;
  const tally = await callInside({
    callers: callers(bench, HOT_CALLERS),
    seconds: bench.options.smoke ? 1 : Math.max(1, seconds(bench, FILL_SECONDS_MAX)),
    requests: grid.rows * grid.seatsPerRow,
    act,
  });
  const filled = (filledAt - startedAt) / 1_000;
  const verdicts = await sellTheRest(arm, stage, free, tally.granted);
  await insistOnBooks(arm, stage, free);
  return {
    parties: tally.granted / filled,
    seats: taken / filled,
    share: taken / (grid.rows * grid.seatsPerRow),
    p99Ms: percentile(tally.latency, 0.99),
    verdicts,
  };
}

/** One caller, so that what was free before each answer is known exactly. */
async function sellTheRest(
  arm: string,
  stage: SeatStage,
  free: boolean[][],
  from: number,
): Promise<Record<string, number>> {
  const verdicts: Record<string, number> = {};
  let refusals = 0;
  for (let n = from; refusals < REFUSALS_MAX && freeIn(free) > 0; n += 1) {
    const size = sizeOf(n);
    const seats = await stage.hold(size, REST + n);
    const verdict = judge(free, size, seats);
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    refusals = seats === null ? refusals + 1 : 0;
    if (seats !== null) take(free, seats, arm);
  }
  return verdicts;
}

/** Keys of the last parties differ from those before. */
const REST = 10_000_000;

async function insistOnBooks(arm: string, stage: SeatStage, free: FreeSeats): Promise<void> {
  const taken = await stage.taken();
  const isOther = taken.some(({ row, seat }) => free[row]?.[seat] !== false);
  const acknowledged = free.flat().filter((isFree) => !isFree).length;
  if (isOther || taken.length !== acknowledged) {
    throw new Unsound(`${arm}: ${acknowledged} seats acknowledged, ${taken.length} are taken`);
  }
}

type Opener = (product: Product, grid: Grid) => Promise<SeatStage | null>;

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const grid = bench.options.smoke
    ? SMOKE_GRID
    : { ...GRID, rows: Math.max(SMOKE_GRID.rows, howMany(bench, GRID.rows)) };
  const arms: readonly (readonly [string, Opener])[] = [
    ['ours', openOurSeats],
    ['lock per party', openLockPerParty],
  ];
  const seen: Record<string, Filled[]> = {};
  try {
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      for (const [name, open] of round % 2 === 0 ? arms : [...arms].reverse()) {
        const stage = await open(product, grid);
        if (!stage) continue;
        const filled = await fill(bench, name, stage, grid);
        await stage.close();
        seen[name] = [...(seen[name] ?? []), filled];
      }
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await product.close();
    await bench.databases.drop(url);
  }
  tell(bench, grid, seen);
}

function tell(bench: Bench, grid: Grid, seen: Readonly<Record<string, readonly Filled[]>>): void {
  bench.report.line(`${grid.rows} rows of ${grid.seatsPerRow}, parties of 1 to ${PARTY_MAX}`);
  const rates = (name: string) => (seen[name] ?? []).map(({ parties }) => parties);
  for (const [name, all] of Object.entries(seen)) {
    const last = all.at(-1);
    bench.report.line(
      `${name}: ${spreadText(spreadOf(rates(name)))} parties/s to ${short(100 * (last?.share ?? 0))} % ` +
        `taken, p99 ${short(last?.p99Ms ?? Number.NaN)} ms; the last seats, one party at a time: ` +
        Object.entries(last?.verdicts ?? {})
          .map(([verdict, times]) => `${times} ${verdict}`)
          .join('; '),
    );
  }
  if (!seen['ours']) bench.report.line('ours: the product has no seats yet');
  bench.report.figure({
    says: 'seats: parties/s at best available ÷ lock per party',
    bar: { atLeast: 5 },
    value: ratioOf(rates('ours'), rates('lock per party')),
  });
}

export const seatsSection: Section = {
  name: 'seats',
  title: 'parties at best available on a grid of seats',
  run,
};
