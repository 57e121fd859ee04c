/**
 * What a floor plan comes to: every seat with its name, where it stands and whose neighbour it is,
 * every standing area, and all that is wrong or odd. Seats keep the document's order: a seat's
 * number is its index in it.
 */
import {
  countSeats,
  type Feature,
  type FloorPlan,
  type PlanFinding,
  type PlanRow,
  type PlanSeat,
  type PlanSection,
  SEATS_MAX,
  seatsOf,
} from './floor-plan.ts';
import { placesOf } from './places.ts';
import { add, crossesItself, hasArea, ORIGIN, type Point, withoutRepeats } from './polygons.ts';

export type SurveyedSeat = {
  /** Section, row and number: `Stalls-A-12`. The same seat in every version that has it. */
  readonly key: string;
  readonly section: string;
  readonly rowLabel: string;
  readonly number: string;
  readonly category: string;
  readonly features: readonly Feature[];
  /** In the plan. */
  readonly at: Point;
  /** Whether somebody drew it there; where seats are only counted, a row more moves them all. */
  readonly isDrawn: boolean;
  /** Counted through the plan, in the document's order. */
  readonly row: number;
  /** Neighbours differ by 1; an aisle or a missing seat leaves one out. */
  readonly place: number;
};

type Surveying = Omit<SurveyedSeat, 'place'> & { place: number };

export type StandingArea = {
  readonly section: string;
  readonly category: string;
  readonly capacity: number;
};

export type Survey = {
  readonly seats: readonly SurveyedSeat[];
  readonly standing: readonly StandingArea[];
  readonly focalPoint: Point;
  readonly findings: readonly PlanFinding[];
};

const KEY_MAX_CHARS = 64;
/** Of each severity: whoever made the same mistake a thousand times knows it by then. */
const FINDINGS_MAX = 200;
/** Of all outlines together: what comparing their edges costs has an end. */
const OUTLINE_POINTS_TOTAL_MAX = 100_000;
/** In all sections: what looking for room in an outline, row by row, costs has an end. */
const ROW_POINTS_MAX = 5_000_000;
/** How far seats without positions stand apart; any unit does. */
const PITCH = 1;

type Notes = {
  readonly list: PlanFinding[];
  readonly count: { error: number; warning: number };
};

type Walk = {
  readonly notes: Notes;
  readonly plan: FloorPlan;
  readonly categories: ReadonlySet<string> | null;
  readonly gates: ReadonlySet<string>;
  /** Where each was first, by key and by spot. */
  readonly keys: Map<string, string>;
  readonly spots: Map<string, string>;
  readonly seats: SurveyedSeat[];
  readonly standing: StandingArea[];
  row: number;
};

/** Absent where nobody names one; null where the name is wrong, which has been noted. */
type Category = string | null | undefined;

/** Never throws: what cannot be used is a finding, and leaves no seat. */
export function survey(plan: FloorPlan): Survey {
  const walk: Walk = {
    notes: { list: [], count: { error: 0, warning: 0 } },
    plan,
    categories: plan.categories ? new Set(plan.categories.map(({ name }) => name)) : null,
    gates: new Set(plan.gates?.map(({ name }) => name)),
    ...{ keys: new Map(), spots: new Map(), seats: [], standing: [], row: 0 },
  };
  for (const { severity, code, path, message } of excesses(plan)) {
    note(walk.notes, severity, code, path, message);
  }
  if (walk.notes.list.length > 0) return outcome(walk);
  noteNames(walk);
  for (const [i, section] of plan.sections.entries()) {
    const path = `sections.${i}`;
    noteSection(walk, section, path);
    const category = known(walk, section.category, `${path}.category`);
    if (section.standing) surveyStanding(walk, section, category, path);
    for (const [k, row] of (section.rows ?? []).entries()) {
      surveyRow(walk, section, category, row, `${path}.rows.${k}`);
      walk.row += 1;
    }
  }
  return outcome(walk);
}

/** Without a focal point, everybody looks at the middle of the front edge. */
export function focalPointOf({ focalPoint, size }: FloorPlan): Point {
  return focalPoint ?? { x: (size?.width ?? 0) / 2, y: 0 };
}

function outcome({ plan, seats, standing, notes }: Walk): Survey {
  const { list, count } = notes;
  const left = count.error + count.warning - list.length;
  const findings = [...list];
  if (left > 0) {
    // An error among them is told as one: the list alone says whether a plan is taken.
    const severity = count.error > FINDINGS_MAX ? 'error' : 'warning';
    const message = `and ${left} more findings`;
    findings.push({ code: 'more_findings', severity, path: 'sections', message });
  }
  return { seats, standing, focalPoint: focalPointOf(plan), findings };
}

function note(
  { list, count }: Notes,
  severity: PlanFinding['severity'],
  code: string,
  path: string,
  message: string,
): void {
  count[severity] += 1;
  if (count[severity] <= FINDINGS_MAX) list.push({ code, severity, path, message });
}

/**
 * Why a plan is too large to be looked at, or laid out. Counted before anything is made: a short
 * document can stand for billions of seats.
 */
export function excesses(plan: FloorPlan): PlanFinding[] {
  const { sections } = plan;
  const seats = countSeats(plan);
  const points = sections.reduce((sum, { outline = [] }) => sum + outline.length, 0);
  const edges = sections.reduce(
    (sum, { outline = [], rows = [] }) => sum + outline.length * rows.length,
    0,
  );
  const limits = [
    ['too_many_seats', 'seats', seats, SEATS_MAX],
    ['too_many_outline_points', 'points of outlines', points, OUTLINE_POINTS_TOTAL_MAX],
    ['outlines_too_detailed', 'rows times points of their outlines', edges, ROW_POINTS_MAX],
  ] as const;
  return limits.flatMap(([code, what, is, most]) => {
    const message = `has ${is} ${what}, at most ${most}`;
    return is > most ? [{ code, severity: 'error', path: 'sections', message }] : [];
  });
}

function noteNames({ plan, notes }: Walk): void {
  const lists = [
    ['sections', plan.sections],
    ['categories', plan.categories ?? []],
    ['gates', plan.gates ?? []],
  ] as const;
  for (const [where, list] of lists) {
    const seen = new Map<string, number>();
    for (const [i, { name }] of list.entries()) {
      const before = seen.get(name);
      if (before !== undefined) {
        const message = `${name} is also ${where}.${before}`;
        note(notes, 'error', 'duplicate_name', `${where}.${i}`, message);
      } else seen.set(name, i);
    }
  }
}

function noteSection({ gates, notes }: Walk, section: PlanSection, path: string): void {
  const refuse = (code: string, at: string, message: string) =>
    note(notes, 'error', code, at, message);
  const { standing, rows = [], gate, outline } = section;
  if (!standing && rows.length === 0) {
    refuse('empty_section', path, 'has neither rows nor standing room');
  }
  if (standing && rows.length > 0) {
    refuse('rows_and_standing', path, 'has both rows and standing room: make two sections of it');
  }
  if (gate !== undefined && !gates.has(gate)) {
    refuse('unknown_gate', `${path}.gate`, `there is no gate ${gate}`);
  }
  if (!outline) return;
  const drawn = withoutRepeats(outline);
  // Asked first: an eight has no area either, since its halves make up for each other.
  if (crossesItself(drawn)) {
    refuse('outline_crosses_itself', `${path}.outline`, 'the outline crosses itself');
  } else if (!hasArea(drawn)) {
    refuse('outline_without_area', `${path}.outline`, 'the outline is a line or a point');
  }
}

function known({ categories, notes }: Walk, name: string | undefined, path: string): Category {
  if (name === undefined || !categories || categories.has(name)) return name;
  note(notes, 'error', 'unknown_category', path, `there is no category ${name}`);
  return null;
}

function surveyStanding(walk: Walk, section: PlanSection, category: Category, path: string): void {
  if (category === undefined) {
    note(walk.notes, 'error', 'no_category', path, 'has standing room without a category');
  } else if (category !== null && section.standing) {
    walk.standing.push({ section: section.name, category, capacity: section.standing.capacity });
  }
}

function surveyRow(
  walk: Walk,
  section: PlanSection,
  ofSection: Category,
  row: PlanRow,
  path: string,
): void {
  const { notes } = walk;
  const seats = seatsOf(row);
  if (seats === null) {
    const message = 'is no list of numbers and ranges, like 1-10,12-16, or one of too many seats';
    note(notes, 'error', 'malformed_seats', `${path}.seats`, message);
    return;
  }
  const ofRow =
    row.category === undefined ? ofSection : known(walk, row.category, `${path}.category`);
  const start = add(section.position ?? ORIGIN, row.position ?? ORIGIN);
  const taken: Surveying[] = [];
  let withoutCategory = 0;
  let drawn = 0;
  for (const [i, seat] of seats.entries()) {
    const seatPath = `${path}.seats.${i}`;
    const own = seat.category;
    const category = own === undefined ? ofRow : known(walk, own, `${seatPath}.category`);
    const key = `${section.name}-${row.label}-${seat.number}`;
    if (category === undefined) withoutCategory += 1;
    if (!isNew(walk, key, seatPath) || typeof category !== 'string') continue;
    const at = add(start, seat.position ?? { x: i * PITCH, y: 0 });
    const isDrawn = seat.position !== undefined && !row.counted;
    if (isDrawn) drawn += 1;
    if (seat.position !== undefined) noteSpot(walk, section, at, seatPath);
    taken.push(surveyed(walk, section, row, seat, { key, category, at, isDrawn }));
  }
  if (withoutCategory > 0) {
    const message = `${withoutCategory} seats have no category, nor has their row or section`;
    note(notes, 'error', 'no_category', path, message);
  }
  const areDrawn = drawn === taken.length;
  if (drawn > 0 && !areDrawn) {
    const message = `${taken.length - drawn} of ${taken.length} seats have no position`;
    note(notes, 'warning', 'position_missing', path, `${message}: they stand where nobody drew`);
  }
  const places = placesOf(taken, areDrawn);
  for (const [i, seat] of taken.entries()) {
    seat.place = places[i] ?? i;
    walk.seats.push(seat);
  }
}

/** Its place is told later. Field by field: with spreads, a survey took three times as long. */
function surveyed(
  walk: Walk,
  section: PlanSection,
  row: PlanRow,
  { number, features = [] }: PlanSeat,
  { key, category, at, isDrawn }: Pick<SurveyedSeat, 'key' | 'category' | 'at' | 'isDrawn'>,
): Surveying {
  return {
    key,
    section: section.name,
    rowLabel: row.label,
    number,
    category,
    features,
    at,
    isDrawn,
    row: walk.row,
    place: 0,
  };
}

function isNew(walk: Walk, key: string, path: string): boolean {
  const before = walk.keys.get(key);
  if (before !== undefined) {
    note(walk.notes, 'error', 'duplicate_seat', path, `${key} is also at ${before}`);
    return false;
  }
  walk.keys.set(key, path);
  if (key.length <= KEY_MAX_CHARS) return true;
  const message = `${key} has more than ${KEY_MAX_CHARS} characters`;
  note(walk.notes, 'error', 'name_too_long', path, message);
  return false;
}

/** Of two seats in one spot, a map shows one. Options of a slot are never there together. */
function noteSpot(walk: Walk, { slot }: PlanSection, { x, y }: Point, path: string): void {
  const spot = `${x} ${y} ${slot ? JSON.stringify([slot.name, slot.option]) : ''}`;
  const before = walk.spots.get(spot);
  if (before === undefined) walk.spots.set(spot, path);
  else note(walk.notes, 'warning', 'seats_in_one_spot', path, `stands where ${before} does`);
}
