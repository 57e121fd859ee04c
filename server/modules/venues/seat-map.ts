/**
 * The drawing of a floor plan for those who choose seats: every seat in the order of its number, so
 * that two bits of availability belong to each by its place in the list. It is made once for each
 * plan and choice of sections, and sent as it is.
 *
 * Coordinates are whole hundredths of the plan's unit. Along a row each is told as the difference
 * to the one before: seats stand equally far apart, and what repeats packs well.
 */

import type { Surveyed } from './configurations.ts';
import type { PlanSection } from './floor-plan.ts';
import type { SurveyedSeat } from './survey.ts';
import type { SectionChoices } from './take-plan.ts';

const UNIT = 100;

export type SeatMap = {
  readonly seats: number;
  /** As JSON. */
  readonly text: string;
};

export function drawSeatMap({ plan, survey }: Surveyed, choices: SectionChoices): SeatMap {
  const names = [...new Set([...survey.seats, ...survey.standing].map((one) => one.category))];
  const colors = new Map((plan.categories ?? []).map(({ name, color }) => [name, color]));
  const bySection = new Map<string, SurveyedSeat[]>();
  for (const seat of survey.seats) {
    const own = bySection.get(seat.section) ?? [];
    bySection.set(seat.section, own);
    own.push(seat);
  }
  const chosen = plan.sections.filter(({ slot }) => !slot || choices[slot.name] === slot.option);
  const sections = chosen.map((section) => {
    const rows = rowsOf(bySection.get(section.name) ?? []).map((row) => drawRow(row, names));
    return { ...frameOf(section), ...(rows.length > 0 ? { rows } : {}), ...standing(section) };
  });
  const seats = chosen.reduce((sum, { name }) => sum + (bySection.get(name)?.length ?? 0), 0);
  const categories = names.map((name) => ({ name, color: colors.get(name) ?? null }));
  const focalPoint = [whole(survey.focalPoint.x), whole(survey.focalPoint.y)];
  const size = plan.size ? [whole(plan.size.width), whole(plan.size.height)] : null;
  const gates = (plan.gates ?? []).map(({ name, position: at }) => ({
    ...{ name, ...(at ? { at: [whole(at.x), whole(at.y)] } : {}) },
  }));
  const map = { unit: UNIT, size, focalPoint, gates, categories, sections };
  return { seats, text: JSON.stringify(map) };
}

const whole = (value: number): number => Math.round(value * UNIT);

function frameOf({ name, outline, position, gate }: PlanSection) {
  const { x = 0, y = 0 } = position ?? {};
  return {
    name,
    ...(gate ? { gate } : {}),
    ...(outline ? { outline: outline.map((at) => [whole(at.x + x), whole(at.y + y)]) } : {}),
  };
}

function standing({ standing: room, category }: PlanSection) {
  return room ? { standing: room.capacity, category } : {};
}

function rowsOf(seats: readonly SurveyedSeat[]): SurveyedSeat[][] {
  const rows = new Map<number, SurveyedSeat[]>();
  for (const seat of seats) {
    const own = rows.get(seat.row) ?? [];
    rows.set(seat.row, own);
    own.push(seat);
  }
  return [...rows.values()];
}

function drawRow(row: readonly SurveyedSeat[], names: readonly string[]) {
  const categories = row.map(({ category }) => names.indexOf(category));
  const [first = 0] = categories;
  const features = row.flatMap(({ features }, i) => (features.length > 0 ? [[i, features]] : []));
  return {
    label: row[0]?.rowLabel ?? '',
    numbers: numbersAs(row.map(({ number }) => number)),
    category: categories.every((one) => one === first) ? first : categories,
    x: steps(row.map(({ at }) => whole(at.x))),
    y: steps(row.map(({ at }) => whole(at.y))),
    ...(features.length > 0 ? { features: Object.fromEntries(features) } : {}),
  };
}

/** The first as it is, each other as the difference to the one before. */
function steps(values: readonly number[]): number[] {
  return values.map((value, i) => value - (i === 0 ? 0 : (values[i - 1] ?? 0)));
}

/** `1-10,12-16` where the numbers rise by one, else the list of them. */
function numbersAs(numbers: readonly string[]): string | string[] {
  if (!numbers.every((number) => /^(0|[1-9]\d{0,5})$/.test(number))) return [...numbers];
  const ranges: [number, number][] = [];
  for (const number of numbers.map(Number)) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
