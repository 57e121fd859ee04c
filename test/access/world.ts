/** Two organizers with everything an id can name, and everybody who might ask. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { lookAtLists } from '../../server/modules/waitlist/index.ts';
import type { Answer, Caller, TestApp } from '../kit/app.ts';
import { eventually, inDays, newKey, payWith } from '../kit/given.ts';
import type { Kind, Role, Side } from './expected.ts';

/** Found in any answer, they show whose buyer it tells about. */
export const CANARIES: Readonly<Record<Side, { readonly email: string; readonly phone: string }>> =
  {
    ours: { email: 'canary.ours@example.org', phone: '+491700000111' },
    theirs: { email: 'canary.theirs@example.org', phone: '+491700000222' },
  };

export type Organizer = {
  readonly side: Side;
  readonly organizerId: string;
  readonly admin: Caller;
  readonly adminKey: string;
  /** The buyer with the canary's address, and somebody else with an account. */
  readonly buyerId: string;
  readonly buyerKey: string;
  readonly strangerKey: string;
};

export type Asker = {
  readonly name: string;
  readonly kind: Kind;
  /** `token` is the access token of the order at hand, where there is one. */
  readonly headers: (token: string) => Readonly<Record<string, string>>;
  readonly search?: (token: string) => string;
};

export type World = {
  readonly app: TestApp;
  readonly ours: Organizer;
  readonly theirs: Organizer;
  readonly askers: readonly Asker[];
};

const STAFF_ROLES = [
  'admin',
  'manager',
  'box_office',
  'analyst',
  'venue_manager',
] as const satisfies Role[];

const created = (answer: Answer) => {
  expect(answer.body).toMatchObject({ id: expect.any(String) });
  return answer.body;
};

let counter = 0;
/** A number that nothing else in this run has. */
export const fresh = (): number => ++counter;

export async function makeWorld(app: TestApp): Promise<World> {
  const ours = await makeOrganizer(app, 'ours');
  const theirs = await makeOrganizer(app, 'theirs');
  return { app, ours, theirs, askers: await makeAskers(app, ours, theirs) };
}

async function makeOrganizer(app: TestApp, side: Side): Promise<Organizer> {
  const { id: organizerId } = created(await app.admin.post('/organizers', { name: side }));
  const adminKey = await makeKey(app.admin, { role: 'admin', organizerId });
  const admin = app.as(adminKey);
  const person = async (name: string, email: string): Promise<string> =>
    created(await admin.post('/users', { name, email })).id;
  const buyerId = await person(`Buyer of ${side}`, CANARIES[side].email);
  const strangerId = await person('Somebody else', `stranger.${side}@example.org`);
  const buyerKey = await makeKey(admin, { role: 'fan', userId: buyerId });
  const strangerKey = await makeKey(admin, { role: 'fan', userId: strangerId });
  return { side, organizerId, admin, adminKey, buyerId, buyerKey, strangerKey };
}

export async function makeKey(by: Caller, wanted: Record<string, unknown>): Promise<string> {
  return created(await by.post('/api-keys', { name: 'Test', ...wanted })).secret;
}

async function makeAskers(
  app: TestApp,
  ours: Organizer,
  theirs: Organizer,
): Promise<readonly Asker[]> {
  const bearer = (credential: string) => () => ({ authorization: `Bearer ${credential}` });
  const askers: Asker[] = [
    { name: 'no credential', kind: { is: 'nobody' }, headers: () => ({}) },
    {
      name: 'guest, right token',
      kind: { is: 'guest', opens: 'our order' },
      headers: (token) => ({ authorization: `Bearer ${token}` }),
    },
    {
      name: 'guest, right token in the link',
      kind: { is: 'guest', opens: 'our order' },
      headers: () => ({}),
      search: (token) => `access=${token}`,
    },
    {
      name: 'guest, token of another order',
      kind: { is: 'guest', opens: 'another order' },
      headers: bearer((await makeOrder(app, ours)).token),
    },
    {
      name: 'guest, token of no order',
      kind: { is: 'guest', opens: 'another order' },
      headers: bearer(`at_${'A'.repeat(43)}`),
    },
    { name: 'malformed token', kind: { is: 'refused' }, headers: bearer('at_too-short') },
    {
      name: 'basic credentials',
      kind: { is: 'refused' },
      headers: () => ({ authorization: 'Basic YWRtaW46YWRtaW4=' }),
    },
    { name: 'revoked key', kind: { is: 'refused' }, headers: bearer(await revokedKey(ours)) },
    { name: 'expired key', kind: { is: 'refused' }, headers: bearer(await expiredKey(app, ours)) },
    { name: 'platform admin', kind: { is: 'platform' }, headers: bearer(await platformKey(app)) },
  ];
  for (const organizer of [ours, theirs]) {
    const { side, buyerKey, strangerKey } = organizer;
    const fan = (person: 'buyer' | 'stranger', key: string): Asker => ({
      name: `fan of ${side}, ${person}`,
      kind: { is: 'fan', side, person },
      headers: bearer(key),
    });
    askers.push(fan('buyer', buyerKey), fan('stranger', strangerKey));
    for (const role of STAFF_ROLES) {
      const headers = bearer(await makeKey(organizer.admin, { role }));
      askers.push({ name: `${role} of ${side}`, kind: { is: 'staff', side, role }, headers });
    }
    const scopes = ['events:read', 'orders:read'];
    askers.push({
      name: `box_office of ${side}, to look at orders only`,
      kind: { is: 'staff', side, role: 'box_office', scopes },
      headers: bearer(await makeKey(organizer.admin, { role: 'box_office', scopes })),
    });
  }
  return askers;
}

function platformKey(app: TestApp): Promise<string> {
  return makeKey(app.admin, { role: 'platform_admin' });
}

async function revokedKey({ admin }: Organizer): Promise<string> {
  const key = created(await admin.post('/api-keys', { name: 'Revoked', role: 'admin' }));
  expect((await admin.delete(`/api-keys/${key.id}`)).status).toBe(204);
  return key.secret;
}

async function expiredKey(app: TestApp, { admin }: Organizer): Promise<string> {
  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  const secret = await makeKey(admin, { role: 'admin', expiresAt });
  await eventually(
    () => app.as(secret).get('/me'),
    ({ status }) => status === 401,
  );
  return secret;
}

/** An event of theirs on sale; free unless `price` says otherwise, so that orders end at once. */
export async function makeEvent(
  { admin }: Organizer,
  more: Record<string, unknown> = {},
  price = 0,
) {
  const event = created(
    await admin.post('/events', {
      name: `Night ${fresh()}`,
      startsAt: inDays(60),
      timezone: 'Europe/Berlin',
      currency: 'EUR',
      refundableUntil: inDays(50),
      ticketTypes: [{ name: 'Standard', price: { amount: price, currency: 'EUR' }, capacity: 500 }],
      ...more,
    }),
  );
  return {
    id: event.id as string,
    version: event.version as number,
    typeId: event.ticketTypes[0]?.id as string,
    poolId: event.ticketTypes[0]?.poolId as string,
  };
}

export async function makeVenue(admin: Caller): Promise<{ readonly id: string }> {
  const venue = { name: `Hall ${fresh()}`, timezone: 'Europe/Berlin' };
  return created(await admin.post('/venues', venue));
}

/** An order of the buyer, confirmed (nothing had to be paid), and the token that opens it. */
export async function makeOrder(app: TestApp, organizer: Organizer) {
  const event = await makeEvent(organizer);
  const booked = await app.as(organizer.buyerKey).post(
    `/events/${event.id}/bookings`,
    {
      items: [{ ticketTypeId: event.typeId, quantity: 2 }],
      buyer: { name: 'Canary', ...CANARIES[organizer.side] },
      payment: { method: 'simulated' },
    },
    newKey(),
  );
  expect(booked.body).toMatchObject({ order: { status: 'confirmed' } });
  return {
    eventId: event.id,
    orderId: booked.body.order.id as string,
    ticketId: booked.body.order.tickets[0].id as string,
    token: booked.body.accessToken as string,
  };
}

/** An order that cost something, and was paid. */
export async function makePaidOrder(app: TestApp, organizer: Organizer) {
  const event = await makeEvent(organizer, {}, 2_500);
  const booked = await app.as(organizer.buyerKey).post(
    `/events/${event.id}/bookings`,
    {
      items: [{ ticketTypeId: event.typeId, quantity: 2 }],
      buyer: { name: 'Canary', ...CANARIES[organizer.side] },
      payment: { method: 'payment_intent' },
    },
    newKey(),
  );
  await payWith(app, booked.body.payment.clientSecret);
  const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
  await settlePayment(app.ctx, eventOf(paymentId), paymentId);
  return { orderId: booked.body.order.id as string };
}

/** A hold that opens to whoever has its id or, with a key, to that caller and to staff. */
export async function makeHold(app: TestApp, organizer: Organizer, key?: string) {
  const event = await makeEvent(organizer);
  const held = await app
    .as(key)
    .post(
      `/events/${event.id}/holds`,
      { items: [{ ticketTypeId: event.typeId, quantity: 1 }] },
      { 'idempotency-key': randomUUID() },
    );
  return { holdId: created(held).id as string, typeId: event.typeId };
}

/** A session of the buyer, empty, or with all that its purchase needs. */
export async function makeSession(app: TestApp, organizer: Organizer, isReady = false) {
  const event = await makeEvent(organizer);
  const buyer = app.as(organizer.buyerKey);
  const begun = created(await buyer.post(`/events/${event.id}/shopping-sessions`, {}));
  if (isReady) {
    const at = `/shopping-sessions/${begun.id}`;
    const items = [{ ticketTypeId: event.typeId, quantity: 2 }];
    created(await buyer.put(`${at}/selection`, { items }));
    created(await buyer.put(`${at}/buyer`, { name: 'Canary', ...CANARIES[organizer.side] }));
    created(await buyer.put(`${at}/payment`, { method: 'simulated' }));
  }
  return { id: begun.id as string, typeId: event.typeId, token: begun.accessToken as string };
}

/** The buyer waits for an event that is sold out; with an offer, where one is asked for. */
export async function makeEntry(app: TestApp, organizer: Organizer, isOffered = false) {
  const ticketTypes = [{ name: 'Last', price: { amount: 0, currency: 'EUR' }, capacity: 1 }];
  const event = await makeEvent(organizer, { ticketTypes });
  const items = [{ ticketTypeId: event.typeId, quantity: 1 }];
  const held = await app.guest.post(`/events/${event.id}/holds`, { items }, newKey());
  const waiting = { name: 'Canary', email: CANARIES[organizer.side].email, quantity: 1 };
  const buyer = app.as(organizer.buyerKey);
  const entry = created(await buyer.post(`/events/${event.id}/waitlist`, waiting));
  const token = entry.accessToken as string;
  if (!isOffered) return { id: entry.id as string, token };
  expect((await app.guest.delete(`/holds/${held.body.id}`)).status).toBe(204);
  await lookAtLists(app.ctx);
  const { body } = await buyer.get(`/waitlist/${entry.id}`);
  return { id: body.offer.id as string, token };
}
