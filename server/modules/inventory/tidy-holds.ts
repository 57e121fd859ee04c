import type { Ctx } from '../../kernel/context.ts';
import { all, one } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { inTurn, type Lanes } from '../../kernel/lanes.ts';
import { ok } from '../../kernel/result.ts';
import { callArchiveHolds, selectEventsWithLapsed } from './hold.sql.ts';
import { sweepKind } from './hold-kinds.ts';

const EVENTS_PER_RUN = 1_000;
/** One call keeps the event's buyers waiting for so many, some tens of milliseconds. */
const HOLDS_PER_CALL = 1_000;
const SLICE_HOLDS = 1_000;

/** What a process is sweeping at this moment, by its lanes. */
const sweeping = new WeakMap<Lanes, Set<EventId>>();

/**
 * Frees what has lapsed, everywhere: so that what is shown is true without anybody asking. Nothing
 * depends on it for correctness. A busy event is waited for as long as is said, and goes on by
 * itself: it keeps nobody else's places from being shown. Returns how many have lapsed until then.
 */
export async function sweepLapsed(
  ctx: Ctx,
  { waitMaxMs = null }: { readonly waitMaxMs?: number | null } = {},
): Promise<number> {
  const busy = sweeping.get(ctx.lanes) ?? new Set();
  sweeping.set(ctx.lanes, busy);
  const due = await all(ctx.db, selectEventsWithLapsed(ctx.clock.now(), EVENTS_PER_RUN));
  let total = 0;
  const swept = due
    .filter(({ eventId }) => !busy.has(eventId))
    .map(async ({ eventId }) => {
      busy.add(eventId);
      try {
        const lapsed = await sweepEvent(ctx, eventId);
        ctx.metrics.lapsedPlaces.inc(lapsed);
        total += lapsed;
      } finally {
        busy.delete(eventId);
      }
    });
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    if (waitMaxMs !== null) timer = setTimeout(resolve, waitMaxMs);
  });
  try {
    await Promise.race([Promise.all(swept), enough]);
  } finally {
    clearTimeout(timer);
    for (const late of swept) late.catch((error: unknown) => warn(ctx, error));
  }
  return total;
}

const warn = (ctx: Ctx, error: unknown) =>
  ctx.log.warn({ err: error }, 'the lapsed holds of an event were not swept');

async function sweepEvent(ctx: Ctx, eventId: EventId): Promise<number> {
  for (let total = 0; ; ) {
    const swept = await ctx.lanes.ask(ctx, sweepKind, eventId, { most: HOLDS_PER_CALL });
    // Somebody sweeps this event already.
    if (!swept.ok) return total;
    total += swept.value;
    if (swept.value < HOLDS_PER_CALL) return total;
  }
}

/** Moves one slice of a past event's ended holds out of the live tables; true while more remain. */
export async function archiveHolds(ctx: Ctx, eventId: EventId): Promise<boolean> {
  const done = await inTurn(ctx, eventId, async (turn) =>
    ok(await one(turn, callArchiveHolds(eventId, SLICE_HOLDS))),
  );
  // Where it was busy there may be more.
  return !done.ok || done.value.moved === SLICE_HOLDS;
}
