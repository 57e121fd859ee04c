import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { listDeliveries, readDelivery, resendDelivery, testEndpoint } from './deliveries.ts';
import { deliverySchema, deliveryStatus } from './delivery-view.ts';

const tag = 'Webhooks to you';
const ofEndpoint = z.object({ id: id('whe') });
const ofDelivery = z.object({ id: id('whd') });

const disabled = {
  webhook_endpoint_disabled: { status: 409, title: 'The endpoint is disabled' },
} as const;

const waiting = {
  id: 'whd_00vtdzt5n7p9q00vtdzx5n8p1q4r7s0t3v6w9',
  endpointId: 'whe_00vtdzt5n7p9q',
  kind: 'webhook_test',
  eventId: null,
  seq: null,
  status: 'waiting',
  nextAttemptAt: null,
  createdAt: '2035-05-02T10:00:00.000Z',
  deliveredAt: null,
  attempts: [],
} as const;

const delivered = {
  ...waiting,
  kind: 'order_confirmed',
  eventId: 'evt_00vtdzt3h1k4r',
  seq: 12,
  status: 'delivered',
  deliveredAt: '2035-05-02T10:00:05.300Z',
  attempts: [
    {
      number: 1,
      at: '2035-05-02T10:00:00.100Z',
      statusCode: 503,
      latencyMs: 84,
      error: null,
      response: 'Back in a moment',
    },
    {
      number: 2,
      at: '2035-05-02T10:00:05.200Z',
      statusCode: 200,
      latencyMs: 61,
      error: null,
      response: '',
    },
  ],
} as const;

export const deliveryRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/webhook-endpoints/:id/test',
    summary: 'Send a test message',
    description: 'Once, also to an endpoint that is paused. The log says what came of it.',
    tag,
    access: { kind: 'scope', scope: 'webhooks:write' },
    params: ofEndpoint,
    success: { status: 202, schema: deliverySchema, description: 'It is on its way' },
    refusals: disabled,
    example: { response: waiting },
    handle: (ctx, { actor, params }) => bodyOf(testEndpoint(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'GET',
    path: '/webhook-endpoints/:id/deliveries',
    summary: 'List what was sent to an endpoint',
    description: 'The latest first, with what came of each attempt. Kept for 30 days.',
    tag,
    access: { kind: 'scope', scope: 'webhooks:read' },
    params: ofEndpoint,
    query: z.strictObject({ ...pageQuery, status: deliveryStatus.optional() }),
    success: { status: 200, schema: pageOf(deliverySchema), description: 'A page of them' },
    refusals: {},
    handle: (ctx, { actor, params, query }) =>
      bodyOf(listDeliveries(ctx, keyOf(actor), params.id, query)),
  }),
  route({
    method: 'GET',
    path: '/webhook-deliveries/:id',
    summary: 'Read what became of a message',
    tag,
    access: { kind: 'scope', scope: 'webhooks:read' },
    params: ofDelivery,
    success: { status: 200, schema: deliverySchema, description: 'The message’s delivery' },
    refusals: {},
    example: { response: delivered },
    handle: (ctx, { actor, params }) => bodyOf(readDelivery(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'POST',
    path: '/webhook-deliveries/:id/resend',
    summary: 'Send a message again',
    description:
      'Once, at once, under the same id, whatever became of it before. One that still waits for ' +
      'its turn is sent before it; where it fails, its schedule goes on as it was.',
    tag,
    access: { kind: 'scope', scope: 'webhooks:write' },
    params: ofDelivery,
    success: { status: 202, schema: deliverySchema, description: 'It is on its way' },
    refusals: disabled,
    example: { response: delivered },
    handle: (ctx, { actor, params }) => bodyOf(resendDelivery(ctx, keyOf(actor), params.id)),
  }),
];
