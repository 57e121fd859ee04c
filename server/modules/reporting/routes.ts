import { z } from 'zod';
import { isStaffOf, keyOf } from '../../kernel/actor.ts';
import { maybe } from '../../kernel/db.ts';
import { pageQuery } from '../../kernel/page.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant, moneyOut } from '../../kernel/schemas.ts';
import { auditAll } from './audit.ts';
import { selectOrganizerOf } from './event.view.sql.ts';
import { readSchedule, scheduleSchema } from './schedule.ts';
import { selectStatistics } from './statistics.view.sql.ts';
import { showTimeline, timelineSchema } from './timeline.ts';

const statistics = z
  .object({
    eventId: z.string(),
    ticketsSold: z.int(),
    ticketsHeld: z.int(),
    ticketsAvailable: z.int(),
    capacity: z.int(),
    revenue: moneyOut.describe('Captured, less refunded (owed or done)'),
    orders: z.object({
      pending: z.int(),
      confirmed: z.int(),
      failed: z.int(),
      cancelled: z.int(),
      partially_refunded: z.int(),
      refunded: z.int(),
    }),
    byTicketType: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        ticketsSold: z.int(),
        ticketsHeld: z.int(),
        revenue: moneyOut,
      }),
    ),
    waitlist: z.int().describe('People waiting'),
  })
  .meta({ id: 'Statistics' });

const audit = z
  .object({
    data: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        violations: z.int(),
        unchecked: z.int().describe('Events too large for one snapshot of half a second'),
        findings: z.array(
          z.object({ eventId: z.string().nullable(), objectId: z.string(), detail: z.string() }),
        ),
      }),
    ),
  })
  .meta({ id: 'Audit' });

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const example = {
  eventId: 'evt_00vtdzt3h1k4r',
  ticketsSold: 210,
  ticketsHeld: 12,
  ticketsAvailable: 158,
  capacity: 380,
  revenue: eur(562_500),
  orders: {
    pending: 4,
    confirmed: 97,
    failed: 3,
    cancelled: 11,
    partially_refunded: 1,
    refunded: 2,
  },
  byTicketType: [
    {
      id: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6',
      name: 'Standard',
      ticketsSold: 185,
      ticketsHeld: 10,
      revenue: eur(462_500),
    },
    {
      id: 'tt_00vtdzt3h1k4r00vtdzt3b9c4d8e5f1g7h2j6',
      name: 'Balcony',
      ticketsSold: 25,
      ticketsHeld: 2,
      revenue: eur(100_000),
    },
  ],
  waitlist: 0,
};

const timelineExample = {
  data: [
    {
      position: 1,
      at: '2035-05-02T10:00:00.012345Z',
      machine: 'order',
      objectId: 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6',
      from: null,
      to: 'pending',
      actor: 'anonymous',
      requestId: 'req-7f3k2m9x',
      amount: eur(2_500),
      note: null,
      hash: '5f0c1e9a7d3b8642c0ffee5f0c1e9a7d3b8642c0ffee5f0c1e9a7d3b8642c0ff',
    },
  ],
  nextCursor: null,
  eventId: 'evt_00vtdzt3h1k4r',
  head: {
    position: 1,
    hash: '5f0c1e9a7d3b8642c0ffee5f0c1e9a7d3b8642c0ffee5f0c1e9a7d3b8642c0ff',
  },
};

const minutes = z
  .string()
  .regex(/^[0-9]{1,5}$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.int().min(0).max(10_080))
  .optional()
  .meta({ type: 'integer', minimum: 0, maximum: 10_080 });

export const reportingRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/venues/:id/schedule',
    summary: 'What is in a venue when',
    description:
      'The events in its floor plans, which of them are there at once, and when nothing is. ' +
      '`setUpMinutes` and `tearDownMinutes` are added before and after each. An event without an ' +
      'end takes three hours.',
    tag: 'Venues',
    access: { kind: 'scope', scope: 'venues:read' },
    params: z.object({ id: id('ven') }),
    query: z.strictObject({
      from: instant.optional().describe('Default: now'),
      to: instant.optional().describe('Default: 90 days later'),
      setUpMinutes: minutes,
      tearDownMinutes: minutes,
    }),
    success: { status: 200, schema: scheduleSchema, description: 'The schedule' },
    refusals: {},
    handle: (ctx, { actor, params, query: { setUpMinutes = 0, tearDownMinutes = 0, from, to } }) =>
      bodyOf(
        readSchedule(ctx, keyOf(actor), params.id, { from, to, setUpMinutes, tearDownMinutes }),
      ),
  }),
  route({
    method: 'GET',
    path: '/events/:id/statistics',
    summary: 'How an event sells',
    tag: 'Reports',
    access: { kind: 'scope', scope: 'statistics:read' },
    params: z.object({ id: id('evt') }),
    success: { status: 200, schema: statistics, description: 'Counted now' },
    refusals: {},
    example: { response: example },
    handle: async (ctx, { actor, params }) => {
      const owner = await maybe(ctx.db, selectOrganizerOf(params.id));
      if (!owner || !isStaffOf(actor, owner.organizerId, 'statistics:read')) {
        return refused('not_found');
      }
      const row = await maybe(ctx.db, selectStatistics(params.id, ctx.clock.now()));
      if (!row) return refused('not_found');
      const { capturedMinor, refundedMinor, currency, byTicketType, ...counts } = row;
      const money = (amount: number) => ({ amount, currency });
      return ok({
        body: {
          eventId: params.id,
          ...counts,
          revenue: money(capturedMinor - refundedMinor),
          byTicketType: byTicketType.map(({ revenueMinor, ...type }) => ({
            ...type,
            revenue: money(revenueMinor),
          })),
        },
      });
    },
  }),
  route({
    method: 'GET',
    path: '/events/:id/timeline',
    summary: 'Everything that happened to an event, sealed',
    description:
      'Every change of an order, ticket, payment, refund, or of the event itself, with its actor ' +
      'and without personal data, about a second after it happened. Each line carries a hash of ' +
      'itself and of all lines before it: `fanfare verify-timeline` recomputes them.',
    tag: 'Reports',
    access: { kind: 'scope', scope: 'audit:read' },
    params: z.object({ id: id('evt') }),
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: timelineSchema, description: 'A page of the timeline' },
    refusals: {},
    example: { response: timelineExample },
    handle: (ctx, { actor, params, query }) =>
      bodyOf(showTimeline(ctx, keyOf(actor), params.id, query)),
  }),
  route({
    method: 'GET',
    path: '/audit',
    summary: 'Check the guarantees on the live database',
    description: 'Event by event, each check in a snapshot of its own; every count must be zero.',
    tag: 'Reports',
    access: { kind: 'platform', scope: 'audit:read' },
    success: { status: 200, schema: audit, description: 'Violations by guarantee' },
    refusals: {},
    handle: async (ctx) => ok({ body: { data: [...(await auditAll(ctx))] } }),
  }),
];
