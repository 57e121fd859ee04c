/**
 * Other seats for parties that lose theirs. This proposes: whoever asks decides, and shows it to
 * the people concerned before anything is changed.
 *
 * A party gets as many seats of each category as it had, in one block: neighbours in one row. Of
 * all blocks the best is
 * 1. one that leaves no orphan (a free seat alone between it and an end of its run) before one that
 *    does,
 * 2. then the one whose mean distance differs least from that of the party's old seats,
 * 3. then the lowest row, then the lowest place.
 *
 * Where no block is left, the party sits in as few as possible: the longest runs whole, and the
 * rest by the rule above. A party whose categories do not have seats enough gets none.
 *
 * Larger parties come first, since blocks for them are rare, then those who sat nearer, then the
 * lower id.
 */
import { assert, present } from '../../kernel/result.ts';

export type OldSeat = { readonly category: string; readonly distance: number };

export type FreeSeat = {
  readonly seatNo: number;
  readonly category: string;
  /** Two sections never share one. */
  readonly row: number;
  readonly place: number;
  readonly distance: number;
};

/** An order, or whoever else wants to sit together. */
export type UnseatedParty = { readonly id: string; readonly seats: readonly OldSeat[] };

export type SeatsProposed = {
  readonly id: string;
  /** In the order of the party's old seats, one for each; empty where there is a reason. */
  readonly seatNos: readonly number[];
  /** Groups of neighbours that the party sits in; a party of two categories has two at least. */
  readonly blocks: number;
  readonly reason: Shortage | null;
};

export type Shortage = {
  readonly code: 'not_enough_seats';
  readonly category: string;
  readonly wanted: number;
  readonly left: number;
};

/** Positions in a stock's arrays, `end` excluded: free neighbours all. */
type Run = { readonly first: number; readonly end: number };

/** The free seats of one category, in the order of rows and places. */
type Stock = {
  readonly seats: readonly FreeSeat[];
  /** Of the distances of all seats before each position. */
  readonly sums: Float64Array;
  readonly runs: Run[];
  left: number;
};

/** In the order of the parties. */
export function proposeSeats(
  parties: readonly UnseatedParty[],
  free: readonly FreeSeat[],
): SeatsProposed[] {
  const stocks = stocksOf(free);
  const order = parties
    .map((party, i) => ({ party, i, mean: meanOf(party.seats) }))
    .sort(
      (a, b) =>
        b.party.seats.length - a.party.seats.length ||
        a.mean - b.mean ||
        (a.party.id < b.party.id ? -1 : a.party.id > b.party.id ? 1 : a.i - b.i),
    );
  const proposed: SeatsProposed[] = new Array(parties.length);
  for (const { party, i } of order) proposed[i] = seatParty(party, stocks);
  return proposed;
}

function meanOf(seats: readonly { readonly distance: number }[]): number {
  const sum = seats.reduce((total, { distance }) => total + distance, 0);
  return seats.length > 0 ? sum / seats.length : 0;
}

function stocksOf(free: readonly FreeSeat[]): Map<string, Stock> {
  const byCategory = new Map<string, FreeSeat[]>();
  for (const seat of free) {
    const those = byCategory.get(seat.category);
    if (those) those.push(seat);
    else byCategory.set(seat.category, [seat]);
  }
  return new Map([...byCategory].map(([category, seats]) => [category, stockOf(seats)]));
}

function stockOf(unsorted: readonly FreeSeat[]): Stock {
  const seats = [...unsorted].sort((a, b) => a.row - b.row || a.place - b.place);
  const sums = new Float64Array(seats.length + 1);
  const runs: Run[] = [];
  let first = 0;
  for (const [i, seat] of seats.entries()) {
    const next = seats[i + 1];
    const isNeighbour = next?.row === seat.row && next.place <= seat.place + 1;
    assert(!isNeighbour || next.place > seat.place, `seat ${seat.seatNo} is free twice`);
    assert(Number.isFinite(seat.distance), `seat ${seat.seatNo} is nowhere`);
    sums[i + 1] = (sums[i] ?? 0) + seat.distance;
    if (isNeighbour) continue;
    runs.push({ first, end: i + 1 });
    first = i + 1;
  }
  return { seats, sums, runs, left: seats.length };
}

function seatParty(
  { id, seats }: UnseatedParty,
  stocks: ReadonlyMap<string, Stock>,
): SeatsProposed {
  const wanted = new Map<string, { readonly indexes: number[]; readonly old: OldSeat[] }>();
  for (const [i, seat] of seats.entries()) {
    const group = wanted.get(seat.category) ?? { indexes: [], old: [] };
    wanted.set(seat.category, group);
    group.indexes.push(i);
    group.old.push(seat);
  }
  // Before any seat is taken: who cannot be seated whole takes no seat from others.
  for (const [category, { indexes }] of wanted) {
    const left = stocks.get(category)?.left ?? 0;
    if (left >= indexes.length) continue;
    const reason = { code: 'not_enough_seats', category, wanted: indexes.length, left } as const;
    return { id, seatNos: [], blocks: 0, reason };
  }
  const seatNos: number[] = new Array(seats.length);
  let blocks = 0;
  for (const [category, { indexes, old }] of wanted) {
    const found = seatGroup(present(stocks.get(category), category), old.length, meanOf(old));
    blocks += found.blocks;
    for (const [k, i] of indexes.entries()) seatNos[i] = present(found.seatNos[k], 'seat');
  }
  return { id, seatNos, blocks, reason: null };
}

function seatGroup(stock: Stock, quantity: number, mean: number) {
  const seatNos: number[] = [];
  let blocks = 0;
  while (seatNos.length < quantity) {
    const rest = quantity - seatNos.length;
    const size = Math.min(rest, longest(stock));
    const { runNo, first } = bestBlock(stock, size, mean);
    for (const { seatNo } of stock.seats.slice(first, first + size)) seatNos.push(seatNo);
    take(stock, runNo, first, size);
    blocks += 1;
  }
  return { seatNos, blocks };
}

const longest = ({ runs }: Stock): number =>
  runs.reduce((most, { first, end }) => Math.max(most, end - first), 0);

/** The run that the best block of that size is in, and its first position; there is one. */
function bestBlock({ runs, sums }: Stock, size: number, mean: number) {
  let best = { runNo: -1, first: -1 };
  let bestOff = Number.POSITIVE_INFINITY;
  let bestLeavesOrphan = true;
  for (let runNo = 0; runNo < runs.length; runNo += 1) {
    const { first, end } = present(runs[runNo], 'run');
    for (let at = first; at + size <= end; at += 1) {
      const leavesOrphan = at - first === 1 || end - at - size === 1;
      if (leavesOrphan && !bestLeavesOrphan) continue;
      const off = Math.abs(((sums[at + size] ?? 0) - (sums[at] ?? 0)) / size - mean);
      // Of equals, the first one stays: positions are in the order of rows and places.
      if (leavesOrphan === bestLeavesOrphan && off >= bestOff) continue;
      best = { runNo, first: at };
      [bestOff, bestLeavesOrphan] = [off, leavesOrphan];
    }
  }
  return best;
}

function take(stock: Stock, runNo: number, first: number, size: number): void {
  const run = present(stock.runs[runNo], 'run');
  const rest = [
    { first: run.first, end: first },
    { first: first + size, end: run.end },
  ];
  stock.runs.splice(runNo, 1, ...rest.filter((one) => one.end > one.first));
  stock.left -= size;
}
