/**
 * Gives positions to what a plan has only counted: rows inside the outline of their section, seats
 * inside their row. Rows face the middle of the plan, the first one nearest to it; straight rows run
 * square to the section, curved ones around that middle. Seats of a section stand equally far apart,
 * closer where a row has no room for that; numbers that are left out leave their room free.
 *
 * What has a position keeps it. A section without an outline stands behind the ones before it, as if
 * it had one that fits.
 */
import type { FloorPlan, PlanRow, PlanSeat, PlanSection } from './floor-plan.ts';
import {
  centre,
  distance,
  extent,
  type Outline,
  type Point,
  type Span,
  spansOf,
} from './polygons.ts';
import { seatsOf } from './survey.ts';

/** Of a section that has no outline: from seat to seat and from row to row, in the plan's unit. */
const SEAT_PITCH = 10;
const ROW_PITCH = 16;
/** Kept free between the outline and the outermost seats, as a share of a row's depth or a pitch. */
const MARGIN = 0.5;
/** Seats stand no wider apart than so many times as far as rows do: a short row keeps together. */
const PITCH_BY_DEPTH_MAX = 0.8;
/** Coordinates are kept to a thousandth of a unit: a stadium's plan stays short. */
const ROUND = 1_000;

/** The plan with positions throughout. `focalPoint` is where `survey` says it is. */
export function layOut(plan: FloorPlan, focalPoint: Point): FloorPlan {
  const { size } = plan;
  const inner = size ? { x: size.width / 2, y: size.height / 2 } : focalPoint;
  let nextTop = focalPoint.y + ROW_PITCH;
  const sections = plan.sections.map((section) => {
    if (!section.rows?.length || isDrawn(section)) return section;
    if (section.outline) return placeIn(section, section.outline, inner);
    const placed = placeBehind(section, section.rows, { x: focalPoint.x, y: nextTop });
    nextTop += (section.rows.length + 1) * ROW_PITCH;
    return placed;
  });
  return { ...plan, focalPoint, sections };
}

function isDrawn({ rows = [] }: PlanSection): boolean {
  return rows.every((row) => seatsOf(row)?.every((seat) => seat.position !== undefined) ?? true);
}

/** How many places wide a row is, with those that are missing, and on which of them each seat is. */
function placesIn(row: PlanRow): { readonly wide: number; readonly at: readonly number[] } {
  const seats = seatsOf(row) ?? [];
  const numbers = seats.map((seat) => Number(seat.number));
  const gaps = numbers.slice(1).map((number, i) => Math.abs(number - (numbers[i] ?? number)));
  const usual = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] ?? 1;
  let place = 0;
  const at = seats.map((_, i) => {
    const gap = i === 0 ? 0 : (gaps[i - 1] ?? 0);
    // A number that is none leaves no gap; nor does one out of order.
    const step = Number.isFinite(gap) && usual > 0 && gap > usual ? Math.min(gap / usual, 40) : 1;
    place += i === 0 ? 0 : Math.max(1, Math.round(step));
    return place;
  });
  return { wide: place + 1, at };
}

type Axes = { readonly along: Point; readonly back: Point };

/**
 * `back` leads away from what the stands are built around, square to the sides of the smallest
 * rectangle around the outline; `along` to the right of whoever looks there. A stand keeps facing
 * the pitch when the stage is put elsewhere.
 */
function axesOf(outline: Outline, inner: Point): Axes {
  const middle = centre(outline);
  const away = { x: middle.x - inner.x, y: middle.y - inner.y };
  const sides = outline.flatMap((point, i) => {
    const next = outline[(i + 1) % outline.length] ?? point;
    const length = distance(point, next);
    return length > 0 ? [{ x: (next.x - point.x) / length, y: (next.y - point.y) / length }] : [];
  });
  const boxed = sides.map((side) => {
    const other = { x: -side.y, y: side.x };
    const [one, two] = [extent(outline, middle, side), extent(outline, middle, other)];
    return { side, size: (one.to - one.from) * (two.to - two.from) };
  });
  const { side } = boxed.reduce((best, one) => (one.size < best.size ? one : best), {
    side: { x: 0, y: 1 },
    size: Number.POSITIVE_INFINITY,
  });
  const four = [
    side,
    { x: -side.y, y: side.x },
    { x: -side.x, y: -side.y },
    { x: side.y, y: -side.x },
  ];
  const towards = (one: Point) => one.x * away.x + one.y * away.y;
  const back = four.reduce((best, one) => (towards(one) > towards(best) ? one : best));
  return { back, along: { x: -back.y, y: back.x } };
}

function placeIn(section: PlanSection, outline: Outline, inner: Point): PlanSection {
  const rows = section.rows ?? [];
  const offset = section.position ?? { x: 0, y: 0 };
  const middle = { x: inner.x - offset.x, y: inner.y - offset.y };
  const axes = axesOf(outline, middle);
  const isCurved = section.rowShape === 'curved';
  const reach = isCurved ? radii(outline, middle) : extent(outline, middle, axes.back);
  const depth = (reach.to - reach.from) / (rows.length + 2 * MARGIN - 1 || 1);
  const lines = rows.map((row, i) => {
    const away = reach.from + (i + MARGIN) * depth;
    const { wide, at } = placesIn(row);
    const span = spanAt(outline, middle, axes, away, isCurved);
    return { row, away, wide, at, span, room: (span.to - span.from) / (wide - 1 + 2 * MARGIN) };
  });
  const rooms = lines.map(({ room }) => room).sort((a, b) => a - b);
  const usual = Math.min(depth * PITCH_BY_DEPTH_MAX, rooms[rooms.length >> 1] ?? 0);
  return {
    ...section,
    rows: lines.map(({ row, away, wide, at, span, room }) => {
      const pitch = Math.min(usual, room);
      const first = (span.from + span.to) / 2 - ((wide - 1) / 2) * pitch;
      const positions = at.map((place) => {
        const along = first + place * pitch;
        return isCurved ? onArc(middle, axes, away, along) : onLine(middle, axes, away, along);
      });
      return withPositions(row, positions);
    }),
  };
}

/** Where a row that is so far away has room: the widest part of it that is inside. */
function spanAt(
  outline: Outline,
  middle: Point,
  axes: Axes,
  away: number,
  isCurved: boolean,
): Span {
  const origin = onLine(middle, axes, away, 0);
  const spans = spansOf(outline, origin, axes.along);
  const widest = spans.reduce<Span | null>(
    (best, span) => (best === null || span.to - span.from > best.to - best.from ? span : best),
    null,
  );
  if (widest === null) return { from: 0, to: 0 };
  if (!isCurved) return widest;
  // The arc through the same ends, by its length from the middle of the way back.
  const half = (end: number) => Math.atan2(end, away) * away;
  return { from: half(widest.from), to: half(widest.to) };
}

/** The nearest and the farthest that the outline is from the focal point. */
function radii(outline: Outline, middle: Point): Span {
  const all = outline.map((point) => distance(middle, point));
  return { from: Math.min(...all), to: Math.max(...all) };
}

function onLine(middle: Point, { along, back }: Axes, away: number, at: number): Point {
  return {
    x: middle.x + back.x * away + along.x * at,
    y: middle.y + back.y * away + along.y * at,
  };
}

function onArc(middle: Point, axes: Axes, away: number, at: number): Point {
  const angle = away > 0 ? at / away : 0;
  return onLine(middle, axes, away * Math.cos(angle), away * Math.sin(angle));
}

function placeBehind(section: PlanSection, rows: readonly PlanRow[], front: Point): PlanSection {
  const offset = section.position ?? { x: 0, y: 0 };
  return {
    ...section,
    rows: rows.map((row, i) => {
      const { wide, at } = placesIn(row);
      const left = front.x - ((wide - 1) / 2) * SEAT_PITCH;
      const y = front.y + i * ROW_PITCH - offset.y;
      return withPositions(
        row,
        at.map((place) => ({ x: left + place * SEAT_PITCH - offset.x, y })),
      );
    }),
  };
}

/** A row stands on its first seat. */
function withPositions(row: PlanRow, positions: readonly Point[]): PlanRow {
  const seats: readonly PlanSeat[] = seatsOf(row) ?? [];
  const [first = { x: 0, y: 0 }] = positions;
  const start = { x: rounded(first.x), y: rounded(first.y) };
  return {
    ...row,
    position: start,
    seats: seats.map((seat, i) => {
      const at = positions[i] ?? first;
      return { ...seat, position: { x: rounded(at.x - start.x), y: rounded(at.y - start.y) } };
    }),
  };
}

const rounded = (value: number): number => Math.round(value * ROUND) / ROUND;
