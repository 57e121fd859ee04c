import type { EventRow } from '../catalog/index.ts';

const CLOSES_BEFORE_MS = 2 * 3_600_000;

/** Before the doors, so that nobody is offered a place that they cannot reach any more. */
export function usualClosing({ startsAt, doorsAt }: Pick<EventRow, 'startsAt' | 'doorsAt'>): Date {
  const before = new Date(startsAt.getTime() - CLOSES_BEFORE_MS);
  return doorsAt !== null && doorsAt < before ? doorsAt : before;
}
