/**
 * The best block of seats by trying every one: the rule of best-available.ts, written in another
 * way, for whoever has to agree with it.
 */
import type { Party, Proposal } from '../../server/modules/venues/free-seats.ts';
import type { PlannedSeat, SeatPlan } from '../../server/modules/venues/seat-plan.ts';

/** `isFree` by seat number. */
export function exactBest(
  { seats }: SeatPlan,
  isFree: (seatNo: number) => boolean,
  { poolId, section, quantity }: Party,
): Proposal | null {
  const free = new Map<string, number>();
  for (const [seatNo, seat] of seats.entries()) {
    if (seat.poolId === poolId && isFree(seatNo)) free.set(keyOf(seat), seatNo);
  }
  const blocks = seats
    .filter((seat) => section === undefined || seat.section === section)
    .flatMap(({ row, place }) => {
      const seatAt = (offset: number) => free.get(keyOf({ row, place: place + offset }));
      const block: number[] = [];
      for (let offset = 0; offset < quantity; offset += 1) {
        const seatNo = seatAt(offset);
        if (seatNo === undefined) return [];
        block.push(seatNo);
      }
      const isAlone = (near: number, far: number) =>
        seatAt(near) !== undefined && seatAt(far) === undefined;
      const leavesOrphan = isAlone(-1, -2) || isAlone(quantity, quantity + 1);
      const sum = block.reduce((total, seatNo) => total + (seats[seatNo]?.distance ?? 0), 0);
      return [{ block, rank: [Number(leavesOrphan), sum, row, place], leavesOrphan }];
    });
  const [best] = blocks.sort((a, b) => compare(a.rank, b.rank));
  if (!best) return null;
  return { seats: best.block.sort((a, b) => a - b), leavesOrphan: best.leavesOrphan };
}

const keyOf = ({ row, place }: Pick<PlannedSeat, 'row' | 'place'>) => `${row}/${place}`;

function compare(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((value, index) => value !== b[index]);
  return differs < 0 ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}
