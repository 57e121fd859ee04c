/**
 * Who sits beside whom in a row: every seat gets a place; neighbours differ by 1, and an aisle or a
 * seat that is missing leaves one out.
 */
import type { PlanSeat } from './floor-plan.ts';
import { distance, ORIGIN, type Point } from './polygons.ts';

/** A gap of so many times what is usual in its row is an aisle. */
const AISLE_GAP = 1.6;
/** Another order along the row has to be shorter by so much: no tie is broken by rounding. */
const SHORTER = 0.999;

type Seat = Pick<PlanSeat, 'number'> & { readonly at: Point };

/**
 * Where seats are drawn, a gap wider than usual in the row is an aisle. Where they are not, a gap
 * in the numbers is a seat that is missing; rows of odd or even numbers have gaps of two
 * throughout, which are none.
 */
export function placesOf(seats: readonly Seat[], isDrawn: boolean): number[] {
  const order = isDrawn ? orderAlong(seats) : [...seats.keys()];
  const inOrder = order.flatMap((i) => seats[i] ?? []);
  const steps = isDrawn ? stepsOf(lengthsOf(inOrder)) : numberSteps(inOrder);
  const places = new Array<number>(seats.length).fill(0);
  let place = 0;
  for (const [i, seatNo] of order.entries()) {
    if (i > 0) place += Math.min(2, steps[i - 1] ?? 1);
    places[seatNo] = place;
  }
  return places;
}

/**
 * From each seat to the next, by their numbers: 1 for neighbours, 3 where two seats are missing. A
 * number that is none, like `A` or `12a`, leaves no gap.
 */
export function numberSteps(seats: readonly Pick<PlanSeat, 'number'>[]): number[] {
  const numbers = seats.map(({ number }) => (/^\d{1,9}$/.test(number) ? Number(number) : null));
  const gaps = numbers.slice(1).map((number, i) => {
    const before = numbers[i] ?? null;
    return number === null || before === null ? 0 : Math.abs(number - before);
  });
  return stepsOf(gaps);
}

function stepsOf(gaps: readonly number[]): number[] {
  const usual = usualOf(gaps);
  return gaps.map((gap) => (gap > usual * AISLE_GAP ? Math.round(gap / usual) : 1));
}

/** The gap that half of all are not wider than; 0 where there is none. */
export function usualOf(gaps: readonly number[]): number {
  const sorted = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}

const lengthsOf = (seats: readonly Seat[]): number[] =>
  seats.slice(1).map(({ at }, i) => distance(seats[i]?.at ?? at, at));

/**
 * Files list seats along the row, or the odd ones before the even ones. The shorter walk is the
 * row: in the document's order, or straight from one end to the other. A row that goes around a
 * table is shorter as it is written.
 */
function orderAlong(seats: readonly Seat[]): number[] {
  const written = [...seats.keys()];
  const start = seats[0]?.at ?? ORIGIN;
  if (isSorted(shadowOf(seats, start, seats.at(-1)?.at ?? start))) return written;
  const middle = {
    x: seats.reduce((sum, { at }) => sum + at.x / seats.length, 0),
    y: seats.reduce((sum, { at }) => sum + at.y / seats.length, 0),
  };
  // An end of the row is what is farthest from its middle.
  const end = seats.reduce<Point>(
    (far, { at }) => (distance(middle, at) > distance(middle, far) ? at : far),
    start,
  );
  const shadow = shadowOf(seats, middle, end);
  const straight = [...written].sort((a, b) => (shadow[a] ?? 0) - (shadow[b] ?? 0) || a - b);
  // Either end may be the farther one; the row begins with the one that is written first.
  if ((straight[0] ?? 0) > (straight.at(-1) ?? 0)) straight.reverse();
  const walk = (order: readonly number[]) =>
    lengthsOf(order.flatMap((i) => seats[i] ?? [])).reduce((sum, length) => sum + length, 0);
  return walk(straight) < walk(written) * SHORTER ? straight : written;
}

/** How far each seat is along the line through two points, in a measure of its own. */
const shadowOf = (seats: readonly Seat[], from: Point, to: Point): number[] =>
  seats.map(({ at }) => (at.x - from.x) * (to.x - from.x) + (at.y - from.y) * (to.y - from.y));

const isSorted = (values: readonly number[]): boolean =>
  values.every((value, i) => i === 0 || value > (values[i - 1] ?? value));
