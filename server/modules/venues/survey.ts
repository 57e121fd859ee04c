/**
 * What a floor plan comes to: every seat with its name, where it stands and whose neighbour it is,
 * every standing area, and all that is wrong or odd. Seats keep the document's order: a seat's number
 * is its index in it.
 */
import type { Feature, FloorPlan, PlanFinding, PlanRow, PlanSection } from './floor-plan.ts';
import { numbersOf, SEATS_MAX } from './floor-plan.ts';
import { add, crossesItself, distance, type Point } from './polygons.ts';

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
  /** Counted through the plan, in the document's order. */
  readonly row: number;
  /** Neighbours differ by 1; an aisle or a missing seat leaves one out. */
  readonly place: number;
};

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
/** More are not listed: whoever has made the same mistake a thousand times knows it by then. */
const FINDINGS_MAX = 200;
/** A gap of so many times what is usual in its row is an aisle. */
const AISLE_GAP = 1.6;
const ORIGIN: Point = { x: 0, y: 0 };
/** How far seats of a plan without positions stand apart; any unit does. */
const PITCH = 1;

type Notes = { readonly list: PlanFinding[]; dropped: number };
type Walk = {
  readonly notes: Notes;
  readonly categories: ReadonlySet<string> | null;
  readonly keys: Map<string, string>;
  readonly seats: SurveyedSeat[];
  row: number;
};

/** Never throws: what cannot be used is a finding, and leaves no seat. */
export function survey(plan: FloorPlan): Survey {
  const notes: Notes = { list: [], dropped: 0 };
  const categories = plan.categories ? new Set(plan.categories.map(({ name }) => name)) : null;
  const walk: Walk = { notes, categories, keys: new Map(), seats: [], row: 0 };
  const standing: StandingArea[] = [];
  noteNames(plan, notes);
  for (const [i, section] of plan.sections.entries()) {
    const path = `sections.${i}`;
    noteSection(plan, section, path, notes);
    if (section.standing) {
      const category = categoryOf(walk, section.category, path);
      if (category !== null) {
        standing.push({ section: section.name, category, capacity: section.standing.capacity });
      }
    }
    for (const [k, row] of (section.rows ?? []).entries()) {
      surveyRow(walk, section, row, `${path}.rows.${k}`);
      walk.row += 1;
    }
  }
  if (walk.seats.length > SEATS_MAX) {
    const message = `has ${walk.seats.length} seats, at most ${SEATS_MAX}`;
    note(notes, { code: 'too_many_seats', severity: 'error', path: 'sections', message });
  }
  const findings = notes.list;
  if (notes.dropped > 0) {
    const message = `and ${notes.dropped} more findings`;
    findings.push({ code: 'more_findings', severity: 'warning', path: '', message });
  }
  return { seats: walk.seats, standing, focalPoint: plan.focalPoint ?? middle(plan), findings };
}

/** Without a focal point, everybody looks at the middle of the front edge. */
function middle({ size }: FloorPlan): Point {
  return { x: (size?.width ?? 0) / 2, y: 0 };
}

function note(notes: Notes, finding: PlanFinding): void {
  // Errors are never the ones that are left out: without one, a plan would be taken.
  const isKept = notes.list.length < FINDINGS_MAX || finding.severity === 'error';
  if (isKept && notes.list.length < 2 * FINDINGS_MAX) notes.list.push(finding);
  else notes.dropped += 1;
}

function noteNames(plan: FloorPlan, notes: Notes): void {
  const lists = [
    ['sections', plan.sections],
    ['categories', plan.categories ?? []],
    ['gates', plan.gates ?? []],
  ] as const;
  for (const [where, list] of lists) {
    const seen = new Set<string>();
    for (const [i, { name }] of list.entries()) {
      if (seen.has(name)) {
        const message = `${name} is there twice`;
        note(notes, { code: 'duplicate_name', severity: 'error', path: `${where}.${i}`, message });
      }
      seen.add(name);
    }
  }
}

function noteSection(plan: FloorPlan, section: PlanSection, path: string, notes: Notes): void {
  const refuse = (code: string, at: string, message: string) =>
    note(notes, { code, severity: 'error', path: at, message });
  if (!section.standing && !section.rows?.length) {
    refuse('empty_section', path, 'has neither rows nor standing room');
  }
  if (section.standing && section.rows?.length) {
    refuse('rows_and_standing', path, 'has both rows and standing room: make two sections of it');
  }
  if (section.gate && !plan.gates?.some(({ name }) => name === section.gate)) {
    refuse('unknown_gate', `${path}.gate`, `there is no gate ${section.gate}`);
  }
  if (section.outline && crossesItself(section.outline)) {
    refuse('outline_crosses_itself', `${path}.outline`, 'the outline crosses or touches itself');
  }
}

function categoryOf(walk: Walk, name: string | undefined, path: string): string | null {
  const refuse = (code: string, message: string) => {
    note(walk.notes, { code, severity: 'error', path, message });
    return null;
  };
  if (name === undefined) return refuse('no_category', 'has no category');
  if (walk.categories && !walk.categories.has(name)) {
    return refuse('unknown_category', `there is no category ${name}`);
  }
  return name;
}

type Placed = { readonly seat: SurveyedSeat; readonly hasPosition: boolean };

function surveyRow(walk: Walk, section: PlanSection, row: PlanRow, path: string): void {
  const seats = seatsOf(row);
  if (seats === null) {
    const message = 'is no list of numbers and ranges, like 1-10,12-16';
    note(walk.notes, {
      code: 'malformed_seats',
      severity: 'error',
      path: `${path}.seats`,
      message,
    });
    return;
  }
  const at = add(section.position ?? ORIGIN, row.position ?? ORIGIN);
  const placed: Placed[] = [];
  for (const [i, seat] of seats.entries()) {
    const seatPath = `${path}.seats.${i}`;
    const category = categoryOf(walk, seat.category ?? row.category ?? section.category, seatPath);
    const key = `${section.name}-${row.label}-${seat.number}`;
    if (category === null || !isNew(walk, key, seatPath)) continue;
    const { number, features = [] } = seat;
    const position = add(at, seat.position ?? { x: i * PITCH, y: 0 });
    placed.push({
      hasPosition: seat.position !== undefined,
      seat: {
        ...{ key, section: section.name, rowLabel: row.label, number, category, features },
        ...{ at: position, row: walk.row, place: 0 },
      },
    });
  }
  const places = placesOf(placed);
  placed.forEach(({ seat }, i) => {
    walk.seats.push({ ...seat, place: places[i] ?? i });
  });
}

function isNew(walk: Walk, key: string, path: string): boolean {
  const refuse = (code: string, message: string) => {
    note(walk.notes, { code, severity: 'error', path, message });
    return false;
  };
  if (key.length > KEY_MAX_CHARS) {
    return refuse('name_too_long', `${key} has more than ${KEY_MAX_CHARS} characters`);
  }
  const before = walk.keys.get(key);
  if (before !== undefined) return refuse('duplicate_seat', `${key} is also at ${before}`);
  walk.keys.set(key, path);
  return true;
}

export function seatsOf(row: PlanRow): Exclude<PlanRow['seats'], string> | null {
  if (typeof row.seats !== 'string') return row.seats;
  return numbersOf(row.seats)?.map((number) => ({ number })) ?? null;
}

/**
 * Who sits beside whom. Where seats have positions, a gap wider than usual in the row is an aisle.
 * Where they have none, a gap in the numbers is a seat that is missing; rows of odd or even numbers
 * have gaps of two throughout, which are none.
 */
function placesOf(placed: readonly Placed[]): number[] {
  const isDrawn = placed.every(({ hasPosition }) => hasPosition);
  const gaps = placed.slice(1).map(({ seat }, i) => {
    const before = placed[i]?.seat ?? seat;
    return isDrawn
      ? distance(before.at, seat.at)
      : Math.abs(Number(seat.number) - Number(before.number));
  });
  const usual = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
  let place = 0;
  return [
    0,
    ...gaps.map((gap) => {
      // Numbers that are none (`A`, `12a`) say nothing of gaps.
      const isAisle = Number.isFinite(gap) && usual > 0 && gap > usual * AISLE_GAP;
      place += isAisle ? 2 : 1;
      return place;
    }),
  ].slice(0, placed.length);
}
