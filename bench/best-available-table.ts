/**
 * How many parties a second get the best seats proposed from memory (best-available.ts is the
 * rule), with every proposal's outcome told to the index, from an empty hall to a full one. Beside
 * it, on the same seats at the same moments, a search through all of them, which must choose the
 * same block. Nothing is waited for and nothing is written: this is one thread's arithmetic.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../server/kernel/root.ts';
import { FreeSeats } from '../server/modules/venues/free-seats.ts';
import { gridPlan, type SeatPlan } from '../server/modules/venues/seat-plan.ts';
import { searchAll } from './search-all-seats.ts';

const ROUNDS = 11;
const HALLS = [40_000, 100_000] as const;
const SECTION_SEATS = 2_000;
const SECTIONS_ACROSS = 5;
/** Where "from empty" ends and "the last seats" begin. */
const NEARLY_FULL = 0.95;
/** So many parties refused in a row: what is left fits nobody. */
const REFUSED_IN_A_ROW = 200;
/** One party in so many gives its seats back at once: its payment failed, its hold lapsed. */
const GIVES_BACK_EVERY = 10;
/** The search through all answers one question of so many. */
const SEARCH_EVERY = 100;
const POOL = 'hall';
const SEED = 20_261_121;

const MIXES = [
  { name: 'parties of 1 to 6', sizes: [1, 2, 3, 4, 5, 6] },
  { name: 'singles', sizes: [1] },
  { name: 'pairs', sizes: [2] },
  { name: 'parties of 4 to 6', sizes: [4, 5, 6] },
] as const;
type Mix = (typeof MIXES)[number];

/** What was asked, what it took, and how many of the answers were "none" or left an orphan. */
type Phase = {
  asked: number;
  seconds: number;
  refused: number;
  orphans: number;
  searched: number;
  searchSeconds: number;
};
type Outcome = { readonly filling: Phase; readonly last: Phase };

export async function main(): Promise<void> {
  const cores = cpus();
  const lines = [
    `${cores.length} cores (${cores[0]?.model.trim()}), Node ${process.versions.node}, ` +
      `one thread, load of others at the start ${loadavg()[0]?.toFixed(1)}`,
    `A hall of one pool in sections of ${SECTION_SEATS} seats (rows of 50 in three stretches). ` +
      `Each proposal's seats are then sold; every ${GIVES_BACK_EVERY}th party gives them back.`,
    `Fixed work, median of ${ROUNDS} rounds (slowest to fastest). The search answers every ` +
      `${SEARCH_EVERY}th of such questions on the same seats, and must find the same block or ` +
      'none as well. After each block: no seat sold twice.',
  ];
  for (const seats of HALLS) lines.push('', ...hallTable(seats));
  const text = `${lines.join('\n')}\n`;
  console.log(text);
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(join(results, `best-available-${date}.txt`), text);
}

function hallTable(seats: number): readonly string[] {
  const plan = hallOf(seats);
  const outcomes = new Map<Mix, Outcome[]>(MIXES.map((mix) => [mix, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each round begins with another mix, so that none is always the one that warms the code up.
    for (const mix of [
      ...MIXES.slice(round % MIXES.length),
      ...MIXES.slice(0, round % MIXES.length),
    ]) {
      outcomes.get(mix)?.push(sellOut(plan, mix));
    }
    console.log(`${seats} seats: round ${round + 1} of ${ROUNDS} done`);
  }
  const row = (...cells: readonly string[]) =>
    cells
      .map((text, i) => text.padEnd(i === 0 ? 36 : i === 1 ? 34 : 26))
      .join('')
      .trimEnd();
  const title = `${seats.toLocaleString('en')} seats, proposals/s`;
  return [
    row(title, 'from memory', 'search through all', 'asked, none, orphans'),
    ...[...outcomes].flatMap(([{ name }, all]) => [
      row(`${name}, empty to 95 %`, ...cells(all.map((one) => one.filling))),
      row(`${name}, the last 5 %`, ...cells(all.map((one) => one.last))),
    ]),
  ];
}

function cells(phases: readonly Phase[]): readonly string[] {
  if (phases.some((phase) => phase.searched === 0)) return ['– (never reached)'];
  const rates = (of: (phase: Phase) => number) => {
    const sorted = phases.map(of).sort((a, b) => a - b);
    const [median, low, high] = [sorted[ROUNDS >> 1], sorted[0], sorted[ROUNDS - 1]].map((rate) =>
      Math.round(rate ?? 0).toLocaleString('en'),
    );
    return `${median} (${low} to ${high})`;
  };
  const counts = [phases[0]?.asked, phases[0]?.refused, phases[0]?.orphans].map((count) =>
    (count ?? 0).toLocaleString('en'),
  );
  return [
    rates((phase) => phase.asked / phase.seconds),
    rates((phase) => phase.searched / phase.searchSeconds),
    counts.join(', '),
  ];
}

/** Sections side by side, further rows of sections behind: the focal point is before the first. */
function hallOf(seats: number): SeatPlan {
  return gridPlan(
    Array.from({ length: seats / SECTION_SEATS }, (_, index) => ({
      section: `section ${index}`,
      poolId: POOL,
      rows: SECTION_SEATS / 50,
      placesPerRow: 50,
      aislesAfter: [12, 38],
      at: {
        rightM: ((index % SECTIONS_ACROSS) - (SECTIONS_ACROSS - 1) / 2) * 32,
        backM: 5 + Math.floor(index / SECTIONS_ACROSS) * 40,
      },
    })),
  );
}

/**
 * Parties ask until the hall is full or what is left fits nobody. Throws when a seat is sold twice
 * or the search disagrees.
 */
function sellOut(plan: SeatPlan, mix: Mix): Outcome {
  const index = new FreeSeats(plan);
  const isSold = new Uint8Array(plan.seats.length);
  const search = searchAll(plan, isSold);
  const next = sizesOf(mix);
  const outcome = { filling: emptyPhase(), last: emptyPhase() };
  const limit = plan.seats.length * NEARLY_FULL;
  let sold = 0;
  let asked = 0;
  let refusedInARow = 0;
  const goesOn = () => sold < plan.seats.length && refusedInARow < REFUSED_IN_A_ROW;
  while (goesOn()) {
    const phase = sold < limit ? outcome.filling : outcome.last;
    const startedAt = performance.now();
    const end = asked + SEARCH_EVERY;
    for (; asked < end && goesOn(); asked += 1) {
      const proposal = index.propose({ poolId: POOL, quantity: next() });
      phase.asked += 1;
      refusedInARow = proposal ? 0 : refusedInARow + 1;
      if (!proposal) phase.refused += 1;
      else {
        if (proposal.leavesOrphan) phase.orphans += 1;
        const isKept = asked % GIVES_BACK_EVERY !== 0;
        if (isKept) sold += sell(index, isSold, proposal.seats);
        index.settle(proposal.seats);
      }
    }
    phase.seconds += (performance.now() - startedAt) / 1_000;
    compare(index, search, next(), phase);
  }
  if (isSold.reduce((sum, one) => sum + one, 0) !== sold)
    throw new Error('the books do not add up');
  return outcome;
}

function sell(index: FreeSeats, isSold: Uint8Array, seats: readonly number[]): number {
  for (const seatNo of seats) {
    if (isSold[seatNo] !== 0) throw new Error(`seat ${seatNo} was proposed although it was sold`);
    isSold[seatNo] = 1;
    index.setFree(seatNo, false);
  }
  return seats.length;
}

/** Asks both the same question. */
function compare(
  index: FreeSeats,
  search: (quantity: number) => readonly number[] | null,
  quantity: number,
  phase: Phase,
): void {
  const startedAt = performance.now();
  const found = search(quantity);
  phase.searchSeconds += (performance.now() - startedAt) / 1_000;
  phase.searched += 1;
  const proposal = index.propose({ poolId: POOL, quantity });
  if (proposal) index.settle(proposal.seats);
  if (proposal?.seats.join() !== found?.join()) {
    throw new Error(`a party of ${quantity}: proposed ${proposal?.seats}, the best is ${found}`);
  }
}

const emptyPhase = (): Phase => ({
  asked: 0,
  seconds: 0,
  refused: 0,
  orphans: 0,
  searched: 0,
  searchSeconds: 0,
});

/** The same sizes in every round: a small generator with a seed (Numerical Recipes' constants). */
function sizesOf({ sizes }: Mix): () => number {
  let state = SEED;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return sizes[Math.floor((state / 2 ** 32) * sizes.length)] ?? 1;
  };
}
