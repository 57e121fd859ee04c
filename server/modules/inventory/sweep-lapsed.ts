import type { Ctx } from '../../kernel/context.ts';
import { all, one } from '../../kernel/db.ts';
import { callSweepLapsed, selectEventsWithLapsed } from './hold.sql.ts';

const HOLDS_LOOKED_AT = 10_000;
const HOLDS_PER_CALL = 1_000;

/**
 * Frees what has lapsed, everywhere: so that what is shown is true without anybody asking. Nothing
 * depends on it for correctness. Returns how many holds lapsed.
 */
export async function sweepLapsed(ctx: Ctx): Promise<number> {
  const now = ctx.clock.now();
  let total = 0;
  for (const { eventId } of await all(ctx.db, selectEventsWithLapsed(now, HOLDS_LOOKED_AT))) {
    const { lapsed } = await one(ctx.db, callSweepLapsed(eventId, now, HOLDS_PER_CALL));
    total += lapsed;
  }
  ctx.metrics.lapsedPlaces.inc(total);
  return total;
}
