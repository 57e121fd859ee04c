import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import type { HoldRefusal, HoldVerdict } from './hold-answer.ts';
import type { HoldItem } from './hold-places.ts';
import { noteHeld, type SeatBoard } from './seat-board.ts';

/** Seats for the lines of one request. */
type Choice = {
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

/** So often seats are proposed that turn out to be gone; then the database searches itself. */
const PROPOSALS_MAX = 4;

/**
 * Asks for what these lines name, and for the best seats where the choice is ours: those that
 * memory proposes, then the next best where somebody else was faster, at last, with `mustSearch`,
 * those that the database finds.
 */
export async function askWithSeats(
  board: SeatBoard | null,
  items: readonly HoldItem[],
  ask: (choice: Choice) => Promise<Result<HoldVerdict, HoldRefusal>>,
): Promise<Result<HoldVerdict, HoldRefusal>> {
  for (let attempt = 1; ; attempt++) {
    const chosen = await chooseSeats(board, items);
    if (!chosen.ok) return chosen;
    const { seatNos, proposed, settle } = chosen.value;
    if (chosen.value.mustSearch || attempt > PROPOSALS_MAX) {
      settle([]);
      return ask({ ...chosen.value, mustSearch: true });
    }
    let gone: readonly (number | null)[] = [];
    try {
      const asked = await ask(chosen.value);
      if (!asked.ok) return asked;
      const { verdict } = asked.value;
      if (verdict === 'granted') gone = seatNos;
      if (verdict === 'seat_taken') gone = asked.value.seatNos ?? [];
      const wasOurs = gone.some((seatNo) => seatNo !== null && proposed.includes(seatNo));
      if (verdict !== 'seat_taken' || !wasOurs) return asked;
    } finally {
      settle(gone);
    }
  }
}

/** Seats as they are named, and the best for those lines that leave the choice to us. */
async function chooseSeats(
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
    else if (item.best && board) mustSearch = true;
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
