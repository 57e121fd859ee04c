import { z } from 'zod';
import { present } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { email, id, line } from '../../kernel/schemas.ts';
import { approvalAnswer } from '../approvals/index.ts';
import { holdRefusals } from '../inventory/index.ts';
import { orderSchema } from '../orders/index.ts';
import { giveComplimentary } from './give-complimentary.ts';
import { holdItems, items } from './hold-items.ts';

export const complimentaryRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/complimentary',
    summary: 'Give places away',
    description:
      'An order of nothing for somebody, confirmed at once. Its tickets count as sold and never ' +
      'as revenue; cancelled, their places come back. Above the organizer’s threshold it is only ' +
      'asked for: a second person approves it.',
    tag: 'Buying',
    access: { kind: 'scope', scope: 'refunds:write' },
    idempotency: 'required',
    params: z.object({ id: id('evt') }),
    body: z
      .strictObject({
        items,
        recipient: z.strictObject({ name: line(200), email }).meta({ id: 'RecipientInput' }),
        reason: line(200),
      })
      .meta({ id: 'ComplimentaryInput' }),
    success: { status: 201, schema: orderSchema, description: 'The order, with its tickets' },
    accepted: approvalAnswer,
    refusals: holdRefusals,
    example: {
      body: {
        items: [{ ticketTypeId: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6', quantity: 2 }],
        recipient: { name: 'Ada Lovelace', email: 'ada@example.org' },
        reason: 'Guests of the band',
      },
    },
    handle: async (ctx, { actor, params, body, once }) => {
      const { items: lines, ...gift } = body;
      const wanted = { ...gift, items: holdItems(lines) };
      // The route requires one.
      return bodyOf(giveComplimentary(ctx, actor, params.id, wanted, present(once, 'a key')));
    },
  }),
];
