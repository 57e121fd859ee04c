/**
 * A floor plan as it is written down: sections with rows of seats, or with room to stand. It is one
 * document, so that it can be checked, compared, sent and kept as a whole. Positions are relative:
 * a seat's to its row, a row's and an outline's to its section, a section's to the plan; x grows to
 * the right, y down, in a unit of the plan's own.
 *
 * The schema says what can be read. Whether it makes sense (names that repeat, categories that are
 * missing, outlines that cross themselves) `survey` tells.
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
export const OUTLINE_POINTS_MAX = 1_000;
/** Of a drawing, in its own unit: far more than any has. */
export const COORDINATE_MAX = 1e7;
const SHAPES_MAX = 10_000;

/** What is kept unread is written out again, by functions that call themselves. */
const KEPT_LEVELS_MAX = 32;

const coordinate = z.number().min(-COORDINATE_MAX).max(COORDINATE_MAX);
export const point = z.strictObject({ x: coordinate, y: coordinate });

const label = line(60);
const color = z.string().regex(/^#[0-9a-fA-F]{3,8}$|^[a-z]{3,30}$/);

const kept = z.unknown().refine((value) => isShallow(value), {
  message: `must not be nested more than ${KEPT_LEVELS_MAX} levels deep`,
  params: { code: 'nested_too_deep' },
});

/** What another format says of a thing and ours has no word for: kept for the way back, unread. */
const source = z.record(z.string().max(60), kept);

export const FEATURES = ['accessible', 'companion', 'restricted_view'] as const;

const seat = z.strictObject({
  number: line(20).describe('As it stands on the seat'),
  position: point.optional(),
  category: label.optional().describe("Default: its row's"),
  features: z.array(z.enum(FEATURES)).max(FEATURES.length).optional(),
  source: source.optional(),
});

const seatList = z.array(seat).min(1).max(SEATS_OF_ROW_MAX);
const seatRanges = z.string().min(1).max(500).describe('Numbers and ranges: 1-10,12-16');

type Seats = z.output<typeof seatList> | string;

/**
 * Either of the two. A union would do, but says of a wrong seat no more than that the row's seats
 * are wrong; this one says which seat, and what about it.
 */
const seats = z
  .unknown()
  .transform((value, ctx): Seats => {
    const parsed = (typeof value === 'string' ? seatRanges : seatList).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const { path, code, message } of issuesIn(parsed.error)) {
      ctx.issues.push({ code: 'custom', path, message, params: { code }, input: value });
    }
    return z.NEVER;
  })
  .meta(jsonSchemaOf(z.union([seatList, seatRanges]).describe('In their order along the row')));

const row = z.strictObject({
  label: line(20),
  position: point.optional(),
  category: label.optional(),
  counted: z
    .literal(true)
    .optional()
    .describe('Nobody drew its seats: their positions were worked out from their numbers'),
  seats,
  source: source.optional(),
});

const section = z.strictObject({
  name: label,
  position: point.optional(),
  outline: z
    .array(point)
    .min(3)
    .max(OUTLINE_POINTS_MAX)
    .optional()
    .describe('Its corners in order; the last one is joined to the first'),
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
      .array(z.strictObject({ name: label, color: color.optional(), source: source.optional() }))
      .max(CATEGORIES_MAX)
      .optional(),
    gates: z
      .array(z.strictObject({ name: label, position: point.optional() }))
      .max(GATES_MAX)
      .optional(),
    sections: z.array(section).min(1).max(SECTIONS_MAX),
    shapes: z
      .array(kept.meta({ type: 'object' }))
      .max(SHAPES_MAX)
      .optional(),
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

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  });
  return json;
}

/** Level by level: what is nested a hundred thousand times is found out without such a stack. */
function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > KEPT_LEVELS_MAX) return false;
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null ? Object.values(one) : [],
    );
  }
  return true;
}

type ZodIssue = { readonly path: PropertyKey[]; readonly code: string; readonly message: string };

/** Fields that are too many one by one, as requests tell them. */
export function issuesIn({ issues }: z.ZodError): ZodIssue[] {
  return issues.flatMap((issue) => {
    const { path, message } = issue;
    if (issue.code === 'unrecognized_keys') {
      const text = 'is not a field of a floor plan';
      return issue.keys.map((key) => ({
        path: [...path, key],
        code: 'unknown_field',
        message: text,
      }));
    }
    const custom: unknown = issue.code === 'custom' ? issue.params?.['code'] : undefined;
    return [{ path, code: typeof custom === 'string' ? custom : issue.code, message }];
  });
}

type Range = { readonly first: number; readonly last: number };

/** People copy the long dash from tables. */
const RANGE = /^(\d{1,5})(?:\s?[-\u2013]\s?(\d{1,5}))?$/;

const countOf = ({ first, last }: Range): number => Math.abs(last - first) + 1;

/** Null where it is no list of numbers and ranges, or one of more seats than a row may have. */
function rangesOf(text: string): Range[] | null {
  const ranges: Range[] = [];
  let count = 0;
  for (const part of text.split(',')) {
    const found = RANGE.exec(part.trim());
    if (!found) return null;
    const range = { first: Number(found[1]), last: Number(found[2] ?? found[1]) };
    count += countOf(range);
    if (count > SEATS_OF_ROW_MAX) return null;
    ranges.push(range);
  }
  return ranges;
}

/** `1-10,12-16` as fifteen numbers; null where it is no such list. */
export function numbersOf(text: string): string[] | null {
  return (
    rangesOf(text)?.flatMap((range) => {
      const step = range.first <= range.last ? 1 : -1;
      return Array.from({ length: countOf(range) }, (_, i) => String(range.first + i * step));
    }) ?? null
  );
}

/** How many seats all rows have, without making any: a short text can stand for millions. */
export function countSeats(plan: FloorPlan): number {
  let count = 0;
  for (const { rows = [] } of plan.sections) {
    for (const { seats: those } of rows) {
      if (typeof those !== 'string') count += those.length;
      else for (const range of rangesOf(those) ?? []) count += countOf(range);
    }
  }
  return count;
}

/** The seats of a row one by one; null where its text is no list of numbers and ranges. */
export function seatsOf(one: PlanRow): readonly PlanSeat[] | null {
  if (typeof one.seats !== 'string') return one.seats;
  return numbersOf(one.seats)?.map((number) => ({ number })) ?? null;
}
