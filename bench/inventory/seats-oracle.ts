/**
 * What a party could have had: exact, by looking at every run of free seats. It knows nothing of
 * how an engine searches; it only judges what came out.
 */
export type Seat = { readonly row: number; readonly seat: number };
export type Grid = { readonly rows: number; readonly seatsPerRow: number };

/** True where the seat is free, by row. */
export type FreeSeats = readonly boolean[][];

export type Verdict =
  | 'adjacent'
  | 'split, rightly'
  | 'split, though a run was free'
  | 'left an orphan, though it need not'
  | 'refused, rightly'
  | 'refused, though a run was free'
  | 'refused, though seats were free';

export function allFree({ rows, seatsPerRow }: Grid): boolean[][] {
  return Array.from({ length: rows }, () => new Array<boolean>(seatsPerRow).fill(true));
}

export const freeIn = (free: FreeSeats): number =>
  free.reduce((sum, row) => sum + row.filter(Boolean).length, 0);

/** Lengths of the runs of free seats in a row. */
function runsOf(row: readonly boolean[]): number[] {
  const runs: number[] = [];
  let length = 0;
  for (const isFree of [...row, false]) {
    if (isFree) length += 1;
    else if (length > 0) {
      runs.push(length);
      length = 0;
    }
  }
  return runs;
}

/** A single seat with nobody to sit beside is what nobody buys. */
function fitsWithoutOrphan(run: number, size: number): boolean {
  for (let left = 0; left + size <= run; left += 1) {
    if (left !== 1 && run - left - size !== 1) return true;
  }
  return false;
}

function isAdjacent(seats: readonly Seat[]): boolean {
  const [first] = seats;
  const sorted = seats.map(({ seat }) => seat).sort((a, b) => a - b);
  const isRow = seats.every(({ row }) => row === first?.row);
  return isRow && sorted.every((seat, i) => seat === (sorted[0] ?? 0) + i);
}

/** `free` is as it was before the party came. */
export function judge(free: FreeSeats, size: number, seats: readonly Seat[] | null): Verdict {
  const runs = free.flatMap(runsOf);
  const couldSit = runs.some((run) => run >= size);
  if (seats === null) {
    if (couldSit) return 'refused, though a run was free';
    return freeIn(free) >= size ? 'refused, though seats were free' : 'refused, rightly';
  }
  if (!isAdjacent(seats)) return couldSit ? 'split, though a run was free' : 'split, rightly';
  const leftOrphan = orphanBeside(free, seats);
  const couldAvoid = runs.some((run) => fitsWithoutOrphan(run, size));
  return leftOrphan && couldAvoid ? 'left an orphan, though it need not' : 'adjacent';
}

/** Whether a party that sits together leaves a single free seat at one of its ends. */
function orphanBeside(free: FreeSeats, seats: readonly Seat[]): boolean {
  const row = free[seats[0]?.row ?? -1] ?? [];
  const numbers = seats.map(({ seat }) => seat);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const isSingle = (at: number, beyond: number) => row[at] === true && row[beyond] !== true;
  return isSingle(first - 1, first - 2) || isSingle(last + 1, last + 2);
}
