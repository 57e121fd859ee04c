/**
 * The stadium of Kharkiv as a floor plan: sectors with the shapes of their drawing and rows of
 * numbered seats. Real input that is not part of the project; a test that reads it asks
 * `requireEngine('data')` first.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type FloorPlan, floorPlan } from '../../server/modules/venues/floor-plan.ts';
import type { At } from './shapes.ts';

/** What a drawing's elements say; numbers are text there. */
const shape = z.looseObject({ type: z.enum(['rect', 'polygon', 'path']) }).catchall(z.string());
const stadium = z.object({
  sectors: z.array(
    z.object({
      tribune: z.string(),
      sector: z.string(),
      rows: z.array(z.object({ row: z.string(), seats: z.string(), count: z.number() })),
      shapes: z.array(shape),
    }),
  ),
  totalSeats: z.number(),
});

type Shape = z.output<typeof shape>;
type Stadium = z.output<typeof stadium>;
type Sector = Stadium['sectors'][number];

export const STAGINGS = ['football', 'end stage', 'in the round'] as const;
type Staging = (typeof STAGINGS)[number];

/** The middle of the pitch, and where the stage stands before the north stand. */
const PITCH_MIDDLE = { x: 448, y: 306 };
const STAGE = { x: 240, y: 306 };

/** `data` is the folder of all real input. */
export function readStadium(data: string): Stadium {
  const file = join(data, 'metalist-stadium-kharkiv', 'metalist.json');
  return stadium.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Nobody sits behind an end stage; without football, the pitch is room to stand. */
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
  if (shape['points']) {
    const flat = shape['points'].split(/[\s,]+/).map(Number);
    return Array.from({ length: flat.length >> 1 }, (_, i) => at(flat, 2 * i));
  }
  return pathPoints(shape['d'] ?? '');
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
