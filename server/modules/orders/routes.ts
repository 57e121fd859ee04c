import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { id, line } from '../../kernel/schemas.ts';
import { cancelOrder, refundOrder } from './cancel-order.ts';
import { findOrder, listOrders } from './find-order.ts';
import { orderSchema, orderStatus, orderView } from './order-view.ts';

const params = z.object({ id: id('ord') });

const ending = {
  refund_window_closed: { status: 409, title: 'The time to take the money back is over' },
  payment_in_progress: {
    status: 409,
    title: 'The payment is being taken at this moment',
    retryAfterSeconds: 2,
  },
  order_ended: { status: 409, title: 'The order has ended' },
  order_not_confirmed: { status: 409, title: 'The order is not confirmed' },
  unknown_ticket: { status: 422, title: 'Not a live ticket of this order' },
} as const satisfies RefusalTable<string>;

export const orderRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/orders',
    summary: 'List orders',
    description: 'Staff lists the organizer’s; a person’s own key lists their own.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    query: z.strictObject({
      ...pageQuery,
      eventId: id('evt').optional(),
      status: orderStatus.optional(),
    }),
    success: { status: 200, schema: pageOf(orderSchema), description: 'A page of orders' },
    refusals: {},
    handle: async (ctx, { actor, query }) => {
      // A guest's token opens one order, not a list.
      if (actor.kind !== 'key') return refused('not_found');
      const page = await listOrders(ctx, keyOf(actor), query);
      return page.ok ? ok({ body: page.value }) : page;
    },
  }),
  route({
    method: 'GET',
    path: '/orders/:id',
    summary: 'Read an order',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params,
    success: { status: 200, schema: orderSchema, description: 'The order' },
    refusals: {},
    handle: async (ctx, { actor, params: { id: orderId } }) => {
      const found = await findOrder(ctx, actor, orderId, 'orders:read');
      if (!found) return refused('not_found');
      return ok({ body: await orderView(ctx, ctx.db, found.order) });
    },
  }),
  route({
    method: 'POST',
    path: '/orders/:id/cancel',
    summary: 'Cancel an order',
    description:
      'Pending: its places are free at once. Confirmed: all of it is refunded, by its buyer ' +
      'within the event’s window, by staff at any time.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:write' },
    // Cancelling twice ends in the same state; there is nothing to tell apart.
    idempotency: 'own',
    params,
    success: { status: 200, schema: orderSchema, description: 'The order as it is now' },
    refusals: ending,
    handle: async (ctx, { actor, params: { id: orderId } }) => {
      const done = await cancelOrder(ctx, actor, orderId);
      return done.ok ? ok({ body: done.value }) : done;
    },
  }),
  route({
    method: 'POST',
    path: '/orders/:id/refunds',
    summary: 'Refund tickets of an order',
    description: 'All live tickets, or those named. By staff, or by the buyer within the window.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'refunds:write' },
    idempotency: 'required',
    params,
    body: z
      .strictObject({
        ticketIds: z.array(id('tkt')).min(1).max(1_000).optional(),
        reason: line(200),
      })
      .meta({ id: 'RefundInput' }),
    success: { status: 201, schema: orderSchema, description: 'The order, with the refund owed' },
    refusals: ending,
    example: { body: { reason: 'Cannot come' } },
    handle: async (ctx, { actor, params: { id: orderId }, body }) => {
      const found = await findOrder(ctx, actor, orderId, 'refunds:write');
      if (!found) return refused('not_found');
      const ticketIds = body.ticketIds ? [...new Set(body.ticketIds)] : null;
      const done = await refundOrder(ctx, found, ticketIds, body.reason);
      return done.ok ? ok({ body: done.value }) : done;
    },
  }),
];
