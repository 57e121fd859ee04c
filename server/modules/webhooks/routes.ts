import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import { ok } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, line } from '../../kernel/schemas.ts';
import { endpointSchema, endpointStatus, endpointWithSecret } from './endpoint-view.ts';
import {
  createEndpoint,
  type EndpointInput,
  listEndpoints,
  readEndpoint,
  removeEndpoint,
  replaceEndpoint,
  rotateEndpointSecret,
  setEndpointStatus,
} from './endpoints.ts';

const URL_CHARS_MAX = 2_000;
const DESCRIPTION_CHARS_MAX = 200;

const tag = 'Webhooks to you';
const write = { kind: 'scope', scope: 'webhooks:write' } as const;
const read = { kind: 'scope', scope: 'webhooks:read' } as const;
const ofOrganizer = z.object({ id: id('org') });
const ofEndpoint = z.object({ id: id('whe') });

const urlRefused = {
  webhook_url_refused: { status: 422, title: 'Messages are not sent to this URL' },
} as const;

const input = {
  url: 'https://example.org/fanfare',
  kinds: ['order_placed', 'order_confirmed'],
  description: 'Accounting',
};

const view = {
  id: 'whe_00vtdzt5n7p9q',
  organizerId: 'org_00vtdzq1a2b3c',
  ...input,
  status: 'active',
  disabledReason: null,
  failingSince: null,
  previousSecretUntil: null,
  createdAt: '2035-05-02T10:00:00.000Z',
} as const;

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';

/** With the kinds of the facts that there are. */
export function endpointRoutes(kinds: readonly string[]): readonly Route[] {
  const body = z
    .strictObject({
      url: z.string().max(URL_CHARS_MAX).describe('https:// only'),
      kinds: z
        .array(z.enum(kinds))
        .min(1)
        .max(kinds.length)
        .nullable()
        .default(null)
        .describe('Null: all but those of the topic ticket_availability'),
      description: line(DESCRIPTION_CHARS_MAX, 0).default(''),
      status: endpointStatus.default('active'),
    })
    .meta({ id: 'WebhookEndpointInput' });
  return [...collection(body), ...endpoint(body), ...actions];
}

type Input = z.ZodType<EndpointInput>;

const collection = (body: Input): readonly Route[] => [
  route({
    method: 'POST',
    path: '/organizers/:id/webhook-endpoints',
    summary: 'Have facts sent to you',
    description:
      'From now on, as signed messages (Standard Webhooks), in order for each event. The secret ' +
      'is in this answer and never again.',
    tag,
    access: write,
    params: ofOrganizer,
    body,
    success: {
      status: 201,
      schema: endpointWithSecret,
      description: 'The endpoint with its secret',
    },
    refusals: {
      ...urlRefused,
      too_many_webhook_endpoints: { status: 409, title: 'The organizer has twenty endpoints' },
    },
    example: { body: input, response: { ...view, secret } },
    handle: (ctx, { actor, params, body: wanted }) =>
      bodyOf(createEndpoint(ctx, keyOf(actor), params.id, wanted)),
  }),
  route({
    method: 'GET',
    path: '/organizers/:id/webhook-endpoints',
    summary: 'List the endpoints of an organizer',
    tag,
    access: read,
    params: ofOrganizer,
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(endpointSchema), description: 'A page of them' },
    refusals: {},
    handle: (ctx, { actor, params, query }) =>
      bodyOf(listEndpoints(ctx, keyOf(actor), params.id, query)),
  }),
];

const endpoint = (body: Input): readonly Route[] => [
  route({
    method: 'GET',
    path: '/webhook-endpoints/:id',
    summary: 'Read an endpoint',
    tag,
    access: read,
    params: ofEndpoint,
    success: { status: 200, schema: endpointSchema, description: 'The endpoint, no secret' },
    refusals: {},
    example: { response: view },
    handle: (ctx, { actor, params }) => bodyOf(readEndpoint(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'PUT',
    path: '/webhook-endpoints/:id',
    summary: 'Replace an endpoint’s settings',
    description: 'Its secret stays. What waits already is sent to the new URL.',
    tag,
    access: write,
    params: ofEndpoint,
    body,
    success: { status: 200, schema: endpointSchema, description: 'The endpoint' },
    refusals: urlRefused,
    example: { body: { ...input, status: 'active' }, response: view },
    handle: (ctx, { actor, params, body: wanted }) =>
      bodyOf(replaceEndpoint(ctx, keyOf(actor), params.id, wanted)),
  }),
  route({
    method: 'DELETE',
    path: '/webhook-endpoints/:id',
    summary: 'Delete an endpoint',
    description: 'With its log, and with what has not been sent.',
    tag,
    access: write,
    params: ofEndpoint,
    success: { status: 204, schema: null, description: 'It gets nothing any more' },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const done = await removeEndpoint(ctx, keyOf(actor), params.id);
      return done.ok ? ok({ body: null }) : done;
    },
  }),
];

const actions: readonly Route[] = [
  route({
    method: 'POST',
    path: '/webhook-endpoints/:id/rotate-secret',
    summary: 'Give an endpoint a new secret',
    description:
      'For 24 hours messages have two signatures, the second one with the secret before. It is ' +
      'in this answer and never again.',
    tag,
    access: write,
    params: ofEndpoint,
    success: { status: 200, schema: endpointWithSecret, description: 'With the new secret' },
    refusals: {},
    example: {
      response: { ...view, previousSecretUntil: '2035-05-03T10:00:00.000Z', secret },
    },
    handle: (ctx, { actor, params }) => bodyOf(rotateEndpointSecret(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'POST',
    path: '/webhook-endpoints/:id/pause',
    summary: 'Stop sending to an endpoint for a while',
    description: 'What happens meanwhile is kept, for 30 days.',
    tag,
    access: write,
    params: ofEndpoint,
    success: { status: 200, schema: endpointSchema, description: 'Paused' },
    refusals: {},
    example: { response: { ...view, status: 'paused' } },
    handle: (ctx, { actor, params }) =>
      bodyOf(setEndpointStatus(ctx, keyOf(actor), params.id, 'paused')),
  }),
  route({
    method: 'POST',
    path: '/webhook-endpoints/:id/resume',
    summary: 'Send to an endpoint again',
    description: 'What was kept comes first. Also for one that was disabled.',
    tag,
    access: write,
    params: ofEndpoint,
    success: { status: 200, schema: endpointSchema, description: 'Active' },
    refusals: {},
    example: { response: view },
    handle: (ctx, { actor, params }) =>
      bodyOf(setEndpointStatus(ctx, keyOf(actor), params.id, 'active')),
  }),
];
