import type { Ctx } from '../../kernel/context.ts';
import { one, type Tx } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import type { Result } from '../../kernel/result.ts';
import { callBindHold } from './hold.sql.ts';
import { type Hold, type HoldRefusal, type HoldVerdict, toHold } from './hold-places.ts';

/**
 * Makes a hold stand as it is, because an order is made for it in this transaction: what the order
 * says and what is held cannot come apart. Answers with the lines to make the order of.
 */
export async function bindHold(
  ctx: Ctx,
  tx: Tx,
  holdId: HoldId,
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const row = await one(tx, callBindHold(eventId, holdId, ctx.clock.now()));
  // The functions of hold.fn.sql answer in this shape.
  return toHold(eventId, row.verdict as HoldVerdict);
}
