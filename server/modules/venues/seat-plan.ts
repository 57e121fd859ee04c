/**
 * The seats of one event as best-available reads them, and plans made of nothing but counts: rows
 * times places, for organizers who have no drawing of their hall.
 */
import { assert } from '../../kernel/result.ts';

/** Seats that not everybody is given; what is none of these is plain. */
export const SPECIAL_SEATS = ['accessible', 'companion'] as const;
export type SpecialSeat = (typeof SPECIAL_SEATS)[number];

/** One seat. Its number is its index in the plan. */
export type PlannedSeat = {
  readonly poolId: string;
  readonly section: string;
  /** Counted through the whole event: two sections never share one. */
  readonly row: number;
  /** Neighbours differ by exactly 1; an aisle leaves one out. */
  readonly place: number;
  /** To the focal point, 0 or more, in any unit that all seats of the event share. */
  readonly distance: number;
  /** Plain where it is null or not given. */
  readonly special?: SpecialSeat | null;
};

export type SeatPlan = { readonly seats: readonly PlannedSeat[] };

/** More than any hall or stadium has. */
const SEATS_MAX = 250_000;
const INT_MAX = 2 ** 31 - 1;

/**
 * Checks seats and makes a plan of them; throws at the first seat that cannot be in one, by its
 * number. Distances are rounded to the single precision of `inventory.seat.distance`: memory and
 * database must add up the same numbers, or they would disagree about which block is nearer.
 */
export function planSeats(seats: readonly PlannedSeat[]): SeatPlan {
  assert(seats.length <= SEATS_MAX, `a plan has at most ${SEATS_MAX} seats, not ${seats.length}`);
  const sectionOf = new Map<number, string>();
  const placesOf = new Map<number, Set<number>>();
  const planned = seats.map((seat, seatNo) => {
    const { poolId, section, row, place } = seat;
    const distance = Math.fround(seat.distance);
    const refuse = (isFine: boolean, why: string) => assert(isFine, `seat ${seatNo}: ${why}`);
    refuse(poolId !== '', 'has no pool');
    refuse(isCount(row), `row ${row} is not a whole number from 0 to ${INT_MAX}`);
    refuse(isCount(place), `place ${place} is not a whole number from 0 to ${INT_MAX}`);
    refuse(distance >= 0 && distance < Infinity, `distance ${seat.distance} is not 0 or more`);
    const known = sectionOf.get(row) ?? section;
    refuse(known === section, `row ${row} is in section ${known} and in section ${section}`);
    sectionOf.set(row, section);
    const places = placesOf.get(row) ?? new Set();
    refuse(!places.has(place), `place ${place} of row ${row} is there twice`);
    placesOf.set(row, places.add(place));
    return { poolId, section, row, place, distance, special: seat.special ?? null };
  });
  return { seats: planned };
}

const isCount = (value: number) => Number.isInteger(value) && value >= 0 && value <= INT_MAX;

export type GridSection = {
  readonly section: string;
  readonly poolId: string;
  readonly rows: number;
  readonly placesPerRow: number;
  /** An aisle runs after so many places from the left: [10, 30] makes three stretches a row. */
  readonly aislesAfter?: readonly number[];
  /**
   * Metres from the focal point to the middle of the first row: to the right, and back. Without it
   * the section stands in the middle, behind the one before.
   */
  readonly at?: { readonly rightM: number; readonly backM: number };
};

/** Usual in theatres: from one back rest to the next, and from one arm rest to the next. */
const ROW_PITCH_M = 0.9;
const SEAT_PITCH_M = 0.55;
/** Where the first row of the first section is, when nothing says where. */
const FRONT_M = 3;

/**
 * A plan of straight rows that face the focal point (the middle of a stage's edge). Seats are
 * numbered section by section, row by row from the front, place by place from the left; an aisle is
 * as wide as the place it leaves out.
 */
export function gridPlan(sections: readonly GridSection[]): SeatPlan {
  const seats: PlannedSeat[] = [];
  let row = 0;
  let nextBackM = FRONT_M;
  for (const one of sections) {
    const { rightM, backM } = one.at ?? { rightM: 0, backM: nextBackM };
    for (let line = 0; line < one.rows; line += 1, row += 1) {
      seats.push(...gridRow(one, row, rightM, backM + line * ROW_PITCH_M));
    }
    // One row's room is the aisle across, between a section and the next.
    nextBackM = backM + (one.rows + 1) * ROW_PITCH_M;
  }
  return planSeats(seats);
}

function gridRow(
  { section, poolId, placesPerRow, aislesAfter = [] }: GridSection,
  row: number,
  rightM: number,
  backM: number,
): PlannedSeat[] {
  const aisles = new Set(aislesAfter);
  for (const after of aisles) {
    const isInside = Number.isInteger(after) && after > 0 && after < placesPerRow;
    assert(isInside, `section ${section}: no aisle can run after place ${after}`);
  }
  const middle = (placesPerRow + aisles.size - 1) / 2;
  let place = 0;
  return Array.from({ length: placesPerRow }, (_, index) => {
    if (aisles.has(index)) place += 1;
    const distance = Math.hypot(rightM + (place - middle) * SEAT_PITCH_M, backM);
    const seat = { poolId, section, row, place, distance };
    place += 1;
    return seat;
  });
}
