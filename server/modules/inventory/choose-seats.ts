import type { TicketTypeId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import type { SeatedType } from './availability.sql.ts';
import type { HoldRefusal, HoldVerdict } from './hold-answer.ts';
import type { Search } from './hold-kinds.ts';
import type { HoldItem } from './hold-places.ts';
import { noteHeld, type SeatBoard } from './seat-board.ts';

/** Seats for the lines of one request. */
type Choice = {
  /** One for each place of every line, null for a place that is only counted. */
  readonly seatNos: readonly (number | null)[];
  /** The same, null also for a seat that memory has proposed. */
  readonly named: readonly (number | null)[];
  /** One for each line: what it names, or whose seats memory has proposed. */
  readonly ticketTypeIds: readonly TicketTypeId[];
  /** What a place of each line may cost; not given where all lines name their ticket types. */
  readonly dearestMinor?: readonly (number | null)[];
  /** Where the database has to search itself: memory knows of no seats that would do. */
  readonly search: Search | null;
};

type Chosen = Choice & {
  /** Those that memory has proposed; they are marked until `settle`. */
  readonly proposed: readonly number[];
  /** Lifts the marks. `held`: the seats are gone, to us or to somebody else. */
  readonly settle: (held: readonly (number | null)[]) => void;
};

/** So often seats are proposed that turn out to be gone; then the database searches itself. */
const PROPOSALS_MAX = 4;

/** What refuses a ticket type, of which memory knows what it was some seconds ago. */
const OF_A_TYPE: ReadonlySet<string> = new Set<HoldRefusal['code']>([
  'unknown_ticket_type',
  'code_required',
  'sale_not_open',
  'sale_closed',
  'below_order_minimum',
  'above_order_maximum',
  'sold_out',
]);

/**
 * Asks for what these lines name, and for the best seats where the choice is ours: those that
 * memory proposes, then the next best where somebody else was faster, at last, with `search`, those
 * that the database finds. Where the choice of the ticket type is ours too, nothing is refused for
 * its sake before the database has looked at all of them.
 */
export async function askWithSeats(
  board: SeatBoard | null,
  items: readonly HoldItem[],
  ask: (choice: Choice) => Promise<Result<HoldVerdict, HoldRefusal>>,
): Promise<Result<HoldVerdict, HoldRefusal>> {
  const choosesType = items.some((item) => item.ticketTypeId === null);
  for (let left = PROPOSALS_MAX; ; left--) {
    const chosen = await chooseSeats(board, items);
    if (!chosen.ok) return chosen;
    const { seatNos, proposed, settle } = chosen.value;
    if (chosen.value.search || left <= 0) {
      settle([]);
      return ask({ ...chosen.value, search: searchOf(items) });
    }
    let gone: readonly (number | null)[] = [];
    try {
      const asked = await ask(chosen.value);
      if (!asked.ok) return asked;
      const { verdict } = asked.value;
      if (verdict === 'granted') gone = seatNos;
      if (verdict === 'seat_taken') gone = asked.value.seatNos ?? [];
      const wasOurs = gone.some((seatNo) => seatNo !== null && proposed.includes(seatNo));
      if (choosesType && OF_A_TYPE.has(verdict)) left = 0;
      else if (verdict !== 'seat_taken' || !wasOurs) return asked;
    } finally {
      settle(gone);
    }
  }
}

function searchOf(items: readonly HoldItem[]): Search {
  return {
    ticketTypeIds: items.map((item) => item.ticketTypeId),
    best: items.map((item) => item.best !== undefined),
    sections: items.map((item) => item.best?.section ?? null),
    accessible: items.map((item) => item.best?.accessible ?? null),
    prices: items.map((item) => item.best?.price ?? null),
  };
}

/** Seats as they are named, and the best for those lines that leave the choice to us. */
async function chooseSeats(
  board: SeatBoard | null,
  items: readonly HoldItem[],
): Promise<Result<Chosen, RefusalOf<'unknown_seat'>>> {
  const types = board && items.some((item) => item.best) ? await board.types() : null;
  const seatNos: (number | null)[] = [];
  const named: (number | null)[] = [];
  const proposed: number[] = [];
  const given = items.map((item) => item.ticketTypeId);
  let mustSearch = false;
  for (const [line, item] of items.entries()) {
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
    const found = board && types ? propose(board, typesFor(item, types, given), item) : null;
    if (found) proposed.push(...found.seats);
    else if (item.best) mustSearch ||= needsSeats(board, item);
    given[line] = found?.ticketTypeId ?? item.ticketTypeId;
    const unnamed = Array.from({ length: item.quantity }, () => null);
    seatNos.push(...(found?.seats ?? unnamed));
    named.push(...unnamed);
  }
  // Memory knows of no line but the one that it proposes for: it may have chosen a seat that
  // another line of this request names.
  const search = mustSearch || hasTwice(seatNos) ? searchOf(items) : null;
  const choosesType = items.some((item) => item.ticketTypeId === null);
  return ok({
    seatNos,
    named,
    ...(choosesType
      ? { dearestMinor: items.map(({ best }) => best?.price?.maxMinor ?? null) }
      : {}),
    ticketTypeIds: given.filter((ticketTypeId) => ticketTypeId !== null),
    proposed,
    search,
    settle: (held) => {
      if (board) settle(board, proposed, held);
    },
  });
}

/** An event without seats gives counted places to whoever asks for the best of them. */
function needsSeats(board: SeatBoard | null, { ticketTypeId, best }: HoldItem): boolean {
  return board !== null || ticketTypeId === null || best?.accessible !== undefined;
}

/** The ticket types that a line may be given, the cheapest first; none of another line. */
function typesFor(
  { ticketTypeId, quantity, best }: HoldItem,
  types: ReadonlyMap<TicketTypeId, SeatedType>,
  given: readonly (TicketTypeId | null)[],
): readonly SeatedType[] {
  if (!best) return [];
  const named = ticketTypeId && types.get(ticketTypeId);
  if (ticketTypeId !== null) return named ? [named] : [];
  const { minMinor, maxMinor, currency } = present(best.price, 'a price where no type is named');
  return [...types.values()].filter(
    (type) =>
      type.isOffered &&
      type.currency === currency &&
      type.priceMinor >= (minMinor ?? 0) &&
      type.priceMinor <= maxMinor &&
      type.minPerOrder <= quantity &&
      type.maxPerOrder >= quantity &&
      !given.includes(type.ticketTypeId),
  );
}

/** The best block of them that memory knows of. */
function propose(board: SeatBoard, types: readonly SeatedType[], { quantity, best }: HoldItem) {
  const { section, accessible } = best ?? {};
  const more = {
    ...(section === undefined ? {} : { section }),
    ...(accessible === undefined ? {} : { accessible }),
  };
  const parties = types.map(({ poolId }) => ({ poolId, quantity, ...more }));
  const found = board.free.proposeAmong(parties);
  if (!found) return null;
  const { ticketTypeId } = present(types[found.party], 'the ticket type of a proposal');
  return { seats: found.proposal.seats, ticketTypeId };
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
