/**
 * The free seats of one event in memory, and the best block of them for a party (best-available.ts
 * is the rule). One process keeps one for each event that it sells seats of.
 *
 * It proposes; it decides nothing. The seats of a proposal are marked as tentative, so that parties
 * whose proposals are decided together get different seats. Whoever decides (SQL, under the event's
 * lock) tells the outcome: `setFree` for the true state, `settle` to lift the marks. What is wrong
 * here costs a second proposal, never a seat sold twice.
 *
 * A proposal looks at the stretches that changed since the last one of its size, and at one path
 * through a tournament: it does not depend on the number of seats. A party that needs accessible
 * seats is looked for in all stretches that have some: few.
 *
 * Whoever does not ask for special seats is proposed plain neighbours only. That there are not
 * enough plain seats any more is decided under the lock: here it might only seem so.
 */
import { assert, present } from '../../kernel/result.ts';
import {
  type Block,
  bestAccessible,
  bestOfStretch,
  better,
  Ranking,
  type Seating,
  type Stretch,
} from './best-available.ts';
import type { PlannedSeat, SeatPlan } from './seat-plan.ts';

export type Party = {
  readonly poolId: string;
  /** Seats side by side, 1 or more. */
  readonly quantity: number;
  /** Only there, when given. */
  readonly section?: string;
  /** How many of the seats have to be accessible, 1 or more; not given where nobody needs one. */
  readonly accessible?: number;
};

export type Proposal = {
  /** Their numbers in the plan, ascending. */
  readonly seats: readonly number[];
  /** That somebody's neighbour is left alone; every other choice would have done the same. */
  readonly leavesOrphan: boolean;
};

/**
 * Sizes up to here keep a ranking each, at 100 bytes or so a stretch. Larger groups are rare, and
 * are looked for in all of the pool's stretches that are long enough: exact too, in milliseconds.
 */
const RANKED_QUANTITY_MAX = 12;

const TAKEN = 1;
const TENTATIVE = 2;

type Range = { readonly first: number; end: number };

type Pool = {
  /** Of plain seats; in the order of section, row and place, so that a section's are together. */
  readonly stretches: Stretch[];
  readonly sections: Map<string, Range>;
  /** By size of party; made when a party of that size first asks. */
  readonly rankings: (Ranking | undefined)[];
  /** Stretches of any seats, those that have accessible ones. */
  readonly withAccessible: (Stretch & { readonly section: string })[];
};

const newPool = (): Pool => ({
  stretches: [],
  sections: new Map(),
  rankings: [],
  withAccessible: [],
});

/** The stretch of a seat that is in none: only plain seats are. */
const NO_STRETCH = -1;

export class FreeSeats {
  /** Positions number the seats so that neighbours of one pool follow each other. */
  readonly #seatAt: Int32Array;
  readonly #positionOf: Int32Array;
  readonly #seating: Seating;
  readonly #pools = new Map<string, Pool>();
  /** By position: the pool, and the number of its stretch of plain seats. */
  readonly #poolAt: Pool[] = [];
  readonly #stretchAt: Int32Array;

  /** All seats are free until something else is said. */
  constructor({ seats }: SeatPlan) {
    this.#seatAt = Int32Array.from(seats.keys()).sort((a, b) =>
      inOrder(present(seats[a], 'seat'), present(seats[b], 'seat')),
    );
    this.#positionOf = new Int32Array(seats.length);
    this.#stretchAt = new Int32Array(seats.length).fill(NO_STRETCH);
    const distances = new Float64Array(seats.length);
    const inPlace = Array.from(this.#seatAt, (seatNo) => present(seats[seatNo], 'seat'));
    const specials = inPlace.map(({ special = null }) => special);
    this.#seating = { marks: new Uint8Array(seats.length), distances, specials };
    let first = 0;
    for (const [position, seat] of inPlace.entries()) {
      const before = inPlace[position - 1];
      const isNeighbour = before !== undefined && areNeighbours(before, seat);
      if (!isNeighbour) first = position;
      distances[position] = seat.distance;
      this.#positionOf[present(this.#seatAt[position], 'seat')] = position;
      this.#place(seat, position, isNeighbour && !before.special);
      const next = inPlace[position + 1];
      if (next && areNeighbours(seat, next)) continue;
      if (!specials.slice(first, position + 1).includes('accessible')) continue;
      const { section, row, place } = present(inPlace[first], 'seat');
      const stretch = { section, row, place, first, end: position + 1 };
      this.#poolAt[position]?.withAccessible.push(stretch);
    }
  }

  /** Says whether somebody could have the seat; a tentative mark stays as it is. */
  setFree(seatNo: number, isFree: boolean): void {
    this.#mark(seatNo, TAKEN, !isFree);
  }

  /**
   * The best block for a party, marked as tentative; null when the pool, or that section of it, has
   * no such block among the seats that are free and not tentative.
   */
  propose(party: Party): Proposal | null {
    return this.proposeAmong([party])?.proposal ?? null;
  }

  /** The best block of all that these parties would get, and for which; only that one is marked. */
  proposeAmong(parties: readonly Party[]): { proposal: Proposal; party: number } | null {
    let best: Block | null = null;
    let party = 0;
    for (const [i, one] of parties.entries()) {
      const block = this.#bestFor(one);
      // Of the same block for two of them, the first has it.
      if (!block || better(best, block) === best) continue;
      best = block;
      party = i;
    }
    if (!best) return null;
    const seats = [...this.#seatAt.subarray(best.first, best.first + best.quantity)];
    for (const seatNo of seats) this.#mark(seatNo, TENTATIVE, true);
    const { leavesOrphan } = best;
    return { proposal: { seats: seats.sort((a, b) => a - b), leavesOrphan }, party };
  }

  /** Lifts the marks of a proposal, once. Before or after it, `setFree` says what became of it. */
  settle(seats: readonly number[]): void {
    for (const seatNo of seats) {
      assert(this.#marksOf(seatNo) & TENTATIVE, `seat ${seatNo} was not proposed to anybody`);
      this.#mark(seatNo, TENTATIVE, false);
    }
  }

  #bestFor({ poolId, quantity, section, accessible }: Party): Block | null {
    assert(Number.isInteger(quantity) && quantity > 0, `a party of ${quantity}`);
    const pool = this.#pools.get(poolId);
    if (!pool) return null;
    if (accessible !== undefined) {
      let best: Block | null = null;
      for (const stretch of pool.withAccessible) {
        if (section !== undefined && stretch.section !== section) continue;
        best = better(best, bestAccessible(this.#seating, stretch, quantity, accessible));
      }
      return best;
    }
    const whole = { first: 0, end: pool.stretches.length };
    const range = section === undefined ? whole : pool.sections.get(section);
    return range ? this.#best(pool, range, quantity) : null;
  }

  #best(pool: Pool, { first, end }: Range, quantity: number): Block | null {
    const { stretches, rankings } = pool;
    const bestOf = (stretchNo: number) =>
      bestOfStretch(this.#seating, present(stretches[stretchNo], 'stretch'), quantity);
    if (quantity > RANKED_QUANTITY_MAX) {
      let best: Block | null = null;
      for (let each = first; each < end; each += 1) best = better(best, bestOf(each));
      return best;
    }
    const ranking = rankings[quantity] ?? new Ranking(stretches.length, bestOf);
    rankings[quantity] = ranking;
    return ranking.best(first, end);
  }

  #marksOf(seatNo: number): number {
    const position = present(this.#positionOf[seatNo], `seat ${seatNo}`);
    return this.#seating.marks[position] ?? 0;
  }

  #mark(seatNo: number, mark: number, isSet: boolean): void {
    const before = this.#marksOf(seatNo);
    const after = isSet ? before | mark : before & ~mark;
    const position = present(this.#positionOf[seatNo], `seat ${seatNo}`);
    this.#seating.marks[position] = after;
    if ((before === 0) === (after === 0)) return;
    const stretchNo = present(this.#stretchAt[position], 'stretch');
    if (stretchNo === NO_STRETCH) return;
    for (const ranking of this.#poolAt[position]?.rankings ?? []) ranking?.markStale(stretchNo);
  }

  /** Puts the seat at the next position; a plain one into a stretch, the open one or a new one. */
  #place(seat: PlannedSeat, position: number, isOpen: boolean): void {
    const { poolId, section, row, place } = seat;
    const pool = this.#pools.get(poolId) ?? newPool();
    this.#pools.set(poolId, pool);
    this.#poolAt.push(pool);
    if (seat.special) return;
    const { stretches } = pool;
    const open = isOpen ? stretches.pop() : undefined;
    stretches.push({ first: position, row, place, ...open, end: position + 1 });
    this.#stretchAt[position] = stretches.length - 1;
    const range = pool.sections.get(section) ?? { first: stretches.length - 1, end: 0 };
    range.end = stretches.length;
    pool.sections.set(section, range);
  }
}

function inOrder(a: PlannedSeat, b: PlannedSeat): number {
  if (a.poolId !== b.poolId) return a.poolId < b.poolId ? -1 : 1;
  if (a.section !== b.section) return a.section < b.section ? -1 : 1;
  return a.row - b.row || a.place - b.place;
}

function areNeighbours(a: PlannedSeat, b: PlannedSeat): boolean {
  return a.poolId === b.poolId && a.row === b.row && b.place === a.place + 1;
}
