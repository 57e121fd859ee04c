/**
 * Outlines of sections: is a shape sound, what is inside, and where does a line or a circle run
 * inside of it. What is inside of an outline that crosses itself is what an odd number of its edges
 * surround; everything here ends, and answers in numbers, whatever the shape.
 */

export type Point = { readonly x: number; readonly y: number };

/** In the order of the outline; the last point is joined to the first. */
export type Outline = readonly Point[];

/** From one end to the other: of a line in multiples of its direction, of a circle in radians. */
export type Span = { readonly from: number; readonly to: number };

export const ORIGIN: Point = { x: 0, y: 0 };

/** Shapes thinner than this share of their length are lines that were drawn twice. */
const THIN = 1e-9;

/** Without points that repeat the one before: drawing programs write them, and close with one. */
export function withoutRepeats(outline: Outline): Outline {
  const kept: Point[] = [];
  for (const point of outline) if (!isSame(kept.at(-1), point)) kept.push(point);
  while (kept.length > 1 && isSame(kept[0], kept.at(-1))) kept.pop();
  return kept;
}

const isSame = (a: Point | undefined, b: Point | undefined): boolean =>
  a?.x === b?.x && a?.y === b?.y;

/** False of what is a line or a point, however many points it has. */
export function hasArea(outline: Outline): boolean {
  const [first = ORIGIN] = outline;
  const reach = outline.reduce((most, point) => Math.max(most, distance(first, point)), 0);
  return Math.abs(signedArea2(outline, first)) > THIN * reach * reach;
}

/** The middle of the area; of a shape without area, the mean of its points. */
export function centre(outline: Outline): Point {
  const { length } = outline;
  if (!hasArea(outline)) {
    return { x: sum(outline.map((p) => p.x)) / length, y: sum(outline.map((p) => p.y)) / length };
  }
  // From one of its points, not from the origin: far from there the products would drown it.
  const [first = ORIGIN] = outline;
  const area2 = signedArea2(outline, first);
  let x = 0;
  let y = 0;
  for (const [a, b] of edges(outline)) {
    const part = cross(from(first, a), from(first, b));
    x += (a.x + b.x - 2 * first.x) * part;
    y += (a.y + b.y - 2 * first.y) * part;
  }
  return { x: first.x + x / (3 * area2), y: first.y + y / (3 * area2) };
}

/** Twice the area; positive where the outline runs clockwise on a screen (y grows down). */
function signedArea2(outline: Outline, first: Point): number {
  return sum(edges(outline).map(([a, b]) => cross(from(first, a), from(first, b))));
}

/**
 * Whether two edges cross. Edges that only touch, or lie on each other, are no crossing: that is
 * how a hole is drawn, with a bridge that is walked in both directions.
 *
 * Edges are compared with those that overlap them from left to right: all with all at worst, which
 * is why an outline has few points.
 */
export function crossesItself(outline: Outline): boolean {
  const sorted = edges(outline)
    .map(([a, b]) => (a.x <= b.x ? { a, b } : { a: b, b: a }))
    .sort((one, other) => one.a.x - other.a.x);
  return sorted.some(({ a, b }, i) => {
    const [top, bottom] = a.y <= b.y ? [a.y, b.y] : [b.y, a.y];
    for (let k = i + 1; k < sorted.length; k += 1) {
      const other = sorted[k];
      if (other === undefined || other.a.x > b.x) return false;
      const { a: c, b: d } = other;
      if ((c.y < top && d.y < top) || (c.y > bottom && d.y > bottom)) continue;
      if (areApart(a, b, c, d) && areApart(c, d, a, b)) return true;
    }
    return false;
  });
}

/** Whether c and d are on different sides of the line through a and b, neither of them on it. */
function areApart(a: Point, b: Point, c: Point, d: Point): boolean {
  const [x, y] = [b.x - a.x, b.y - a.y];
  const sideC = x * (c.y - a.y) - y * (c.x - a.x);
  const sideD = x * (d.y - a.y) - y * (d.x - a.x);
  // What is on the line is hardly ever exactly on it, once it has been computed.
  const least = THIN * (x * x + y * y);
  return (sideC > least && sideD < -least) || (sideC < -least && sideD > least);
}

/** Where a straight line runs inside the outline: spans that do not touch, in order. */
export function spansOf(outline: Outline, origin: Point, direction: Point): Span[] {
  const at: number[] = [];
  const length2 = dot(direction, direction);
  for (const [a, b] of edges(outline)) {
    const [sideA, sideB] = [cross(direction, from(origin, a)), cross(direction, from(origin, b))];
    // Half-open: a corner that the line goes through counts once.
    if (sideA >= 0 === sideB >= 0) continue;
    at.push(dot(direction, from(origin, between(a, b, sideA / (sideA - sideB)))) / length2);
  }
  return inPairs(at.sort((a, b) => a - b));
}

/** Whether a point is inside; of one on the edge, either. */
export function contains(outline: Outline, point: Point): boolean {
  let isInside = false;
  for (const [a, b] of edges(outline)) {
    if (a.y > point.y === b.y > point.y) continue;
    const x = a.x + ((point.y - a.y) / (b.y - a.y)) * (b.x - a.x);
    if (point.x < x) isInside = !isInside;
  }
  return isInside;
}

/**
 * Where a circle runs inside the outline, in radians from `zero`, a direction of length 1; they
 * grow towards `quarter`, square to it. Each span begins in (-π, π] and may end after π.
 */
export function arcsOf(
  outline: Outline,
  middle: Point,
  radius: number,
  [zero, quarter]: readonly [Point, Point],
): Span[] {
  const at: number[] = [];
  const angleOf = (p: Point) => Math.atan2(dot(quarter, p), dot(zero, p));
  for (const [a, b] of edges(outline)) {
    const [start, end] = [from(middle, a), from(middle, b)];
    for (const share of sharesOn(start, end, radius)) at.push(angleOf(between(start, end, share)));
  }
  at.sort((a, b) => a - b);
  const [first = -Math.PI, second = Math.PI] = at;
  const half = (first + second) / 2;
  const along = { x: Math.cos(half) * radius, y: Math.sin(half) * radius };
  const probe = {
    x: middle.x + zero.x * along.x + quarter.x * along.y,
    y: middle.y + zero.y * along.x + quarter.y * along.y,
  };
  const isFirstInside = contains(outline, probe);
  if (at.length === 0) return isFirstInside ? [{ from: first, to: second }] : [];
  return inPairs(isFirstInside ? at : [...at.slice(1), first + 2 * Math.PI]);
}

/**
 * Where an edge crosses the circle around the origin, as shares of the edge. Half-open like above:
 * the ends decide how often, so that the crossings of a whole outline are an even number.
 */
function sharesOn(a: Point, b: Point, radius: number): number[] {
  const way = from(a, b);
  const length2 = dot(way, way);
  if (length2 === 0) return [];
  const foot = -dot(a, way) / length2;
  const apart2 = radius * radius - (dot(a, a) - foot * foot * length2);
  const isOutsideA = dot(a, a) >= radius * radius;
  const isOutsideB = dot(b, b) >= radius * radius;
  if (isOutsideA === isOutsideB && (!isOutsideA || apart2 <= 0 || foot <= 0 || foot >= 1)) {
    return [];
  }
  const step = Math.sqrt(Math.max(0, apart2) / length2);
  if (isOutsideA === isOutsideB) return [foot - step, foot + step];
  return [Math.min(1, Math.max(0, isOutsideA ? foot - step : foot + step))];
}

/** How far the outline reaches along a direction, from an origin. */
export function extent(outline: Outline, origin: Point, direction: Point): Span {
  let span = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };
  for (const point of outline) {
    const along = dot(direction, from(origin, point));
    span = { from: Math.min(span.from, along), to: Math.max(span.to, along) };
  }
  return span;
}

/** The nearest and the farthest that the area within the outline is from a point. */
export function radii(outline: Outline, middle: Point): Span {
  const nearest = edges(outline).map(([a, b]) => {
    const [start, way] = [from(middle, a), from(a, b)];
    const share = -dot(start, way) / (dot(way, way) || 1);
    return distance(middle, between(a, b, Math.min(1, Math.max(0, share))));
  });
  return {
    from: contains(outline, middle) ? 0 : Math.min(...nearest),
    to: Math.max(...outline.map((point) => distance(middle, point))),
  };
}

export const distance = (a: Point, b: Point): number => {
  const [x, y] = [b.x - a.x, b.y - a.y];
  // Several times as fast as Math.hypot, which minds lengths that no plan has.
  return Math.sqrt(x * x + y * y);
};

export const add = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });

function edges(outline: Outline): (readonly [Point, Point])[] {
  return outline.map((point, i) => [point, outline[(i + 1) % outline.length] ?? point] as const);
}

/** Crossings in order, of what is outside before the first: each second one leads out again. */
function inPairs(crossings: readonly number[]): Span[] {
  const spans: Span[] = [];
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const [start, end] = [crossings[i] ?? 0, crossings[i + 1] ?? 0];
    if (end > start) spans.push({ from: start, to: end });
  }
  return spans;
}

const between = (a: Point, b: Point, share: number): Point => ({
  x: a.x + share * (b.x - a.x),
  y: a.y + share * (b.y - a.y),
});
const from = (a: Point, b: Point): Point => ({ x: b.x - a.x, y: b.y - a.y });
const cross = (a: Point, b: Point): number => a.x * b.y - a.y * b.x;
const dot = (a: Point, b: Point): number => a.x * b.x + a.y * b.y;
const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
