/** What was sent to whom, and how an organizer writes. */
import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { languages } from '../../kernel/language.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { email, id, timeOut } from '../../kernel/schemas.ts';
import { listMessages, resendTickets } from './resend.ts';
import { readSender, setSender } from './senders.ts';

const ofOrder = z.object({ id: id('ord') });
const ofOrganizer = z.object({ id: id('org') });

const messages = z
  .object({
    data: z.array(
      z.object({
        id: z.string().describe('Stands in the mail’s Message-ID'),
        kind: z.string(),
        channel: z.enum(['email', 'sms']),
        state: z
          .enum(['waiting', 'sending', 'sent', 'failed', 'bounced', 'dropped'])
          .describe('`bounced`: nobody is at that address; `dropped`: it was not needed any more'),
        reason: z.string().nullable(),
        createdAt: timeOut,
        sentAt: timeOut.nullable(),
      }),
    ),
  })
  .meta({ id: 'Messages' });

const sender = z
  .object({ organizerId: z.string(), language: z.enum(languages), replyTo: z.string().nullable() })
  .meta({ id: 'MailSettings' });

const exampleMessages = {
  data: [
    {
      id: 'msg_3Rk0dZ8mWq1vXyT5sLpAeBcNfGhJuI7o',
      kind: 'order_confirmed',
      channel: 'email',
      state: 'sent',
      reason: null,
      createdAt: '2035-05-02T10:01:30.000Z',
      sentAt: '2035-05-02T10:01:31.000Z',
    },
  ],
};

export const notificationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/orders/:id/messages',
    summary: 'What was sent about an order',
    description: 'The first 200, the oldest first: kinds, channels and states, never the words.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofOrder,
    success: { status: 200, schema: messages, description: 'The messages' },
    refusals: {},
    example: { response: exampleMessages },
    handle: (ctx, { actor, params }) => bodyOf(listMessages(ctx, actor, params.id)),
  }),
  route({
    method: 'POST',
    path: '/orders/:id/messages',
    summary: 'Send the tickets of an order again',
    description: 'To the address of the order, three times an hour at most.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:write' },
    params: ofOrder,
    body: z.strictObject({ kind: z.literal('order_confirmed') }).meta({ id: 'MessageInput' }),
    success: { status: 201, schema: messages, description: 'All messages of the order' },
    refusals: {
      order_not_confirmed: { status: 409, title: 'The order is not confirmed' },
      resent_too_often: {
        status: 429,
        title: 'Sent again too often within the hour',
        retryAfterSeconds: 3_600,
      },
    },
    example: { body: { kind: 'order_confirmed' } },
    handle: (ctx, { actor, params }) => bodyOf(resendTickets(ctx, actor, params.id)),
  }),
  route({
    method: 'GET',
    path: '/organizers/:id/mail-settings',
    summary: 'How an organizer writes to people',
    tag: 'Access',
    access: { kind: 'scope', scope: 'keys:write' },
    params: ofOrganizer,
    success: { status: 200, schema: sender, description: 'The settings' },
    refusals: {},
    handle: (ctx, { actor, params }) => bodyOf(readSender(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'PUT',
    path: '/organizers/:id/mail-settings',
    summary: 'Set how an organizer writes to people',
    description: 'The language of whoever has not chosen one, and where answers go.',
    tag: 'Access',
    access: { kind: 'scope', scope: 'keys:write' },
    params: ofOrganizer,
    body: z
      .strictObject({ language: z.enum(languages), replyTo: email.nullable().default(null) })
      .meta({ id: 'MailSettingsInput' }),
    success: { status: 200, schema: sender, description: 'The settings' },
    refusals: {},
    example: { body: { language: 'de', replyTo: 'tickets@example.org' } },
    handle: (ctx, { actor, params, body }) => bodyOf(setSender(ctx, keyOf(actor), params.id, body)),
  }),
];
