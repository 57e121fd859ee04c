import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { releaseKind } from './hold-kinds.ts';

/**
 * Gives up a hold; one that had ended before stays as it ended. Refusals: `hold_ended` where a
 * payment is being taken for it or it was sold, `hold_already_booked` where an order stands on it
 * (that is given up instead), `not_found`.
 */
export async function releaseHold(
  ctx: Ctx,
  holdId: HoldId,
): Promise<Result<null, RefusalOf<'not_found' | 'hold_ended' | 'hold_already_booked'> | Busy>> {
  const asked = await ctx.lanes.ask(ctx, releaseKind, eventOf(holdId), { holdId });
  if (!asked.ok) return asked;
  if (asked.value === 'released') return ok(null);
  if (asked.value === 'bound') return refused('hold_already_booked');
  return refused(asked.value === 'not_found' ? 'not_found' : 'hold_ended');
}
