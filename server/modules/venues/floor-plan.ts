/**
 * A floor plan as it is written down: sections with rows of seats, or with room to stand. It is one
 * document, so that it can be checked, compared, sent and kept as a whole. Positions are relative: a
 * seat's to its row, a row's to its section, a section's to the plan; x grows to the right, y down,
 * in a unit of the plan's own.
 */
import { z } from 'zod';
import { line } from '../../kernel/schemas.ts';

/** More than any hall or stadium has. */
export const SEATS_MAX = 150_000;
const SECTIONS_MAX = 2_000;
const ROWS_MAX = 2_000;
const SEATS_OF_ROW_MAX = 2_000;
const STANDING_MAX = 200_000;
const CATEGORIES_MAX = 200;
const GATES_MAX = 200;
const OUTLINE_POINTS_MAX = 1_000;
/** Of a drawing, in its own unit: far more than any has. */
const COORDINATE_MAX = 1e7;

const coordinate = z.number().min(-COORDINATE_MAX).max(COORDINATE_MAX);
export const point = z.strictObject({ x: coordinate, y: coordinate });

const label = line(60);
const color = z.string().regex(/^#[0-9a-fA-F]{3,8}$|^[a-z]{3,30}$/);

/** What another format says of a thing and ours has no word for: kept for the way back, unread. */
const source = z.record(z.string().max(60), z.unknown());

export const FEATURES = ['accessible', 'companion', 'restricted_view'] as const;

const seat = z.strictObject({
  number: line(20).describe('As it stands on the seat'),
  position: point.optional(),
  category: label.optional().describe("Default: its row's"),
  features: z.array(z.enum(FEATURES)).max(FEATURES.length).optional(),
  source: source.optional(),
});

const row = z.strictObject({
  label: line(20),
  position: point.optional(),
  category: label.optional(),
  seats: z
    .union([
      z.array(seat).min(1).max(SEATS_OF_ROW_MAX),
      z.string().max(500).describe('Numbers and ranges: 1-10,12-16'),
    ])
    .describe('In their order along the row'),
  source: source.optional(),
});

const section = z.strictObject({
  name: label,
  position: point.optional(),
  outline: z.array(point).min(3).max(OUTLINE_POINTS_MAX).optional(),
  gate: label.optional().describe('Through which its people come in'),
  slot: z
    .strictObject({ name: label, option: label })
    .optional()
    .describe('Sections of one slot stand in the same spot: an event has one option of each slot'),
  category: label.optional().describe('Of its standing room, and of rows that name none'),
  standing: z
    .strictObject({ capacity: z.int().min(1).max(STANDING_MAX) })
    .optional()
    .describe('Room to stand, without seats'),
  rows: z.array(row).max(ROWS_MAX).optional(),
  rowShape: z.enum(['straight', 'curved']).optional().describe('Where rows have no positions'),
  source: source.optional(),
});

export const floorPlan = z
  .strictObject({
    size: z.strictObject({ width: coordinate.min(1), height: coordinate.min(1) }).optional(),
    focalPoint: point.optional().describe('What everybody looks at; nearer seats are better'),
    categories: z
      .array(z.strictObject({ name: label, color: color.optional() }))
      .max(CATEGORIES_MAX)
      .optional(),
    gates: z
      .array(z.strictObject({ name: label, position: point.optional() }))
      .max(GATES_MAX)
      .optional(),
    sections: z.array(section).min(1).max(SECTIONS_MAX),
    source: source.optional(),
  })
  .meta({ id: 'FloorPlan' });

export type FloorPlan = z.output<typeof floorPlan>;
export type PlanSection = FloorPlan['sections'][number];
export type PlanRow = NonNullable<PlanSection['rows']>[number];
export type PlanSeat = Exclude<PlanRow['seats'], string>[number];
export type Feature = (typeof FEATURES)[number];

/** What is wrong with a plan, or odd about it, and where. */
export type PlanFinding = {
  readonly code: string;
  /** A plan with an error is not taken. */
  readonly severity: 'error' | 'warning';
  /** Where: `sections.3.rows.0.seats.12`, or a line of a file. */
  readonly path: string;
  readonly message: string;
};

const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;

/** `1-10,12-16` as fifteen numbers; null where it is no such list. */
export function numbersOf(ranges: string): string[] | null {
  const numbers: string[] = [];
  for (const part of ranges.split(',')) {
    const found = RANGE.exec(part.trim());
    if (!found) return null;
    const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])];
    const step = first <= last ? 1 : -1;
    if (Math.abs(last - first) >= SEATS_OF_ROW_MAX) return null;
    for (let number = first; number !== last + step; number += step) numbers.push(String(number));
    if (numbers.length > SEATS_OF_ROW_MAX) return null;
  }
  return numbers;
}
