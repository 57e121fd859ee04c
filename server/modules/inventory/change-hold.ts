import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { present, type Result } from '../../kernel/result.ts';
import { callChangeHold } from './hold.sql.ts';
import {
  type Hold,
  type HoldItem,
  type HoldRefusal,
  type HoldVerdict,
  toHold,
} from './hold-places.ts';

/** Swaps the selection; the old one is lost only if the new one is granted. The expiry stays. */
export async function changeHold(
  ctx: Ctx,
  holdId: HoldId,
  items: readonly HoldItem[],
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const [row] = await all(
    ctx.db,
    callChangeHold(
      eventId,
      holdId,
      items.map((item) => item.ticketTypeId),
      items.map((item) => item.quantity),
      ctx.clock.now(),
    ),
  );
  // The functions of hold.fn.sql answer in this shape.
  return toHold(eventId, present(row, 'verdict').verdict as HoldVerdict);
}
