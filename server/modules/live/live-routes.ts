/** Live updates over HTTP: streams of server-sent events (docs/live.md). */
import { z } from 'zod';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, type Refusal, type Result } from '../../kernel/result.ts';
import { type Reply, type Route, type RouteInput, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { type Listening, listenToEvent, listenToOrder, listenToSession } from './listen.ts';

const refusals = {
  too_many_listeners: {
    status: 429,
    title: 'Too many live connections from here',
    retryAfterSeconds: 30,
  },
  live_full: {
    status: 503,
    title: 'This server has as many listeners as it takes',
    retryAfterSeconds: 5,
  },
} as const satisfies RefusalTable<string>;

const success = {
  status: 200,
  schema: z.string(),
  description: 'A stream of server-sent events, without an end',
  contentType: 'text/event-stream; charset=utf-8',
} as const;

/** A proxy that gathers what it passes on would keep everything to itself. */
const headers = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' } as const;

const RESUMED = 'With `Last-Event-ID` it goes on where a connection was lost. ';

function listeningOf({ actor, request }: RouteInput<unknown, unknown, unknown>): Listening {
  const lastId = request.headers['last-event-id'];
  return { actor, network: request.network, lastId: typeof lastId === 'string' ? lastId : null };
}

async function streamOf<R extends Refusal>(
  listened: Promise<Result<NonNullable<Reply<string>['stream']>, R>>,
): Promise<Result<Reply<string>, R>> {
  const result = await listened;
  return result.ok ? ok({ body: '', headers, stream: result.value }) : result;
}

export const liveRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events/:id/live',
    summary: 'Follow what is available',
    description:
      'First `availability`, all of it, as `GET /events/{id}/availability` answers. Then, for ' +
      'each change, `availability` with `since` and only the ticket types that are different, ' +
      `and \`status\` where that of the sale is. ${RESUMED}The end of the event ends it.`,
    tag: 'Events',
    access: { kind: 'public' },
    params: z.object({ id: id('evt') }),
    success,
    refusals,
    example: {
      response:
        'retry: 2000\n\nevent: availability\nid: 42-q1W8bVtx\n' +
        'data: {"eventId":"evt_00vtdzt3h1k4r","version":42,"status":"on_sale","ticketTypes":[]}\n\n',
    },
    handle: (ctx, input) => streamOf(listenToEvent(ctx, listeningOf(input), input.params.id)),
  }),
  route({
    method: 'GET',
    path: '/orders/:id/live',
    summary: 'Follow an order',
    description:
      'Says `changed`, with its status, at once and whenever something has happened to it: a ' +
      `page learns that its payment went through. ${RESUMED}`,
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params: z.object({ id: id('ord') }),
    success,
    refusals,
    example: {
      response:
        'retry: 2000\n\nevent: changed\nid: 7-confirmed\n' +
        'data: {"id":"ord_00vtdzt3h1k4r00vtdzw2f5h8j1k4m7n9p3q6","status":"confirmed","version":7}\n\n',
    },
    handle: (ctx, input) => streamOf(listenToOrder(ctx, listeningOf(input), input.params.id)),
  }),
  route({
    method: 'GET',
    path: '/shopping-sessions/:id/live',
    summary: 'Follow a shopping session',
    description:
      'Says `changed`, with its status, at once, whenever something has happened to its order, ' +
      `and when its time is over. ${RESUMED}`,
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:read' },
    params: z.object({ id: id('ssn') }),
    success,
    refusals,
    example: {
      response:
        'retry: 2000\n\nevent: changed\nid: 5-open\n' +
        'data: {"id":"ssn_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5","status":"open","version":5}\n\n',
    },
    handle: (ctx, input) => streamOf(listenToSession(ctx, listeningOf(input), input.params.id)),
  }),
];
