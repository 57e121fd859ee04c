/** What a buyer takes home, and what a door must know to read it. */
import { z } from 'zod';
import { readNow } from '../../kernel/now.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { findEvent } from '../catalog/index.ts';
import { publicKeysOf } from '../ticket-codes/index.ts';
import { calendarText } from './calendar-text.ts';
import { TICKETS_MAX } from './print-job.ts';
import { readPapers } from './read-papers.ts';

/** They never change; whether the event is there to be seen does. */
const KEYS_MAX_AGE_SECONDS = 300;

const keysSchema = z
  .object({
    eventId: z.string(),
    keys: z.array(
      z.object({
        keyId: z.string().describe('Stands in each code that was signed with it'),
        publicKey: z.string().describe('Ed25519: the 32 bytes in base64url'),
        jwk: z
          .object({
            kty: z.literal('OKP'),
            crv: z.literal('Ed25519'),
            x: z.string(),
            kid: z.string(),
          })
          .describe('The same key for libraries that take a JWK (RFC 8037)'),
      }),
    ),
  })
  .meta({ id: 'TicketKeys' });

const ofOrder = z.object({ id: id('ord') });
const notConfirmed = { status: 409, title: 'The order is not confirmed' } as const;

const exampleKey = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';

export const paperRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events/:id/ticket-keys',
    summary: 'The public keys of an event’s tickets',
    description:
      'With them a scanner, or anybody, tells without asking the server whether a code was given ' +
      'out by this event’s ticket office, and for which ticket.',
    tag: 'Events',
    access: { kind: 'public' },
    params: z.object({ id: id('evt') }),
    success: { status: 200, schema: keysSchema, description: 'The keys' },
    refusals: {},
    example: {
      response: {
        eventId: 'evt_00vtdzt3h1k4r',
        keys: [
          {
            keyId: '4ASM6P1',
            publicKey: exampleKey,
            jwk: { kty: 'OKP', crv: 'Ed25519', x: exampleKey, kid: '4ASM6P1' },
          },
        ],
      },
    },
    handle: async (ctx, { actor, params }) => {
      const seen = await findEvent(ctx, actor, params.id);
      if (!seen) return refused('not_found');
      const keys = publicKeysOf(ctx.secrets, params.id).map(({ keyId, publicKey }) => ({
        keyId,
        publicKey,
        jwk: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: publicKey, kid: keyId },
      }));
      const who = seen.audience === 'staff' ? 'private' : 'public';
      const headers = { 'cache-control': `${who}, max-age=${KEYS_MAX_AGE_SECONDS}` };
      return ok({ body: { eventId: params.id, keys }, headers });
    },
  }),
  route({
    method: 'GET',
    path: '/orders/:id/tickets.pdf',
    summary: 'The tickets of an order, on paper',
    description:
      'A4, a page for each ticket whose code is given out. Of a large order 100 at a time: the ' +
      'header `Link` leads to the next ones.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofOrder,
    query: z.strictObject({
      from: z
        .string()
        .regex(/^[0-9]{1,6}$/, 'must be a whole number')
        .transform(Number)
        .pipe(z.int().min(1))
        .default(1)
        .meta({ type: 'integer', minimum: 1, default: 1, description: 'Its first ticket, from 1' }),
    }),
    success: {
      status: 200,
      schema: z.string(),
      description: 'The pages',
      contentType: 'application/pdf',
    },
    refusals: {
      order_not_confirmed: notConfirmed,
      no_valid_tickets: {
        status: 409,
        title: 'There is no such ticket, or none that is valid now',
      },
    },
    handle: async (ctx, { actor, params, query: { from } }) => {
      const papers = await readPapers(ctx, actor, params.id);
      if (!papers.ok) return papers;
      const next = from + TICKETS_MAX;
      const { length } = papers.value.tickets;
      if (length < from) return refused('no_valid_tickets');
      const job = { kind: 'tickets', papers: papers.value, first: from - 1 } as const;
      const printed = await ctx.ports.printer.print(job, 'soon');
      if (!printed.ok) return printed;
      const headers = {
        'content-disposition': 'inline; filename="tickets.pdf"',
        ...(next <= length ? { link: `<?from=${next}>; rel="next"` } : {}),
      };
      return ok({ body: '', encoded: printed.value, headers });
    },
  }),
  route({
    method: 'GET',
    path: '/orders/:id/calendar.ics',
    summary: 'The event of an order, for a calendar',
    description:
      'iCalendar (RFC 5545) in the event’s time zone, which comes with it. Fetched again, it ' +
      'replaces the entry; it holds no code.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofOrder,
    success: {
      status: 200,
      schema: z.string(),
      description: 'The entry',
      contentType: 'text/calendar; charset=utf-8',
    },
    refusals: { order_not_confirmed: notConfirmed },
    handle: async (ctx, { actor, params }) => {
      const papers = await readPapers(ctx, actor, params.id);
      if (!papers.ok) return papers;
      const headers = { 'content-disposition': 'attachment; filename="event.ics"' };
      return ok({ body: calendarText(papers.value, await readNow(ctx.db, ctx.clock)), headers });
    },
  }),
];
