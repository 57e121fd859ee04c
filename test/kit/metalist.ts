/**
 * The stadium of Kharkiv as a floor plan: sectors with the shapes of their drawing and rows of
 * numbered seats. Real input that is not part of the project; see `realData`.
 */
import { readFileSync } from 'node:fs';
import { type FloorPlan, floorPlan } from '../../server/modules/venues/floor-plan.ts';

type Shape = { readonly type: string; readonly points?: string; readonly d?: string } & Readonly<
  Record<string, string>
>;
type Sector = {
  readonly tribune: string;
  readonly sector: string;
  readonly rows: readonly {
    readonly row: string;
    readonly seats: string;
    readonly count: number;
  }[];
  readonly shapes: readonly Shape[];
};
type Stadium = { readonly totalSeats: number; readonly sectors: readonly Sector[] };
type At = { readonly x: number; readonly y: number };

export type Staging = 'football' | 'end stage' | 'in the round';

/** The middle of the pitch, and where the stage stands before the north stand. */
const PITCH_MIDDLE = { x: 448, y: 306 };
const STAGE = { x: 240, y: 306 };

export function readStadium(file: string): Stadium {
  return JSON.parse(readFileSync(file, 'utf8')) as Stadium;
}

export function stadiumPlan({ sectors }: Stadium, staging: Staging): FloorPlan {
  const isOpen = (sector: Sector) => staging !== 'end stage' || sector.tribune !== 'north';
  const pitch = {
    name: 'Pitch',
    category: 'Standing',
    standing: { capacity: staging === 'end stage' ? 12_000 : 9_000 },
  };
  return floorPlan.parse({
    size: { width: 896, height: 613 },
    focalPoint: staging === 'end stage' ? STAGE : PITCH_MIDDLE,
    categories: [...new Set(['Standing', ...sectors.map(categoryOf)])].map((name) => ({ name })),
    sections: [
      ...sectors.filter(isOpen).map((sector) => ({
        name: sector.sector,
        category: categoryOf(sector),
        outline: hullOf(sector.shapes.flatMap(pointsOf)),
        // A number alone is how many there are.
        rows: sector.rows.map(({ row, seats }) => ({
          label: row,
          seats: /^\d+$/.test(seats) ? `1-${seats}` : seats,
        })),
      })),
      ...(staging === 'football' ? [] : [pitch]),
    ],
  });
}

const categoryOf = ({ tribune, sector }: Sector): string =>
  /^\d+$/.test(sector) ? `Stand ${tribune}` : 'Hospitality';

/** Points on the edge of a shape; curves are followed in eight steps. */
function pointsOf(shape: Shape): At[] {
  const number = (name: string) => Number(shape[name] ?? 0);
  if (shape.type === 'rect') {
    const [x, y, width, height] = [number('x'), number('y'), number('width'), number('height')];
    return [
      { x, y },
      { x: x + width, y },
      { x: x + width, y: y + height },
      { x, y: y + height },
    ];
  }
  if (shape.points) {
    const flat = shape.points.split(/[\s,]+/).map(Number);
    return Array.from({ length: flat.length >> 1 }, (_, i) => at(flat, 2 * i));
  }
  return pathPoints(shape.d ?? '');
}

const at = (flat: readonly number[], i: number): At => ({ x: flat[i] ?? 0, y: flat[i + 1] ?? 0 });

function pathPoints(d: string): At[] {
  const points: At[] = [];
  let here: At = { x: 0, y: 0 };
  const goTo = (next: At) => {
    here = next;
    points.push(next);
  };
  for (const [, command = '', list = ''] of d.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const flat = (list.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
    const isRelative = command === command.toLowerCase();
    const of = (i: number): At => {
      const { x, y } = at(flat, i);
      return isRelative ? { x: here.x + x, y: here.y + y } : { x, y };
    };
    const size = command.toLowerCase() === 'c' ? 6 : 2;
    for (let i = 0; i + size <= flat.length; i += size) {
      if (size === 2) goTo(of(i));
      else for (const next of curve([here, of(i), of(i + 2), of(i + 4)])) goTo(next);
    }
  }
  return points;
}

function curve([a, b, c, d]: readonly [At, At, At, At]): At[] {
  return Array.from({ length: 8 }, (_, i) => {
    const t = (i + 1) / 8;
    const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
    const mix = (of: (p: At) => number) =>
      [a, b, c, d].reduce((sum, point, k) => sum + of(point) * (weights[k] ?? 0), 0);
    return { x: mix((p) => p.x), y: mix((p) => p.y) };
  });
}

/** The convex hull: sectors are drawn in several pieces, around their stairs. */
function hullOf(points: readonly At[]): At[] {
  const sorted = [...points].sort((p, q) => p.x - q.x || p.y - q.y);
  const half = (list: readonly At[]) => {
    const kept: At[] = [];
    for (const point of list) {
      while (kept.length >= 2 && turnsWrong(kept.at(-2), kept.at(-1), point)) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

function turnsWrong(a: At | undefined, b: At | undefined, c: At): boolean {
  if (!a || !b) return false;
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) <= 0;
}
