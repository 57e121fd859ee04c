/** Outlines by chance, and where points are in them, worked out in another way than elsewhere. */
import fc from 'fast-check';

export type At = { readonly x: number; readonly y: number };

/** How far a point is outside of an outline; 0 inside and on the edge. */
export function outsideBy(outline: readonly At[], point: At): number {
  let turns = 0;
  let nearest = Number.POSITIVE_INFINITY;
  for (const [i, a] of outline.entries()) {
    const b = outline[(i + 1) % outline.length] ?? a;
    // The angle under which the point sees the edge: of all edges, a full turn or nothing.
    const [fromA, fromB] = [
      Math.atan2(a.y - point.y, a.x - point.x),
      Math.atan2(b.y - point.y, b.x - point.x),
    ];
    turns += Math.atan2(Math.sin(fromB - fromA), Math.cos(fromB - fromA));
    const [x, y] = [b.x - a.x, b.y - a.y];
    const share = ((point.x - a.x) * x + (point.y - a.y) * y) / (x * x + y * y || 1);
    const at = Math.min(1, Math.max(0, share));
    nearest = Math.min(nearest, Math.hypot(a.x + at * x - point.x, a.y + at * y - point.y));
  }
  return Math.abs(turns) > Math.PI ? 0 : nearest;
}

/** Shapes that surround their middle: corners in order around it, some of them far inside. */
export const star: fc.Arbitrary<At[]> = fc
  .record({
    corners: fc.array(
      fc.record({
        turn: fc.double({ min: 0.3, max: 1, noNaN: true }),
        reach: fc.integer({ min: 30, max: 200 }),
      }),
      { minLength: 4, maxLength: 14 },
    ),
    middle: fc.record({
      x: fc.integer({ min: -500, max: 500 }),
      y: fc.integer({ min: -500, max: 500 }),
    }),
  })
  .map(({ corners, middle }) => {
    const round = corners.reduce((sum, { turn }) => sum + turn, 0);
    let angle = 0;
    return corners.map(({ turn, reach }) => {
      angle += (turn / round) * 2 * Math.PI;
      return { x: middle.x + Math.cos(angle) * reach, y: middle.y + Math.sin(angle) * reach };
    });
  });

/** The least distance between any two of the points: each is compared with those near it only. */
export function leastApart(points: readonly At[], most: number): number {
  const cells = new Map<string, At[]>();
  let least = most;
  for (const point of points) {
    const [column, line] = [Math.floor(point.x / most), Math.floor(point.y / most)];
    for (let x = column - 1; x <= column + 1; x += 1) {
      for (let y = line - 1; y <= line + 1; y += 1) {
        for (const other of cells.get(`${x} ${y}`) ?? []) {
          least = Math.min(least, Math.hypot(other.x - point.x, other.y - point.y));
        }
      }
    }
    const own = `${column} ${line}`;
    cells.set(own, [...(cells.get(own) ?? []), point]);
  }
  return least;
}
