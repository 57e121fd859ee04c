/** Live updates through HTTP: what a page hears, in which order, and after it was away. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startLive } from '../../server/modules/live/index.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, eventually, inDays, newKey, onSale, payWith } from '../kit/given.ts';
import { type Ear, type Heard, listen } from '../kit/listen.ts';

const HOUR_MS = 3_600_000;

let app: TestApp;
let other: TestApp;
const ears: Ear[] = [];

beforeAll(async () => {
  app = await startApp({ worker: true });
  other = await startApp({ database: app.database });
});
afterEach(async () => {
  for (const ear of ears.splice(0)) ear.close();
  await expectAuditClean(app);
});
afterAll(async () => {
  await other.close();
  await app.close();
});

async function hear(path: string, options: Parameters<typeof listen>[1] = {}, on = app) {
  const ear = await listen(`${on.origin}/api/v1${path}`, options);
  ears.push(ear);
  return ear;
}

const hold = (eventId: string, typeId: string, quantity = 1, on = app) =>
  on.guest.post(
    `/events/${eventId}/holds`,
    { items: [{ ticketTypeId: typeId, quantity }] },
    newKey(),
  );

const twoTypes = {
  ticketTypes: [
    { name: 'Standard', price: eur(2_500), capacity: 10 },
    { name: 'Balcony', price: eur(4_000), capacity: 5 },
  ],
};

const left = (typeId: string, available: number) => (message: Heard) =>
  message.event === 'availability' &&
  message.data.ticketTypes.some(
    (type: { id: string; available: number }) => type.id === typeId && type.available === available,
  );

describe('who listens to an event', () => {
  it('is told all of it first, then only what changes, in order', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: twoTypes });
    const ear = await hear(`/events/${eventId}/live`);
    expect(ear.status).toBe(200);
    expect(ear.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    const first = await ear.hears(({ event }) => event === 'availability');
    expect(first.data).toEqual((await app.guest.get(`/events/${eventId}/availability`)).body);
    expect(first.data.ticketTypes).toHaveLength(2);
    expect(ear.text()).toMatch(/^retry: \d+\n\n/);
    for (const quantity of [1, 2, 3]) {
      expect((await hold(eventId, typeId, quantity)).status).toBe(201);
    }
    const last = await ear.hears(left(typeId, 4));
    expect(last.data.ticketTypes).toHaveLength(1);
    const versions = ear.heard.map(({ data }) => data.version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    const chain = ear.heard.slice(1).map(({ data }) => data.since);
    expect(chain).toEqual(ear.heard.slice(0, -1).map(({ id }) => id));
    expect(last.id).toMatch(new RegExp(`^${last.data.version}-`));
  });

  it('is told what was missed as one change, and nothing where nothing was missed', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: twoTypes });
    const ear = await hear(`/events/${eventId}/live`);
    const { id } = await ear.hears(({ event }) => event === 'availability');
    ear.close();
    for (const quantity of [1, 2]) await hold(eventId, typeId, quantity);
    const again = await hear(`/events/${eventId}/live`, { lastId: id });
    const missed = await again.hears(({ event }) => event === 'availability');
    expect(missed.data).toMatchObject({ since: id, ticketTypes: [{ id: typeId, available: 7 }] });
    again.close();
    const third = await hear(`/events/${eventId}/live`, { lastId: missed.id });
    await hold(eventId, typeId);
    await third.hears(left(typeId, 6));
    expect(third.heard).toHaveLength(1);
  });

  it('is told all of it where what it has seen is not known any more', async () => {
    const { eventId } = await onSale(app.admin, { more: twoTypes });
    for (const lastId of ['1-unknown0', '999', 'rubbish']) {
      const ear = await hear(`/events/${eventId}/live`, { lastId });
      const first = await ear.hears(({ event }) => event === 'availability');
      expect(first.data.since).toBeUndefined();
      expect(first.data.ticketTypes).toHaveLength(2);
    }
  });

  it('is told that the sale pauses, goes on and sells out', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const ear = await hear(`/events/${eventId}/live`);
    const says = (status: string) => (message: Heard) =>
      message.event === 'status' && message.data.status === status;
    await app.admin.post(`/events/${eventId}/sales/pause`);
    await ear.hears(says('paused'));
    await app.admin.post(`/events/${eventId}/sales/resume`);
    await ear.hears(says('on_sale'));
    await hold(eventId, typeId, 2);
    await ear.hears(says('sold_out'));
    expect(ear.heard.map(({ event }) => event)).toEqual([
      'availability',
      ...['status', 'availability', 'status', 'availability', 'status', 'availability'],
    ]);
  });

  it('is told within a second of what another process sells', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const ear = await hear(`/events/${eventId}/live`, {}, other);
    await ear.hears(left(typeId, 10));
    await hold(eventId, typeId, 3);
    const startedAt = performance.now();
    await ear.hears(left(typeId, 7));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('hears of places that come back when a hold is over', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const ear = await hear(`/events/${eventId}/live`);
    const held = await hold(eventId, typeId, 4);
    await ear.hears(left(typeId, 6));
    await app.as(held.body.accessToken).delete(`/holds/${held.body.id}`);
    await ear.hears(left(typeId, 10));
  });

  it('is told nothing where only the head was asked for, and does not count', async () => {
    const { eventId } = await onSale(app.admin);
    const head = await fetch(`${app.origin}/api/v1/events/${eventId}/live`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const counted = await app.ctx.metrics.liveListeners.get();
    expect(counted.values.find(({ labels }) => labels.to === 'event')?.value ?? 0).toBe(0);
  });

  it('is refused where there is no such event, and before the public sees it', async () => {
    const draft = await app.admin.post('/events', {
      ...{ name: 'Not yet', startsAt: '2099-05-01T20:00:00Z', timezone: 'UTC', currency: 'EUR' },
      ...{ ticketTypes: twoTypes.ticketTypes, publish: false },
    });
    for (const id of ['evt_0000000000000', draft.body.id]) {
      const answer = await app.guest.get(`/events/${id}/live`);
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
    }
  });
});

describe('the end', () => {
  it('of an event and of an order ends their streams, after all was told', async () => {
    const own = await startApp({ worker: true });
    startLive(own.ctx, own.parts.relay, { overMs: 50 });
    const { eventId, typeId } = await onSale(own.admin);
    const booking = await book(own.guest, eventId, typeId);
    const { id } = booking.body.order;
    const token = booking.body.accessToken;
    const event = await hear(`/events/${eventId}/live`, {}, own);
    const order = await hear(`/orders/${id}/live`, { token }, own);
    await own.as(token).post(`/orders/${id}/cancel`);
    const last = await order.hears((message) => message.event === 'end');
    expect(last.data).toMatchObject({ id, status: 'cancelled' });
    await own.admin.post(`/events/${eventId}/cancel`, undefined, newKey());
    await event.hears(({ event: kind, data }) => kind === 'status' && data.status === 'cancelled');
    expect((await event.hears((message) => message.event === 'end')).data).toMatchObject({
      status: 'cancelled',
    });
    for (const ear of [event, order]) {
      await eventually(
        async () => ear.isOver(),
        (isOver) => isOver,
      );
      expect(ear.text()).toContain('retry: 3600000\n\nevent: end\n');
    }
    await own.close();
  });

  it('of the process sends everybody away, and does not wait for them', async () => {
    const own = await startApp();
    const { eventId } = await onSale(own.admin);
    const ear = await hear(`/events/${eventId}/live`, {}, own);
    await ear.hears(({ event }) => event === 'availability');
    const startedAt = performance.now();
    await own.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await eventually(
      async () => ear.isOver(),
      (isOver) => isOver,
    );
    expect(ear.text()).toMatch(/retry: \d+\n\n$/);
  });

  it('of the time of a shopping session is told without a fact', async () => {
    const own = await startApp();
    const { eventId } = await onSale(own.admin);
    const made = await own.guest.post(`/events/${eventId}/shopping-sessions`, undefined, newKey());
    const { id, accessToken: token } = made.body;
    const ear = await hear(`/shopping-sessions/${id}/live`, { token }, own);
    await ear.hears(({ data }) => data.status === 'open');
    own.clock.advance(HOUR_MS);
    await ear.hears(({ data }) => data.status === 'expired');
    await own.close();
  });

  it('of the time of a session is told to who was away meanwhile, once', async () => {
    const own = await startApp();
    const { eventId } = await onSale(own.admin);
    const made = await own.guest.post(`/events/${eventId}/shopping-sessions`, undefined, newKey());
    const { id, accessToken: token } = made.body;
    const path = `/shopping-sessions/${id}/live`;
    const ear = await hear(path, { token }, own);
    const seen = await ear.hears(({ data }) => data.status === 'open');
    ear.close();
    own.clock.advance(HOUR_MS);
    const again = await hear(path, { token, lastId: seen.id }, own);
    const told = await again.hears(({ data }) => data.status === 'expired');
    expect(told).toMatchObject({ event: 'changed', data: { version: seen.data.version } });
    again.close();
    const third = await hear(path, { token, lastId: told.id }, own);
    await eventually(
      async () => third.text(),
      (text) => text.startsWith('retry:'),
    );
    expect(third.heard).toEqual([]);
    await own.close();
  });

  it('comes at once for one too many from one address, however many have signed in there', async () => {
    const own = await startApp({ env: { LIVE_PER_CALLER: '2' } });
    const { eventId } = await onSale(own.admin);
    const path = `/events/${eventId}/live`;
    const answers: number[] = [];
    for (const name of ['ann', 'bob', 'cem']) {
      const person = await own.admin.post('/users', { name, email: `${name}@example.org` });
      const fan = { name, role: 'fan', userId: person.body.id };
      const key = await own.admin.post('/api-keys', fan);
      expect(key.status).toBe(201);
      answers.push((await hear(path, { token: key.body.secret }, own)).status);
    }
    expect(answers).toEqual([200, 200, 429]);
    await own.close();
  });

  it('comes at once for one listener too many', async () => {
    const own = await startApp({ env: { LIVE_LISTENERS: '3', LIVE_PER_CALLER: '2' } });
    const { eventId } = await onSale(own.admin);
    const path = `/events/${eventId}/live`;
    for (let i = 0; i < 2; i += 1) {
      await (await hear(path, {}, own)).hears(({ event }) => event === 'availability');
    }
    const third = await own.guest.get(path);
    expect([third.status, third.body.code]).toEqual([429, 'too_many_listeners']);
    expect(third.headers.get('retry-after')).toBe('30');
    await (await hear(path, { token: ADMIN_KEY }, own)).hears(() => true);
    const fourth = await own.admin.get(path);
    expect([fourth.status, fourth.body.code]).toEqual([503, 'live_full']);
    const metrics = await (await fetch(`${own.origin}/metrics`)).text();
    expect(metrics).toContain('fanfare_live_listeners{to="event"} 3');
    await own.close();
  });
});

describe('who waits for a payment', () => {
  it('hears when the order is confirmed, by header or by link', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const booking = await book(app.guest, eventId, typeId);
    const { id } = booking.body.order;
    const token = booking.body.accessToken;
    const ear = await hear(`/orders/${id}/live`, { token });
    const link = await hear(`/orders/${id}/live?access=${token}`);
    expect((await ear.hears(() => true)).data).toMatchObject({ id, status: 'pending' });
    await payWith(app, booking.body.payment.clientSecret);
    const told = await ear.hears(({ data }) => data.status === 'confirmed');
    await link.hears(({ data }) => data.status === 'confirmed');
    expect(told.event).toBe('changed');
    expect(told.id).toBe(`${told.data.version}-confirmed`);
    // What was announced together is told by now; then nothing was missed.
    const { body } = await app.as(token).get(`/orders/${id}`);
    expect(body.status).toBe('confirmed');
  });

  it('goes on after the last fact that was heard', async () => {
    const more = { refundableUntil: inDays(20) };
    const { eventId, typeId } = await onSale(app.admin, { more });
    const booking = await book(app.guest, eventId, typeId);
    const { id } = booking.body.order;
    const token = booking.body.accessToken;
    const ear = await hear(`/orders/${id}/live`, { token });
    const first = await ear.hears(() => true);
    ear.close();
    await payWith(app, booking.body.payment.clientSecret);
    const paid = async () => (await app.as(token).get(`/orders/${id}`)).body.status;
    await eventually(paid, (status) => status === 'confirmed');
    const again = await hear(`/orders/${id}/live`, { token, lastId: first.id });
    const last = await again.hears(({ data }) => data.status === 'confirmed');
    expect(last.data.version).toBeGreaterThan(first.data.version);
    expect((await app.as(token).post(`/orders/${id}/cancel`)).status).toBe(200);
    await again.hears(({ data }) => data.status === 'refunded');
  });

  it('hears it in another process than the one that settles', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const booking = await book(app.guest, eventId, typeId);
    const token = booking.body.accessToken;
    const ear = await hear(`/orders/${booking.body.order.id}/live`, { token }, other);
    await payWith(app, booking.body.payment.clientSecret);
    await ear.hears(({ data }) => data.status === 'confirmed');
  });

  it('hears how the purchase of a shopping session goes on', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const made = await app.guest.post(`/events/${eventId}/shopping-sessions`, undefined, newKey());
    const { id, accessToken: token } = made.body;
    const own = app.as(token);
    const at = `/shopping-sessions/${id}`;
    await own.put(`${at}/selection`, { items: [{ ticketTypeId: typeId, quantity: 2 }] });
    await own.put(`${at}/buyer`, { name: 'Ada', email: 'ada@example.org' });
    await own.put(`${at}/payment`, { method: 'payment_intent' });
    const ear = await hear(`${at}/live`, { token });
    expect((await ear.hears(() => true)).data).toMatchObject({ id, status: 'open' });
    const bought = await own.post(`${at}/purchase`, undefined, newKey());
    await ear.hears(({ data }) => data.status === 'purchasing');
    await payWith(app, bought.body.payment.clientSecret);
    await ear.hears(({ data }) => data.status === 'completed');
  });

  it('is refused without the right to it', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const booking = await book(app.guest, eventId, typeId);
    const { id } = booking.body.order;
    const others = await book(app.guest, eventId, typeId);
    expect((await app.guest.get(`/orders/${id}/live`)).status).toBe(401);
    expect((await app.as(others.body.accessToken).get(`/orders/${id}/live`)).status).toBe(404);
  });
});
