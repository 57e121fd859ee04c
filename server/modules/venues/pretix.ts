/**
 * Seating plans as pretix writes them (JSON, its schema 0.0.1), in and out. Zones become sections;
 * what ours has no word for is kept with the thing it was said of, so that a plan that came in goes
 * out as it came.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import {
  type FloorPlan,
  floorPlan,
  type PlanFinding,
  type PlanRow,
  type PlanSeat,
  type PlanSection,
  point,
} from './floor-plan.ts';
import { add, type Point } from './polygons.ts';
import { seatsOf } from './survey.ts';

const text = z.string().max(500);
const optionalText = text.nullable().optional();

const seat = z.strictObject({
  seat_guid: text,
  seat_number: text,
  uuid: optionalText,
  position: point,
  category: text,
  radius: z.number().min(0).max(1e6).optional(),
  start_direction: optionalText,
});

const row = z.strictObject({
  row_number: text,
  row_label: optionalText,
  seat_label: optionalText,
  row_number_position: optionalText,
  position: point,
  uuid: optionalText,
  seats: z.array(seat).max(20_000),
});

const shape = z.looseObject({
  shape: z.string(),
  position: point.optional(),
  polygon: z.looseObject({ points: z.array(point) }).optional(),
});

const zone = z.strictObject({
  name: text,
  zone_id: optionalText,
  uuid: optionalText,
  position: point,
  rows: z.array(row).max(10_000),
  areas: z.array(shape).max(10_000),
});

export const seatingPlan = z
  .strictObject({
    name: text,
    zones: z.array(zone).max(2_000),
    categories: z.array(z.strictObject({ name: text, color: text })).max(200),
    size: z.strictObject({ width: z.number(), height: z.number() }),
  })
  .meta({ id: 'SeatingPlan' });

type SeatingPlan = z.output<typeof seatingPlan>;
type Zone = SeatingPlan['zones'][number];

export type ReadPlan = {
  readonly plan: FloorPlan;
  /** What was odd about the file; what is wrong with the plan, `survey` tells. */
  readonly findings: readonly PlanFinding[];
};

export type UnreadablePlan = RefusalOf<'plan_not_readable'>;

const ISSUES_MAX = 100;

/** Reads a parsed JSON document. */
export function readPretix(document: unknown): Result<ReadPlan, UnreadablePlan> {
  const parsed = seatingPlan.safeParse(document);
  if (!parsed.success) return unreadable(parsed.error);
  const found = parsed.data;
  const findings: PlanFinding[] = [];
  const sections = sectionsOf(found, findings);
  noteGuids(found, findings);
  const plan = floorPlan.safeParse({
    size: found.size,
    categories: found.categories,
    sections,
    source: { name: found.name },
  });
  return plan.success ? ok({ plan: plan.data, findings }) : unreadable(plan.error);
}

function unreadable(error: z.ZodError): Result<never, UnreadablePlan> {
  return refused('plan_not_readable', {
    issues: error.issues.slice(0, ISSUES_MAX).map(({ path, code, message }) => ({
      path: path.map(String).join('.'),
      code,
      message,
    })),
  });
}

/** Zones without rows only decorate: they stay with the first section that is one. */
function sectionsOf({ zones }: SeatingPlan, findings: PlanFinding[]): unknown[] {
  const names = new Map<string, number>();
  return zones.map((one, i) => {
    const wanted = one.name.trim() || `Zone ${i + 1}`;
    const times = (names.get(wanted) ?? 0) + 1;
    names.set(wanted, times);
    const name = times === 1 ? wanted : `${wanted} (${times})`;
    if (name !== one.name) {
      const message = `the zone ${JSON.stringify(one.name)} is called ${name} here`;
      findings.push({ code: 'zone_renamed', severity: 'warning', path: `zones.${i}`, message });
    }
    return sectionOf(one, name);
  });
}

function sectionOf({ position, rows, ...source }: Zone, name: string): unknown {
  const polygons = source.areas.filter((one) => one.polygon && one.polygon.points.length >= 3);
  const [first] = polygons;
  const outline =
    polygons.length === 1 && first?.polygon
      ? first.polygon.points.map((at) => add(at, first.position ?? { x: 0, y: 0 }))
      : undefined;
  return {
    ...{ name, position, source },
    ...(outline ? { outline } : {}),
    rows: rows.map(({ row_number, position: at, seats, ...rest }) => ({
      label: row_number.trim() || '-',
      position: at,
      source: { ...rest, row_number },
      seats: seats.map(({ seat_number, position: where, category, ...kept }) => ({
        number: seat_number.trim() || '-',
        position: where,
        ...(category.trim() ? { category } : {}),
        source: { ...kept, seat_number },
      })),
    })),
  };
}

/** They are meant to be unique and are not, in real files; nothing of ours depends on them. */
function noteGuids({ zones }: SeatingPlan, findings: PlanFinding[]): void {
  const seen = new Map<string, string>();
  let repeated = 0;
  let firstPath = '';
  for (const [i, { rows }] of zones.entries()) {
    for (const [k, { seats }] of rows.entries()) {
      for (const [n, { seat_guid }] of seats.entries()) {
        const path = `zones.${i}.rows.${k}.seats.${n}`;
        if (!seen.has(seat_guid)) seen.set(seat_guid, path);
        else if (repeated++ === 0) firstPath = path;
      }
    }
  }
  if (repeated === 0) return;
  const message = `${repeated} seats repeat the seat_guid of another; seats are told apart by name`;
  findings.push({ code: 'repeated_guid', severity: 'warning', path: firstPath, message });
}

/** The plan as pretix would read it. Room to stand has no place there and is left out. */
export function writePretix(plan: FloorPlan, name: string): unknown {
  return {
    name,
    ...plan.source,
    size: plan.size ?? { width: 1_000, height: 1_000 },
    categories: (plan.categories ?? []).map((one) => ({ color: '#888888', ...one })),
    zones: plan.sections.filter((one) => !one.standing).map(zoneOf),
  };
}

const ORIGIN: Point = { x: 0, y: 0 };

function zoneOf(section: PlanSection): unknown {
  const areas = section.outline
    ? [{ shape: 'polygon', polygon: { points: section.outline }, position: ORIGIN, rotation: 0 }]
    : [];
  return {
    ...{ name: section.name, zone_id: section.name, uuid: uuidOf(section.name), areas },
    ...section.source,
    position: section.position ?? ORIGIN,
    rows: (section.rows ?? []).map((one) => rowOf(section, one)),
  };
}

function rowOf(section: PlanSection, one: PlanRow): unknown {
  return {
    ...{ row_number: one.label, row_number_position: 'both' },
    uuid: uuidOf(`${section.name}-${one.label}`),
    ...one.source,
    position: one.position ?? ORIGIN,
    seats: (seatsOf(one) ?? []).map((each) => seatOf(section, one, each)),
  };
}

function seatOf(section: PlanSection, inRow: PlanRow, one: PlanSeat): unknown {
  const key = `${section.name}-${inRow.label}-${one.number}`;
  return {
    ...{ seat_guid: key, seat_number: one.number, uuid: uuidOf(key) },
    ...one.source,
    position: one.position ?? ORIGIN,
    category: one.category ?? inRow.category ?? section.category ?? '',
  };
}

/** The same for the same name, so that a plan that goes out twice is one plan. */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const parts = [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ] as const;
  return parts.map(([start, end]) => hex.slice(start, end)).join('-');
}
