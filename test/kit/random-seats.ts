/** Small halls by chance: aisles, rows of several pools, sections whose rows lie apart. */
import fc from 'fast-check';
import type { Party } from '../../server/modules/venues/free-seats.ts';
import {
  type PlannedSeat,
  planSeats,
  type SeatPlan,
} from '../../server/modules/venues/seat-plan.ts';

export const POOLS = ['floor', 'balcony'] as const;
export const SECTIONS = ['left', 'right'] as const;

/** Fractions that no two orders of adding agree on, and whole numbers, which make ties. */
const distance = fc.oneof(
  fc.integer({ min: 0, max: 4 }),
  fc.float({ min: 0, max: 9, noNaN: true }),
);

const row = fc.record({
  section: fc.constantFrom(...SECTIONS),
  /** From here on the other pool. */
  poolChangesAt: fc.nat(24),
  startsIn: fc.constantFrom(...POOLS),
  firstPlace: fc.nat(3),
  /** Far rows differ little in themselves, so that which one is nearer is a close call. */
  behind: fc.constantFrom(0, 10, 12.5, 90),
  seats: fc.array(
    fc.record({ distance, isAfterAisle: fc.nat(15).map((n) => n === 0), special: fc.nat(9) }),
    { minLength: 1, maxLength: 18, size: 'max' },
  ),
  /** So many of ten seats are accessible, as many companions'. */
  specials: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 4),
});

/** In no order that means anything. */
export const seatPlan: fc.Arbitrary<SeatPlan> = fc
  .array(row, { minLength: 1, maxLength: 6, size: 'max' })
  .map((rows) => rows.flatMap(seatsOfRow))
  .chain((seats) => fc.shuffledSubarray(seats, { minLength: seats.length }))
  .map(planSeats);

function seatsOfRow(
  { section, poolChangesAt, startsIn, firstPlace, behind, seats, specials }: RowShape,
  index: number,
): PlannedSeat[] {
  let place = firstPlace;
  return seats.map((seat, at) => {
    if (seat.isAfterAisle) place += 1;
    const changed = startsIn === 'floor' ? 'balcony' : 'floor';
    const poolId = at < poolChangesAt ? startsIn : changed;
    const distance = behind + seat.distance;
    const other = seat.special < 2 * specials ? 'companion' : null;
    const special = seat.special < specials ? 'accessible' : other;
    return { poolId, section, row: 10 + index, place: place++, distance, special };
  });
}

type RowShape = typeof row extends fc.Arbitrary<infer T> ? T : never;

export const party: fc.Arbitrary<Party> = fc
  .record(
    {
      poolId: fc.constantFrom(...POOLS),
      // Beyond 12 no ranking is kept.
      quantity: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 1, max: 6 }) },
        { weight: 1, arbitrary: fc.integer({ min: 7, max: 12 }) },
        { weight: 2, arbitrary: fc.integer({ min: 13, max: 15 }) },
      ),
      section: fc.constantFrom(...SECTIONS),
      accessible: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3),
    },
    { requiredKeys: ['poolId', 'quantity', 'accessible'] },
  )
  .map(({ accessible, ...one }) =>
    accessible === 0 ? one : { ...one, accessible: Math.min(accessible, one.quantity) },
  );
