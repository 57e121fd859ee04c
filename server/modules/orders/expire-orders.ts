import { eachOf } from '../../kernel/concurrent.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, isAway } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { present } from '../../kernel/result.ts';
import { giveUp } from './cancel-order.ts';
import { selectExpired } from './order.sql.ts';
import { readOrder } from './read-order.ts';

const AT_ONCE = 500;
/** So many are under way together, and share their event's commits. */
const TOGETHER = 50;

/**
 * Cancels orders whose time to pay is over. Their places are free without this (the hold lapses by
 * itself); what is done here is to say so, and to void the payment. Returns how many ended.
 *
 * Slice by slice to the last one: an order that cannot end now (a capture is under way, or it
 * fails) must not keep those behind it from their end.
 */
export async function expireOrders(ctx: Ctx, atOnce = AT_ONCE): Promise<number> {
  let ended = 0;
  let slice = await all(ctx.db, selectExpired(ctx.clock.now(), null, atOnce));
  while (slice.length > 0) {
    await eachOf(slice, TOGETHER, async (order) => {
      if (await expire(ctx, order)) ended++;
    });
    const last = present(slice.at(-1), 'the last of a slice');
    slice = await all(ctx.db, selectExpired(ctx.clock.now(), last, atOnce));
  }
  return ended;
}

async function expire(
  ctx: Ctx,
  { eventId, orderId }: { readonly eventId: EventId; readonly orderId: OrderId },
): Promise<boolean> {
  try {
    const order = await readOrder(ctx.db, eventId, orderId);
    if (!order) return false;
    const verdict = await giveUp(ctx, order, 'expired');
    return verdict.ok && verdict.value === 'ended';
  } catch (error) {
    // Nothing else can be done either while the database is away.
    if (isAway(error)) throw error;
    ctx.log.error({ err: error, orderId }, 'an order could not be expired');
    return false;
  }
}
