/** What makes an event well-formed, beyond the shape of each field. */
import type { Issue } from '../../kernel/result.ts';

export type EventTimes = {
  readonly startsAt: Date;
  readonly endsAt?: Date | null | undefined;
  readonly doorsAt?: Date | null | undefined;
  readonly salesOpenAt?: Date | null | undefined;
  readonly salesCloseAt?: Date | null | undefined;
  readonly publicAt?: Date | null | undefined;
  readonly refundableUntil?: Date | null | undefined;
};

type EventInput = EventTimes & {
  readonly currency: string;
  readonly visibility: 'public' | 'hidden' | 'scheduled';
  readonly totalCapacity?: number | null | undefined;
};

export type TicketTypeInput = {
  readonly name: string;
  readonly price: { readonly amount: number; readonly currency: string };
  readonly capacity?: number | undefined;
  readonly poolId?: string | undefined;
  readonly seatCategories?: readonly string[] | undefined;
  readonly minPerOrder?: number | undefined;
  readonly maxPerOrder?: number | undefined;
  readonly salesOpenAt?: Date | null | undefined;
  readonly salesCloseAt?: Date | null | undefined;
};

const issue = (path: string, code: string, message: string): Issue => ({ path, code, message });

/** When the event is over for selling: its end, or its start where no end is known. */
export function endOf(event: EventTimes): Date {
  return event.endsAt ?? event.startsAt;
}

/** Everything that contradicts itself, each with its place. */
export function eventIssues(event: EventInput): readonly Issue[] {
  const found: Issue[] = [];
  const { startsAt, endsAt, doorsAt, salesOpenAt, salesCloseAt } = event;
  if (endsAt && endsAt <= startsAt) {
    found.push(issue('endsAt', 'ends_before_start', 'must be after startsAt'));
  }
  if (doorsAt && doorsAt > startsAt) {
    found.push(issue('doorsAt', 'doors_after_start', 'must not be after startsAt'));
  }
  if (salesOpenAt && salesCloseAt && salesCloseAt <= salesOpenAt) {
    found.push(issue('salesCloseAt', 'closes_before_open', 'must be after salesOpenAt'));
  }
  if (salesOpenAt && salesOpenAt >= endOf(event)) {
    found.push(issue('salesOpenAt', 'sale_after_event', 'must be before the event is over'));
  }
  if (salesCloseAt && salesCloseAt > endOf(event)) {
    found.push(issue('salesCloseAt', 'sale_after_event', 'must not be after the event is over'));
  }
  if (event.visibility === 'scheduled' && !event.publicAt) {
    found.push(issue('publicAt', 'required', 'is needed with visibility "scheduled"'));
  }
  if (event.visibility !== 'scheduled' && event.publicAt) {
    found.push(issue('publicAt', 'not_scheduled', 'goes with visibility "scheduled" only'));
  }
  return found;
}

/** Everything wrong with one ticket type of an event; `at` is its place in the request. */
export function ticketTypeIssues(
  type: TicketTypeInput,
  event: { readonly currency: string; readonly endsAt: Date },
  at: string,
): readonly Issue[] {
  const found: Issue[] = [];
  const path = (name: string) => (at ? `${at}.${name}` : name);
  if (type.price.currency !== event.currency) {
    const message = `must be the event's currency, ${event.currency}`;
    found.push(issue(path('price.currency'), 'wrong_currency', message));
  }
  const sources = [type.capacity, type.poolId, type.seatCategories];
  if (sources.filter((source) => source !== undefined).length !== 1) {
    const message = 'exactly one of capacity, poolId and seatCategories is needed';
    found.push(issue(path('capacity'), 'capacity_or_pool', message));
  }
  if ((type.minPerOrder ?? 1) > (type.maxPerOrder ?? MAX_PER_ORDER_DEFAULT)) {
    found.push(issue(path('minPerOrder'), 'above_maximum', 'must not be above maxPerOrder'));
  }
  const { salesOpenAt, salesCloseAt } = type;
  if (salesOpenAt && salesCloseAt && salesCloseAt <= salesOpenAt) {
    found.push(issue(path('salesCloseAt'), 'closes_before_open', 'must be after salesOpenAt'));
  }
  if (salesOpenAt && salesOpenAt >= event.endsAt) {
    found.push(issue(path('salesOpenAt'), 'sale_after_event', 'must be before the event is over'));
  }
  return found;
}

/** Chosen by taste: a family and its friends. */
export const MAX_PER_ORDER_DEFAULT = 10;
export const HOLD_MINUTES_DEFAULT = 15;
/** Of a shopping session, from its beginning. */
export const SHOPPING_MINUTES_DEFAULT = 30;

type TimeNames = keyof EventTimes;
const RELATIVE_TIMES: readonly TimeNames[] = [
  'endsAt',
  'doorsAt',
  'salesOpenAt',
  'salesCloseAt',
  'publicAt',
  'refundableUntil',
];

/**
 * The times of a clone: each keeps its distance from the start on the venue's wall clock, so that
 * doors at 19:00 stay at 19:00 when the clocks change in between. `shift` is the calendar's part.
 */
export function clonedTimes(
  original: EventTimes,
  startsAt: Date,
  shift: (time: Date, from: Date, to: Date) => Date,
): EventTimes {
  const moved: { -readonly [K in TimeNames]?: Date | null } = {};
  for (const name of RELATIVE_TIMES) {
    const time = original[name];
    moved[name] = time ? shift(time, original.startsAt, startsAt) : null;
  }
  return { ...moved, startsAt };
}

/**
 * The times of an event that moves to another date: what is given, and what is not keeps its
 * distance from the start. What is over already stays as it is: a sale that has opened does not
 * close until it would open again, one that has closed does not open by itself.
 */
export function movedTimes(
  event: EventTimes,
  given: EventTimes,
  now: Date,
  shift: (time: Date) => Date,
): EventTimes {
  const usualEnd = event.endsAt ? shift(event.endsAt) : null;
  const until = (given.endsAt === undefined ? usualEnd : given.endsAt) ?? given.startsAt;
  const moved = (name: TimeNames): Date | null => {
    if (given[name] !== undefined) return given[name];
    const time = event[name];
    if (!time) return null;
    const isPast = time <= now && name !== 'endsAt' && name !== 'doorsAt';
    const at = isPast ? time : shift(time);
    return name === 'salesCloseAt' && at > until ? until : at;
  };
  const times: { -readonly [K in TimeNames]?: Date | null } = {};
  for (const name of RELATIVE_TIMES) times[name] = moved(name);
  return { ...times, startsAt: given.startsAt };
}
