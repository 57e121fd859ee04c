import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, line } from '../../kernel/schemas.ts';
import { approvalAnswer } from '../approvals/index.ts';
import { cancelOrder, refundOrder } from './cancel-order.ts';
import { findOrder, listOrders } from './find-order.ts';
import { orderNow, orderSchema, orderStatus } from './order-view.ts';
import { orderTimelineSchema, showOrderTimeline } from './show-timeline.ts';

const params = z.object({ id: id('ord') });

const ending = {
  refund_window_closed: { status: 409, title: 'The time to take the money back is over' },
  payment_in_progress: {
    status: 409,
    title: 'The payment is being taken at this moment',
    retryAfterSeconds: 2,
  },
  payment_disputed: {
    status: 409,
    title: 'The buyer’s bank has taken the money back and decides first',
  },
  order_ended: { status: 409, title: 'The order has ended' },
  order_not_confirmed: { status: 409, title: 'The order is not confirmed' },
  order_archived: { status: 409, title: 'The event is archived, long after every window' },
  remedy_chosen: { status: 409, title: 'A remedy was chosen, and that is final' },
  forbidden: { status: 403, title: 'This key may not refund' },
  unknown_ticket: { status: 422, title: 'Not a live ticket of this order' },
} as const satisfies RefusalTable<string>;

const eur = (amount: number) => ({ amount, currency: 'EUR' });
/** Of the shape of a code; nobody signed it. */
const exampleCode = `F14ASM6P100VTDZT3H1K4R00VTDZX4M7N0P3Q6R9S2T5V8001${'Z4KQX81VN0ST7MHC2'.repeat(6)}0`;
const example = {
  id: 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6',
  eventId: 'evt_00vtdzt3h1k4r',
  userId: null,
  buyer: { name: 'Ada Lovelace', email: 'ada@example.org', phone: null, language: null },
  status: 'confirmed',
  statusReason: null,
  expiresAt: '2035-05-02T10:15:00.000Z',
  items: [
    {
      ticketTypeId: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6',
      quantity: 1,
      unitPrice: eur(2_500),
    },
  ],
  total: eur(2_500),
  breakdown: [
    { kind: 'tickets', name: 'Tickets', amount: eur(2_500), included: false },
    { kind: 'tax', name: 'VAT 19 %', amount: eur(399), included: true },
  ],
  promoCode: null,
  tickets: [
    {
      id: 'tkt_00vtdzt3h1k4r00vtdzx4m7n0p3q6r9s2t5v8',
      ticketTypeId: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6',
      code: exampleCode,
      epoch: 1,
      price: eur(2_500),
      complimentary: false,
      status: 'valid',
      voidReason: null,
    },
  ],
  payments: [
    {
      id: 'pay_00vtdzt3h1k4r00vtdzw3a6b9c2d5e8f1g4h7',
      provider: 'stripe',
      method: 'payment_intent',
      status: 'captured',
      amount: eur(2_500),
      captured: eur(2_500),
      failureCode: null,
    },
  ],
  refunds: [],
  creditReturns: [],
  disputes: [],
  createdAt: '2035-05-02T10:00:00.000Z',
  confirmedAt: '2035-05-02T10:01:30.000Z',
};

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
      return bodyOf(listOrders(ctx, keyOf(actor), query));
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
    example: { response: example },
    handle: async (ctx, { actor, params: { id: orderId } }) => {
      const found = await findOrder(ctx, actor, orderId, 'orders:read');
      if (!found) return refused('not_found');
      return ok({ body: await orderNow(ctx, found.order) });
    },
  }),
  route({
    method: 'GET',
    path: '/orders/:id/timeline',
    summary: 'Everything that happened to an order',
    description:
      'Every change of the order, its tickets, payments and refunds, with who made it: for staff ' +
      'by id, for the buyer by role.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params,
    success: { status: 200, schema: orderTimelineSchema, description: 'The first change first' },
    refusals: {},
    handle: (ctx, { actor, params: { id: orderId } }) =>
      bodyOf(showOrderTimeline(ctx, actor, orderId)),
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
    params,
    success: { status: 200, schema: orderSchema, description: 'The order as it is now' },
    accepted: approvalAnswer,
    refusals: ending,
    handle: async (ctx, { actor, params: { id: orderId } }) => {
      return bodyOf(cancelOrder(ctx, actor, orderId));
    },
  }),
  route({
    method: 'POST',
    path: '/orders/:id/refunds',
    summary: 'Refund tickets of an order',
    description:
      'All live tickets, or those named. By staff, or by the buyer within the window. Above the ' +
      'organizer’s threshold, staff only asks for it: a second person approves it.',
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
    accepted: approvalAnswer,
    refusals: ending,
    example: { body: { reason: 'Cannot come' } },
    handle: async (ctx, { actor, params: { id: orderId }, body }) => {
      const found = await findOrder(ctx, actor, orderId, 'refunds:write');
      if (!found) return refused('not_found');
      const ticketIds = body.ticketIds ? [...new Set(body.ticketIds)] : null;
      return bodyOf(refundOrder(ctx, found, ticketIds, body.reason));
    },
  }),
];
