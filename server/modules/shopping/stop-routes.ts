import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { ok } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { id, line, timeOut } from '../../kernel/schemas.ts';
import { scopeOf, setSelling, setSellingOfEvent, type Told, tell } from './stop-selling.ts';

const sellingIn = z
  .strictObject({
    stopped: z.boolean(),
    reason: line(200).optional().describe('For staff; buyers are not told'),
  })
  .meta({ id: 'SellingInput' });

const sellingOut = z
  .object({
    stopped: z.boolean().describe('Whether anything is stopped that concerns this key or event'),
    stops: z.array(
      z.object({
        scope: z.string().describe('`all`, an organizer’s id or an event’s id'),
        since: timeOut,
        actor: z.string().describe('Who said so; `file`: somebody on the machine'),
        reason: z.string().nullable(),
      }),
    ),
    stored: z
      .boolean()
      .describe('False: in force here, and not yet in the database, where others find it'),
  })
  .meta({ id: 'Selling' });

const view = ({ stops, stored }: Told) => ({
  stopped: stops.length > 0,
  stops: stops.map((stop) => ({ ...stop, since: stop.since.toISOString() })),
  stored,
});

const scope = { kind: 'scope', scope: 'events:write', standby: true } as const;
const success = { status: 200, schema: sellingOut, description: 'What is stopped now' } as const;
const example = {
  body: { stopped: false },
  response: { stopped: false, stops: [], stored: false },
};
const how =
  'No hold, booking or purchase begins (409 `sale_paused`); what was authorised is settled, ' +
  'refunds and reads go on. In force in the process that answers when it answers, also while the ' +
  'database does not, and about a second later in the others.';

export const stopRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/selling',
    summary: 'Whether selling is stopped',
    tag: 'Operating',
    access: scope,
    success,
    refusals: {},
    example: { response: example.response },
    handle: async (ctx, { actor }) => {
      const key = keyOf(actor);
      return ok({ body: view(tell(ctx, key, scopeOf(key))) });
    },
  }),
  route({
    method: 'PUT',
    path: '/selling',
    summary: 'Stop all selling, or go on',
    description: `Everything for a key of the platform, else the events of the key’s organizer. ${how}`,
    tag: 'Operating',
    access: scope,
    body: sellingIn,
    success,
    refusals: {},
    example,
    handle: async (ctx, { actor, body }) => {
      const key = keyOf(actor);
      return ok({ body: view(setSelling(ctx, key, scopeOf(key), body)) });
    },
  }),
  route({
    method: 'PUT',
    path: '/events/:id/selling',
    summary: 'Stop selling an event, or go on',
    description: how,
    tag: 'Operating',
    access: scope,
    params: z.object({ id: id('evt') }),
    body: sellingIn,
    success,
    refusals: {},
    example,
    handle: async (ctx, { actor, params, body }) => {
      const told = await setSellingOfEvent(ctx, keyOf(actor), params.id, body);
      return told.ok ? ok({ body: view(told.value) }) : told;
    },
  }),
];
