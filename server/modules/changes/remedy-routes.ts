/** Cancelling and moving events, and what buyers choose then. */
import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant } from '../../kernel/schemas.ts';
import { eventSchema } from '../catalog/index.ts';
import { orderSchema, remedy } from '../orders/index.ts';
import { cancelEvent, cancelRemedies } from './cancel-event.ts';
import { chooseRemedy } from './choose-remedy.ts';
import { progressSchema, readProgress } from './read-progress.ts';
import { rescheduleEvent } from './reschedule-event.ts';

const TICKET_TYPES_MAX = 100;

const params = z.object({ id: id('evt') });
const write = { kind: 'scope', scope: 'events:write' } as const;
const over = { status: 409, title: 'It was cancelled or archived before' } as const;

const ticketTypes = z
  .record(id('tt'), id('tt'))
  .refine((types) => Object.keys(types).length <= TICKET_TYPES_MAX, 'too many')
  .describe('By ticket type, which one at the rescheduled event; others go by their names');

export const remedyRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/cancel',
    summary: 'Cancel an event and give its buyers a remedy',
    description:
      'Nothing is sold any more, and pending orders end at once. With one remedy every confirmed ' +
      'order gets it now; with several, each buyer may choose until `chooseBy` (14 days if not ' +
      'given, at most 90), and whoever does not gets `defaultRemedy`. Vouchers are for places at ' +
      '`rescheduledEventId`, which are kept for the time to choose.',
    tag: 'Events',
    access: write,
    params,
    body: z
      .strictObject({
        remedies: z.array(z.enum(cancelRemedies)).min(1).max(3).default(['refund']),
        chooseBy: instant.optional(),
        defaultRemedy: z.enum(cancelRemedies).optional().describe('Default: refund, if offered'),
        rescheduledEventId: id('evt').optional(),
        ticketTypes: ticketTypes.optional(),
      })
      .meta({ id: 'EventCancellation' })
      .prefault({}),
    success: { status: 200, schema: eventSchema, description: 'The cancelled event' },
    refusals: {
      event_over: over,
      remedy_unavailable: { status: 422, title: 'This remedy is not available' },
    },
    example: { body: { remedies: ['refund'], defaultRemedy: 'refund' } },
    handle: async (ctx, { actor, params: { id: eventId }, body }) =>
      bodyOf(
        cancelEvent(ctx, actor, eventId, {
          remedies: body.remedies,
          fallback: body.defaultRemedy ?? null,
          chooseBy: body.chooseBy ?? null,
          rescheduledEventId: body.rescheduledEventId ?? null,
          ticketTypes: body.ticketTypes ?? {},
        }),
      ),
  }),
  route({
    method: 'POST',
    path: '/events/:id/reschedule',
    summary: 'Move an event to another date',
    description:
      'Tickets stay valid. Times that are not given keep their distance from the start; what is ' +
      'over already stays as it is. Until `chooseBy` (14 days if not given) buyers may ask for ' +
      'what `remedies` offer; whoever does not keeps their tickets. Without `remedies` nobody may.',
    tag: 'Events',
    access: write,
    params,
    body: z
      .strictObject({
        startsAt: instant,
        endsAt: instant.nullable().optional(),
        doorsAt: instant.nullable().optional(),
        publicAt: instant.nullable().optional(),
        salesOpenAt: instant.nullable().optional(),
        salesCloseAt: instant.nullable().optional(),
        refundableUntil: instant.nullable().optional().describe('For who buys from now on'),
        remedies: z
          .array(z.enum(['refund', 'credit']))
          .max(2)
          .default(['refund']),
        chooseBy: instant.optional(),
        defaultRemedy: z.enum(['keep', 'refund', 'credit']).optional().describe('Default: keep'),
      })
      .meta({ id: 'EventReschedule' }),
    success: { status: 200, schema: eventSchema, description: 'The event at its new date' },
    refusals: {
      event_over: over,
      capacity_below_committed: { status: 409, title: 'Fewer places than are held and sold' },
    },
    example: { body: { startsAt: '2035-07-02T20:00:00+02:00', remedies: ['refund'] } },
    handle: async (ctx, { actor, params: { id: eventId }, body }) => {
      const { remedies, chooseBy, defaultRemedy, ...dates } = body;
      return bodyOf(
        rescheduleEvent(ctx, actor, eventId, {
          ...{ dates, remedies },
          fallback: defaultRemedy ?? null,
          chooseBy: chooseBy ?? null,
        }),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/events/:id/cancellation',
    summary: 'How far a cancellation or a move is',
    description: 'Of the latest: what people chose, and where their money is.',
    tag: 'Events',
    access: { kind: 'scope', scope: 'events:read' },
    params,
    success: { status: 200, schema: progressSchema, description: 'As it is now' },
    refusals: {},
    handle: async (ctx, { actor, params: { id: eventId } }) => {
      const progress = await readProgress(ctx, keyOf(actor), eventId);
      return progress ? ok({ body: progress }) : refused('not_found');
    },
  }),
  route({
    method: 'POST',
    path: '/orders/:id/remedy',
    summary: 'Choose what you get for a cancelled or moved event',
    description:
      'One of `remedy.choices` of the order, until `remedy.chooseBy`; final. By the buyer, or by ' +
      'staff for them.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'refunds:write' },
    params: z.object({ id: id('ord') }),
    body: z.strictObject({ remedy }).meta({ id: 'RemedyChoice' }),
    success: { status: 200, schema: orderSchema, description: 'The order as it is now' },
    refusals: {
      remedy_chosen: { status: 409, title: 'A remedy was chosen, and that is final' },
      payment_disputed: { status: 409, title: 'The buyer’s bank has taken the money back' },
      remedy_window_closed: { status: 409, title: 'The time to choose is over' },
      remedy_unavailable: { status: 422, title: 'This remedy is not available' },
    },
    example: { body: { remedy: 'refund' } },
    handle: (ctx, { actor, params: { id: orderId }, body }) =>
      bodyOf(chooseRemedy(ctx, actor, orderId, body.remedy)),
  }),
];
