/**
 * Which seats are the best for a party. This is the rule, for everybody who applies it:
 * `inventory.find_seats` (seats.fn.sql) decides the same in SQL, and tests hold both against one
 * search through all blocks.
 *
 * A party sits on as many seats as it is large, all in one row, each the neighbour of the next
 * (places differ by 1), all in the pool it asked for; it is never split. A **run** is a longest
 * series of free neighbours of one pool: it ends at the end of the row, at an aisle, at a seat that
 * is not free, and at a seat of another pool, since who buys there cannot buy here.
 *
 * A block leaves an **orphan** when exactly one free seat remains between it and an end of its run.
 * Parties of one are no exception: they sit at the end of a run, or two places away from it. Nor is
 * a seat that is single already worth anything: a party of one gets it when it is the nearest.
 *
 * Of all blocks the best is
 * 1. one that leaves no orphan before one that does,
 * 2. then the one whose seats' distances have the smallest sum (added up from the lowest place to
 *    the highest, in double precision),
 * 3. then the lowest row, then the lowest place.
 *
 * So nearness is given up before the orphan rule, the orphan rule before the party is refused, and
 * sitting together never. Of a run, only one that is exactly one seat longer than the party forces
 * an orphan: in a longer one the party can always sit at an end and leave two or more.
 *
 * **Special** seats, accessible and companion ones, are kept for those who need them. A party that
 * does not ask for them gets
 * 1. a block of plain seats, by all of the above as if there were no others: a run ends at a
 *    special seat,
 * 2. where there is none, plain seats apart: the nearest,
 * 3. and only where its pool, or the section that it asked for, has not that many plain seats free,
 *    special ones too: a block of any seats, then any seats apart.
 * The model is 28 CFR 36.302(f)(5): accessible seats are released when all others are gone.
 *
 * A party that needs so many accessible seats gets a block of any seats with at least as many
 * accessible ones among them, or nothing: never seats apart, never other seats. Of all such blocks
 * the best has the fewest accessible seats beyond what is needed, then the fewest plain ones (a
 * companion sits on a companion's seat), and then is the best by the above, where a run is one of
 * any seats.
 *
 * A party that would take any of several pools gets the best of their blocks; each step above is
 * taken in all of them before the next. Of seats apart, those with the smallest sum.
 */
import type { SpecialSeat } from './seat-plan.ts';

/** A block that a party might get. Positions are those of the caller's arrays. */
export type Block = {
  readonly first: number;
  readonly quantity: number;
  readonly leavesOrphan: boolean;
  readonly distanceSum: number;
  readonly row: number;
  /** Of its first seat. */
  readonly place: number;
  /** Accessible seats beyond those that are needed, and plain ones; 0 where none is needed. */
  readonly accessibleBeyond: number;
  readonly plain: number;
};

/** Seats of one pool, neighbours all, free or not: positions `first` to `end`, `end` excluded. */
export type Stretch = {
  readonly first: number;
  readonly end: number;
  readonly row: number;
  /** Of its first seat. */
  readonly place: number;
};

/** By position. A mark other than 0 says that the seat is not free. */
export type Seating = {
  readonly marks: Uint8Array;
  readonly distances: Float64Array;
  readonly specials: readonly (SpecialSeat | null)[];
};

/** Whether `a` is the better block of two different ones. */
function isBetter(a: Block, b: Block): boolean {
  if (a.accessibleBeyond !== b.accessibleBeyond) return a.accessibleBeyond < b.accessibleBeyond;
  if (a.plain !== b.plain) return a.plain < b.plain;
  if (a.leavesOrphan !== b.leavesOrphan) return b.leavesOrphan;
  if (a.distanceSum !== b.distanceSum) return a.distanceSum < b.distanceSum;
  return a.row !== b.row ? a.row < b.row : a.place < b.place;
}

export function better(a: Block | null, b: Block | null): Block | null {
  if (a === null || b === null) return a ?? b;
  return isBetter(b, a) ? b : a;
}

/** The best block of a stretch of plain seats; null when no run in it is long enough. */
export function bestOfStretch(seating: Seating, stretch: Stretch, quantity: number): Block | null {
  return bestOfRuns(seating, stretch, quantity, bestOfRun);
}

/** The best block of a stretch with so many accessible seats, 1 or more; null when it has none. */
export function bestAccessible(
  seating: Seating,
  stretch: Stretch,
  quantity: number,
  accessible: number,
): Block | null {
  return bestOfRuns(seating, stretch, quantity, (...run) => accessibleOfRun(accessible, ...run));
}

function bestOfRuns(
  seating: Seating,
  stretch: Stretch,
  quantity: number,
  bestOf: (...run: Parameters<typeof bestOfRun>) => Block | null,
): Block | null {
  const { marks } = seating;
  let best: Block | null = null;
  let first = stretch.first;
  while (first + quantity <= stretch.end) {
    let end = first;
    while (end < stretch.end && marks[end] === 0) end += 1;
    if (end - first >= quantity)
      best = better(best, bestOf(seating, stretch, first, end, quantity));
    first = end + 1;
  }
  return best;
}

/** The best block of the run from `first` to `end` (excluded), which is long enough. */
function bestOfRun(
  { distances }: Seating,
  stretch: Stretch,
  first: number,
  end: number,
  quantity: number,
): Block {
  const last = end - quantity;
  const leavesOrphan = last - first === 1;
  let bestFirst = first;
  let bestSum = Infinity;
  for (let at = first; at <= last; at += 1) {
    if (!leavesOrphan && (at - first === 1 || last - at === 1)) continue;
    let sum = 0;
    for (let seat = at; seat < at + quantity; seat += 1) sum += distances[seat] ?? 0;
    if (sum < bestSum) {
      bestSum = sum;
      bestFirst = at;
    }
  }
  return {
    first: bestFirst,
    quantity,
    leavesOrphan,
    distanceSum: bestSum,
    row: stretch.row,
    place: stretch.place + bestFirst - stretch.first,
    accessibleBeyond: 0,
    plain: 0,
  };
}

/** The same for a party that needs accessible seats; null where the run has no such block. */
function accessibleOfRun(
  accessible: number,
  { distances, specials }: Seating,
  stretch: Stretch,
  first: number,
  end: number,
  quantity: number,
): Block | null {
  const last = end - quantity;
  let best: Block | null = null;
  for (let at = first; at <= last; at += 1) {
    const seats = specials.slice(at, at + quantity);
    const found = seats.filter((special) => special === 'accessible').length;
    if (found < accessible) continue;
    best = better(best, {
      first: at,
      quantity,
      leavesOrphan: at - first === 1 || last - at === 1,
      distanceSum: distances.subarray(at, at + quantity).reduce((sum, each) => sum + each, 0),
      row: stretch.row,
      place: stretch.place + at - stretch.first,
      accessibleBeyond: found - accessible,
      plain: seats.filter((special) => special === null).length,
    });
  }
  return best;
}

/**
 * The best blocks of many stretches for one size of party, kept as a tournament: each stretch
 * enters with its best block, each match is won by the better one. When a stretch changes, only its
 * own matches are played again, and only when somebody asks.
 */
export class Ranking {
  readonly #bestOf: (stretchNo: number) => Block | null;
  readonly #size: number;
  /** Match `i` is between the winners of `2i` and `2i + 1`; stretch `s` enters at `size + s`. */
  readonly #winners: (Block | null)[];
  readonly #isStale: Uint8Array;
  #stale: number[] = [];

  /** `bestOf` is asked again for each stretch that was said to be stale. */
  constructor(size: number, bestOf: (stretchNo: number) => Block | null) {
    this.#bestOf = bestOf;
    this.#size = size;
    this.#isStale = new Uint8Array(size);
    this.#winners = new Array<Block | null>(2 * size).fill(null);
    for (let stretchNo = 0; stretchNo < size; stretchNo += 1) {
      this.#winners[size + stretchNo] = bestOf(stretchNo);
    }
    for (let match = size - 1; match > 0; match -= 1) this.#winners[match] = this.#play(match);
  }

  markStale(stretchNo: number): void {
    if (this.#isStale[stretchNo] === 1) return;
    this.#isStale[stretchNo] = 1;
    this.#stale.push(stretchNo);
  }

  /** The best block of the stretches `first` to `end` (excluded). */
  best(first: number, end: number): Block | null {
    for (const stretchNo of this.#stale) this.#renew(stretchNo);
    this.#stale.length = 0;
    let best: Block | null = null;
    let low = first + this.#size;
    let high = end + this.#size;
    while (low < high) {
      if (low % 2 === 1) best = better(best, this.#winner(low++));
      if (high % 2 === 1) best = better(best, this.#winner(--high));
      low >>= 1;
      high >>= 1;
    }
    return best;
  }

  #renew(stretchNo: number): void {
    this.#isStale[stretchNo] = 0;
    this.#winners[this.#size + stretchNo] = this.#bestOf(stretchNo);
    for (let match = (this.#size + stretchNo) >> 1; match > 0; match >>= 1) {
      const winner = this.#play(match);
      // Somebody else won here before and still does: nothing changes further up.
      if (winner === this.#winners[match]) return;
      this.#winners[match] = winner;
    }
  }

  #play(match: number): Block | null {
    return better(this.#winner(2 * match), this.#winner(2 * match + 1));
  }

  #winner(match: number): Block | null {
    return this.#winners[match] ?? null;
  }
}
