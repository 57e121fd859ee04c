import { z } from 'zod';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import {
  allocate,
  allocationIn,
  allocationSchema,
  deallocate,
  listAllocations,
} from './allocations.ts';

const eventId = z.object({ id: id('evt') });
const write = { kind: 'scope', scope: 'events:write' } as const;

const refusals = {
  not_free: { status: 409, title: 'Some of these places are held, sold or kept already' },
  unknown_seat: { status: 422, title: 'There is no such seat of this event' },
  unknown_pool: { status: 422, title: 'There is no such counted pool' },
} as const satisfies RefusalTable<string>;

export const allocationRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/allocations',
    summary: 'Take places off sale',
    description:
      'For the production, sponsors, wheelchair users, the box office, or single seats that ' +
      'nobody can sit on. What is free is taken, whole or not at all; at `releaseAt` it goes on ' +
      'sale by itself.',
    tag: 'Events',
    access: write,
    params: eventId,
    body: allocationIn,
    success: { status: 201, schema: allocationSchema, description: 'The allocation' },
    refusals,
    example: {
      body: {
        name: 'Sponsors',
        poolId: 'pool_00vtdzt3h1k4r00vtdzt3a2b4c6d8e1f3g5h7',
        quantity: 20,
        releaseAt: '2035-05-30T12:00:00Z',
      },
    },
    handle: (ctx, { actor, params, body }) => bodyOf(allocate(ctx, actor, params.id, body)),
  }),
  route({
    method: 'GET',
    path: '/events/:id/allocations',
    summary: 'What is kept off sale, and for whom',
    tag: 'Events',
    access: { kind: 'scope', scope: 'events:read' },
    params: eventId,
    success: {
      status: 200,
      schema: z.object({ data: z.array(allocationSchema) }),
      description: 'All of them, the oldest first',
    },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const body = await listAllocations(ctx, actor, params.id);
      return body ? ok({ body }) : refused('not_found');
    },
  }),
  route({
    method: 'DELETE',
    path: '/events/:id/allocations/:allocationId',
    summary: 'Put them on sale again',
    tag: 'Events',
    access: write,
    params: z.object({ id: id('evt'), allocationId: id('alc') }),
    success: { status: 204, schema: null, description: 'On sale' },
    refusals,
    handle: (ctx, { actor, params }) =>
      bodyOf(deallocate(ctx, actor, params.id, params.allocationId)),
  }),
];
