/** What a price contains, as buyers and staff see it, and what of it is kept. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, eventually, inDays, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

const charges = {
  fees: [
    { name: 'Booking fee', amount: eur(200), refundable: false },
    { name: 'Service', basisPoints: 250, refundable: true },
  ],
  tax: { name: 'VAT', basisPoints: 1_900 },
};

/** A confirmed order, and whoever may act on it. */
async function bought(quantity: number, more: Record<string, unknown> = {}) {
  const { eventId, typeId } = await onSale(app.admin, {
    more: { charges, refundableUntil: inDays(20), ...more },
  });
  const booked = await book(app.guest, eventId, typeId, { quantity, method: 'simulated' });
  const buyer = app.as(booked.body.accessToken);
  const path = `/orders/${booked.body.order.id}`;
  await eventually(
    () => buyer.get(path),
    ({ body }) => body.status === 'confirmed',
  );
  return { eventId, buyer, path, read: async () => (await buyer.get(path)).body };
}

const lines = (breakdown: { kind: string; amount: { amount: number }; included: boolean }[]) =>
  breakdown.map(({ kind, amount, included }) => [kind, amount.amount, included]);

describe('A1 the charges of an event', () => {
  it('are contained in its prices, and shown to buyers with them', async () => {
    const { eventId } = await onSale(app.admin, { more: { charges } });
    const seen = (await app.guest.get(`/events/${eventId}`)).body;
    expect(seen.charges).toEqual(charges);
    expect(seen.ticketTypes[0]).toMatchObject({ price: eur(2_500) });
    // 2.5 % of 25.00 are 0.625, of which the larger remainder is the base's.
    expect(lines(seen.ticketTypes[0].breakdown)).toEqual([
      ['fee', 200, true],
      ['fee', 62, true],
      ['tax', 399, true],
    ]);
  });

  it('are replaced with the whole event, and taken over by a clone', async () => {
    const { eventId } = await onSale(app.admin, { more: { charges } });
    const path = `/events/${eventId}`;
    const clone = await app.admin.post(`${path}/clone`, { startsAt: inDays(60) }, newKey());
    expect(clone.body.charges).toEqual(charges);
    const before = (await app.admin.get(path)).body;
    const same = await app.admin.put(path, before);
    expect(same.body.charges).toEqual(charges);
    const without = await app.admin.put(path, { ...before, version: 2, charges: null });
    expect(without.body).toMatchObject({ charges: null, ticketTypes: [{ breakdown: [] }] });
  });

  it.each([
    [{ fees: [{ name: 'A', refundable: true }] }, 'amount_or_basis_points'],
    [
      { fees: [{ name: 'A', refundable: true, basisPoints: 1, amount: eur(1) }] },
      'amount_or_basis_points',
    ],
    [
      { fees: [{ name: 'A', refundable: true, amount: { amount: 1, currency: 'USD' } }] },
      'wrong_currency',
    ],
    [
      { fees: [6_000, 5_000].map((basisPoints) => ({ name: 'A', refundable: true, basisPoints })) },
      'over_price',
    ],
    [{ fees: [{ name: 'A', refundable: true, basisPoints: 2.5 }] }, 'invalid_type'],
  ])('%o are refused: %s', async (wrong, code) => {
    const made = await app.admin.post('/events', {
      name: 'Wrong',
      startsAt: inDays(9),
      timezone: 'Europe/Berlin',
      currency: 'EUR',
      charges: wrong,
    });
    expect(made.body).toMatchObject({ status: 422, issues: [{ code }] });
  });
});

describe('D10 what an order contains', () => {
  it('is kept as it was when it was booked', async () => {
    const order = await bought(2);
    const before = (await app.admin.get(`/events/${order.eventId}`)).body;
    await app.admin.put(`/events/${order.eventId}`, { ...before, charges: null });
    expect(lines((await order.read()).breakdown)).toEqual([
      ['tickets', 5_000, false],
      ['fee', 400, true],
      ['fee', 124, true],
      ['tax', 798, true],
    ]);
  });

  it('goes back to the buyer without the fees that do not', async () => {
    const order = await bought(2);
    const [first] = (await order.read()).tickets;
    const body = { ticketIds: [first.id], reason: 'Cannot come' };
    const refunded = await order.buyer.post(`${order.path}/refunds`, body, newKey());
    expect(refunded.body).toMatchObject({
      status: 'partially_refunded',
      refunds: [{ amount: eur(2_300) }],
    });
    expect(refunded.body.tickets.find(({ id }: { id: string }) => id === first.id)).toMatchObject({
      status: 'void',
      kept: eur(200),
    });
    await order.buyer.post(`${order.path}/cancel`);
    expect((await order.read()).refunds.map((refund: { amount: object }) => refund.amount)).toEqual(
      [eur(2_300), eur(2_300)],
    );
    await expectAuditClean(app);
  });

  it('goes back whole where the organizer gives it back, or cancels the event', async () => {
    const [byStaff, cancelled] = [await bought(1), await bought(1)];
    await app.admin.post(`${byStaff.path}/cancel`);
    await app.admin.post(`/events/${cancelled.eventId}/cancel`, {}, newKey());
    for (const order of [byStaff, cancelled]) {
      const ended = await eventually(order.read, ({ status }) => status === 'refunded');
      expect(ended.refunds).toMatchObject([{ amount: eur(2_500) }]);
      expect(ended.tickets[0]).not.toHaveProperty('kept');
    }
    await expectAuditClean(app);
  });

  it('goes back whole to who cancels while they may choose what they get', async () => {
    const order = await bought(2);
    const [first] = (await order.read()).tickets;
    const offer = { remedies: ['refund', 'credit'] };
    await app.admin.post(`/events/${order.eventId}/cancel`, offer, newKey());
    await eventually(order.read, ({ remedy }) => remedy?.status === 'offered');
    const body = { ticketIds: [first.id], reason: 'Off anyway' };
    await order.buyer.post(`${order.path}/refunds`, body, newKey());
    await order.buyer.post(`${order.path}/cancel`);
    const ended = await order.read();
    expect(ended).toMatchObject({ status: 'refunded' });
    expect(ended.refunds).toMatchObject([{ amount: eur(2_500) }, { amount: eur(2_500) }]);
    await expectAuditClean(app);
  });

  it('is no refund at all where all of it is a fee that is kept', async () => {
    const all = { fees: [{ name: 'Donation', basisPoints: 10_000, refundable: false }] };
    const order = await bought(1, { charges: all });
    const ended = await order.buyer.post(`${order.path}/cancel`);
    expect(ended.body).toMatchObject({
      status: 'refunded',
      refunds: [],
      tickets: [{ kept: eur(2_500) }],
    });
    await expectAuditClean(app);
  });
});
