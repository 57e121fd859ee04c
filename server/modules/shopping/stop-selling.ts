import { actorLabel, isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, busy, isAway, isBusy } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import type { Stop, StopScope } from '../../kernel/stops.ts';

/** So long the database is asked whose event it is, where that is not known here. */
const OWNER_WAIT_MAX_MS = 500;
/** No id looks like it. */
const UNKNOWN = 'unknown';

export type Wanted = { readonly stopped: boolean; readonly reason?: string | undefined };

/** What of this scope is stopped here now, and whether it is written down. */
export type Told = { readonly stops: readonly Stop[]; readonly stored: boolean };

/** Everything for the platform's own key, else what the key's organizer sells. */
export const scopeOf = (key: Key): StopScope => (key.platform ? 'all' : key.organizerId);

/** Throws the switch in this process, at once; what follows is in kernel/stops.ts. */
export function setSelling(ctx: Ctx, key: Key, scope: StopScope, wanted: Wanted): Told {
  if (wanted.stopped) {
    const since = ctx.clock.now() ?? new Date(ctx.ids.nowMs());
    const reason = wanted.reason ?? null;
    ctx.stops.stop({ scope, since, actor: actorLabel(key), reason });
  } else {
    ctx.stops.resume(scope, actorLabel(key));
  }
  return tell(ctx, key, scope);
}

export function tell(ctx: Ctx, key: Key, scope: StopScope): Told {
  const stops = ctx.stops.list().filter((stop) => {
    return scope === 'all' || stop.scope === scope || stop.scope === 'all' || isOwn(key, stop);
  });
  return { stops, stored: ctx.stops.isStored() };
}

const isOwn = (key: Key, { scope }: Stop) => scope === key.organizerId;

/**
 * One event, for its staff. Whose it is is known from memory where somebody has asked for it
 * before; the platform's key does not depend on that: where the database does not say in time, it
 * stops.
 */
export async function setSellingOfEvent(
  ctx: Ctx,
  key: Key,
  eventId: EventId,
  wanted: Wanted,
): Promise<Result<Told, RefusalOf<'not_found'> | Busy>> {
  const owner = await ownerInTime(ctx, eventId);
  if (owner === UNKNOWN && !key.platform) return busy();
  if (owner === null) return refused('not_found');
  if (owner !== UNKNOWN && !isStaffOf(key, owner, 'events:write')) return refused('not_found');
  return ok(setSelling(ctx, key, eventId, wanted));
}

async function ownerInTime(ctx: Ctx, eventId: EventId): Promise<string | null> {
  const owner = ctx.stops.organizerOf(eventId);
  if (typeof owner === 'string') return owner;
  const asked = owner.catch((error: unknown): string => {
    if (isAway(error) || isBusy(error)) return UNKNOWN;
    throw error;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(UNKNOWN), OWNER_WAIT_MAX_MS);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
