import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { isKnown } from '../../kernel/etag.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant, line } from '../../kernel/schemas.ts';
import { allocationRoutes } from './allocation-routes.ts';
import { cloneEvent } from './clone-event.ts';
import { createEvent } from './create-event.ts';
import { moveSale, publishEvent, removeEvent, replaceEvent } from './edit-event.ts';
import { removeTicketType, savePool, saveTicketType } from './edit-supply.ts';
import { capacity, eventClone, eventIn, eventReplacement, ticketTypeIn } from './event-input.ts';
import { eventSchema, eventView, ticketTypeSchema } from './event-view.ts';
import { findEvent, listEvents } from './read-events.ts';
import { seatRoutes } from './seat-routes.ts';
import { showAvailability } from './show-availability.ts';

const eventId = z.object({ id: id('evt') });
const typeId = z.object({ id: id('evt'), ticketTypeId: id('tt') });
const poolId = z.object({ id: id('evt'), poolId: id('pool') });
const poolIn = z.strictObject({ name: line(100), capacity }).meta({ id: 'PoolInput' });
const pool = z.object({ id: z.string(), name: z.string(), capacity: z.int() }).meta({ id: 'Pool' });

const write = { kind: 'scope', scope: 'events:write' } as const;

const supply = {
  capacity_below_committed: { status: 409, title: 'More than that is held or sold already' },
  capacity_is_seats: { status: 409, title: 'A pool of seats is as large as its seats' },
  capacity_over_total: { status: 422, title: 'The pools would exceed the event’s total' },
  unknown_pool: { status: 422, title: 'There is no such pool' },
} as const satisfies RefusalTable<string>;

const eventOver = {
  event_over: { status: 409, title: 'The event is cancelled or archived' },
} as const satisfies RefusalTable<string>;

const exampleFields = {
  name: 'Club night',
  description: 'Two live sets and a late bar.',
  startsAt: '2035-06-02T20:00:00+02:00',
  endsAt: '2035-06-03T02:00:00+02:00',
  doorsAt: '2035-06-02T19:00:00+02:00',
  timezone: 'Europe/Berlin',
  venueName: 'Halle Nord',
  maxTicketsPerPerson: 4,
  refundableUntil: '2035-05-31T20:00:00+02:00',
};
const example = {
  ...exampleFields,
  currency: 'EUR',
  ticketTypes: [
    { name: 'Standard', price: { amount: 2_500, currency: 'EUR' }, capacity: 300 },
    { name: 'Balcony', price: { amount: 4_000, currency: 'EUR' }, capacity: 80 },
  ],
};

const exampleEvent = {
  id: 'evt_00vtdzt3h1k4r',
  organizerId: 'org_00vtdzq1a2b3c',
  ...exampleFields,
  status: 'published',
  version: 1,
  series: null,
  configurationId: null,
  sectionChoices: {},
  currency: 'EUR',
  totalCapacity: null,
  visibility: 'public',
  publicAt: null,
  salesOpenAt: null,
  salesCloseAt: null,
  holdMinutes: 15,
  charges: null,
  shoppingMinutes: 30,
  pools: [{ id: 'pool_00vtdzt3h1k4r00vtdzt3a2b4c6d8e1f3g5h7', name: 'Standard', capacity: 300 }],
  ticketTypes: [
    {
      id: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6',
      name: 'Standard',
      description: '',
      price: { amount: 2_500, currency: 'EUR' },
      breakdown: [],
      poolId: 'pool_00vtdzt3h1k4r00vtdzt3a2b4c6d8e1f3g5h7',
      capacity: 300,
      minPerOrder: 1,
      maxPerOrder: 10,
      salesOpenAt: null,
      salesCloseAt: null,
      visibility: 'public',
    },
  ],
  createdAt: '2035-01-02T10:00:00.000Z',
};

const events: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events',
    summary: 'Create an event',
    description:
      'With its ticket types, or in the short form (`totalTickets`, `ticketPrice`: one ticket ' +
      'type). Published unless `publish` is false.',
    tag: 'Events',
    access: write,
    body: eventIn,
    success: { status: 201, schema: eventSchema, description: 'The event' },
    refusals: supply,
    example: { body: example, response: exampleEvent },
    handle: (ctx, { actor, body }) => bodyOf(createEvent(ctx, keyOf(actor).organizerId, body)),
  }),
  route({
    method: 'GET',
    path: '/events',
    summary: 'List events',
    description: 'What everybody may see; with a key, the organizer’s own, drafts included.',
    tag: 'Events',
    access: { kind: 'public' },
    query: z.strictObject({
      ...pageQuery,
      q: line(100).optional().describe('In name or description'),
      from: instant.optional().describe('Starts at or after'),
      to: instant.optional().describe('Starts before'),
      venue: line(200).optional(),
      configuration: id('cfg').optional().describe('In this version of a floor plan'),
      status: z.enum(['draft', 'published', 'cancelled', 'archived']).optional(),
    }),
    success: { status: 200, schema: pageOf(eventSchema), description: 'A page, by start time' },
    refusals: {},
    handle: (ctx, { actor, query }) => bodyOf(listEvents(ctx, actor, query)),
  }),
  route({
    method: 'GET',
    path: '/events/:id',
    summary: 'Read an event',
    tag: 'Events',
    access: { kind: 'public' },
    params: eventId,
    success: { status: 200, schema: eventSchema, description: 'The event' },
    refusals: {},
    example: { response: exampleEvent },
    handle: async (ctx, { actor, params }) => {
      const seen = await findEvent(ctx, actor, params.id);
      if (!seen) return refused('not_found');
      return ok({ body: await eventView(ctx.db, seen.event, seen.audience) });
    },
  }),
  route({
    method: 'PUT',
    path: '/events/:id',
    summary: 'Replace an event',
    description: 'The whole object but its ticket types, with the `version` that was read.',
    tag: 'Events',
    access: write,
    params: eventId,
    body: eventReplacement,
    success: { status: 200, schema: eventSchema, description: 'The event' },
    refusals: {
      ...supply,
      ...eventOver,
      version_conflict: { status: 409, title: 'Somebody else has changed it since' },
      use_reschedule: { status: 409, title: 'It has sales: its date moves by rescheduling' },
    },
    example: { body: { ...exampleFields, name: 'Club night, now with a late bar', version: 1 } },
    handle: (ctx, { actor, params, body }) => bodyOf(replaceEvent(ctx, actor, params.id, body)),
  }),
  route({
    method: 'POST',
    path: '/events/:id/publish',
    summary: 'Publish a draft',
    tag: 'Events',
    access: write,
    params: eventId,
    success: { status: 200, schema: eventSchema, description: 'The event' },
    refusals: eventOver,
    handle: (ctx, { actor, params }) => bodyOf(publishEvent(ctx, actor, params.id)),
  }),
  route({
    method: 'POST',
    path: '/events/:id/clone',
    summary: 'Add another event of the same kind',
    description: 'Every time keeps its distance from the start on the venue’s wall clock.',
    tag: 'Events',
    access: write,
    params: eventId,
    body: eventClone,
    success: { status: 201, schema: eventSchema, description: 'The new event' },
    refusals: supply,
    example: { body: { startsAt: '2035-06-09T20:00:00+02:00' } },
    handle: (ctx, { actor, params, body }) => bodyOf(cloneEvent(ctx, actor, params.id, body)),
  }),
];

const saleMove = (move: 'pause' | 'resume' | 'close', summary: string) =>
  route({
    method: 'POST',
    path: `/events/:id/sales/${move}`,
    summary,
    tag: 'Events',
    access: write,
    params: eventId,
    success: { status: 200, schema: eventSchema, description: 'The event' },
    refusals: { sale_state: { status: 409, title: 'The state of the sale does not allow that' } },
    handle: (ctx, { actor, params }) => bodyOf(moveSale(ctx, actor, params.id, move)),
  });

const supplies: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/pools',
    summary: 'Add a pool that ticket types may share',
    tag: 'Ticket types',
    access: write,
    params: eventId,
    body: poolIn,
    success: { status: 201, schema: pool, description: 'The pool' },
    refusals: { ...supply, ...eventOver },
    example: { body: { name: 'Floor', capacity: 500 } },
    handle: (ctx, { actor, params, body }) => bodyOf(savePool(ctx, actor, params.id, body)),
  }),
  route({
    method: 'PUT',
    path: '/events/:id/pools/:poolId',
    summary: 'Rename or resize a pool',
    tag: 'Ticket types',
    access: write,
    params: poolId,
    body: poolIn,
    success: { status: 200, schema: pool, description: 'The pool' },
    refusals: { ...supply, ...eventOver },
    example: { body: { name: 'Floor', capacity: 520 } },
    handle: (ctx, { actor, params, body }) =>
      bodyOf(savePool(ctx, actor, params.id, body, params.poolId)),
  }),
  route({
    method: 'POST',
    path: '/events/:id/ticket-types',
    summary: 'Add a ticket type',
    tag: 'Ticket types',
    access: write,
    params: eventId,
    body: ticketTypeIn,
    success: { status: 201, schema: ticketTypeSchema, description: 'The ticket type' },
    refusals: { ...supply, ...eventOver },
    example: {
      body: { name: 'Reduced', price: { amount: 1_500, currency: 'EUR' }, capacity: 50 },
    },
    handle: (ctx, { actor, params, body }) => bodyOf(saveTicketType(ctx, actor, params.id, body)),
  }),
  route({
    method: 'PUT',
    path: '/events/:id/ticket-types/:ticketTypeId',
    summary: 'Replace a ticket type',
    description: 'What is held or sold keeps the price it was held at.',
    tag: 'Ticket types',
    access: write,
    params: typeId,
    body: ticketTypeIn,
    success: { status: 200, schema: ticketTypeSchema, description: 'The ticket type' },
    refusals: { ...supply, ...eventOver },
    example: {
      body: { name: 'Reduced', price: { amount: 1_800, currency: 'EUR' }, capacity: 60 },
    },
    handle: (ctx, { actor, params, body }) =>
      bodyOf(saveTicketType(ctx, actor, params.id, body, params.ticketTypeId)),
  }),
  route({
    method: 'DELETE',
    path: '/events/:id/ticket-types/:ticketTypeId',
    summary: 'Take a ticket type off sale',
    tag: 'Ticket types',
    access: write,
    params: typeId,
    success: { status: 204, schema: null, description: 'Off sale; what was sold stays valid' },
    refusals: {},
    handle: (ctx, { actor, params }) =>
      bodyOf(removeTicketType(ctx, actor, params.id, params.ticketTypeId)),
  }),
];

const status = z.enum([
  'scheduled',
  'on_sale',
  'paused',
  'sold_out',
  'closed',
  'cancelled',
  'past',
]);
const availability = z
  .object({
    eventId: z.string(),
    version: z.int(),
    status,
    ticketTypes: z.array(z.object({ id: z.string(), available: z.int(), status })),
  })
  .meta({ id: 'Availability' });

const exampleAvailability = {
  eventId: 'evt_00vtdzt3h1k4r',
  version: 42,
  status: 'on_sale',
  ticketTypes: [
    { id: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6', available: 105, status: 'on_sale' },
    { id: 'tt_00vtdzt3h1k4r00vtdzt3b9c4d8e5f1g7h2j6', available: 0, status: 'sold_out' },
  ],
};

const availabilityRoute = route({
  method: 'GET',
  path: '/events/:id/availability',
  summary: 'What is available now',
  description: 'Send `If-None-Match` with the last `ETag`: unchanged is 304.',
  tag: 'Events',
  access: { kind: 'public' },
  params: eventId,
  success: { status: 200, schema: availability, description: 'By ticket type' },
  refusals: {},
  example: { response: exampleAvailability },
  handle: async (ctx, { actor, params, request }) => {
    const shown = await showAvailability(ctx, actor, params.id);
    if (!shown) return refused('not_found');
    const { body, encoded, etag } = shown;
    const headers = { etag, 'cache-control': 'no-cache' };
    const known = isKnown(request.headers['if-none-match'], etag);
    return ok({ body, encoded, headers, ...(known ? { status: 304 } : {}) });
  },
});

export const catalogRoutes: readonly Route[] = [
  ...events,
  ...seatRoutes,
  ...allocationRoutes,
  route({
    method: 'DELETE',
    path: '/events/:id',
    summary: 'Delete an event that nobody bought for',
    tag: 'Events',
    access: write,
    params: eventId,
    success: { status: 204, schema: null, description: 'It is gone' },
    refusals: {
      event_has_sales: { status: 409, title: 'It has sales or holds: cancel it instead' },
    },
    handle: (ctx, { actor, params }) => bodyOf(removeEvent(ctx, actor, params.id)),
  }),
  saleMove('pause', 'Pause the sale'),
  saleMove('resume', 'Resume a paused or closed sale'),
  saleMove('close', 'Close the sale early'),
  ...supplies,
  availabilityRoute,
];
