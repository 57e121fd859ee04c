/**
 * What the tests of bad input stand on: an organizer with something of everything, a second one,
 * a good request for each write, and the one assertion: refused with a problem, nothing changed.
 */
import { expect } from 'vitest';
import { digestOf } from '../access/digest.ts';
import { type Caller, startApp, type TestApp } from '../kit/app.ts';
import { book, eur, inDays, newKey, onSale, somebody } from '../kit/given.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [k: string]: Json };
type Members = Readonly<Record<string, unknown>>;

/** One organizer's things, each named as in a path. */
export type Things = {
  readonly as: Caller;
  readonly key: string;
  readonly eventId: string;
  readonly startsAt: string;
  readonly typeId: string;
  readonly poolId: string;
  readonly holdId: string;
  readonly orderId: string;
  readonly ticketId: string;
  readonly userId: string;
  readonly keyId: string;
};

export type World = {
  readonly app: TestApp;
  readonly ours: Things;
  readonly theirs: Things;
  readonly writes: readonly Write[];
};

export type Write = {
  readonly name: string;
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: Members;
};

export async function makeWorld(): Promise<World> {
  const app = await startApp();
  const ours = await makeThings(app, 'Ours');
  const theirs = await makeThings(app, 'Theirs');
  return { app, ours, theirs, writes: goodWrites(ours) };
}

async function makeThings(app: TestApp, name: string): Promise<Things> {
  const organizer = await app.admin.post('/organizers', { name });
  const wanted = { name: 'staff', role: 'admin', organizerId: organizer.body.id };
  const staff = await app.admin.post('/api-keys', wanted);
  const as = app.as(staff.body.secret);
  const { eventId, typeId, event } = await onSale(as, { capacity: 1_000, price: 0 });
  const items = [{ ticketTypeId: typeId, quantity: 1 }];
  const held = await as.post(`/events/${eventId}/holds`, { items }, newKey());
  const booked = await book(as, eventId, typeId, { quantity: 2 });
  const user = await as.post('/users', somebody());
  const keyOfFan = { name: 'fan', role: 'fan', userId: user.body.id };
  const fan = await as.post('/api-keys', keyOfFan);
  expect([held.status, booked.status, user.status, fan.status]).toEqual([201, 201, 201, 201]);
  return {
    as,
    key: staff.body.secret,
    eventId,
    startsAt: (await as.get(`/events/${eventId}`)).body.startsAt,
    typeId,
    poolId: event.ticketTypes[0]?.poolId ?? '',
    holdId: held.body.id,
    orderId: booked.body.order.id,
    ticketId: booked.body.order.tickets[0].id,
    userId: user.body.id,
    keyId: fan.body.id,
  };
}

/** Every one of these succeeds as it stands; the last changes the version that it names. */
function goodWrites(t: Things): readonly Write[] {
  const items = [{ ticketTypeId: t.typeId, quantity: 1 }];
  const event = { name: 'Good', startsAt: inDays(30), timezone: 'Europe/Berlin', currency: 'EUR' };
  const { currency: _fixed, ...replacement } = event;
  const ofEvent = `/events/${t.eventId}`;
  return [
    write('POST /events', '/events', {
      ...event,
      ticketTypes: [reduced],
      maxTicketsPerPerson: 4,
      holdMinutes: 15,
      shoppingMinutes: 30,
    }),
    write('POST /events (short form)', '/events', {
      ...event,
      totalTickets: 100,
      ticketPrice: 2_500,
    }),
    write('POST /events/:id/clone', `${ofEvent}/clone`, { startsAt: inDays(60), name: 'Again' }),
    ...supplyWrites(t),
    write('POST /events/:id/holds', `${ofEvent}/holds`, { items, buyer: somebody() }),
    write('PUT /holds/:id', `/holds/${t.holdId}`, { items }),
    write('POST /events/:id/bookings', `${ofEvent}/bookings`, {
      items,
      buyer: { ...somebody(), phone: '+493012345678' },
      payment: { method: 'simulated' },
    }),
    write('POST /orders/:id/refunds', `/orders/${t.orderId}/refunds`, {
      ticketIds: [t.ticketId],
      reason: 'Cannot come',
    }),
    write('POST /users', '/users', somebody()),
    write('PUT /users/:id', `/users/${t.userId}`, somebody()),
    write('POST /api-keys', '/api-keys', {
      name: 'Web shop',
      role: 'box_office',
      expiresAt: inDays(400),
    }),
    write('PUT /events/:id', ofEvent, { ...replacement, startsAt: t.startsAt, version: 1 }),
  ];
}

const reduced = { name: 'Reduced', price: eur(900), capacity: 5, minPerOrder: 1, maxPerOrder: 4 };

function supplyWrites(t: Things): readonly Write[] {
  const types = `/events/${t.eventId}/ticket-types`;
  const pools = `/events/${t.eventId}/pools`;
  const held = { ...reduced, capacity: 1_000 };
  return [
    write('POST /events/:id/ticket-types', types, reduced),
    write('PUT /events/:id/ticket-types/:id', `${types}/${t.typeId}`, held),
    write('POST /events/:id/pools', pools, { name: 'Floor', capacity: 50 }),
    write('PUT /events/:id/pools/:id', `${pools}/${t.poolId}`, { name: 'Floor', capacity: 1_100 }),
  ];
}

function write(name: string, path: string, body: Members): Write {
  return { name, method: name.startsWith('PUT') ? 'PUT' : 'POST', path, body };
}

/** The body as text, with what stands at `path` written as `literal`, JSON or not. */
export function withLiteral(body: unknown, path: string, literal: string): string {
  const MARK = '\u0001here\u0001';
  const marked = JSON.stringify(withValue(body, path, MARK));
  return marked.replace(JSON.stringify(MARK), () => literal);
}

/** The body with another value at `path`; members on the way are made. */
export function withValue(body: unknown, path: string, value: unknown): unknown {
  if (path === '') return value;
  const [key = '', ...rest] = path.split('.');
  const copy: unknown = structuredClone(body) ?? {};
  const members = copy as Record<string, unknown>;
  members[key] = withValue(members[key], rest.join('.'), value);
  return copy;
}

export type Sent = {
  readonly status: number;
  readonly type: string | null;
  // A test asserts what it reads of an answer.
  // biome-ignore lint/suspicious/noExplicitAny: answers are JSON of any shape
  readonly body: any;
};

/** Sends a write with the body as text, as our organizer's staff. */
export async function send(
  world: World,
  write: Pick<Write, 'method' | 'path'>,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Sent> {
  const response = await fetch(`${world.app.origin}/api/v1${write.path}`, {
    method: write.method,
    headers: {
      authorization: `Bearer ${world.ours.key}`,
      'content-type': 'application/json',
      ...newKey(),
      ...headers,
    },
    body: text,
  });
  const answer = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: answer === '' ? null : JSON.parse(answer),
  };
}

export function expectRefused(sent: Sent, status: number, code: string): void {
  expect(sent.body).toMatchObject({ status, code, type: `/docs/problems#${code}` });
  expect(sent.status).toBe(status);
  expect(sent.type).toBe('application/problem+json');
}

/** Whatever `work` does, the database holds the same afterwards. */
export async function expectUnchanged(world: World, work: () => Promise<void>): Promise<void> {
  const before = await digestOf(world.app);
  await work();
  expect(await digestOf(world.app)).toEqual(before);
}

export const writeOf = (world: World, name: string): Write =>
  world.writes.find((write) => write.name === name) ?? expect.unreachable(`no write ${name}`);

/** All good writes succeed: what was refused before was refused for its fault alone. */
export async function expectAllGood(world: World): Promise<void> {
  const { rows } = await world.app.ctx.db.pool.query<{ version: number }>(
    'select version from catalog.event where event_id = $1',
    [world.ours.eventId],
  );
  for (const write of [...world.writes].reverse()) {
    const version = write.body['version'] === undefined ? {} : { version: rows[0]?.version };
    const sent = await send(world, write, JSON.stringify({ ...write.body, ...version }));
    expect(sent.status, `${write.name}: ${JSON.stringify(sent.body)}`).toBeLessThan(300);
  }
}
