/** Ids of nothing and of others, times that cannot be, lists that are none, pages of nowhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnNames } from '../access/digest.ts';
import { inDays } from '../kit/given.ts';
import {
  expectAllGood,
  expectRefused,
  expectUnchanged,
  type Json,
  makeWorld,
  type Sent,
  send,
  type Things,
  type World,
  withValue,
  writeOf,
} from './bad-input-kit.ts';

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.app.close());

const BASE = '/api/v1';
/** Asks as our staff; the path goes out as it stands. */
async function ask(method: string, path: string): Promise<Sent> {
  const response = await fetch(`${world.app.origin}${BASE}${path}`, {
    method,
    headers: { authorization: `Bearer ${world.ours.key}`, 'idempotency-key': 'ids' },
  });
  const text = await response.text();
  const type = response.headers.get('content-type');
  return { status: response.status, type, body: text === '' ? null : JSON.parse(text) };
}

/** What a stranger to the thing may learn: nothing. */
const told = ({ body }: Sent) => ({ ...body, instance: '', requestId: '' });

describe('an id in the address', () => {
  type Place = readonly [method: string, path: (t: Things) => string];
  const places: readonly Place[] = [
    ['GET', (t) => `/events/${t.eventId}/statistics`],
    ['PUT', (t) => `/events/${t.eventId}`],
    ['DELETE', (t) => `/events/${t.eventId}`],
    ['POST', (t) => `/events/${t.eventId}/publish`],
    ['POST', (t) => `/events/${t.eventId}/cancel`],
    ['POST', (t) => `/events/${t.eventId}/sales/pause`],
    ['POST', (t) => `/events/${t.eventId}/pools`],
    ['PUT', (t) => `/events/${t.eventId}/pools/${t.poolId}`],
    ['PUT', (t) => `/events/${t.eventId}/ticket-types/${t.typeId}`],
    ['DELETE', (t) => `/events/${t.eventId}/ticket-types/${t.typeId}`],
    ['GET', (t) => `/holds/${t.holdId}`],
    ['DELETE', (t) => `/holds/${t.holdId}`],
    ['GET', (t) => `/orders/${t.orderId}`],
    ['POST', (t) => `/orders/${t.orderId}/cancel`],
    ['GET', (t) => `/users/${t.userId}`],
    ['PUT', (t) => `/users/${t.userId}`],
    ['DELETE', (t) => `/api-keys/${t.keyId}`],
  ];
  const bodies: Readonly<Record<string, string>> = {
    '/events': 'PUT /events/:id',
    '/cancel': '',
    '/pools': 'POST /events/:id/pools',
    '/ticket-types': 'PUT /events/:id/ticket-types/:id',
    '/users': 'PUT /users/:id',
  };

  /** With the body that belongs there, so that only the id can be what is wrong. */
  async function askWithBody(method: string, path: string): Promise<Sent> {
    if (method !== 'PUT' && !(method === 'POST' && /pools|cancel/.test(path))) {
      return ask(method, path);
    }
    const part = Object.keys(bodies).findLast((one) => path.includes(one)) ?? '';
    const name = bodies[part];
    const body = name ? writeOf(world, name).body : {};
    return send(world, { method: method as 'PUT', path }, JSON.stringify(body));
  }

  it.each(places)('%s: another organizer’s is as unknown as none', async (method, path) => {
    const unknown = path(world.ours).replace(/(?<=_[0-9a-z]{5,})[0-9a-z]{5}(?=$|\/)/g, 'zzzzz');
    expect(unknown).not.toBe(path(world.ours));
    await expectUnchanged(world, async () => {
      const theirs = await askWithBody(method, path(world.theirs));
      const none = await askWithBody(method, unknown);
      expectRefused(theirs, 404, 'not_found');
      expectRefused(none, 404, 'not_found');
      expect(told(theirs)).toEqual(told(none));
    });
  });

  it('of our event with a part of theirs is unknown', async () => {
    const { ours, theirs } = world;
    await expectUnchanged(world, async () => {
      for (const path of [
        `/events/${ours.eventId}/pools/${theirs.poolId}`,
        `/events/${ours.eventId}/ticket-types/${theirs.typeId}`,
        `/events/${theirs.eventId}/ticket-types/${ours.typeId}`,
      ]) {
        expectRefused(await askWithBody('PUT', path), 404, 'not_found');
      }
    });
  });

  const shapes: Readonly<Record<string, string>> = {
    'a number': '1',
    'a UUID': '550e8400-e29b-41d4-a716-446655440000',
    'another kind': 'ord_00vtdzt3h1k4r00vtdzt3h1k4r00000000000x',
    'upper case': 'EVT_00VTDZT3H1K4R',
    'a NUL': 'evt_00vtdzt3h1k4r%00',
    'a NUL alone': '%00',
    'a way up': '..%2f..%2fetc%2fpasswd',
    'a double way up': '%252e%252e%252f',
    SQL: "evt_1'%20or%201=1--",
    'a wildcard': 'evt_%25',
    'a new line': 'evt_00vtdzt3h1k4r%0a',
    'half a character': '%c3%28',
    'an emoji': '%f0%9f%8e%ab',
    '7 kB': 'x'.repeat(7_000),
    'a blank': '%20',
    undefined: 'undefined',
    '[object Object]': '%5Bobject%20Object%5D',
  };
  it.each(Object.entries(shapes))('that is %s is unknown, not a fault', async (what, id) => {
    await expectUnchanged(world, async () => {
      for (const [method, path] of [
        ['GET', `/events/${id}`],
        ['GET', `/events/${id}/availability`],
        ['POST', `/events/${id}/publish`],
        ['DELETE', `/events/${id}/ticket-types/${id}`],
        ['GET', `/holds/${id}`],
        ['GET', `/orders/${id}`],
        ['GET', `/users/${id}`],
        ['DELETE', `/api-keys/${id}`],
      ] as const) {
        const isUndecodable = what === 'half a character';
        const sent = await ask(method, path);
        if (isUndecodable) expectRefused(sent, 400, 'malformed_url');
        else expectRefused(sent, 404, 'not_found');
        expect(JSON.stringify(sent.body).length).toBeLessThan(1_000);
      }
    });
  });
});

describe('an id in the body', () => {
  type Case = readonly [
    write: string,
    path: string,
    value: (t: Things) => Json,
    status: number,
    code: string,
  ];
  const others: readonly Case[] = [
    ['POST /events/:id/holds', 'items.0.ticketTypeId', (t) => t.typeId, 422, 'unknown_ticket_type'],
    ['PUT /holds/:id', 'items.0.ticketTypeId', (t) => t.typeId, 422, 'unknown_ticket_type'],
    [
      'POST /events/:id/bookings',
      'items.0.ticketTypeId',
      (t) => t.typeId,
      422,
      'unknown_ticket_type',
    ],
    ['POST /orders/:id/refunds', 'ticketIds', (t) => [t.ticketId], 422, 'unknown_ticket'],
    ['POST /api-keys', 'organizerId', () => 'org_00vtdzt3h1k4r', 422, 'unknown_organizer'],
  ];
  it.each(others)('%s %s: somebody else’s is unknown', async (name, path, value, status, code) => {
    const write = writeOf(world, name);
    await expectUnchanged(world, async () => {
      const body = withValue(write.body, path, value(world.theirs));
      expectRefused(await send(world, write, JSON.stringify(body)), status, code);
    });
  });

  it('of another’s hold, pool, person is unknown', async () => {
    const { theirs } = world;
    const booking = writeOf(world, 'POST /events/:id/bookings');
    const { items: _items, ...rest } = booking.body;
    const type = writeOf(world, 'POST /events/:id/ticket-types');
    const { capacity: _capacity, ...shared } = type.body;
    const key = { name: 'fan', role: 'fan', userId: theirs.userId };
    const apiKeys = writeOf(world, 'POST /api-keys');
    await expectUnchanged(world, async () => {
      const held = await send(world, booking, JSON.stringify({ ...rest, holdId: theirs.holdId }));
      expectRefused(held, 404, 'not_found');
      const pool = await send(world, type, JSON.stringify({ ...shared, poolId: theirs.poolId }));
      expectRefused(pool, 422, 'unknown_pool');
      const fan = await send(world, apiKeys, JSON.stringify(key));
      expectRefused(fan, 422, 'unknown_person');
    });
  });

  it.each([
    ['POST /events/:id/holds', 'items.0.ticketTypeId'],
    ['POST /orders/:id/refunds', 'ticketIds.0'],
    ['POST /events/:id/ticket-types', 'poolId'],
    ['POST /api-keys', 'userId'],
    ['POST /api-keys', 'organizerId'],
  ])('%s %s: of another shape is not valid', async (name, path) => {
    const write = writeOf(world, name);
    const shapes = ['1', 'evt_00vtdzt3h1k4r', 'tt_', "' or 1=1--", 'x'.repeat(10_000), '', 1, null];
    await expectUnchanged(world, async () => {
      for (const shape of shapes) {
        const body = JSON.stringify(withValue(write.body, path, shape));
        const sent = await send(world, write, body);
        expectRefused(sent, 422, 'validation_failed');
        expect(JSON.stringify(sent.body.issues)).toContain(path);
      }
    });
  });
});

describe('a field that is not there to be set', () => {
  it('is refused by name, whatever column it is', async () => {
    const names = [
      ...(await columnNames(world.app)),
      ...['price', 'unitPrice', 'total', 'amount', 'isAdmin', 'platform', 'secret', 'id'],
    ];
    expect(names.length).toBeGreaterThan(150);
    for (const write of world.writes) {
      const extra = Object.fromEntries(names.map((name) => [name, 1]));
      await expectUnchanged(world, async () => {
        const sent = await send(world, write, JSON.stringify({ ...extra, ...write.body }));
        expectRefused(sent, 422, 'validation_failed');
        const codes = new Set(sent.body.issues.map((issue: { code: string }) => issue.code));
        expect(codes).toContain('unknown_field');
      });
    }
  });

  it.each([
    ['POST /events/:id/holds', 'items.0.price', { amount: 1, currency: 'EUR' }],
    ['POST /events/:id/holds', 'items.0.unitPrice', 1],
    ['POST /events/:id/bookings', 'total', { amount: 1, currency: 'EUR' }],
    ['POST /events/:id/bookings', 'payment.amount', 1],
    ['POST /events/:id/bookings', 'payment.status', 'captured'],
    ['POST /events/:id/bookings', 'status', 'confirmed'],
    ['POST /events/:id/bookings', 'buyer.userId', 'usr_00vtdzt3h1k4r'],
    ['POST /orders/:id/refunds', 'amount', 1],
    ['POST /events', 'organizerId', 'org_00vtdzt3h1k4r'],
    ['POST /events', 'status', 'published'],
    ['POST /events', 'ticketTypes.0.sold', 0],
    ['POST /users', 'role', 'platform_admin'],
    ['PUT /users/:id', 'organizerId', 'org_00vtdzt3h1k4r'],
    ['POST /api-keys', 'secretHash', 'x'],
    ['PUT /holds/:id', 'expiresAt', inDays(900)],
  ])('%s %s', async (name, path, value) => {
    const write = writeOf(world, name);
    await expectUnchanged(world, async () => {
      const sent = await send(world, write, JSON.stringify(withValue(write.body, path, value)));
      expectRefused(sent, 422, 'validation_failed');
      expect(sent.body.issues).toEqual([expect.objectContaining({ path, code: 'unknown_field' })]);
    });
  });
});

describe('what the server adds to an event', () => {
  it('may come back with the whole of it, and changes nothing', async () => {
    const { as, eventId } = world.ours;
    const before = (await as.get(`/events/${eventId}`)).body;
    const theirs = (await world.theirs.as.get(`/events/${world.theirs.eventId}`)).body;
    const { organizerId, ticketTypes, pools } = theirs;
    const written = { ...before, organizerId, ticketTypes, pools, status: 'draft', id: theirs.id };
    const after = await as.put(`/events/${eventId}`, written);
    expect(after.body).toEqual({ ...before, version: before.version + 1 });
  });
});

describe('the rest', () => {
  it('is as it was: the same requests without their fault succeed', async () => {
    await expectAllGood(world);
  });
});
