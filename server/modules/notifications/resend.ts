import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, one, run } from '../../kernel/db.ts';
import type { OrderId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findOrder } from '../orders/index.ts';
import { countResent, lockResending, type MessageRow, selectMessages } from './message.sql.ts';
import { notifyBuyer } from './notify-buyer.ts';

const RESENT_MAX = 3;
const HOUR_MS = 3_600_000;
const SHOWN_MAX = 200;
const ID_BYTES = 16;

/** What was sent about an order, as its staff and its buyer see it: no words, no address. */
export async function listMessages(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
): Promise<Result<{ data: ReturnType<typeof view>[] }, RefusalOf<'not_found'>>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const rows = await all(ctx.db, selectMessages(found.order.eventId, orderId, SHOWN_MAX));
  return ok({ data: rows.map(view) });
}

/** Owes the buyer the tickets once more, at the address of the order. */
export async function resendTickets(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
): Promise<
  Result<
    { data: ReturnType<typeof view>[] },
    RefusalOf<'not_found' | 'order_not_confirmed' | 'resent_too_often'> | Busy
  >
> {
  const found = await findOrder(ctx, actor, orderId, 'orders:write');
  if (!found) return refused('not_found');
  const { order } = found;
  if (order.status !== 'confirmed' && order.status !== 'partially_refunded') {
    return refused('order_not_confirmed', { extra: { orderStatus: order.status } });
  }
  const now = await readNow(ctx.db, ctx.clock);
  const since = new Date(now.getTime() - HOUR_MS);
  const done = await inTx(ctx, async (tx) => {
    await run(tx, lockResending(orderId));
    const { sent } = await one(tx, countResent(order.eventId, orderId, since));
    if (sent >= RESENT_MAX) return refused('resent_too_often');
    // It has happened before, so it needs a name that nothing had.
    const key = `again:${Buffer.from(ctx.ids.bytes(ID_BYTES)).toString('hex')}`;
    await notifyBuyer(ctx, tx, { ...order, buyerPhone: null }, 'order_confirmed', key, {
      again: true,
    });
    const rows = await all(tx, selectMessages(order.eventId, orderId, SHOWN_MAX));
    return ok({ data: rows.map(view) });
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}

function view(message: MessageRow) {
  return {
    id: message.messageId,
    kind: message.kind,
    channel: message.channel,
    state: message.state,
    reason: message.reason,
    createdAt: message.madeAt.toISOString(),
    sentAt: message.sentAt?.toISOString() ?? null,
  };
}
