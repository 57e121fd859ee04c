import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { selectHold } from './hold.sql.ts';

/** The hold as it is now, or null. Its status is `lapsed` from its expiry on. */
export async function readHold(ctx: Ctx, holdId: HoldId) {
  const eventId = eventOf(holdId);
  const hold = await maybe(ctx.db, selectHold(eventId, holdId, ctx.clock.now()));
  return hold ? { ...hold, eventId } : null;
}
