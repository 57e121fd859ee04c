/**
 * A bowl of any size: sectors in rings around a pitch, as a stadium has them. Rows are only
 * counted, so that taking the plan means laying every seat out.
 */
import { type FloorPlan, floorPlan } from '../../server/modules/venues/floor-plan.ts';

const ROWS = 28;
const SEATS_OF_ROW = 25;
const SECTOR_SEATS = ROWS * SEATS_OF_ROW;
/** One ring has room for 40,600. */
const SECTORS_OF_RING = 58;
/** By quarters of a ring. */
const CATEGORIES = ['East', 'South', 'West', 'North'] as const;
/** From the middle to the first ring, and from a ring to the next. */
const FIRST_RADIUS = 220;
const RING_DEPTH = 44;
/** Of a ring's depth: the rest is the way round. */
const SECTOR_DEPTH = 36;
/** Of a sector's angle: the rest is stairs. */
const SECTOR_WIDTH = 0.9;
/** How much wider than high the bowl is. */
const STRETCH = 1.4;
const ARC_STEPS = 4;

/** So many seats, exactly. */
export function bowlPlan(seats: number): FloorPlan {
  const sectors = Math.ceil(seats / SECTOR_SEATS);
  const rings = Math.ceil(sectors / SECTORS_OF_RING);
  const radius = FIRST_RADIUS + rings * RING_DEPTH;
  const middle = { x: Math.ceil(radius * STRETCH), y: radius };
  return floorPlan.parse({
    size: { width: 2 * middle.x, height: 2 * middle.y },
    focalPoint: middle,
    categories: CATEGORIES.map((name) => ({ name: `${name} stand` })),
    sections: Array.from({ length: sectors }, (_, sector) => ({
      name: String(sector + 1),
      category: `${CATEGORIES[quarterOf(sector)]} stand`,
      outline: outlineOf(sector, middle),
      rows: rowsOf(Math.min(SECTOR_SEATS, seats - sector * SECTOR_SEATS)),
    })),
  });
}

const quarterOf = (sector: number): number =>
  Math.floor((4 * (sector % SECTORS_OF_RING)) / SECTORS_OF_RING);

function rowsOf(seats: number) {
  return Array.from({ length: Math.ceil(seats / SEATS_OF_ROW) }, (_, row) => ({
    label: String(row + 1),
    seats: `1-${Math.min(SEATS_OF_ROW, seats - row * SEATS_OF_ROW)}`,
  }));
}

/** Its near edge from left to right, then its far edge back. */
function outlineOf(sector: number, middle: { readonly x: number; readonly y: number }) {
  const near = FIRST_RADIUS + Math.floor(sector / SECTORS_OF_RING) * RING_DEPTH;
  const turn = (2 * Math.PI) / SECTORS_OF_RING;
  const from = (sector % SECTORS_OF_RING) * turn;
  const at = (radius: number, step: number) => {
    const angle = from + (step / ARC_STEPS) * turn * SECTOR_WIDTH;
    return {
      x: middle.x + Math.cos(angle) * radius * STRETCH,
      y: middle.y + Math.sin(angle) * radius,
    };
  };
  const steps = Array.from({ length: ARC_STEPS + 1 }, (_, step) => step);
  return [
    ...steps.map((step) => at(near, step)),
    ...steps.reverse().map((step) => at(near + SECTOR_DEPTH, step)),
  ];
}
