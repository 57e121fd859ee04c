/** Stories that once ended badly: each was seen to, before its cause was mended. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, eventually, newKey, onSale, payWith, somebody } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

const ended = (token: string, id: string) =>
  eventually(
    () => app.as(token).get(`/orders/${id}`),
    ({ body }) => body.status !== 'pending',
  );

describe('a hold with an order', () => {
  it('G4 stands as it is: it is not changed or given up behind the order', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const items = (quantity: number) => [{ ticketTypeId: typeId, quantity }];
    const hold = await app.guest.post(`/events/${eventId}/holds`, { items: items(10) }, newKey());
    const request = {
      holdId: hold.body.id,
      buyer: somebody(),
      payment: { method: 'payment_intent' },
    };
    const booked = await app.guest.post(`/events/${eventId}/bookings`, request, newKey());
    const path = `/holds/${hold.body.id}`;
    const shrunk = await app.guest.put(path, { items: items(1) });
    expect(shrunk.body).toMatchObject({ status: 409, code: 'hold_already_booked' });
    expect((await app.guest.delete(path)).body.code).toBe('hold_already_booked');
    await payWith(app, booked.body.payment.clientSecret);
    const order = await ended(booked.body.accessToken, booked.body.order.id);
    expect(order.body.tickets).toHaveLength(10);
    const left = await app.guest.get(`/events/${eventId}/availability`);
    expect(left.body.status).toBe('sold_out');
    await expectAuditClean(app);
  });
});

describe('a repeated request', () => {
  it('G14 gets the first answer, whatever has become of the order since', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const device = { ...newKey(), 'x-device-token': 'the-device-of-this-buyer' };
    const body = {
      items: [{ ticketTypeId: typeId, quantity: 2 }],
      buyer: somebody(),
      payment: { method: 'payment_intent' },
    };
    const ask = () => app.guest.post(`/events/${eventId}/bookings`, body, device);
    const first = await ask();
    await payWith(app, first.body.payment.clientSecret);
    await ended(first.body.accessToken, first.body.order.id);
    expect((await ask()).body).toEqual(first.body);
  });

  it('G14 gets the hold as it was granted, after a swap too', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const key = newKey();
    const ask = (quantity: number) => ({ items: [{ ticketTypeId: typeId, quantity }] });
    const first = await app.guest.post(`/events/${eventId}/holds`, ask(1), key);
    await app.guest.put(`/holds/${first.body.id}`, ask(3));
    expect((await app.guest.post(`/events/${eventId}/holds`, ask(1), key)).body).toEqual(
      first.body,
    );
  });

  it('hands out no ticket code to whoever knows a key alone', async () => {
    const { eventId, typeId } = await onSale(app.admin, { price: 0 });
    const key = newKey()['idempotency-key'];
    const buyer = somebody();
    const first = await book(app.guest, eventId, typeId, { buyer, key });
    expect(first.body.order.tickets[0].code).toEqual(expect.any(String));
    const again = await book(app.guest, eventId, typeId, { buyer, key });
    expect(again.body.order.tickets[0].code).toBeNull();
  });

  it('F9 hands out no credit to whoever knows a key alone', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { organizerId } = (await app.admin.get('/me')).body;
    const amount = eur(2_500);
    const gift = await app.admin.post(`/organizers/${organizerId}/credits`, { amount }, newKey());
    const buyer = somebody();
    const asks = [{}, { credit: { code: gift.body.secret } }].map((more) => {
      const key = newKey()['idempotency-key'];
      return () => book(app.guest, eventId, typeId, { buyer, key, more });
    });
    const orders = [];
    for (const ask of asks) {
      const { body } = await ask();
      if (body.payment.clientSecret) await payWith(app, body.payment.clientSecret);
      await ended(body.accessToken, body.order.id);
      orders.push(() => app.as(body.accessToken).get(`/orders/${body.order.id}`));
    }
    await app.admin.post(`/events/${eventId}/cancel`, { remedies: ['credit'] });
    for (const [i, read] of orders.entries()) {
      const { body } = await eventually(read, (order) => order.body.remedy?.status === 'done');
      expect(body.remedy.creditCode).toMatch(/^CR-/);
      expect(JSON.stringify((await asks[i]?.())?.body)).not.toContain('CR-');
    }
  });

  it('G14 gets the same answer to a cancellation', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const booked = await book(app.guest, eventId, typeId);
    const key = newKey();
    const cancel = () =>
      app
        .as(booked.body.accessToken)
        .post(`/orders/${booked.body.order.id}/cancel`, undefined, key);
    const first = await cancel();
    expect(first.status).toBe(200);
    expect(await cancel()).toMatchObject({ status: 200, body: first.body });
  });
});

describe('rights', () => {
  it('a box office that may not refund may not refund by cancelling', async () => {
    const key = await app.admin.post('/api-keys', { name: 'desk', role: 'box_office' });
    const { eventId, typeId } = await onSale(app.admin);
    const booked = await book(app.guest, eventId, typeId);
    await payWith(app, booked.body.payment.clientSecret);
    await ended(booked.body.accessToken, booked.body.order.id);
    const desk = app.as(key.body.secret);
    const refused = await desk.post(`/orders/${booked.body.order.id}/cancel`);
    expect(refused.body).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('a hidden ticket type is not given away by its pool', async () => {
    const { eventId } = await onSale(app.admin);
    const secret = { name: 'Guest list', price: eur(0), capacity: 7, visibility: 'hidden' };
    await app.admin.post(`/events/${eventId}/ticket-types`, secret);
    const seen = await app.guest.get(`/events/${eventId}`);
    expect(JSON.stringify(seen.body)).not.toContain('Guest list');
    expect((await app.admin.get(`/events/${eventId}`)).body.pools).toHaveLength(2);
  });
});

describe('a pool that ticket types share', () => {
  it('is not resized by giving one of them a capacity', async () => {
    const { eventId } = await onSale(app.admin);
    const pool = await app.admin.post(`/events/${eventId}/pools`, { name: 'Floor', capacity: 100 });
    const types = [];
    for (const name of ['A', 'B']) {
      const type = { name, price: eur(100), poolId: pool.body.id };
      types.push((await app.admin.post(`/events/${eventId}/ticket-types`, type)).body);
    }
    const path = `/events/${eventId}/ticket-types/${types[0].id}`;
    const own = await app.admin.put(path, { name: 'A', price: eur(100), capacity: 5 });
    expect(own.body).toMatchObject({ capacity: 5 });
    expect(own.body.poolId).not.toBe(pool.body.id);
    const event = await app.admin.get(`/events/${eventId}`);
    expect(event.body.pools).toContainEqual(pool.body);
    await expectAuditClean(app);
  });
});

describe('the whole object', () => {
  it('that was read is taken back', async () => {
    const { eventId } = await onSale(app.admin);
    const read = await app.admin.get(`/events/${eventId}`);
    const put = await app.admin.put(`/events/${eventId}`, { ...read.body, name: 'Renamed' });
    expect(put.body).toMatchObject({ name: 'Renamed', version: 2, ticketTypes: [{}] });
    const clone = await app.admin.post(`/events/${eventId}/clone`, {
      startsAt: '2031-05-01T20:00:00Z',
      maxTicketsPerPerson: 2,
      totalCapacity: 60,
    });
    expect(clone.body).toMatchObject({ maxTicketsPerPerson: 2, totalCapacity: 60 });
    const person = (await app.admin.post('/users', somebody())).body;
    const renamed = { id: person.id, name: 'New name', email: person.email };
    expect((await app.admin.put(`/users/${person.id}`, renamed)).body.name).toBe('New name');
  });
});
