/** A3, C2, D2, D5, D10, E2, F4: what a buyer and the box office do with holds and orders. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, inDays, newKey, onSale, payWith, somebody } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

async function confirmed(more: Record<string, unknown> = {}, quantity = 2) {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 10, more });
  const booked = await book(app.guest, eventId, typeId, { quantity });
  await payWith(app, booked.body.payment.clientSecret);
  const buyer = app.as(booked.body.accessToken);
  const id = booked.body.order.id as string;
  const read = () => buyer.get(`/orders/${id}`);
  const order = await eventually(read, ({ body }) => body.status !== 'pending');
  expect(order.body.status).toBe('confirmed');
  return { eventId, typeId, id, buyer, read, order: order.body };
}

const free = async (eventId: string) =>
  (await app.guest.get(`/events/${eventId}/availability`)).body.ticketTypes[0].available as number;

describe('holds', () => {
  it('A2 B6 C2 holds, shows, swaps and gives up places', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 5 });
    const items = (quantity: number) => ({ items: [{ ticketTypeId: typeId, quantity }] });
    const held = await app.guest.post(`/events/${eventId}/holds`, items(2), newKey());
    expect(held.status).toBe(201);
    expect(held.body).toMatchObject({ status: 'active', total: { amount: 5_000 } });
    expect(await free(eventId)).toBe(3);
    const path = `/holds/${held.body.id}`;
    expect((await app.guest.get(path)).body).toEqual(held.body);
    const more = await app.guest.put(path, items(5));
    expect(more.body).toMatchObject({ items: [{ quantity: 5 }], expiresAt: held.body.expiresAt });
    const tooMany = await app.guest.put(path, items(6));
    expect(tooMany.body).toMatchObject({ status: 409, code: 'sold_out' });
    expect((await app.guest.get(path)).body.items).toMatchObject([{ quantity: 5 }]);
    expect((await app.guest.delete(path)).status).toBe(204);
    expect(await free(eventId)).toBe(5);
    expect((await app.guest.put(path, items(1))).body.code).toBe('hold_ended');
    await expectAuditClean(app);
  });

  it('C9 takes several ticket types in one request, all of them or none', async () => {
    const { body: event } = await app.admin.post('/events', {
      name: 'Two pools',
      startsAt: inDays(9),
      timezone: 'Europe/Berlin',
      currency: 'EUR',
      ticketTypes: [
        { name: 'A', price: { amount: 100, currency: 'EUR' }, capacity: 5 },
        { name: 'B', price: { amount: 200, currency: 'EUR' }, capacity: 1 },
      ],
    });
    const [a, b] = event.ticketTypes.map((type: { id: string }) => type.id);
    const ask = (inA: number, inB: number) =>
      app.guest.post(
        `/events/${event.id}/holds`,
        {
          items: [
            { ticketTypeId: a, quantity: inA },
            { ticketTypeId: b, quantity: inB },
          ],
        },
        newKey(),
      );
    expect((await ask(2, 2)).body.code).toBe('sold_out');
    expect((await ask(2, 1)).body).toMatchObject({ status: 'active', total: { amount: 400 } });
    const { body } = await app.guest.get(`/events/${event.id}/availability`);
    expect(body.ticketTypes.map((type: { available: number }) => type.available)).toEqual([3, 0]);
    await expectAuditClean(app);
  });

  it('C4 E4 lapse by themselves and are sellable at once, with nobody sweeping', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 1, more: { holdMinutes: 1 } });
    const items = { items: [{ ticketTypeId: typeId, quantity: 1 }] };
    const first = await app.guest.post(`/events/${eventId}/holds`, items, newKey());
    app.clock.advance(60_001);
    const second = await app.guest.post(`/events/${eventId}/holds`, items, newKey());
    expect(second.status).toBe(201);
    expect((await app.guest.get(`/holds/${first.body.id}`)).body.status).toBe('lapsed');
    app.clock.advance(-60_001);
  });

  it('a hold made with a key opens to that caller only', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const items = { items: [{ ticketTypeId: typeId, quantity: 1 }] };
    const device = { 'x-device-token': 'device-of-the-first-buyer' };
    const held = await app.guest.post(`/events/${eventId}/holds`, items, {
      ...newKey(),
      ...device,
    });
    expect((await app.guest.get(`/holds/${held.body.id}`)).status).toBe(404);
    expect((await app.guest.delete(`/holds/${held.body.id}`)).status).toBe(404);
    expect((await app.guest.get(`/holds/${held.body.id}`, device)).status).toBe(200);
  });
});

describe('refusals of a booking', () => {
  it('A3 says what is wrong, with a stable code, and changes nothing', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 3 });
    const wrong = async (body: object, headers: Record<string, string> = newKey()) =>
      (await app.guest.post(`/events/${eventId}/bookings`, body, headers)).body;
    const items = [{ ticketTypeId: typeId, quantity: 1 }];
    const buyer = somebody();
    const payment = { method: 'payment_intent' };
    const body = { items, buyer, payment };
    expect((await wrong(body, {})).code).toBe('idempotency_key_required');
    expect((await wrong({ ...body, items: [] })).issues[0].path).toBe('items');
    expect((await wrong({ ...body, items: [...items, ...items] })).issues[0].code).toBe(
      'duplicate_item',
    );
    const many = [{ ticketTypeId: typeId, quantity: 11 }];
    expect(await wrong({ ...body, items: many })).toMatchObject({
      status: 422,
      code: 'above_order_maximum',
      issues: [{ path: 'items.0.quantity' }],
    });
    const other = typeId.replace(/.$/, (last) => (last === 'z' ? 'y' : 'z'));
    const foreign = [{ ticketTypeId: other, quantity: 1 }];
    expect((await wrong({ ...body, items: foreign })).code).toBe('unknown_ticket_type');
    expect((await wrong({ ...body, price: 1 })).issues[0].code).toBe('unknown_field');
    expect((await wrong({ ...body, holdId: `hld_${'0'.repeat(37)}` })).issues[0].code).toBe(
      'items_or_hold',
    );
    const strange = { method: 'cash' };
    expect((await wrong({ ...body, payment: strange })).code).toBe('validation_failed');
    expect(await free(eventId)).toBe(3);
  });

  it('F4 counts every key of a person by itself', async () => {
    const { eventId, typeId } = await onSale(app.admin, {
      capacity: 50,
      more: { maxTicketsPerPerson: 3 },
    });
    const ask = (quantity: number, buyer?: object) =>
      app.guest.post(
        `/events/${eventId}/holds`,
        { items: [{ ticketTypeId: typeId, quantity }], ...(buyer ? { buyer } : {}) },
        newKey(),
      );
    expect((await ask(1)).body).toMatchObject({ status: 422, code: 'buyer_required' });
    const phone = '+49 30 1234567';
    expect((await ask(2, { email: 'One@Example.org', phone })).status).toBe(201);
    expect((await ask(2, { email: 'one@example.org' })).body).toMatchObject({
      status: 409,
      code: 'per_person_limit',
      limit: 3,
    });
    expect((await ask(2, { email: 'other@example.org', phone: '+49301234567' })).body.code).toBe(
      'per_person_limit',
    );
    expect((await ask(1, { email: 'one@example.org' })).status).toBe(201);
    expect((await ask(3, { email: 'third@example.org' })).status).toBe(201);
    await expectAuditClean(app);
  });
});

describe('orders', () => {
  it('D2 gives a pending order up at once', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    const buyer = app.as(booked.body.accessToken);
    const path = `/orders/${booked.body.order.id}`;
    expect((await buyer.post(`${path}/cancel`)).body).toMatchObject({
      status: 'cancelled',
      statusReason: 'cancelled_by_buyer',
    });
    expect(await free(eventId)).toBe(2);
    const voided = await eventually(
      () => buyer.get(path),
      ({ body }) => body.payments[0].status === 'voided',
    );
    expect(voided.body.tickets).toEqual([]);
    expect((await buyer.post(`${path}/cancel`)).body.code).toBe('order_ended');
  });

  it('D10 refunds its buyer within the window, and not after it', async () => {
    const inTime = await confirmed({ refundableUntil: inDays(10) });
    const done = await inTime.buyer.post(`/orders/${inTime.id}/cancel`);
    expect(done.body).toMatchObject({
      status: 'refunded',
      tickets: [{ status: 'void' }, { code: null }],
    });
    expect(await free(inTime.eventId)).toBe(10);
    const refunded = await eventually(
      inTime.read,
      ({ body }) => body.refunds[0]?.status === 'succeeded',
    );
    expect(refunded.body.refunds).toMatchObject([{ amount: { amount: 5_000 } }]);
    const late = await confirmed();
    const refused = await late.buyer.post(`/orders/${late.id}/cancel`);
    expect(refused.body).toMatchObject({ status: 409, code: 'refund_window_closed' });
    expect((await app.admin.post(`/orders/${late.id}/cancel`)).body.status).toBe('refunded');
    await expectAuditClean(app);
  });

  it('refunds single tickets, each once', async () => {
    const { id, order, read, eventId } = await confirmed({}, 3);
    const [first, second] = order.tickets.map((ticket: { id: string }) => ticket.id);
    const refund = (ticketIds: string[], key = newKey()) =>
      app.admin.post(`/orders/${id}/refunds`, { ticketIds, reason: 'ill' }, key);
    const key = newKey();
    const done = await refund([first], key);
    expect(done.status).toBe(201);
    expect(done.body.status).toBe('partially_refunded');
    const again = await refund([first], key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again).toMatchObject({ status: 201, body: done.body });
    expect((await app.admin.post(`/orders/${id}/refunds`, { reason: 'ill' })).body.code).toBe(
      'idempotency_key_required',
    );
    expect((await refund([first])).body.code).toBe('unknown_ticket');
    expect((await refund([first, second])).body.code).toBe('unknown_ticket');
    const both = await Promise.all([refund([second]), refund([second])]);
    expect(both.map((answer) => answer.status).sort()).toEqual([201, 422]);
    expect(await free(eventId)).toBe(9);
    const all = await eventually(read, ({ body }) =>
      body.refunds.every((r: { status: string }) => r.status === 'succeeded'),
    );
    expect(all.body.refunds).toHaveLength(2);
    await expectAuditClean(app);
  });

  it('B4 G11 refunds every buyer of a cancelled event, and ends what is pending', async () => {
    const paid = await confirmed();
    const waiting = await book(app.guest, paid.eventId, paid.typeId);
    const cancelled = await app.admin.post(`/events/${paid.eventId}/cancel`, {
      remedies: ['refund'],
    });
    expect(cancelled.body.status).toBe('cancelled');
    expect((await book(app.guest, paid.eventId, paid.typeId)).body.code).toBe('event_cancelled');
    await eventually(paid.read, ({ body }) => body.refunds[0]?.status === 'succeeded');
    const other = await app.as(waiting.body.accessToken).get(`/orders/${waiting.body.order.id}`);
    expect(other.body).toMatchObject({ status: 'cancelled', statusReason: 'event_cancelled' });
    const again = await app.admin.post(`/events/${paid.eventId}/cancel`);
    expect(again.body).toMatchObject({ status: 409, code: 'event_over' });
    await expectAuditClean(app);
  });

  it('D5 opens to its token and to nobody else', async () => {
    const one = await confirmed();
    const other = await confirmed();
    expect((await app.guest.get(`/orders/${one.id}`)).status).toBe(401);
    expect((await other.buyer.get(`/orders/${one.id}`)).status).toBe(404);
    expect((await one.buyer.get(`/orders/${one.id}`)).status).toBe(200);
    expect((await app.admin.get(`/orders?eventId=${one.eventId}`)).body.data).toHaveLength(1);
  });

  it('E2 a person with a key books as themselves and sees their own orders only', async () => {
    const person = (await app.admin.post('/users', somebody())).body;
    const key = await app.admin.post('/api-keys', { name: 'fan', role: 'fan', userId: person.id });
    const fan = app.as(key.body.secret);
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const booked = await book(fan, eventId, typeId, { quantity: 2 });
    expect(booked.body.order.userId).toBe(person.id);
    expect((await fan.get('/orders')).body.data.map((o: { id: string }) => o.id)).toEqual([
      booked.body.order.id,
    ]);
    const more = await book(app.guest, eventId, typeId, {
      buyer: { name: 'X', email: person.email },
    });
    expect(more.body.code).toBe('per_person_limit');
    expect((await fan.get(`/users/${person.id}`)).status).toBe(200);
    expect((await fan.get('/users')).status).toBe(403);
  });
});

describe('repeating a booking', () => {
  it('F4 a key of staff sells to many, and counts for none of them', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const clerk = await app.admin.post('/users', { name: 'Clerk', email: 'clerk@example.org' });
    const role = { name: 'desk', role: 'box_office', userId: clerk.body.id };
    const desk = app.as((await app.admin.post('/api-keys', role)).body.secret);
    const first = somebody();
    const sold = await book(desk, eventId, typeId, { quantity: 2, buyer: first });
    expect(sold.body).toMatchObject({ order: { userId: null, buyer: first } });
    expect((await book(desk, eventId, typeId, { quantity: 2 })).status).toBe(201);
    const items = [{ ticketTypeId: typeId, quantity: 2 }];
    const hold = (buyer?: object) =>
      desk.post(`/events/${eventId}/holds`, { items, ...(buyer ? { buyer } : {}) }, newKey());
    expect((await hold({ email: 'third@example.org' })).status).toBe(201);
    expect((await hold({ email: first.email })).body.code).toBe('per_person_limit');
    expect((await hold()).body.code).toBe('buyer_required');
    expect((await book(desk, eventId, typeId, { buyer: first })).body.code).toBe(
      'per_person_limit',
    );
    await expectAuditClean(app);
  });

  it('G14 answers the same again to whoever holds the device, and without secrets to others', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const buyer = somebody();
    const body = {
      items: [{ ticketTypeId: typeId, quantity: 1 }],
      buyer,
      payment: { method: 'payment_intent' },
    };
    const known = { ...newKey(), 'x-device-token': 'a-device-token-of-mine' };
    const path = `/events/${eventId}/bookings`;
    const first = await app.guest.post(path, body, known);
    const again = await app.guest.post(path, body, known);
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    const nameless = newKey();
    const one = await app.guest.post(path, body, nameless);
    const two = await app.guest.post(path, body, nameless);
    expect(two.status).toBe(201);
    expect(two.body.order.id).toBe(one.body.order.id);
    expect(two.body.accessToken).toBeUndefined();
    expect(two.body.payment.clientSecret).toBeUndefined();
    const other = await app.guest.post(path, { ...body, buyer: somebody() }, nameless);
    expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    await expectAuditClean(app);
  });
});
