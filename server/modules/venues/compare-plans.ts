/**
 * What another version of a floor plan changes: which seats are gone, moved, of another category or
 * new, and how room to stand has changed. A seat is the same where its name is (`key`).
 *
 * Seats that are drawn in both versions have moved when they stand elsewhere. Of seats that are
 * only counted, positions say nothing (a row more moves them all): they have moved when their row's
 * order in its section, or their own in the row, is another one. Others may come and go in between.
 */
import { groupBy } from '../../kernel/group-by.ts';
import { usualOf } from './places.ts';
import { distance } from './polygons.ts';
import type { StandingArea, Survey, SurveyedSeat } from './survey.ts';

export type Change<T> = { readonly before: T; readonly after: T };

/** Each list in the order of the version that it is about: what is gone in the old one's. */
export type PlanDifference = {
  readonly seats: {
    readonly same: number;
    readonly gone: readonly SurveyedSeat[];
    readonly added: readonly SurveyedSeat[];
    readonly moved: readonly Change<SurveyedSeat>[];
    /** A seat that has moved as well is in both lists. */
    readonly recategorised: readonly Change<SurveyedSeat>[];
  };
  readonly standing: {
    readonly same: number;
    readonly gone: readonly StandingArea[];
    readonly added: readonly StandingArea[];
    readonly smaller: readonly Change<StandingArea>[];
    readonly larger: readonly Change<StandingArea>[];
    readonly recategorised: readonly Change<StandingArea>[];
  };
};

/** In pitches of the row: less is another hand that drew the same hall. */
const MOVED_PITCHES = 0.5;

export function comparePlans(before: Survey, after: Survey): PlanDifference {
  const seats = matched(before.seats, after.seats, ({ key }) => key);
  const areas = matched(before.standing, after.standing, ({ section }) => section);
  const moved = movedAmong(seats.pairs, before.seats);
  const [seatsElse, areasElse] = [seats.pairs.filter(isElse), areas.pairs.filter(isElse)];
  const bySize = (sign: number) =>
    areas.pairs.filter((pair) => Math.sign(pair.after.capacity - pair.before.capacity) === sign);
  const [smaller, larger] = [bySize(-1), bySize(1)];
  return {
    seats: {
      same: seats.pairs.length - new Set([...moved, ...seatsElse]).size,
      ...{ gone: seats.gone, added: seats.added, moved, recategorised: seatsElse },
    },
    standing: {
      same: areas.pairs.length - new Set([...smaller, ...larger, ...areasElse]).size,
      ...{ gone: areas.gone, added: areas.added, smaller, larger, recategorised: areasElse },
    },
  };
}

const isElse = ({ before, after }: Change<{ readonly category: string }>): boolean =>
  before.category !== after.category;

/** In the order of the new version, but for what is gone. */
function matched<T>(before: readonly T[], after: readonly T[], keyOf: (one: T) => string) {
  const earlier = new Map(before.map((one) => [keyOf(one), one]));
  const later = new Set(after.map(keyOf));
  const pairs: Change<T>[] = [];
  const added: T[] = [];
  for (const one of after) {
    const was = earlier.get(keyOf(one));
    if (was === undefined) added.push(one);
    else pairs.push({ before: was, after: one });
  }
  return { pairs, added, gone: before.filter((one) => !later.has(keyOf(one))) };
}

type Pair = Change<SurveyedSeat>;

function movedAmong(pairs: readonly Pair[], before: readonly SurveyedSeat[]): Pair[] {
  const pitchOf = pitches(before);
  const counted = pairs.filter(({ before: was, after: is }) => !was.isDrawn || !is.isDrawn);
  const reordered = new Set([...rowsReordered(counted), ...seatsReordered(counted)]);
  return pairs.filter((pair) => {
    const { before: was, after: is } = pair;
    // `A-1` row 2 and `A` row `1-2` have seats of one name, in two versions.
    if (was.section !== is.section || was.rowLabel !== is.rowLabel) return true;
    if (!was.isDrawn || !is.isDrawn) return reordered.has(pair);
    return distance(was.at, is.at) > MOVED_PITCHES * pitchOf(was.row);
  });
}

/** How far apart seats of a row usually are; of a row of one, as in the others. */
function pitches(seats: readonly SurveyedSeat[]): (row: number) => number {
  const gaps = new Map<number, number[]>();
  for (const [i, seat] of seats.entries()) {
    const next = seats[i + 1];
    if (next?.row !== seat.row) continue;
    const ofRow = gaps.get(seat.row) ?? [];
    gaps.set(seat.row, ofRow);
    ofRow.push(distance(seat.at, next.at));
  }
  const usual = new Map([...gaps].map(([row, ofRow]) => [row, usualOf(ofRow)]));
  const ofAll = usualOf([...usual.values()]);
  return (row) => usual.get(row) || ofAll;
}

function rowsReordered(pairs: readonly Pair[]): Pair[] {
  return [...groupBy(pairs, ({ after }) => after.section).values()].flatMap((section) => {
    const rows = [...groupBy(section, ({ after }) => after.row).values()];
    const order = rows.map(([first]) => first?.before.row ?? 0);
    return [...outOfOrder(order)].flatMap((i) => rows[i] ?? []);
  });
}

function seatsReordered(pairs: readonly Pair[]): Pair[] {
  return [...groupBy(pairs, ({ after }) => after.row).values()].flatMap((row) => {
    const inRow = [...row].sort((a, b) => a.after.place - b.after.place);
    const order = inRow.map(({ before }) => before.place);
    return [...outOfOrder(order)].flatMap((i) => inRow[i] ?? []);
  });
}

/** Indexes of those that have to go so that the others ascend: as few as possible. */
function outOfOrder(values: readonly number[]): Set<number> {
  // Of the longest ascending series of each length so far, the index that it ends with.
  const ends: number[] = [];
  const previous: number[] = [];
  for (const [i, value] of values.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const half = (low + high) >> 1;
      if ((values[ends[half] ?? 0] ?? 0) < value) low = half + 1;
      else high = half;
    }
    previous[i] = low > 0 ? (ends[low - 1] ?? -1) : -1;
    ends[low] = i;
  }
  const out = new Set(values.keys());
  for (let at = ends.at(-1) ?? -1; at >= 0; at = previous[at] ?? -1) out.delete(at);
  return out;
}
