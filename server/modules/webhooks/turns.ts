/**
 * How many of a process's hands are at the endpoints of one organizer: half of them at most, so
 * that however many of these hang, those of the others have their turn.
 */
import type { Ctx } from '../../kernel/context.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { NotYet } from '../../kernel/jobs.ts';
import type { Lanes } from '../../kernel/lanes.ts';

/** Endpoints that a process posts to at once. */
export const ENDPOINTS_AT_ONCE = 8;
const OF_ONE_ORGANIZER = ENDPOINTS_AT_ONCE / 2;
const AGAIN_SECONDS = 1;

type Busy = Map<OrganizerId, number>;

/** One for each process's context. */
const busyIn = new WeakMap<Lanes, Busy>();

/** Does the work where the organizer has a hand left; else it is a job for a moment later. */
export async function inTurn(
  ctx: Ctx,
  organizerId: OrganizerId,
  work: () => Promise<void>,
): Promise<void> {
  const busy: Busy = busyIn.get(ctx.lanes) ?? new Map();
  busyIn.set(ctx.lanes, busy);
  const own = busy.get(organizerId) ?? 0;
  if (own >= OF_ONE_ORGANIZER) throw new NotYet(AGAIN_SECONDS);
  busy.set(organizerId, own + 1);
  try {
    await work();
  } finally {
    const left = (busy.get(organizerId) ?? 1) - 1;
    if (left > 0) busy.set(organizerId, left);
    else busy.delete(organizerId);
  }
}
