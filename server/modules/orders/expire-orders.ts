import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { giveUp } from './cancel-order.ts';
import { selectExpired } from './order.sql.ts';
import { readOrder } from './place-order.ts';

const AT_ONCE = 500;

/**
 * Cancels orders whose time to pay is over. Their places are free without this (the hold lapses by
 * itself); what is done here is to say so, and to void the payment. Returns how many ended.
 */
export async function expireOrders(ctx: Ctx): Promise<number> {
  let ended = 0;
  for (const { eventId, orderId } of await all(ctx.db, selectExpired(ctx.clock.now(), AT_ONCE))) {
    const order = await readOrder(ctx.db, eventId, orderId);
    if (!order) continue;
    const verdict = await giveUp(ctx, order, 'expired');
    if (verdict.ok && verdict.value === 'ended') ended++;
  }
  return ended;
}
