/**
 * Reads seating plans as pretix writes them (JSON, its schema 0.0.1). Zones become sections; what
 * ours has no word for is kept with the thing it was said of, for write-pretix.ts. Zones without a
 * seat only decorate: they are kept as shapes.
 */
import { z } from 'zod';
import { ok, type Result } from '../../kernel/result.ts';
import { floorPlan, OUTLINE_POINTS_MAX, type PlanFinding, point } from './floor-plan.ts';
import { add, crossesItself, hasArea, ORIGIN, type Point, withoutRepeats } from './polygons.ts';
import { dotted, issuesOf, type ReadPlan, type UnreadablePlan, unreadable } from './read-plan.ts';

const text = z.string().max(500);
const ZONES_MAX = 10_000;

/**
 * What older and newer files agree on. Members that are not named here are kept, whatever they say;
 * `areas`, `size`, and the position of a row are not in every version.
 */
const seat = z.looseObject({ seat_number: text, position: point, category: text });
const row = z.looseObject({
  row_number: text,
  position: point.optional(),
  seats: z.array(seat),
});
const zone = z.looseObject({
  name: text.optional(),
  position: point,
  rows: z.array(row),
  areas: z.array(z.unknown()).optional(),
});
const seatingPlan = z.looseObject({
  name: text,
  zones: z.array(zone).max(ZONES_MAX),
  categories: z.array(z.looseObject({ name: text, color: text.optional() })),
  size: z.looseObject({ width: z.number(), height: z.number() }).optional(),
});

type SeatingPlan = z.output<typeof seatingPlan>;
type Zone = SeatingPlan['zones'][number];
type Row = Zone['rows'][number];
type Seat = Row['seats'][number];

/** Where in the document each thing of the plan was, to say so of what is wrong with it. */
type Places = { readonly zones: number[]; readonly rows: number[][] };

/** Reads a parsed JSON document. */
export function readPretix(document: unknown): Result<ReadPlan, UnreadablePlan> {
  const parsed = seatingPlan.safeParse(document);
  if (!parsed.success) return unreadable(issuesOf(parsed.error));
  const { zones, categories, size, ...kept } = parsed.data;
  const findings: PlanFinding[] = [];
  const places: Places = { zones: [], rows: [] };
  const names = namesOf(zones, findings);
  const sections: unknown[] = [];
  const shapes: unknown[] = [];
  for (const [index, one] of zones.entries()) {
    const rows = one.rows.flatMap(({ seats }, k) => (seats.length > 0 ? [k] : []));
    if (rows.length === 0) shapes.push({ index, zone: one });
    else {
      places.zones.push(index);
      places.rows.push(rows);
      sections.push(sectionOf(one, names[index] ?? '', `zones.${index}`, findings));
    }
  }
  if (sections.length === 0) {
    return unreadable([{ path: 'zones', code: 'no_seats', message: 'no zone has a seat' }]);
  }
  noteGuids(parsed.data, findings);
  const plan = floorPlan.safeParse({
    ...(size ? { size: { width: size.width, height: size.height } } : {}),
    categories: categories.map(categoryOf),
    ...{ sections, shapes, source: { pretix: { ...kept, ...(size ? { size } : {}) } } },
  });
  if (plan.success) return ok({ plan: plan.data, findings });
  return unreadable(issuesOf(plan.error, (path) => placeOf(path, places)));
}

const OURS_TO_THEIRS: Readonly<Record<string, string>> = {
  sections: 'zones',
  label: 'row_number',
  number: 'seat_number',
  outline: 'areas',
  shapes: 'zones',
};

function placeOf(path: readonly PropertyKey[], { zones, rows }: Places): string {
  const [, section, , inSection] = path;
  return dotted(
    path.map((part, i) => {
      if (path[0] === 'sections' && i === 1) return zones[Number(section)] ?? part;
      if (path[0] === 'sections' && i === 3 && path[2] === 'rows') {
        return rows[Number(section)]?.[Number(inSection)] ?? part;
      }
      return OURS_TO_THEIRS[String(part)] ?? part;
    }),
  );
}

/** As `line` reads it, which the floor plan's labels are. */
export const asLabel = (label: string): string => label.normalize('NFC').trim();

/** Ours are told apart by their names; theirs need not be. */
function namesOf(zones: readonly Zone[], findings: PlanFinding[]): string[] {
  const taken = new Set<string>();
  const times = new Map<string, number>();
  return zones.map((one, i) => {
    const wanted = asLabel(one.name ?? '') || `Zone ${i + 1}`;
    if (!one.rows.some(({ seats }) => seats.length > 0)) return wanted;
    let name = wanted;
    // Counted on from the last one, and tried: `Hall (2)` may be the name of another.
    for (let time = times.get(wanted) ?? 2; taken.has(name); time += 1) {
      name = `${wanted} (${time})`;
      times.set(wanted, time + 1);
    }
    taken.add(name);
    if (name !== asLabel(one.name ?? '')) {
      const message = `the zone ${JSON.stringify(one.name ?? '')} is called ${name} here`;
      findings.push({ code: 'zone_renamed', severity: 'warning', path: `zones.${i}`, message });
    }
    return name;
  });
}

const KNOWN_COLOR = /^#[0-9a-fA-F]{3,8}$|^[a-z]{3,30}$/;

function categoryOf(one: SeatingPlan['categories'][number]): unknown {
  const { name, color = '' } = one;
  return { name, ...(KNOWN_COLOR.test(color) ? { color } : {}), source: { pretix: one } };
}

/** What has no label is called by its position: tickets have to name it somehow. */
export const labelOf = (label: string, i: number): string => asLabel(label) || `(${i + 1})`;

function sectionOf(one: Zone, name: string, path: string, findings: PlanFinding[]): unknown {
  const { position, rows, ...kept } = one;
  const outline = soundOutline(one.areas ?? []);
  if (outline === 'unsound') {
    // Decoration, as far as that goes: no reason to refuse seats that have their positions.
    const message = 'the polygon crosses itself or has no area, and is not taken as an outline';
    const at = `${path}.areas`;
    findings.push({ code: 'polygon_not_taken', severity: 'warning', path: at, message });
  }
  const unlabelled = { rows: 0, seats: 0 };
  const sold = rows.flatMap(({ position: start, seats, ...ofRow }, index) => {
    if (seats.length === 0) return [];
    if (!asLabel(ofRow.row_number)) unlabelled.rows += 1;
    unlabelled.seats += seats.filter(({ seat_number }) => !asLabel(seat_number)).length;
    const label = labelOf(ofRow.row_number, index);
    const source = { pretix: ofRow, index };
    return [{ label, ...(start ? { position: start } : {}), seats: seats.map(readSeat), source }];
  });
  const empty = rows.flatMap((row, index) => (row.seats.length > 0 ? [] : [{ index, row }]));
  for (const [what, count] of Object.entries(unlabelled)) {
    if (count === 0) continue;
    const message = `${count} ${what} have no number and are called by their position, like (3)`;
    findings.push({ code: `unlabelled_${what}`, severity: 'warning', path, message });
  }
  return {
    ...{ name, position, rows: sold },
    source: { pretix: kept, name, ...(empty.length > 0 ? { emptyRows: empty } : {}) },
    ...(Array.isArray(outline) ? { outline } : {}),
  };
}

function readSeat({ position, ...kept }: Seat, index: number): unknown {
  const category = asLabel(kept.category);
  return {
    number: labelOf(kept.seat_number, index),
    position,
    ...(category ? { category } : {}),
    source: { pretix: kept, index },
  };
}

const polygonArea = z.looseObject({
  shape: z.literal('polygon'),
  position: point.optional(),
  rotation: z.number().optional(),
  polygon: z.looseObject({ points: z.array(point).min(3).max(OUTLINE_POINTS_MAX) }),
});

export const isPolygon = (area: unknown): boolean => polygonArea.safeParse(area).success;

/** The outline that a zone's only polygon is, in the zone's own coordinates. */
function polygonOf(areas: readonly unknown[]): Point[] | null {
  const found = areas.flatMap((one) => polygonArea.safeParse(one).data ?? []);
  const [first] = found;
  if (found.length !== 1 || !first) return null;
  const turn = ((first.rotation ?? 0) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const turned = ({ x, y }: Point) =>
    turn === 0 ? { x, y } : { x: x * cos - y * sin, y: x * sin + y * cos };
  return first.polygon.points.map((at) => add(turned(at), first.position ?? ORIGIN));
}

/** Null where a zone has no polygon, or several. */
export function soundOutline(areas: readonly unknown[]): Point[] | 'unsound' | null {
  const outline = polygonOf(areas);
  if (!outline) return null;
  const drawn = withoutRepeats(outline);
  return hasArea(drawn) && !crossesItself(drawn) ? outline : 'unsound';
}

/** They are meant to be unique and are not, in real files; nothing of ours depends on them. */
function noteGuids({ zones }: SeatingPlan, findings: PlanFinding[]): void {
  const seen = new Set<unknown>();
  let repeated = 0;
  let firstPath = '';
  for (const [i, { rows }] of zones.entries()) {
    for (const [k, { seats }] of rows.entries()) {
      for (const [n, { seat_guid: guid }] of seats.entries()) {
        if (guid === undefined || !seen.has(guid)) seen.add(guid);
        else if (repeated++ === 0) firstPath = `zones.${i}.rows.${k}.seats.${n}`;
      }
    }
  }
  if (repeated === 0) return;
  const message = `${repeated} seats repeat the seat_guid of another; seats are told apart by name`;
  findings.push({ code: 'repeated_guid', severity: 'warning', path: firstPath, message });
}
