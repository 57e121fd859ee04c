import { z } from 'zod';
import { refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant } from '../../kernel/schemas.ts';
import { eventSchema } from '../catalog/index.ts';
import { cancelEvent } from './cancel-event.ts';

const remedy = z.enum(['refund', 'credit', 'voucher']);

export const changesRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/cancel',
    summary: 'Cancel an event and refund its buyers',
    description:
      'Every pending order is cancelled and every confirmed one refunded in full, by a job that ' +
      'goes on until none is left. The remedy is `refund`; credit and vouchers are not offered yet.',
    tag: 'Events',
    access: { kind: 'scope', scope: 'events:write' },
    params: z.object({ id: id('evt') }),
    body: z
      .strictObject({
        remedies: z.array(remedy).min(1).max(3).default(['refund']),
        chooseBy: instant.optional(),
        defaultRemedy: remedy.default('refund'),
        rescheduledEventId: id('evt').optional(),
      })
      .meta({ id: 'EventCancellation' })
      .prefault({}),
    success: { status: 200, schema: eventSchema, description: 'The cancelled event' },
    refusals: {
      event_over: { status: 409, title: 'It was cancelled or archived before' },
      remedy_unavailable: { status: 422, title: 'This remedy is not available' },
    },
    example: { body: { remedies: ['refund'], defaultRemedy: 'refund' } },
    handle: async (ctx, { actor, params, body }) => {
      const others = body.remedies.some((choice) => choice !== 'refund');
      if (others || body.defaultRemedy !== 'refund') return refused('remedy_unavailable');
      return bodyOf(cancelEvent(ctx, actor, params.id));
    },
  }),
];
