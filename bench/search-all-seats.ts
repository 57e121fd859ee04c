/** What the index saves: the best block by looking at every seat, over flat arrays. */
import type { SeatPlan } from '../server/modules/venues/seat-plan.ts';

/**
 * Searches a plan of one pool by the rule of best-available.ts. `isTaken` is by seat number and
 * read at each search; seats follow each other in the plan as they do in their rows.
 */
export function searchAll(
  { seats }: SeatPlan,
  isTaken: Uint8Array,
): (quantity: number) => readonly number[] | null {
  const distances = Float64Array.from(seats, (seat) => seat.distance);
  /** Whether the seat and the one before it in the plan are neighbours. */
  const goesOn = Uint8Array.from(seats, (seat, seatNo) => {
    const before = seats[seatNo - 1];
    return before?.row === seat.row && before.place + 1 === seat.place ? 1 : 0;
  });
  return (quantity) => {
    let best = -1;
    let bestSum = Infinity;
    let bestOrphan = true;
    for (let first = 0; first < seats.length; ) {
      let end = first;
      while (end < seats.length && isTaken[end] === 0 && (end === first || goesOn[end] === 1))
        end += 1;
      const last = end - quantity;
      const isOrphan = last - first === 1;
      for (let at = first; at <= last && (bestOrphan || !isOrphan); at += 1) {
        if (!isOrphan && (at === first + 1 || at === last - 1)) continue;
        let sum = 0;
        for (let seat = at; seat < at + quantity; seat += 1) sum += distances[seat] ?? 0;
        if (sum >= bestSum && isOrphan === bestOrphan) continue;
        best = at;
        bestSum = sum;
        bestOrphan = isOrphan;
      }
      first = Math.max(end, first + 1);
    }
    return best < 0 ? null : Array.from({ length: quantity }, (_, index) => best + index);
  };
}
