import { assert, ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import type { HoldItem } from './hold-places.ts';
import { noteHeld, type SeatBoard } from './seat-board.ts';

/** Seats for the lines of one request. */
export type Choice = {
  /** One for each place of every line, null for a place that is only counted. */
  readonly seatNos: readonly (number | null)[];
  /** The same, null also for a seat that memory has proposed. */
  readonly named: readonly (number | null)[];
  /** Those that memory has proposed; they are marked until `settle`. */
  readonly proposed: readonly number[];
  /** The database has to search itself: memory knows of no seats that would do. */
  readonly mustSearch: boolean;
  /** Lifts the marks. `held`: the seats are gone, to us or to somebody else. */
  readonly settle: (held: readonly (number | null)[]) => void;
};

/** Seats as they are named, and the best for those lines that leave the choice to us. */
export async function chooseSeats(
  board: SeatBoard | null,
  items: readonly HoldItem[],
): Promise<Result<Choice, RefusalOf<'unknown_seat'>>> {
  const seatNos: (number | null)[] = [];
  const named: (number | null)[] = [];
  const proposed: number[] = [];
  let mustSearch = false;
  for (const [line, item] of items.entries()) {
    const poolId = item.best && board ? await board.poolOf(item.ticketTypeId) : null;
    if (item.seatIds) {
      const chosen = item.seatIds.map((key) => board?.numbers.get(key));
      const unknown = chosen.indexOf(undefined);
      if (unknown >= 0) {
        free(board, proposed);
        const path = `items.${line}.seatIds.${unknown}`;
        const message = 'is not a seat of this event';
        return refused('unknown_seat', { issues: [{ path, code: 'unknown_seat', message }] });
      }
      seatNos.push(...chosen.map((seatNo) => present(seatNo, 'seat')));
      named.push(...seatNos.slice(named.length));
      continue;
    }
    const party = poolId && { poolId, quantity: item.quantity, ...item.best };
    const block = party ? present(board, 'board').free.propose(party) : null;
    if (block) proposed.push(...block.seats);
    else if (item.best) mustSearch = true;
    const unnamed = Array.from({ length: item.quantity }, () => null);
    seatNos.push(...(block?.seats ?? unnamed));
    named.push(...unnamed);
  }
  // Memory knows of no line but the one that it proposes for: it may have chosen a seat that
  // another line of this request names.
  return ok({
    seatNos,
    named,
    proposed,
    mustSearch: mustSearch || hasTwice(seatNos),
    settle: (held) => {
      if (board) settle(board, proposed, held);
    },
  });
}

function hasTwice(seatNos: readonly (number | null)[]): boolean {
  const seats = seatNos.filter((seatNo) => seatNo !== null);
  return new Set(seats).size < seats.length;
}

function free(board: SeatBoard | null, proposed: readonly number[]): void {
  if (proposed.length > 0) present(board, 'the board that proposed').free.settle(proposed);
}

function settle(
  board: SeatBoard,
  proposed: readonly number[],
  held: readonly (number | null)[],
): void {
  noteHeld(board, held);
  free(board, proposed);
}

/** What seats are called, of an event that has some. */
export function seatNames(board: SeatBoard | null): (seatNos: readonly number[]) => string[] {
  return (seatNos) => {
    assert(board !== null, 'a hold has seats, its event has none');
    return seatNos.map((seatNo) => present(board.keys[seatNo], `seat ${seatNo}`));
  };
}
