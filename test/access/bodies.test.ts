/** What a request's body may name: own things only, and no field that is not there to be set. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { routes } from '../../server/app.ts';
import { testClock } from '../../server/kernel/clock.ts';
import type { Route } from '../../server/kernel/route.ts';
import { clockRoutes } from '../../server/sandbox/clock.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { newKey } from '../kit/given.ts';
import { columnNames } from './digest.ts';
import { bodyFor, keyOfRoute, pathFor, recipes } from './requests.ts';
import { makeEvent, makeHold, makeOrder, makeWorld, type World } from './world.ts';

let app: TestApp;
let world: World;

beforeAll(async () => {
  app = await startApp();
  world = await makeWorld(app);
});
afterAll(() => app.close());

const withBody: readonly Route[] = [...routes, ...clockRoutes(testClock(), Date.now)].filter(
  // What another format says is kept as it came, and becomes no column.
  ({ body, access, upload }) => body && access.kind !== 'signed' && !upload?.alsoTakes,
);

/** An answer names only so many issues. */
const NAMED_AT_ONCE = 40;

type Json = Readonly<Record<string, unknown>>;
// What JSON calls an object; an array is told apart where it matters.
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Fields that decide whose something is, what it costs or how far it got, and who may say so. */
const TELLING: Readonly<Record<string, readonly string[]>> = {
  // Where a whole object comes back, what the server adds to it is taken and ignored: see below.
  organizerId: [
    ...['POST /sign-in', 'POST /sign-in/verify'],
    ...['POST /api-keys', 'PUT /events/:id', 'PUT /venues/:id'],
  ],
  userId: ['POST /api-keys'],
  role: ['POST /api-keys'],
  scopes: ['POST /api-keys'],
  price: [
    'POST /events',
    'POST /events/:id/ticket-types',
    'PUT /events/:id/ticket-types/:ticketTypeId',
  ],
  status: [
    'PUT /events/:id',
    'POST /organizers/:id/webhook-endpoints',
    'PUT /webhook-endpoints/:id',
  ],
  state: [],
  id: ['PUT /events/:id', 'PUT /users/:id', 'PUT /venues/:id'],
  total: [],
  unitPrice: [],
  platform: [],
  caller: [],
  // A buyer says which; the code of an event is its organizer's to choose.
  code: [
    'POST /events/:id/promo-codes',
    'POST /events/:id/promo-codes/check',
    'POST /events/:id/bookings',
    'POST /credits/balance',
    'PUT /shopping-sessions/:id/credit',
    'POST /sign-in/verify',
  ],
  captured: [],
  secretHash: [],
};

type Place = { readonly path: string; readonly fields: readonly string[] };

/** Every object of a body that has the schema: where it stands, which fields it may have. */
function places(schema: Json, value: unknown, path = ''): Place[] {
  const walk = (at: Json, here: unknown, where: string): Place[] => {
    const ref = at['$ref'];
    if (typeof ref === 'string') {
      const defs = schema['$defs'] as Readonly<Record<string, Json>>;
      return walk(defs[ref.replace('#/$defs/', '')] ?? {}, here, where);
    }
    const inside = (key: string) => (where ? `${where}.${key}` : key);
    if (Array.isArray(here)) {
      return here.flatMap((item, i) => walk((at['items'] ?? {}) as Json, item, inside(String(i))));
    }
    if (!isObject(here)) return [];
    const properties = (at['properties'] ?? {}) as Readonly<Record<string, Json>>;
    return [
      { path: where, fields: Object.keys(properties) },
      ...Object.entries(here).flatMap(([key, item]) =>
        walk(properties[key] ?? {}, item, inside(key)),
      ),
    ];
  };
  return walk(schema, value, path);
}

/** The body with further members in the object at `path`. */
function withExtra(value: unknown, path: string, extra: Json): unknown {
  if (path === '') return { ...extra, ...(value as Json) };
  const [key = '', ...rest] = path.split('.');
  const copy: unknown = structuredClone(value);
  const members = copy as Record<string, unknown>;
  members[key] = withExtra(members[key], rest.join('.'), extra);
  return copy;
}

async function refusedFields(route: Route, path: string, body: unknown): Promise<Set<string>> {
  const response = await fetch(app.origin + path, {
    method: route.method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'content-type': 'application/json',
      ...newKey(),
    },
    body: JSON.stringify(body),
  });
  const problem = (await response.json()) as { issues?: { path: string; code: string }[] };
  expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
  const unknown = (problem.issues ?? []).filter(({ code }) => code === 'unknown_field');
  return new Set(unknown.map((issue) => issue.path));
}

describe('mass assignment', () => {
  it.each(withBody.map((route) => [keyOfRoute(route), route] as const))(
    '%s refuses every column of every table, at every depth',
    async (key, route) => {
      const recipe = recipes[key];
      if (!recipe || !route.body) throw new Error(`${key} is not in requests.ts`);
      const made = await recipe.make(world, world.ours, 'ours');
      const body = bodyFor(route, made);
      const schema = z.toJSONSchema(route.body, { io: 'input', unrepresentable: 'any' }) as Json;
      const names = [...new Set([...(await columnNames(app)), ...Object.keys(TELLING)])];
      expect(names.length).toBeGreaterThan(150);
      const found = places(schema, body);
      expect(found.length).toBeGreaterThan(0);
      for (const { path, fields } of found) {
        expect(fields.length, `${path} has a schema`).toBeGreaterThan(0);
        const strangers = names.filter((name) => !fields.includes(name));
        const refused = new Set<string>();
        for (let at = 0; at < strangers.length; at += NAMED_AT_ONCE) {
          const some = strangers.slice(at, at + NAMED_AT_ONCE);
          const extra = Object.fromEntries(some.map((name) => [name, 'x']));
          const changed = withExtra(body, path, extra);
          const found = await refusedFields(route, pathFor(route, made.ids), changed);
          for (const field of found) refused.add(field);
        }
        const full = (name: string) => (path ? `${path}.${name}` : name);
        expect(strangers.filter((name) => !refused.has(full(name)))).toEqual([]);
      }
      const told = found.flatMap(({ fields }) => fields.filter((name) => name in TELLING));
      expect(told.filter((name) => !TELLING[name]?.includes(key))).toEqual([]);
    },
  );
});

describe('a whole object that comes back', () => {
  it('changes neither whose an event is, nor its state, nor what it sells', async () => {
    const { id } = await makeEvent(world.ours);
    const before = (await world.ours.admin.get(`/events/${id}`)).body;
    const foreign = await makeEvent(world.theirs);
    const there = (await world.theirs.admin.get(`/events/${foreign.id}`)).body;
    const { id: otherId, organizerId, ticketTypes, pools, createdAt } = there;
    const forged = { id: otherId, organizerId, ticketTypes, pools, createdAt, status: 'cancelled' };
    const answer = await world.ours.admin.put(`/events/${id}`, { ...before, ...forged });
    expect(answer.body).toEqual({ ...before, version: before.version + 1 });
    expect((await world.theirs.admin.get(`/events/${foreign.id}`)).body).toEqual(there);
  });

  it('changes neither whose a person is nor who they are', async () => {
    const ours = (await world.ours.admin.get(`/users/${world.ours.buyerId}`)).body;
    const theirs = (await world.theirs.admin.get(`/users/${world.theirs.buyerId}`)).body;
    const forged = { id: theirs.id, email: ours.email, name: 'The same' };
    const answer = await world.ours.admin.put(`/users/${ours.id}`, forged);
    expect(answer.body).toEqual({ ...ours, name: 'The same' });
    expect((await world.theirs.admin.get(`/users/${theirs.id}`)).body).toEqual(theirs);
  });
});

describe('references to what belongs to others', () => {
  const book = (by: string | undefined, eventId: string, body: object) =>
    app.as(by).post(
      `/events/${eventId}/bookings`,
      {
        buyer: { name: 'A guest', email: 'guest@example.org' },
        payment: { method: 'simulated' },
        ...body,
      },
      newKey(),
    );

  it('books no hold of somebody else, and none of another event', async () => {
    const { holdId } = await makeHold(app, world.ours, world.ours.buyerKey);
    const eventId = `evt_${holdId.slice(4, 17)}`;
    for (const by of [undefined, world.ours.strangerKey, world.theirs.adminKey]) {
      expect((await book(by, eventId, { holdId })).body).toMatchObject({ code: 'not_found' });
    }
    const other = await makeEvent(world.ours);
    const elsewhere = await book(world.ours.buyerKey, other.id, { holdId });
    expect(elsewhere.body).toMatchObject({ code: 'not_found' });
    expect((await book(world.ours.buyerKey, eventId, { holdId })).status).toBe(201);
  });

  it('sells a ticket type under its own event only', async () => {
    const cheap = await makeEvent(world.theirs);
    const dear = await makeEvent(world.ours, {}, 9_900);
    const items = [{ ticketTypeId: cheap.typeId, quantity: 1 }];
    expect((await book(undefined, dear.id, { items })).body.code).toBe('unknown_ticket_type');
    const held = await app.guest.post(`/events/${dear.id}/holds`, { items }, newKey());
    expect(held.body.code).toBe('unknown_ticket_type');
  });

  it('draws a ticket type on no pool of another event', async () => {
    const [mine, foreign] = [await makeEvent(world.ours), await makeEvent(world.theirs)];
    const type = { name: 'Stolen', price: { amount: 0, currency: 'EUR' }, poolId: foreign.poolId };
    const added = await world.ours.admin.post(`/events/${mine.id}/ticket-types`, type, newKey());
    expect(added.body).toMatchObject({ status: 422, code: 'unknown_pool' });
  });

  it('refunds no ticket of another order', async () => {
    const [mine, foreign] = [await makeOrder(app, world.ours), await makeOrder(app, world.theirs)];
    const theirs = await app.as(foreign.token).get(`/orders/${foreign.orderId}`);
    const answer = await app
      .as(mine.token)
      .post(
        `/orders/${mine.orderId}/refunds`,
        { reason: 'Mine?', ticketIds: [theirs.body.tickets[0].id] },
        newKey(),
      );
    expect(answer.body).toMatchObject({ status: 422, code: 'unknown_ticket' });
    const after = await app.as(foreign.token).get(`/orders/${foreign.orderId}`);
    expect(after.body).toEqual(theirs.body);
  });

  it('opens a hold that a device made to that device only', async () => {
    const { id: eventId, typeId } = await makeEvent(world.ours);
    const device = { 'x-device-token': 'a-secret-of-this-device' };
    const items = [{ ticketTypeId: typeId, quantity: 1 }];
    const held = await app.guest.post(
      `/events/${eventId}/holds`,
      { items },
      { ...newKey(), ...device },
    );
    const path = `/holds/${held.body.id}`;
    for (const headers of [{}, { 'x-device-token': 'a-secret-of-some-other' }]) {
      const answers = [
        await app.guest.get(path, headers),
        await app.guest.put(path, { items }, headers),
        await app.guest.delete(path, headers),
      ];
      expect(answers.map(({ body }) => body.code)).toEqual(Array(3).fill('not_found'));
      const booked = await app.guest.post(
        `/events/${eventId}/bookings`,
        {
          holdId: held.body.id,
          buyer: { name: 'A thief', email: 'thief@example.org' },
          payment: { method: 'simulated' },
        },
        { ...newKey(), ...headers },
      );
      expect(booked.body.code).toBe('not_found');
    }
    expect((await app.guest.get(path, device)).status).toBe(200);
    expect((await app.guest.delete(path, device)).status).toBe(204);
  });
});
