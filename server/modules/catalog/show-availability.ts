/**
 * What is free, for everybody who looks: a thousand times more often than anybody buys. It is
 * gathered by few statements after each change of places, and encoded once; all who ask in between
 * get the same bytes.
 */
import { createHash } from 'node:crypto';
import { type Actor, anonymous } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { createFreshCache, type FreshCache } from '../../kernel/fresh-cache.ts';
import type { EventId } from '../../kernel/ids.ts';
import type { Lanes } from '../../kernel/lanes.ts';
import { type Availability, readAvailability, readSaleVersion } from '../inventory/index.ts';
import { selectTicketTypeTexts } from './event.sql.ts';
import { findEvent } from './read-events.ts';

/** How late a change made by another process, or an opening hour, is shown at most. */
const STALE_MAX_MS = 400;
/** During a storm of changes what is shown may be so much older. */
const REST_MS = 50;
const EVENTS_MAX = 10_000;
/** How long what one process gathered is given out by others. */
const SHARED_MS = 300;
/** To be counted up with any change of what is shown: two versions may run side by side. */
const FORM = 1;

export type ShownAvailability = {
  readonly body: Availability & { ticketTypes: Availability['ticketTypes'][number][] };
  readonly encoded: string;
  readonly etag: string;
};

type Cache = FreshCache<EventId, ShownAvailability | null>;

/** One for each process's context; its lanes tell when places have changed. */
const caches = new WeakMap<Lanes, Cache>();

function cacheIn(ctx: Ctx): Cache {
  const known = caches.get(ctx.lanes);
  if (known) return known;
  const cache: Cache = createFreshCache({
    staleMaxMs: STALE_MAX_MS,
    restMs: REST_MS,
    entriesMax: EVENTS_MAX,
  });
  caches.set(ctx.lanes, cache);
  ctx.lanes.onCommit((eventId) => cache.touch(eventId));
  return cache;
}

/** Another process has changed it: what is known here is not shown any more. */
export function forgetAvailability(ctx: Ctx, eventId: EventId): void {
  cacheIn(ctx).touch(eventId);
}

/**
 * What another process has gathered of this very version will do, for a moment: an hour that comes
 * changes what is shown without a change of the version.
 */
async function gatherForAll(ctx: Ctx, eventId: EventId): Promise<ShownAvailability | null> {
  if (ctx.shared.isAlone) return gather(ctx, anonymous, eventId);
  const key = (version: number) => `availability:${FORM}:${eventId}:${version}`;
  const version = await readSaleVersion(ctx, eventId);
  const shared = version === null ? null : await ctx.shared.read(key(version));
  // This very text was encoded below, by a process with the same form.
  if (shared !== null) return encode(JSON.parse(shared) as ShownAvailability['body'], shared);
  const shown = await gather(ctx, anonymous, eventId);
  if (shown) ctx.shared.keep(key(shown.body.version), shown.encoded, SHARED_MS);
  return shown;
}

/** What this actor may see of what is free; hidden ticket types are listed to staff only. */
export async function showAvailability(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<ShownAvailability | null> {
  const shown = await showPlaces(ctx, actor, eventId);
  const stop = ctx.stops.of(eventId);
  return shown !== null && stop !== null && (await stop) !== null ? asStopped(shown) : shown;
}

const stoppedForms = new WeakMap<ShownAvailability, ShownAvailability>();

/** While selling is stopped, what is on sale is shown as paused. */
function asStopped(shown: ShownAvailability): ShownAvailability {
  const known = stoppedForms.get(shown);
  if (known) return known;
  const paused = (status: Availability['status']) =>
    status === 'on_sale' || status === 'sold_out' ? 'paused' : status;
  const { body } = shown;
  const stopped = encode({
    ...body,
    status: paused(body.status),
    ticketTypes: body.ticketTypes.map((type) => ({ ...type, status: paused(type.status) })),
  });
  stoppedForms.set(shown, stopped);
  return stopped;
}

function showPlaces(ctx: Ctx, actor: Actor, eventId: EventId): Promise<ShownAvailability | null> {
  const isStaff = actor.kind === 'key' && actor.scopes.has('events:read');
  // A clock that somebody moves outdates everything at once.
  if (isStaff || ctx.clock.now() !== null) return gather(ctx, actor, eventId);
  return cacheIn(ctx).read(eventId, () => gatherForAll(ctx, eventId));
}

async function gather(ctx: Ctx, actor: Actor, eventId: EventId): Promise<ShownAvailability | null> {
  const seen = await findEvent(ctx, actor, eventId);
  const found = seen && (await readAvailability(ctx, eventId));
  if (!found) return null;
  const texts = await all(ctx.db, selectTicketTypeTexts([eventId]));
  const listed = new Set(
    texts
      .filter((type) => seen.audience === 'staff' || type.visibility === 'public')
      .map((type) => type.ticketTypeId),
  );
  const ticketTypes = found.ticketTypes.filter((type) => listed.has(type.id));
  return encode({ ...found, ticketTypes });
}

function encode(
  body: ShownAvailability['body'],
  encoded = JSON.stringify(body),
): ShownAvailability {
  const etag = `"${createHash('sha1').update(encoded).digest('base64url')}"`;
  return { body, encoded, etag };
}
