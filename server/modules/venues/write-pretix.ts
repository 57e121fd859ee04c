/**
 * A floor plan as a seating plan of pretix. What came from there (pretix.ts) goes out as it came,
 * but for what was changed here in between: labels, positions and categories are the plan's,
 * spelled as they were where they still mean the same. Room to stand has no place there and is left
 * out.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { FloorPlan, PlanRow, PlanSeat, PlanSection } from './floor-plan.ts';
import { seatsOf } from './floor-plan.ts';
import { ORIGIN } from './polygons.ts';
import { asLabel, isPolygon, labelOf, soundOutline } from './pretix.ts';

const record = z.record(z.string(), z.unknown());
const ofPretix = z.object({
  pretix: record,
  /** The name that a zone was given here. */
  name: z.string().optional(),
  /** Where in its row or zone it was, the first being 0. */
  index: z.int().optional(),
  emptyRows: z.array(z.object({ index: z.int().min(0), row: z.unknown() })).optional(),
});
const drawnZone = z.object({ index: z.int().min(0), zone: z.unknown() });

type Kept = Partial<z.output<typeof ofPretix>>;

/** What pretix said of a thing; nothing of what was made here, or kept from another format. */
const keptOf = (source: unknown): Kept => ofPretix.safeParse(source).data ?? {};

/** `name` is for a plan that has not come from there. */
export function writePretix(plan: FloorPlan, name: string): unknown {
  const { pretix } = keptOf(plan.source);
  const asides = (plan.shapes ?? []).flatMap((shape) => drawnZone.safeParse(shape).data ?? []);
  const size = plan.size ?? (pretix ? undefined : { width: 1_000, height: 1_000 });
  return {
    name,
    ...pretix,
    ...(size ? { size: { ...record.safeParse(pretix?.['size']).data, ...size } } : {}),
    categories: (plan.categories ?? []).map(categoryFrom),
    zones: withAsides(
      plan.sections.filter(({ standing }) => !standing).map(zoneFrom),
      asides.map(({ index, zone }) => ({ index, what: zone })),
    ),
  };
}

type Aside = { readonly index: number; readonly what: unknown };

/** Puts what sells nothing back where it was. */
function withAsides(sold: readonly unknown[], asides: readonly Aside[]): unknown[] {
  const all = [...sold];
  for (const { index, what } of [...asides].sort((a, b) => a.index - b.index)) {
    all.splice(index, 0, what);
  }
  return all;
}

/** A label as it was spelled there, where that is still what it is read as. */
function spelled(was: unknown, now: string, read: (was: string) => string = asLabel): string {
  return typeof was === 'string' && read(was) === now ? was : now;
}

function categoryFrom({ name, color, source }: NonNullable<FloorPlan['categories']>[number]) {
  const { pretix } = keptOf(source);
  const paint = color ?? (pretix ? undefined : '#888888');
  return { ...pretix, name: spelled(pretix?.['name'], name), ...(paint ? { color: paint } : {}) };
}

function zoneFrom(section: PlanSection): unknown {
  const kept = keptOf(section.source);
  const { pretix } = kept;
  const isRenamed = kept.name !== section.name;
  const rows = (section.rows ?? []).map((one) => rowFrom(section, one));
  const areas = areasFrom(section, pretix);
  return {
    ...(pretix ?? { zone_id: section.name, uuid: uuidOf(section.name) }),
    ...(isRenamed ? { name: section.name } : {}),
    position: section.position ?? ORIGIN,
    rows: withAsides(
      rows,
      (kept.emptyRows ?? []).map(({ index, row }) => ({ index, what: row })),
    ),
    ...(areas ? { areas } : {}),
  };
}

/** Those that were there, and the outline in place of the polygon that it was read from. */
function areasFrom({ name, outline }: PlanSection, pretix: Kept['pretix']): unknown[] | null {
  const were = z.array(z.unknown()).safeParse(pretix?.['areas']).data;
  const was = soundOutline(were ?? []);
  if (pretix && isDeepStrictEqual(Array.isArray(was) ? was : undefined, outline)) {
    return were ?? null;
  }
  const polygon = {
    ...{ shape: 'polygon', polygon: { points: outline }, position: ORIGIN, rotation: 0 },
    ...{ color: '#ffffff', border_color: '#888888', uuid: uuidOf(`${name}-outline`) },
  };
  const others = (were ?? []).filter((one) => !Array.isArray(was) || !isPolygon(one));
  return [...others, ...(outline ? [polygon] : [])];
}

function rowFrom(section: PlanSection, one: PlanRow): unknown {
  const { pretix, index = 0 } = keptOf(one.source);
  const made = { row_number_position: 'both', uuid: uuidOf(`${section.name}-${one.label}`) };
  const position = one.position ?? (pretix ? undefined : ORIGIN);
  return {
    ...(pretix ?? made),
    row_number: spelled(pretix?.['row_number'], one.label, (was) => labelOf(was, index)),
    ...(position ? { position } : {}),
    seats: (seatsOf(one) ?? []).map((each) => seatFrom(section, one, each)),
  };
}

function seatFrom(section: PlanSection, inRow: PlanRow, one: PlanSeat): unknown {
  const { pretix, index = 0 } = keptOf(one.source);
  const key = `${section.name}-${inRow.label}-${one.number}`;
  const category = one.category ?? inRow.category ?? section.category ?? '';
  return {
    ...(pretix ?? { seat_guid: key, uuid: uuidOf(key) }),
    seat_number: spelled(pretix?.['seat_number'], one.number, (was) => labelOf(was, index)),
    position: one.position ?? ORIGIN,
    category: spelled(pretix?.['category'], category),
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
