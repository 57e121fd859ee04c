import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { callReleaseHold } from './hold.sql.ts';

/**
 * Gives up a hold; one that had ended before stays as it ended. Refusals: `hold_ended` where a
 * payment is being taken for it or it was sold, `not_found`.
 */
export async function releaseHold(
  ctx: Ctx,
  holdId: HoldId,
): Promise<Result<null, RefusalOf<'not_found' | 'hold_ended' | 'hold_already_booked'>>> {
  const [row] = await all(ctx.db, callReleaseHold(eventOf(holdId), holdId));
  const { verdict } = present(row, 'verdict');
  if (verdict === 'released') return ok(null);
  if (verdict === 'bound') return refused('hold_already_booked');
  return refused(verdict === 'not_found' ? 'not_found' : 'hold_ended');
}
