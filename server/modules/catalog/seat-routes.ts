import { z } from 'zod';
import { isKnown } from '../../kernel/etag.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { readPlanVersion, showSeats, showSeatsInWords } from '../inventory/index.ts';
import { findEvent } from './read-events.ts';
import { codingFor, showSeatMap } from './seat-map.ts';
import { showAvailability } from './show-availability.ts';
import { sectionsSchema, showSections } from './show-sections.ts';

const BINARY = 'application/octet-stream';

const MAP_MAX_AGE_SECONDS = 300;
const FOR_GOOD = 'max-age=31536000, immutable';

const planVersion = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number)
  .meta({ type: 'integer', description: 'Another address for another floor plan' });

export const seatRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events/:id/seat-map',
    summary: 'The drawing of the seats',
    description:
      'Sections with their rows, in the order of `/events/{id}/seats`: the n-th seat here has ' +
      'the n-th two bits there. Coordinates are whole numbers of which `unit` make one of the ' +
      'plan; along a row each is the difference to the one before. `numbers` are ranges ' +
      '(`1-10,12-16`) or a list, `category` an index of `categories` or one for each seat. A ' +
      'seat is called `section-row-number`, and a section names its `gate`, one of `gates`. It ' +
      'changes only with the floor plan; packed as the client accepts. Named with the ' +
      '`X-Plan-Version` of `/events/{id}/seats` as `plan`, it may be kept for good.',
    tag: 'Events',
    access: { kind: 'public' },
    params: z.object({ id: id('evt') }),
    query: z.strictObject({ plan: planVersion.optional() }),
    success: {
      status: 200,
      schema: z.string(),
      description: 'The map',
      contentType: 'application/json; charset=utf-8',
    },
    refusals: {},
    handle: async (ctx, { actor, params, query, request }) => {
      // The event may move to another plan between two looks: only what was so before and after.
      const before = query.plan === undefined ? null : await readPlanVersion(ctx, params.id);
      const seen = await findEvent(ctx, actor, params.id);
      const map = seen && (await showSeatMap(ctx, seen.event));
      if (!map) return refused('not_found');
      const isOfPlan = before === query.plan && before === (await readPlanVersion(ctx, params.id));
      // What its staff alone may see yet is nothing for caches on the way.
      const who = seen.audience === 'staff' ? 'private' : 'public';
      const coding = codingFor(String(request.headers['accept-encoding'] ?? ''));
      const etag = coding ? map.etag.replace(/"$/, `-${coding}"`) : map.etag;
      const headers = {
        etag,
        vary: 'accept-encoding',
        'cache-control': `${who}, ${isOfPlan ? FOR_GOOD : `max-age=${MAP_MAX_AGE_SECONDS}`}`,
        'x-seat-count': String(map.seats),
        ...(coding ? { 'content-encoding': coding } : {}),
      };
      if (isKnown(request.headers['if-none-match'], etag)) {
        return ok({ body: '', headers, status: 304 });
      }
      return ok({ body: '', encoded: coding ? map[coding] : map.plain, headers });
    },
  }),
  route({
    method: 'GET',
    path: '/events/:id/sections',
    summary: 'The sections, what is free of them and from which price',
    description: 'For the first look at a seat map; up to a second old.',
    tag: 'Events',
    access: { kind: 'public' },
    params: z.object({ id: id('evt') }),
    success: { status: 200, schema: sectionsSchema, description: 'In the order of the plan' },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const seen = await findEvent(ctx, actor, params.id);
      const sections = seen && (await showSections(ctx, seen.event));
      return sections ? ok({ body: sections }) : refused('not_found');
    },
  }),
  route({
    method: 'GET',
    path: '/events/:id/seats',
    summary: 'The state of every seat',
    description:
      'Two bits a seat in the order of the plan, four seats a byte, the first in the lowest ' +
      'bits: 0 free, 1 held, 2 sold, 3 blocked. `X-Seat-Count` says how many, `X-Plan-Version` ' +
      'of which plan. With `Accept: application/json`: `{eventId, planVersion, seats: [{id, ' +
      'status}]}`, up to a second old while they are changing. Send `If-None-Match` with the ' +
      'last `ETag`: unchanged is 304. An event without seats is 404.',
    tag: 'Events',
    access: { kind: 'public' },
    params: z.object({ id: id('evt') }),
    success: {
      status: 200,
      schema: z.string(),
      description: 'The seats',
      contentType: BINARY,
    },
    refusals: {},
    handle: async (ctx, { actor, params, request }) => {
      const isVisible = (await showAvailability(ctx, actor, params.id)) !== null;
      const shown = isVisible ? await showSeats(ctx, params.id) : null;
      if (!shown) return refused('not_found');
      const isJson = /\bjson\b/.test(String(request.headers['accept'] ?? ''));
      const words = isJson ? await showSeatsInWords(ctx, params.id) : null;
      // Two representations of one address have two tags (RFC 9110, 8.8.3.3).
      const etag = words ? words.etag.replace(/"$/, '-json"') : shown.etag;
      const headers = {
        etag,
        vary: 'accept',
        'cache-control': 'no-cache',
        'content-type': words ? 'application/json; charset=utf-8' : BINARY,
        'x-seat-count': String(shown.keys.length),
        'x-plan-version': String(shown.planVersion),
      };
      if (isKnown(request.headers['if-none-match'], etag)) {
        return ok({ body: '', headers, status: 304 });
      }
      return ok({ body: '', encoded: words ? words.text : shown.bits, headers });
    },
  }),
];
