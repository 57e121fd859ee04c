/**
 * Gives positions to what a plan has only counted: rows inside the outline of their section, seats
 * inside their row. Rows face the middle of the plan, the first one nearest to it, seats from left
 * to right for whoever sits there; straight rows run square to the section, curved ones around that
 * middle. Seats of a section stand equally far apart, closer where a row has no room for that;
 * numbers that are left out leave their room free.
 *
 * A row whose seats all have positions keeps them. Sections without an outline stand behind all
 * that is drawn, one behind the other.
 */
import {
  COORDINATE_MAX,
  type FloorPlan,
  type PlanRow,
  type PlanSection,
  seatsOf,
} from './floor-plan.ts';
import { numberSteps, usualOf } from './places.ts';
import {
  add,
  arcsOf,
  centre,
  distance,
  extent,
  ORIGIN,
  type Outline,
  type Point,
  radii,
  type Span,
  spansOf,
  withoutRepeats,
} from './polygons.ts';
import { excesses } from './survey.ts';

/** Of sections without an outline: from seat to seat and from row to row, in the plan's unit. */
const SEAT_PITCH = 10;
const ROW_PITCH = 16;
/** Seats stand at most so many times as far apart as rows do: a short row keeps together. */
const PITCH_BY_DEPTH_MAX = 0.8;
/** Places that a gap in the numbers leaves free, at most: 1 and 1001 squeeze no row to a dot. */
const GAP_PLACES_MAX = 40;
/** An outline's sides that are tried as the direction of its rows, the longest first. */
const SIDES_MAX = 32;
/** How closely it is looked at where an outline is wide enough for rows. */
const LEVELS = 48;
/** So many levels at most stay empty at either end, in steps of so many. */
const TRIM_MAX = 18;
const TRIM_STEP = 3;
/** Rows move away from an end that is narrow when their seats gain that much room. */
const TRIM_GAIN = 1.1;

/** The plan with positions throughout. `focalPoint` is where `survey` says it is. */
export function layOut(plan: FloorPlan, focalPoint: Point): FloorPlan {
  if (excesses(plan).length > 0) return { ...plan, focalPoint };
  const { size } = plan;
  const inner = size ? { x: size.width / 2, y: size.height / 2 } : focalPoint;
  const placeBehind = behind(plan, focalPoint);
  const sections = plan.sections.map((section) => {
    if (!isCounted(section)) return section;
    const { outline } = section;
    return outline ? placeIn(section, withoutRepeats(outline), inner) : placeBehind(section);
  });
  return { ...plan, focalPoint, sections };
}

const isDrawn = ({ seats }: PlanRow): boolean =>
  typeof seats !== 'string' && seats.every(({ position }) => position !== undefined);

const isCounted = ({ rows = [] }: PlanSection): boolean => !rows.every(isDrawn);

/** How many places wide a row is, with those that are missing, and which of them each seat has. */
type Places = { readonly wide: number; readonly at: readonly number[] };

function placesIn(row: PlanRow): Places {
  let place = 0;
  const at = [place];
  for (const step of numberSteps(seatsOf(row) ?? [])) {
    place += Math.min(step, GAP_PLACES_MAX);
    at.push(place);
  }
  return { wide: place + 1, at };
}

/** Where rows can run: so far away from the middle, from one end to the other. */
type Field = {
  readonly reach: Span;
  readonly spanAt: (away: number) => Span;
  readonly pointAt: (away: number, along: number) => Point;
};

function straightField(outline: Outline, middle: Point): Field {
  const { back, along } = axesOf(outline, middle);
  const pointAt = (away: number, at: number) => ({
    x: middle.x + back.x * away + along.x * at,
    y: middle.y + back.y * away + along.y * at,
  });
  return {
    reach: extent(outline, middle, back),
    spanAt: (away) => widest(spansOf(outline, pointAt(away, 0), along)),
    pointAt,
  };
}

function curvedField(outline: Outline, middle: Point): Field {
  const { back, along } = facing(outline, middle);
  return {
    reach: radii(outline, middle),
    spanAt: (away) => {
      const { from, to } = widest(arcsOf(outline, middle, away, [back, along]));
      return { from: from * away, to: to * away };
    },
    pointAt: (away, at) => {
      const [sideways, ahead] = [Math.sin(at / away) * away, Math.cos(at / away) * away];
      return {
        x: middle.x + back.x * ahead + along.x * sideways,
        y: middle.y + back.y * ahead + along.y * sideways,
      };
    },
  };
}

function widest(spans: readonly Span[]): Span {
  return spans.reduce((best, span) => (span.to - span.from > best.to - best.from ? span : best), {
    from: 0,
    to: 0,
  });
}

/** `back` leads away from the middle; `along` to the right of whoever looks there. */
type Axes = { readonly along: Point; readonly back: Point };

const axes = (back: Point): Axes => ({ back, along: { x: back.y, y: -back.x } });

function facing(outline: Outline, middle: Point): Axes {
  const at = centre(outline);
  const length = distance(at, middle);
  if (length === 0) return axes({ x: 0, y: 1 });
  return axes({ x: (at.x - middle.x) / length, y: (at.y - middle.y) / length });
}

/**
 * Square to the sides of the smallest rectangle around the outline, facing the middle of the plan:
 * a stand keeps facing the pitch when the stage is put elsewhere.
 */
function axesOf(outline: Outline, middle: Point): Axes {
  const sides = outline
    .map((point, i) => ({ point, next: outline[(i + 1) % outline.length] ?? point }))
    .map(({ point, next }) => ({ length: distance(point, next), point, next }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length)
    .slice(0, SIDES_MAX)
    .map(({ point, next, length }) => ({
      x: (next.x - point.x) / length,
      y: (next.y - point.y) / length,
    }));
  let best: { side: Point; size: number } = { side: { x: 0, y: 1 }, size: Infinity };
  for (const side of sides) {
    const other = { x: -side.y, y: side.x };
    const [one, two] = [extent(outline, middle, side), extent(outline, middle, other)];
    const size = (one.to - one.from) * (two.to - two.from);
    // Sides that are parallel differ by rounding: of those, the longest one it is.
    if (size < best.size * (1 - 1e-9)) best = { side, size };
  }
  const { back } = facing(outline, middle);
  const { x, y } = best.side;
  const four = [best.side, { x: -y, y: x }, { x: -x, y: -y }, { x: y, y: -x }];
  const towards = (one: Point) => one.x * back.x + one.y * back.y;
  return axes(four.reduce((most, one) => (towards(one) > towards(most) + 1e-9 ? one : most)));
}

function placeIn(section: PlanSection, outline: Outline, inner: Point): PlanSection {
  const { rows = [], position: offset = ORIGIN } = section;
  const middle = { x: inner.x - offset.x, y: inner.y - offset.y };
  const field = (section.rowShape === 'curved' ? curvedField : straightField)(outline, middle);
  const places = rows.map(placesIn);
  const reach = roomiest(field, places);
  const depth = (reach.to - reach.from) / rows.length;
  const lines = places.map(({ wide, at }, i) => {
    const away = reach.from + (i + 0.5) * depth;
    const span = field.spanAt(away);
    // Half a pitch stays free at either end.
    return { away, wide, at, span, room: (span.to - span.from) / wide };
  });
  const usual = Math.min(depth * PITCH_BY_DEPTH_MAX, usualOf(lines.map(({ room }) => room)));
  return {
    ...section,
    rows: rows.map((row, i) => {
      const line = lines[i];
      if (!line || isDrawn(row)) return row;
      const { away, wide, at, span, room } = line;
      const pitch = Math.min(usual, room);
      const first = (span.from + span.to) / 2 - ((wide - 1) / 2) * pitch;
      const positions = at.map((place) => field.pointAt(away, first + place * pitch));
      return withPositions(row, positions, pitch);
    }),
  };
}

/**
 * The part of the outline's depth in which its narrowest row has the most room: the tip of a wedge
 * is no place for a row, nor is the corner of a box that a circle touches first.
 */
function roomiest({ reach, spanAt }: Field, rows: readonly Places[]): Span {
  const step = (reach.to - reach.from) / LEVELS;
  const rooms = Array.from({ length: LEVELS }, (_, level) => {
    const { from, to } = spanAt(reach.from + (level + 0.5) * step);
    return to - from;
  });
  const pitchWithin = (near: number, far: number) => {
    const depth = (far - near) / rows.length;
    let least = depth * step * PITCH_BY_DEPTH_MAX;
    for (const [i, { wide }] of rows.entries()) {
      least = Math.min(least, (rooms[Math.floor(near + (i + 0.5) * depth)] ?? 0) / wide);
    }
    return least;
  };
  let best = { near: 0, far: LEVELS, pitch: pitchWithin(0, LEVELS) };
  for (let near = 0; near <= TRIM_MAX; near += TRIM_STEP) {
    for (let far = LEVELS; far >= LEVELS - TRIM_MAX; far -= TRIM_STEP) {
      const pitch = pitchWithin(near, far);
      if (pitch > best.pitch * TRIM_GAIN) best = { near, far, pitch };
    }
  }
  return { from: reach.from + best.near * step, to: reach.from + best.far * step };
}

type Placing = (section: PlanSection) => PlanSection;

/**
 * Places sections that have no outline, each behind the one before; options of a slot begin at the
 * same line.
 */
function behind(plan: FloorPlan, focalPoint: Point): Placing {
  const front = Math.max(focalPoint.y, lowest(plan));
  const scale = scaleBehind(plan, focalPoint, front);
  const slots = new Map<string, { readonly top: number; readonly tops: Map<string, number> }>();
  let nextTop = front + ROW_PITCH * scale;
  return (section) => {
    const { rows = [], slot } = section;
    const own = slot && (slots.get(slot.name) ?? { top: nextTop, tops: new Map() });
    const top = own ? (own.tops.get(slot.option) ?? own.top) : nextTop;
    const bottom = top + (rows.length + 1) * ROW_PITCH * scale;
    if (own) slots.set(slot.name, { ...own, tops: own.tops.set(slot.option, bottom) });
    nextTop = Math.max(nextTop, bottom);
    return inLines(section, { x: focalPoint.x, y: top }, scale);
  };
}

/** Below 1 where rows as far apart as usual would leave the plan's size. */
function scaleBehind(plan: FloorPlan, focalPoint: Point, front: number): number {
  const { size } = plan;
  const counted = plan.sections.filter((one) => isCounted(one) && !one.outline);
  const lines = counted.reduce((sum, { rows = [] }) => sum + rows.length + 1, 0);
  const wide = counted
    .flatMap(({ rows = [] }) => rows)
    .reduce((most, row) => Math.max(most, placesIn(row).wide), 0);
  const side = size ? Math.min(focalPoint.x, size.width - focalPoint.x) : 0;
  const fits = (room: number, needed: number) => (room > 0 ? Math.min(1, room / needed) : 1);
  return Math.min(
    fits(2 * side, wide * SEAT_PITCH),
    fits((size?.height ?? 0) - front, (lines + 1) * ROW_PITCH),
  );
}

/** Where the last of what is drawn ends. */
function lowest({ sections }: FloorPlan): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const { position: offset = ORIGIN, outline = [], rows = [] } of sections) {
    for (const point of outline) most = Math.max(most, offset.y + point.y);
    for (const row of rows.filter(isDrawn)) {
      const { y } = add(offset, row.position ?? ORIGIN);
      for (const { position } of seatsOf(row) ?? []) most = Math.max(most, y + (position?.y ?? 0));
    }
  }
  return most;
}

function inLines(section: PlanSection, front: Point, scale: number): PlanSection {
  const { rows = [], position: offset = ORIGIN } = section;
  const pitch = SEAT_PITCH * scale;
  return {
    ...section,
    rows: rows.map((row, i) => {
      if (isDrawn(row)) return row;
      const { wide, at } = placesIn(row);
      const x = front.x - offset.x - ((wide - 1) / 2) * pitch;
      const y = front.y - offset.y + i * ROW_PITCH * scale;
      const positions = at.map((place) => ({ x: x + place * pitch, y }));
      return withPositions(row, positions, pitch);
    }),
  };
}

/** A row stands on its first seat. One that cannot be read stays as it is: `survey` says so. */
function withPositions(row: PlanRow, positions: readonly Point[], pitch: number): PlanRow {
  const seats = seatsOf(row);
  const [first] = positions;
  if (!seats || !first) return row;
  const rounded = roundingFor(pitch);
  const start = { x: rounded(first.x), y: rounded(first.y) };
  return {
    ...row,
    position: start,
    counted: true,
    seats: seats.map((seat, i) => {
      const { x, y } = positions[i] ?? first;
      return { ...seat, position: { x: rounded(x - start.x), y: rounded(y - start.y) } };
    }),
  };
}

/** To a thousandth of a pitch or finer: a stadium's plan stays short, and a tiny plan is no dot. */
function roundingFor(pitch: number): (value: number) => number {
  const digits = pitch > 0 ? Math.min(12, Math.max(0, 3 - Math.floor(Math.log10(pitch)))) : 3;
  const unit = 10 ** digits;
  return (value) =>
    Math.min(COORDINATE_MAX, Math.max(-COORDINATE_MAX, Math.round(value * unit) / unit)) + 0;
}
