/** D1, D2, D5, E3, E4: one call books; the payment decides how it ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, newKey, onSale, payWith, somebody } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

const orderOf = (token: string, id: string) =>
  eventually(
    () => app.as(token).get(`/orders/${id}`),
    ({ body }) => body.status !== 'pending',
  );

describe('booking and paying', () => {
  it('D1 confirms the order once the card is authorised and captured', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 5 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    expect(booked.status).toBe(201);
    const { order, payment, accessToken } = booked.body;
    expect(order).toMatchObject({ status: 'pending', total: { amount: 5_000, currency: 'EUR' } });
    expect(order.tickets).toEqual([]);
    expect(payment).toMatchObject({ provider: 'stripe', clientSecret: expect.any(String) });
    await payWith(app, payment.clientSecret);
    const done = await orderOf(accessToken, order.id);
    expect(done.body.status).toBe('confirmed');
    expect(done.body.tickets).toHaveLength(2);
    expect(new Set(done.body.tickets.map((t: { code: string }) => t.code)).size).toBe(2);
    expect(done.body.payments).toMatchObject([{ status: 'captured', captured: { amount: 5_000 } }]);
    const ledger = await app.parts.sandbox?.ledger();
    expect(JSON.stringify(ledger)).toContain('5000');
    await expectAuditClean(app);
  });

  it('D2 fails the order and frees its places at once when the card is declined', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    await payWith(app, booked.body.payment.clientSecret, 'pm_card_chargeDeclined');
    const done = await orderOf(booked.body.accessToken, booked.body.order.id);
    expect(done.body).toMatchObject({ status: 'failed', payments: [{ status: 'failed' }] });
    const free = await app.guest.get(`/events/${eventId}/availability`);
    expect(free.body.ticketTypes[0].available).toBe(2);
    await expectAuditClean(app);
  });

  it('E4 pays a simulated booking by a job', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const booked = await book(app.guest, eventId, typeId, { method: 'simulated' });
    const done = await orderOf(booked.body.accessToken, booked.body.order.id);
    expect(done.body.status).toBe('confirmed');
    await expectAuditClean(app);
  });

  it('E4 cancels an unpaid order at its time and gives the places back', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 1, more: { holdMinutes: 1 } });
    const booked = await book(app.guest, eventId, typeId);
    app.clock.advance(61_000);
    const done = await orderOf(booked.body.accessToken, booked.body.order.id);
    expect(done.body).toMatchObject({ status: 'cancelled', statusReason: 'expired' });
    const next = await book(app.guest, eventId, typeId);
    expect(next.status).toBe(201);
    await expectAuditClean(app);
  });

  it('voids a payment that was authorised too late: no money is kept', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 1, more: { holdMinutes: 1 } });
    const booked = await book(app.guest, eventId, typeId);
    app.clock.advance(61_000);
    await orderOf(booked.body.accessToken, booked.body.order.id);
    const paid = await payWith(app, booked.body.payment.clientSecret);
    expect([200, 400]).toContain(paid.status);
    const order = await eventually(
      () => app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`),
      ({ body }) => body.payments[0].status === 'voided',
    );
    expect(order.body).toMatchObject({ status: 'cancelled', tickets: [] });
    await expectAuditClean(app);
  });

  it('confirms an order of which nothing has to be paid at once', async () => {
    const { eventId, typeId } = await onSale(app.admin, { price: 0 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 3 });
    expect(booked.body.order).toMatchObject({ status: 'confirmed', payments: [] });
    expect(booked.body.order.tickets).toHaveLength(3);
    await expectAuditClean(app);
  });

  it('C2 books an earlier hold, and refuses to book it twice', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const items = [{ ticketTypeId: typeId, quantity: 2 }];
    const hold = await app.guest.post(`/events/${eventId}/holds`, { items }, newKey());
    expect(hold.status).toBe(201);
    const request = {
      holdId: hold.body.id,
      buyer: somebody(),
      payment: { method: 'payment_intent' },
    };
    const booked = await app.guest.post(`/events/${eventId}/bookings`, request, newKey());
    expect(booked.status).toBe(201);
    const again = await app.guest.post(`/events/${eventId}/bookings`, request, newKey());
    expect(again.body).toMatchObject({ status: 409, code: 'hold_already_booked' });
  });
});
