import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, inSnapshot } from '../../kernel/db.ts';
import { type EventId, eventOf, isId, type OrderId } from '../../kernel/ids.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import { ok, present } from '../../kernel/result.ts';
import { opensWith } from '../identity/index.ts';
import { type OrderRow, selectOrders } from './order.sql.ts';
import { orderViews } from './order-view.ts';
import { readOrder, voucherOf } from './read-order.ts';

export type Standing = 'buyer' | 'staff';

/**
 * The order and in what role this actor has it: its buyer (the access token of the order, or of the
 * shopping session that made it, or the person's own key) or its organizer's staff with `scope`.
 * Null for everybody else, as if it did not exist.
 */
export async function findOrder(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  scope: 'orders:read' | 'orders:write' | 'refunds:write',
): Promise<{ readonly order: OrderRow; readonly as: Standing } | null> {
  const order = await readOrder(ctx.db, eventOf(orderId), orderId);
  if (!order) return null;
  if (isStaffOf(actor, order.organizerId, scope)) return { order, as: 'staff' };
  const own = actor.kind === 'key' && actor.userId !== null && actor.userId === order.userId;
  const opens = (objectId: string) => opensWith(ctx.secrets, actor, objectId);
  const others = [isId('ssn', order.caller) ? order.caller : null, voucherOf(order)];
  const opened = opens(orderId) || others.some((id) => id !== null && opens(id));
  return own || opened ? { order, as: 'buyer' } : null;
}

export type OrderQuery = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly eventId?: EventId | undefined;
  readonly status?: string | undefined;
};

/** The orders of the organizer, or for a person their own. */
export async function listOrders(ctx: Ctx, actor: Extract<Actor, { kind: 'key' }>, q: OrderQuery) {
  const cursor = readCursor(ctx.secrets, 'orders', q.cursor);
  if (!cursor.ok) return cursor;
  const staff = actor.scopes.has('orders:read');
  const { data, nextCursor } = await inSnapshot(ctx.db, async (tx) => {
    const found = await all(
      tx,
      selectOrders(
        {
          organizerId: staff && actor.platform ? null : actor.organizerId,
          userId: staff ? null : actor.userId,
          eventId: q.eventId ?? null,
          status: q.status ?? null,
          after: cursor.value ? present(cursor.value[0], 'cursor value') : null,
        },
        q.limit + 1,
      ),
    );
    const page = toPage(ctx.secrets, 'orders', found, q.limit, {
      view: (row) => row,
      key: (row) => [row.orderId],
    });
    return { ...page, data: await orderViews(ctx, tx, page.data) };
  });
  return ok({ data, nextCursor });
}
