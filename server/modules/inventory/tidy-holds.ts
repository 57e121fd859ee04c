import type { Ctx } from '../../kernel/context.ts';
import { all, one } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { inTurn } from '../../kernel/lanes.ts';
import { ok } from '../../kernel/result.ts';
import { callArchiveHolds, selectEventsWithLapsed } from './hold.sql.ts';
import { sweepKind } from './hold-kinds.ts';

const EVENTS_PER_RUN = 1_000;
/** One call keeps the event's buyers waiting for so many, some tens of milliseconds. */
const HOLDS_PER_CALL = 1_000;
const SLICE_HOLDS = 1_000;

/**
 * Frees what has lapsed, everywhere: so that what is shown is true without anybody asking. Nothing
 * depends on it for correctness. Returns how many holds lapsed.
 */
export async function sweepLapsed(ctx: Ctx): Promise<number> {
  const due = await all(ctx.db, selectEventsWithLapsed(ctx.clock.now(), EVENTS_PER_RUN));
  const counts = await Promise.all(due.map(({ eventId }) => sweepEvent(ctx, eventId)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  ctx.metrics.lapsedPlaces.inc(total);
  return total;
}

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
