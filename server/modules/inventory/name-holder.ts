import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { present, type Result } from '../../kernel/result.ts';
import { callNameHolder } from './hold.sql.ts';
import { type Hold, type HoldRefusal, type HoldVerdict, toHold } from './hold-places.ts';

/** Counts the hold for these keys of its person too, where their cap allows it. */
export async function nameHolder(
  ctx: Ctx,
  holdId: HoldId,
  personKeys: readonly string[],
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const [row] = await all(ctx.db, callNameHolder(eventId, holdId, personKeys, ctx.clock.now()));
  // The functions of hold.fn.sql answer in this shape.
  return toHold(eventId, present(row, 'verdict').verdict as HoldVerdict);
}
