/**
 * The best seats by trying every block: the rule of best-available.ts, written in another way, for
 * whoever has to agree with it.
 */
import type { Party, Proposal } from '../../server/modules/venues/free-seats.ts';
import type { PlannedSeat, SeatPlan } from '../../server/modules/venues/seat-plan.ts';

type Numbered = PlannedSeat & { readonly seatNo: number };

/** A party that would take seats of any of these pools. */
export type Wish = Omit<Party, 'poolId'> & { readonly poolIds: readonly string[] };

/**
 * The block that may be proposed to a party: with accessible seats where it needs some, of plain
 * ones where it does not. `isFree` by seat number.
 */
export function exactBest(
  plan: SeatPlan,
  isFree: (seatNo: number) => boolean,
  { poolId, ...party }: Party,
): Proposal | null {
  const free = freeFor(plan, isFree, { ...party, poolIds: [poolId] });
  return party.accessible === undefined
    ? bestBlock(free.filter(isPlain), party)
    : bestBlock(free, party);
}

/** The seats that the party gets, ascending; null where there are none for it. */
export function exactSeats(
  plan: SeatPlan,
  isFree: (seatNo: number) => boolean,
  wish: Wish,
): readonly number[] | null {
  const free = freeFor(plan, isFree, wish);
  if (wish.accessible !== undefined) return bestBlock(free, wish)?.seats ?? null;
  const hasEnough = (seats: readonly Numbered[]) =>
    wish.poolIds.some((id) => seats.filter((s) => s.poolId === id).length >= wish.quantity);
  const plain = free.filter(isPlain);
  const seats = hasEnough(plain) ? plain : free;
  if (!hasEnough(seats)) return null;
  return bestBlock(seats, wish)?.seats ?? nearest(seats, wish);
}

const isPlain = (seat: Numbered) => !seat.special;

function freeFor(
  { seats }: SeatPlan,
  isFree: (seatNo: number) => boolean,
  { poolIds, section }: Wish,
): Numbered[] {
  return seats
    .map((seat, seatNo) => ({ ...seat, seatNo }))
    .filter((seat) => isFree(seat.seatNo) && poolIds.includes(seat.poolId))
    .filter((seat) => section === undefined || seat.section === section);
}

type Size = Pick<Party, 'quantity' | 'accessible'>;

/** Of blocks among these seats, as if there were no others. */
function bestBlock(seats: readonly Numbered[], { quantity, accessible }: Size): Proposal | null {
  const there = new Map(seats.map((seat) => [keyOf(seat), seat]));
  const blocks = seats.flatMap((first) => {
    const seatAt = (offset: number) => there.get(keyOf({ ...first, place: first.place + offset }));
    const block = Array.from({ length: quantity }, (_, i) => seatAt(i)).filter(
      (s) => s !== undefined,
    );
    const withNeed = block.filter(({ special }) => special === 'accessible').length;
    if (block.length < quantity || withNeed < (accessible ?? 0)) return [];
    const isAlone = (near: number, far: number) => !!seatAt(near) && !seatAt(far);
    const leavesOrphan = isAlone(-1, -2) || isAlone(quantity, quantity + 1);
    const sum = block.reduce((total, { distance }) => total + distance, 0);
    // How few special seats a party has says nothing where nobody needs one.
    const need = accessible === undefined ? [] : [withNeed, block.filter(isPlain).length];
    const rank = [...need, Number(leavesOrphan), sum, first.row, first.place];
    return [{ seats: block.map(({ seatNo }) => seatNo), rank, leavesOrphan }];
  });
  const [best] = blocks.sort((a, b) => compare(a.rank, b.rank));
  if (!best) return null;
  return { seats: best.seats.sort((a, b) => a - b), leavesOrphan: best.leavesOrphan };
}

/** All of one pool. */
function nearest(seats: readonly Numbered[], { poolIds, quantity }: Wish): number[] | null {
  const groups = poolIds.map((poolId, nth) => {
    const group = seats
      .filter((seat) => seat.poolId === poolId)
      .sort((a, b) => compare([a.distance, a.row, a.place], [b.distance, b.row, b.place]))
      .slice(0, quantity);
    const sum = group.reduce((total, { distance }) => total + distance, 0);
    return { seatNos: group.map(({ seatNo }) => seatNo), rank: [sum, nth] };
  });
  const [best] = groups
    .filter(({ seatNos }) => seatNos.length === quantity)
    .sort((a, b) => compare(a.rank, b.rank));
  return best?.seatNos.sort((a, b) => a - b) ?? null;
}

const keyOf = ({ poolId, row, place }: PlannedSeat) => `${poolId}/${row}/${place}`;

function compare(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((value, index) => value !== b[index]);
  return differs < 0 ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}
