/**
 * How to ask for each route: what must exist, which ids go into the address, which body goes with
 * it. A route that is not here fails the access test.
 */
import { expect } from 'vitest';
import type { Route } from '../../server/kernel/route.ts';
import { openGrid } from '../kit/seated.ts';
import { type Made, nested, nothing, ofEvent, type Recipe, seen } from './recipe.ts';
import { creditRecipes } from './requests-credit.ts';
import { paperRecipes } from './requests-papers.ts';
import { peopleRecipes } from './requests-people.ts';
import { waitlistRecipes } from './requests-waitlist.ts';
import { webhookRecipes } from './requests-webhooks.ts';
import {
  CANARIES,
  fresh,
  makeEvent,
  makeHold,
  makeKey,
  makeOrder,
  makeSession,
  makeVenue,
  type Organizer,
} from './world.ts';

const readEvent = ofEvent({ variants: seen, isUsedUp: false });
const ownEvent = ofEvent({ isUsedUp: false });
const changeEvent = ofEvent();
const pool = ofEvent({ variants: nested, ids: ({ poolId }) => ({ poolId }) });
const ticketType = ofEvent({
  variants: nested,
  ids: ({ typeId }) => ({ ticketTypeId: typeId }),
});

const hold = (isUsedUp: boolean): Recipe => ({
  thing: 'hold',
  variants: ['ours', 'theirs', 'guarded', 'unknown'],
  isUsedUp,
  make: async ({ app }, organizer, variant) => {
    const key = variant === 'guarded' ? organizer.buyerKey : undefined;
    const { holdId, typeId } = await makeHold(app, organizer, key);
    return { ids: { id: holdId }, inBody: { tt: typeId } };
  },
});

const order = (isUsedUp: boolean): Recipe => ({
  thing: 'order',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp,
  make: async ({ app }, organizer) => {
    const { orderId, token } = await makeOrder(app, organizer);
    return { ids: { id: orderId }, token };
  },
});

const session = (options: { isUsedUp?: boolean; isReady?: boolean } = {}): Recipe => ({
  thing: 'session',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: options.isUsedUp ?? false,
  make: async ({ app }, organizer) => {
    const { id, typeId, token } = await makeSession(app, organizer, options.isReady);
    return { ids: { id }, inBody: { tt: typeId }, token };
  },
});

const ticket = (isUsedUp: boolean): Recipe => ({
  ...order(isUsedUp),
  variants: nested,
  make: async ({ app }, organizer) => {
    const { orderId, ticketId, token } = await makeOrder(app, organizer);
    return { ids: { id: orderId, ticketId }, token };
  },
});

const person: Recipe = {
  thing: 'person',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, { buyerId, side }) => ({
    ids: { id: buyerId },
    body: { name: `Renamed ${fresh()}`, email: CANARIES[side].email },
  }),
};

/** An organizer itself; its account is set to the same again. */
const organizerItself: Recipe = {
  thing: 'none',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: false,
  make: async (_world, { organizerId, side }) => ({
    ids: { id: organizerId },
    body: { account: `acct_${side}` },
  }),
};

const itsOrganizer: Recipe = {
  ...organizerItself,
  make: async (_world, { organizerId }) => ({ ids: { id: organizerId } }),
};

const apiKey: Recipe = {
  thing: 'key',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: true,
  make: async (_world, { admin }) => {
    const secret = await makeKey(admin, { role: 'analyst' });
    const { body } = await admin.get('/api-keys?limit=200');
    const key = body.data.find(({ prefix }: { prefix: string }) => secret.startsWith(prefix));
    return { ids: { id: key.id } };
  },
};

const venue = (
  options: { readonly isUsedUp?: boolean; readonly version?: number } = {},
): Recipe => ({
  thing: 'venue',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp: options.isUsedUp ?? false,
  make: async (_world, { admin }) => {
    const { id } = await makeVenue(admin);
    return { ids: { id }, body: options.version ? { version: options.version } : {} };
  },
});

const configuration = (isDraft = false, isUsedUp = true): Recipe => ({
  thing: 'venue',
  variants: ['ours', 'theirs', 'unknown'],
  isUsedUp,
  make: async (_world, { admin }) => {
    const { id } = await makeVenue(admin);
    return { ids: { id: await makePlan(admin, id, { draft: isDraft }) } };
  },
});

/** The second version of a floor plan. */
const secondVersion: Recipe = {
  ...configuration(false, false),
  make: async (_world, { admin }) => {
    const { id: venueId } = await makeVenue(admin);
    await makePlan(admin, venueId);
    return { ids: { id: await makePlan(admin, venueId, { validFrom: '2025-01-01T00:00:00Z' }) } };
  },
};

async function makePlan(admin: Organizer['admin'], venueId: string, more: object = {}) {
  const validFrom = '2024-01-01T00:00:00Z';
  const plan = { name: 'Plan', validFrom, sections: [standing], ...more };
  const made = await admin.post(`/venues/${venueId}/configurations`, plan);
  expect(made.status).toBe(201);
  return made.body.id as string;
}

const allocation: Recipe = {
  thing: 'event',
  variants: nested,
  isUsedUp: true,
  make: async (_world, { admin, ...organizer }) => {
    const event = await makeEvent({ admin, ...organizer });
    const wanted = { name: 'Sponsors', poolId: event.poolId, quantity: 2 };
    const made = await admin.post(`/events/${event.id}/allocations`, wanted);
    expect(made.status).toBe(201);
    return { ids: { id: event.id, allocationId: made.body.id } };
  },
};

/** A code of an event: what everybody may ask of it, and what its staff may do with it. */
const promoCode: Recipe = ofEvent({
  isUsedUp: false,
  ids: () => ({ code: 'EARLY-BIRD' }),
  before: async ({ admin }, { id }) => {
    const code = { code: 'EARLY-BIRD', kind: 'percent', percent: 20 };
    expect((await admin.post(`/events/${id}/promo-codes`, code)).status).toBe(201);
  },
});

/** An event in a floor plan, which has nothing but room to stand. */
const inPlan: Recipe = {
  thing: 'event',
  variants: seen,
  isUsedUp: false,
  make: async (_world, organizer, variant) => {
    const { admin } = organizer;
    const { id: venueId } = await makeVenue(admin);
    const draft = variant === 'draft' ? { publish: false } : {};
    const configurationId = await makePlan(admin, venueId);
    const more = { configurationId, ticketTypes: [], ...draft };
    return {
      ids: { id: (await makeEvent(organizer, more)).id },
      inBody: { cfg: await makePlan(admin, venueId, { name: 'Another' }) },
    };
  },
};

const standing = { name: 'Floor', category: 'Floor', standing: { capacity: 100 } };

export const recipes: Readonly<Record<string, Recipe>> = {
  ...creditRecipes,
  ...paperRecipes,
  ...waitlistRecipes,
  ...peopleRecipes,
  'POST /events': nothing,
  'GET /events': nothing,
  'GET /events/:id': readEvent,
  'PUT /events/:id': ofEvent({ body: ({ version }) => ({ version }) }),
  'DELETE /events/:id': changeEvent,
  'POST /events/:id/publish': ofEvent({ more: { publish: false } }),
  'POST /events/:id/clone': ownEvent,
  'POST /events/:id/cancel': changeEvent,
  'POST /events/:id/reschedule': changeEvent,
  'GET /events/:id/cancellation': ofEvent({
    isUsedUp: false,
    before: async ({ admin }, { id }) => {
      expect((await admin.post(`/events/${id}/cancel`)).status).toBe(200);
    },
  }),
  'POST /events/:id/sales/pause': changeEvent,
  'POST /events/:id/sales/resume': ofEvent({
    before: async ({ admin }, { id }) => {
      expect((await admin.post(`/events/${id}/sales/pause`)).status).toBe(200);
    },
  }),
  'POST /events/:id/sales/close': changeEvent,
  'POST /events/:id/pools': ownEvent,
  'PUT /events/:id/pools/:poolId': pool,
  'POST /events/:id/ticket-types': ownEvent,
  'PUT /events/:id/ticket-types/:ticketTypeId': ticketType,
  'DELETE /events/:id/ticket-types/:ticketTypeId': ticketType,
  'POST /events/:id/allocations': ownEvent,
  'GET /events/:id/allocations': ownEvent,
  'DELETE /events/:id/allocations/:allocationId': allocation,
  'GET /events/:id/availability': readEvent,
  'GET /events/:id/live': readEvent,
  'GET /events/:id/seats': ofEvent({
    variants: seen,
    isUsedUp: false,
    before: async (_organizer, { id }, { app }) => {
      await openGrid(app, id, { rows: 1, places: 3 });
    },
  }),
  'POST /events/:id/configuration': {
    ...inPlan,
    variants: ['ours', 'theirs', 'unknown'],
    isUsedUp: true,
  },
  'GET /events/:id/seat-map': inPlan,
  'GET /events/:id/sections': inPlan,
  'GET /events/:id/statistics': ownEvent,
  'GET /events/:id/timeline': ownEvent,
  'PUT /events/:id/selling': ownEvent,
  'GET /selling': nothing,
  'PUT /selling': nothing,
  'POST /events/:id/holds': readEvent,
  'POST /events/:id/bookings': readEvent,
  'POST /events/:id/promo-codes': changeEvent,
  'POST /events/:id/promo-codes/bulk': ownEvent,
  'GET /events/:id/promo-codes': ownEvent,
  'GET /events/:id/promo-codes/export': ownEvent,
  'PUT /events/:id/promo-codes/:code': promoCode,
  'DELETE /events/:id/promo-codes/:code': promoCode,
  'POST /events/:id/promo-codes/check': promoCode,
  'GET /holds/:id': hold(false),
  'PUT /holds/:id': hold(true),
  'DELETE /holds/:id': hold(true),
  'POST /events/:id/shopping-sessions': readEvent,
  'GET /shopping-sessions/:id': session({ isReady: true }),
  'GET /shopping-sessions/:id/live': session({ isReady: true }),
  'PUT /shopping-sessions/:id/selection': session(),
  'PUT /shopping-sessions/:id/buyer': session(),
  'PUT /shopping-sessions/:id/attendees': session(),
  'PUT /shopping-sessions/:id/payment': session(),
  'PUT /shopping-sessions/:id/promo-code': session(),
  'POST /shopping-sessions/:id/purchase': session({ isUsedUp: true, isReady: true }),
  'DELETE /shopping-sessions/:id': session({ isUsedUp: true }),
  'GET /orders': nothing,
  'GET /orders/:id': order(false),
  'GET /orders/:id/live': order(false),
  'GET /orders/:id/timeline': order(false),
  'GET /orders/:id/tickets.pdf': order(false),
  'GET /orders/:id/calendar.ics': order(false),
  // The order is confirmed, so cancelling it gives money back.
  'POST /orders/:id/cancel': { ...order(true), alsoNeeds: 'refunds:write' },
  'POST /orders/:id/refunds': order(true),
  'POST /orders/:id/remedy': {
    ...order(true),
    make: async ({ app }, organizer) => {
      const { eventId, orderId, token } = await makeOrder(app, organizer);
      const moved = { startsAt: '2036-06-02T20:00:00+02:00' };
      expect((await organizer.admin.post(`/events/${eventId}/reschedule`, moved)).status).toBe(200);
      await app.drainJobs();
      return { ids: { id: orderId }, token };
    },
  },
  'POST /orders/:id/tickets/:ticketId/reissue': ticket(true),
  'GET /orders/:id/tickets/:ticketId/qr.svg': ticket(false),
  'GET /orders/:id/tickets/:ticketId/qr.png': ticket(false),
  'GET /events/:id/ticket-keys': readEvent,
  'POST /users': { ...nothing, make: async () => ({ ids: {}, body: { email: newAddress() } }) },
  'GET /users': nothing,
  'GET /users/:id': person,
  'PUT /users/:id': person,
  'POST /api-keys': nothing,
  'GET /api-keys': nothing,
  'DELETE /api-keys/:id': apiKey,
  'POST /venues': nothing,
  'GET /venues': nothing,
  'GET /venues/:id': venue(),
  'PUT /venues/:id': venue({ isUsedUp: true, version: 1 }),
  'DELETE /venues/:id': venue({ isUsedUp: true }),
  'POST /venues/:id/configurations': venue({ isUsedUp: true }),
  'POST /venues/:id/configurations/import': venue({ isUsedUp: true }),
  'GET /venues/:id/configurations': venue(),
  'GET /venues/:id/schedule': venue(),
  'GET /configurations/:id': configuration(false, false),
  'GET /configurations/:id/difference': secondVersion,
  'GET /configurations/:id/conflicts': secondVersion,
  'GET /configurations/:id/plan': configuration(false, false),
  'POST /configurations/:id/publish': configuration(true),
  'PUT /configurations/:id': configuration(),
  'DELETE /configurations/:id': configuration(),
  'GET /me': nothing,
  'POST /organizers': nothing,
  'GET /organizers': nothing,
  'GET /organizers/:id/payment-account': organizerItself,
  'PUT /organizers/:id/payment-account': organizerItself,
  'GET /organizers/:id/tie-outs': itsOrganizer,
  'GET /organizers/:id/tie-outs/detail': itsOrganizer,
  'POST /organizers/:id/tie-outs': itsOrganizer,
  'GET /audit': nothing,
  ...webhookRecipes,
  'POST //webhooks/stripe': nothing,
  'POST /webhooks/stripe': nothing,
  'GET //healthz': nothing,
  'GET //readyz': nothing,
  'GET //metrics': nothing,
  'GET //sandbox/clock': nothing,
  'POST //sandbox/clock': {
    ...nothing,
    make: async () => ({ ids: {}, body: { advanceSeconds: 0 } }),
  },
};

const newAddress = () => `person.${fresh()}@example.org`;

export const keyOfRoute = (route: Route): string => `${route.method} ${route.path}`;

/** The route's own example, with ids that exist in the place of its own. */
export function bodyFor(route: Route, made: Made): unknown {
  const example = route.example?.body;
  if (example === undefined) return route.access.kind === 'signed' ? {} : undefined;
  const text = JSON.stringify(example).replace(
    /"([a-z]+)_[0-9a-z]{13,}"/g,
    (whole, prefix: string) => (made.inBody?.[prefix] ? `"${made.inBody[prefix]}"` : whole),
  );
  return { ...JSON.parse(text), ...made.body };
}

export function pathFor(route: Route, ids: Made['ids']): string {
  const path = route.path.startsWith('//') ? route.path.slice(1) : `/api/v1${route.path}`;
  return path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const id = ids[name];
    if (id === undefined) throw new Error(`no id for :${name} of ${keyOfRoute(route)}`);
    return id;
  });
}

/** An id of the same kind, in the same event where it lies in one, that never existed. */
export const unknownId = (id: string): string => `${id.slice(0, -5)}zzzzz`;
