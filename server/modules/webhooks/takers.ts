/**
 * Who gets the facts of an organizer. Asked for each fact, so it is kept in memory: a change is
 * heard at once by the process that made it, and within a second by the others.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { cachePerOwner } from '../../kernel/fresh-cache.ts';
import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import { organizerOf } from '../catalog/index.ts';
import { selectTakers } from './endpoint.sql.ts';

const STALE_MAX_MS = 1_000;
const ORGANIZERS_MAX = 10_000;
/** Whose an event is never changes. */
const OWNER_STALE_MAX_MS = 3_600_000;
const EVENTS_MAX = 20_000;

type Taker = ReturnType<ReturnType<typeof selectTakers>['decode']>;

const takers = cachePerOwner<OrganizerId, readonly Taker[]>({
  staleMaxMs: STALE_MAX_MS,
  entriesMax: ORGANIZERS_MAX,
});

const owners = cachePerOwner<EventId, OrganizerId | null>({
  staleMaxMs: OWNER_STALE_MAX_MS,
  entriesMax: EVENTS_MAX,
});

export async function takersOf(ctx: Ctx, organizerId: OrganizerId): Promise<readonly Taker[]> {
  return takers(ctx.lanes).read(organizerId, () => all(ctx.db, selectTakers(organizerId)));
}

export function forgetTakers(ctx: Ctx, organizerId: OrganizerId): void {
  takers(ctx.lanes).touch(organizerId);
}

export function ownerOf(ctx: Ctx, eventId: EventId): Promise<OrganizerId | null> {
  return owners(ctx.lanes).read(eventId, () => organizerOf(ctx.db, eventId));
}
