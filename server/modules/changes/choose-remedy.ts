import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, maybe, run } from '../../kernel/db.ts';
import type { OrderId } from '../../kernel/ids.ts';
import { inTurn } from '../../kernel/lanes.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import {
  type ChoiceRefusal,
  chooseRemedyIn,
  findOrder,
  type OrderView,
  orderIn,
  type Remedy,
  remedyOf,
} from '../orders/index.ts';
import { selectChange, wakeChange } from './change.sql.ts';
import { enqueueFollowing } from './follow-change.ts';
import { newOrderOf, reasonOf } from './settle-remedy.ts';

/**
 * A buyer of a cancelled or moved event, or staff for them, chooses; that is final. A refund is
 * owed in the transaction that says so; what a credit or a voucher needs beyond it follows from the
 * row.
 */
export async function chooseRemedy(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  remedy: Remedy,
): Promise<Result<OrderView, ChoiceRefusal | RefusalOf<'not_found'> | Busy>> {
  const found = await findOrder(ctx, actor, orderId, 'refunds:write');
  if (!found) return refused('not_found');
  const { order, as } = found;
  const { eventId } = order;
  const change = await maybe(ctx.db, selectChange(eventId));
  const offered = await remedyOf(ctx.db, eventId, orderId);
  if (!change || offered?.changeNo !== change.changeNo) return refused('remedy_unavailable');
  const { changeNo } = change;
  const done = await inTurn(ctx, eventId, async (tx) => {
    const chosen = await chooseRemedyIn(ctx, tx, {
      ...{ orderId, changeNo, remedy, by: as, reason: reasonOf(change) },
      newOrderId: newOrderOf(ctx, change),
    });
    if (!chosen.ok) return chosen;
    await run(tx, wakeChange(eventId, changeNo));
    await enqueueFollowing(tx, eventId);
    return ok(await orderIn(ctx, tx, order));
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}
