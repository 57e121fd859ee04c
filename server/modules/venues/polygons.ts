/** Outlines of sections: is a shape sound, what is inside, and where does a line cross it. */

export type Point = { readonly x: number; readonly y: number };

/** In the order of the outline; the last point is joined to the first. */
export type Outline = readonly Point[];

/** From one end to the other, in multiples of the line's direction from its origin. */
export type Span = { readonly from: number; readonly to: number };

/** Twice the signed area; positive where the outline runs clockwise on a screen (y grows down). */
function signedArea2(outline: Outline): number {
  return sum(edges(outline).map(([a, b]) => a.x * b.y - b.x * a.y));
}

export function area(outline: Outline): number {
  return Math.abs(signedArea2(outline)) / 2;
}

/** The middle of the area; of a shape without area, the mean of its points. */
export function centre(outline: Outline): Point {
  const area2 = signedArea2(outline);
  if (area2 === 0) {
    const { length } = outline;
    return { x: sum(outline.map((p) => p.x)) / length, y: sum(outline.map((p) => p.y)) / length };
  }
  const parts = edges(outline).map(([a, b]) => ({ a, b, cross: a.x * b.y - b.x * a.y }));
  return {
    x: sum(parts.map(({ a, b, cross }) => (a.x + b.x) * cross)) / (3 * area2),
    y: sum(parts.map(({ a, b, cross }) => (a.y + b.y) * cross)) / (3 * area2),
  };
}

/** Whether two edges that are not neighbours touch or cross, or an edge turns back on itself. */
export function crossesItself(outline: Outline): boolean {
  const all = edges(outline);
  return all.some(([a, b], i) =>
    all.some(([c, d], k) => {
      if (k <= i) return false;
      const areNeighbours = k === i + 1 || (i === 0 && k === all.length - 1);
      if (!areNeighbours) return meet(a, b, c, d);
      const [shared, before, after] = k === i + 1 ? [b, a, d] : [a, b, c];
      return turn(before, shared, after) === 0 && isBetween(before, after, shared);
    }),
  );
}

/** Whether the two ends stand on the same side of the corner: the outline turns back. */
function isBetween(before: Point, after: Point, corner: Point): boolean {
  const dot =
    (before.x - corner.x) * (after.x - corner.x) + (before.y - corner.y) * (after.y - corner.y);
  return dot > 0;
}

/** Where a straight line runs inside the outline: spans that do not touch, in order. */
export function spansOf(outline: Outline, origin: Point, direction: Point): Span[] {
  const at: number[] = [];
  for (const [a, b] of edges(outline)) {
    const [sideA, sideB] = [cross(direction, from(origin, a)), cross(direction, from(origin, b))];
    // Half-open: a corner that the line goes through counts once.
    if (sideA >= 0 === sideB >= 0) continue;
    const share = sideA / (sideA - sideB);
    const point = { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y) };
    at.push(dot(direction, from(origin, point)) / dot(direction, direction));
  }
  at.sort((a, b) => a - b);
  const spans: Span[] = [];
  for (let i = 0; i + 1 < at.length; i += 2) {
    const [start, end] = [at[i] ?? 0, at[i + 1] ?? 0];
    if (end > start) spans.push({ from: start, to: end });
  }
  return spans;
}

/** How far the outline reaches along a direction, from an origin. */
export function extent(outline: Outline, origin: Point, direction: Point): Span {
  const along = outline.map((point) => dot(direction, from(origin, point)));
  return { from: Math.min(...along), to: Math.max(...along) };
}

export const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

export const add = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });

function edges(outline: Outline): (readonly [Point, Point])[] {
  return outline.flatMap((point, i) => {
    const next = outline[(i + 1) % outline.length];
    return next ? [[point, next] as const] : [];
  });
}

/** Positive where the way from a over b to c turns right on a screen; 0 where it goes straight. */
function turn(a: Point, b: Point, c: Point): number {
  return Math.sign(cross(from(a, b), from(b, c)));
}

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  const [c1, d1, a1, b1] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (c1 !== d1 && a1 !== b1) return true;
  return (
    (c1 === 0 && isOn(a, b, c)) ||
    (d1 === 0 && isOn(a, b, d)) ||
    (a1 === 0 && isOn(c, d, a)) ||
    (b1 === 0 && isOn(c, d, b))
  );
}

/** Of a point on the line through a and b: whether it is between them. */
function isOn(a: Point, b: Point, point: Point): boolean {
  return dot(from(point, a), from(point, b)) <= 0;
}

const from = (a: Point, b: Point): Point => ({ x: b.x - a.x, y: b.y - a.y });
const cross = (a: Point, b: Point): number => a.x * b.y - a.y * b.x;
const dot = (a: Point, b: Point): number => a.x * b.x + a.y * b.y;
const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
