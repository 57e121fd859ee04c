/** B8–B11: a shopping session from landing on the page to the tickets, over HTTP. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sessionRecurring } from '../../server/modules/sessions/index.ts';
import { expireRecurring, sweepRecurring } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, inDays, newKey, onSale, somebody } from '../kit/given.ts';
import { seatedSale } from '../kit/seated.ts';
import { beginToShop, codesOf, payFor, readyToBuy } from '../kit/shopper.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterEach(async () => {
  app.parts.sandbox?.setFaults({ rules: [] });
  await sweepRecurring.run(app.ctx);
  app.clock.advance(-app.clock.offsetMs());
});
afterAll(() => app.close());

const MINUTE_MS = 60_000;
const available = async (eventId: string): Promise<number> =>
  (await app.guest.get(`/events/${eventId}/availability`)).body.ticketTypes[0].available;

describe('the journey', () => {
  it('B8 B10 B11: landing, places, buyer, attendees, payment, purchase, receipt', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const shopper = await beginToShop(app, eventId);
    expect(shopper.begun).toMatchObject({
      eventId,
      status: 'open',
      selection: null,
      buyer: null,
      attendees: [],
      payment: null,
      total: { amount: 0, currency: 'EUR' },
    });
    expect(codesOf(shopper.begun.issues)).toEqual([
      'selection_missing',
      'buyer_missing',
      'payment_missing',
    ]);
    const selected = await shopper.select([{ ticketTypeId: typeId, quantity: 2 }]);
    expect(selected.body).toMatchObject({
      selection: {
        items: [{ ticketTypeId: typeId, quantity: 2, unitPrice: { amount: 2_500 } }],
      },
      total: { amount: 5_000, currency: 'EUR' },
      expiresAt: shopper.begun.expiresAt,
    });
    expect(await available(eventId)).toBe(8);
    const buyer = { ...somebody(), phone: '+491701234567' };
    expect((await shopper.buyer(buyer)).body).toMatchObject({ buyer });
    const people = [{ name: 'Ada' }, { name: 'Grace', email: 'grace@example.org' }];
    expect((await shopper.attendees(people)).body.attendees).toEqual([
      { name: 'Ada', email: null },
      people[1],
    ]);
    const ready = await shopper.payBy('payment_intent');
    expect(ready.body).toMatchObject({ issues: [], payment: { method: 'payment_intent' } });
    expect(ready.body.order).toBeUndefined();
    const purchased = await shopper.purchase();
    expect(purchased.status).toBe(200);
    expect(purchased.body).toMatchObject({
      status: 'purchasing',
      issues: [],
      payment: { method: 'payment_intent', provider: 'stripe' },
      order: { status: 'pending', buyer, total: { amount: 5_000 }, tickets: [] },
    });
    expect(purchased.body.payment.clientSecret).toMatch(/_secret_/);
    expect(purchased.body.payment.redirectUrl).toMatch(/^http/);
    await payFor(app, purchased);
    const done = await shopper.read();
    expect(done).toMatchObject({
      status: 'completed',
      issues: [],
      total: { amount: 5_000 },
      order: { status: 'confirmed', tickets: [{ status: 'valid' }, { status: 'valid' }] },
    });
    expect(done.order.attendees).toEqual(done.attendees);
    for (const ticket of done.order.tickets) expect(ticket.code).toMatch(/^F1/);
    // The session's token opens the order and what is printed of it.
    const order = await shopper.caller.get(`/orders/${done.order.id}`);
    expect(order.body).toMatchObject({ id: done.order.id, status: 'confirmed' });
    expect((await shopper.caller.get(`/orders/${done.order.id}/tickets.pdf`)).status).toBe(200);
    await expectAuditClean(app);
  });

  it('B11: a simulated payer, and tickets of which nothing has to be paid', async () => {
    const paid = await onSale(app.admin);
    const shopper = await readyToBuy(app, paid.eventId, paid.typeId, { method: 'simulated' });
    expect((await shopper.purchase()).body.status).toBe('purchasing');
    app.clock.advance(2_000);
    await app.database.open(null).pool.query('update kernel.job set run_at = clock_timestamp()');
    await app.drainJobs();
    expect((await shopper.read()).status).toBe('completed');
    const free = await onSale(app.admin, { price: 0 });
    const guest = await beginToShop(app, free.eventId);
    await guest.select([{ ticketTypeId: free.typeId, quantity: 3 }]);
    // How to pay is not asked for.
    expect((await guest.buyer()).body.issues).toEqual([]);
    const done = await guest.purchase('free');
    expect(done.body).toMatchObject({ status: 'completed', order: { status: 'confirmed' } });
    expect(done.body.order.tickets).toHaveLength(3);
    expect((await guest.purchase('free')).body).toEqual(done.body);
    await expectAuditClean(app);
  });

  it('B9: a seat that is chosen is nobody else’s at once, and a refused swap loses nothing', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 2, places: 5 });
    const [ann, bob] = [await beginToShop(app, eventId), await beginToShop(app, eventId)];
    const seats = (...seatIds: string[]) => [{ ticketTypeId: typeId, seatIds }];
    expect((await ann.select(seats('A-1-1', 'A-1-2'))).status).toBe(200);
    const refused = await bob.select(seats('A-1-2', 'A-1-3'));
    expect(refused.body).toMatchObject({ status: 409, code: 'seat_taken', seatIds: ['A-1-2'] });
    expect((await bob.read()).selection).toBeNull();
    expect((await bob.select(seats('A-1-3', 'A-1-4'))).status).toBe(200);
    const swapped = await ann.select(seats('A-1-2', 'A-1-3'));
    expect(swapped.body).toMatchObject({ code: 'seat_taken', seatIds: ['A-1-3'] });
    expect((await ann.read()).selection.items[0].seats).toEqual(['A-1-1', 'A-1-2']);
    const best = [{ ticketTypeId: typeId, bestAvailable: { quantity: 3 } }];
    expect((await ann.select(best)).body.selection.items[0].seats).toHaveLength(3);
    expect((await bob.select(seats('A-1-1'))).status).toBe(200);
    await expectAuditClean(app);
  });

  it('B10: an empty selection gives up what was chosen', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const shopper = await readyToBuy(app, eventId, typeId);
    expect(await available(eventId)).toBe(0);
    const empty = await shopper.select([]);
    expect(empty.body).toMatchObject({ selection: null, total: { amount: 0 } });
    expect(codesOf(empty.body.issues)).toEqual(['selection_missing']);
    expect(await available(eventId)).toBe(2);
    expect((await shopper.select([{ ticketTypeId: typeId, quantity: 1 }])).status).toBe(200);
    expect(await available(eventId)).toBe(1);
    await expectAuditClean(app);
  });
});

describe('the countdown', () => {
  it('B8: lasts as long as the event says, from the beginning, whatever is chosen', async () => {
    const short = { holdMinutes: 60, shoppingMinutes: 2 };
    const { event, eventId, typeId } = await onSale(app.admin, { capacity: 2, more: short });
    expect(event).toMatchObject({ shoppingMinutes: 2 });
    const usual = await onSale(app.admin);
    expect(usual.event).toMatchObject({ shoppingMinutes: 30 });
    const clone = await app.admin.post(`/events/${eventId}/clone`, { startsAt: inDays(60) });
    expect(clone.body).toMatchObject({ shoppingMinutes: 2, holdMinutes: 60 });
    const shopper = await readyToBuy(app, eventId, typeId);
    const { expiresAt } = shopper.begun;
    const { rows } = await app.ctx.db.pool.query(
      'select expires_at from inventory.hold where event_id = $1',
      [eventId],
    );
    expect(rows.map((row) => row.expires_at.toISOString())).toEqual([expiresAt]);
    app.clock.advance(MINUTE_MS);
    const swapped = await shopper.select([{ ticketTypeId: typeId, quantity: 1 }]);
    expect(swapped.body.expiresAt).toBe(expiresAt);
    expect(swapped.body.secondsLeft).toBeLessThanOrEqual(60);
    app.clock.advance(MINUTE_MS);
    expect(await shopper.read()).toMatchObject({
      status: 'expired',
      expiresAt,
      secondsLeft: 0,
      selection: null,
      issues: [{ path: '', code: 'expired' }],
    });
    for (const late of [
      await shopper.select([{ ticketTypeId: typeId, quantity: 1 }]),
      await shopper.buyer(),
      await shopper.payBy('simulated'),
      await shopper.purchase(),
    ]) {
      expect(late.body).toMatchObject({ status: 409, code: 'session_expired' });
    }
    expect((await book(app.guest, eventId, typeId, { quantity: 2 })).status).toBe(201);
  });

  it('B8: an order that nobody pays ends with it', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { shoppingMinutes: 1 } });
    const shopper = await readyToBuy(app, eventId, typeId);
    const purchased = await shopper.purchase();
    expect(purchased.body.order.expiresAt).toBe(shopper.begun.expiresAt);
    app.clock.advance(MINUTE_MS + 1_000);
    await expireRecurring.run(app.ctx);
    expect(await shopper.read()).toMatchObject({
      status: 'expired',
      order: { status: 'cancelled', statusReason: 'expired' },
    });
    await sessionRecurring.run(app.ctx);
    const { rows } = await app.ctx.db.pool.query(
      'select status from sessions.session where session_id = $1',
      [shopper.id],
    );
    expect(rows).toEqual([{ status: 'expired' }]);
    await expectAuditClean(app);
  });

  it('B8: what was said is deleted some days after the end', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { shoppingMinutes: 1 } });
    const [left, expired] = [
      await readyToBuy(app, eventId, typeId),
      await readyToBuy(app, eventId, typeId),
    ];
    expect((await left.leave()).status).toBe(204);
    const kept = async () => {
      const { rows } = await app.ctx.db.pool.query(
        'select session_id from sessions.session where event_id = $1',
        [eventId],
      );
      return rows.length;
    };
    for (const [days, expected] of [
      [0.01, 2],
      [6, 2],
      [8, 0],
    ] as const) {
      app.clock.advance(days * 86_400_000 - app.clock.offsetMs());
      await sessionRecurring.run(app.ctx);
      expect(await kept()).toBe(expected);
    }
    expect((await expired.caller.get(`/shopping-sessions/${expired.id}`)).status).toBe(404);
  });
});

describe('issues', () => {
  it('B10: a purchase with something missing is refused, with all of it', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await beginToShop(app, eventId);
    const empty = await shopper.purchase();
    expect(empty.body).toMatchObject({ status: 409, code: 'session_has_issues' });
    expect(codesOf(empty.body.issues)).toEqual([
      'selection_missing',
      'buyer_missing',
      'payment_missing',
    ]);
    await shopper.select([{ ticketTypeId: typeId, quantity: 1 }]);
    await shopper.buyer();
    await shopper.payBy('payment_intent');
    const crowd = await shopper.attendees([{ name: 'A' }, { name: 'B' }]);
    expect(crowd.body.issues).toMatchObject([{ path: 'attendees', code: 'attendees_too_many' }]);
    expect((await shopper.purchase()).body.issues).toMatchObject([{ code: 'attendees_too_many' }]);
    await shopper.attendees([{ name: 'A' }]);
    expect((await shopper.purchase()).status).toBe(200);
  });

  it('B10: a key is needed to purchase', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const bare = await shopper.caller.post(`/shopping-sessions/${shopper.id}/purchase`, {});
    expect(bare.body).toMatchObject({ status: 400, code: 'idempotency_key_required' });
    expect((await shopper.read()).status).toBe('open');
  });

  it('B10 F4: a cap per person counts the session first, then its buyer', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 4 } });
    const greedy = { name: 'Greedy', email: 'greedy@example.org' };
    await book(app.guest, eventId, typeId, { quantity: 3, buyer: greedy });
    const shopper = await beginToShop(app, eventId);
    const five = await shopper.select([{ ticketTypeId: typeId, quantity: 5 }]);
    expect(five.body).toMatchObject({ status: 409, code: 'per_person_limit' });
    await shopper.select([{ ticketTypeId: typeId, quantity: 2 }]);
    await shopper.payBy('payment_intent');
    const named = await shopper.buyer(greedy);
    expect(named.status).toBe(200);
    expect(named.body).toMatchObject({
      buyer: greedy,
      selection: { items: [{ quantity: 2 }] },
      issues: [{ path: 'selection', code: 'per_person_limit' }],
    });
    expect((await shopper.purchase()).body).toMatchObject({
      code: 'session_has_issues',
      issues: [{ code: 'per_person_limit' }],
    });
    const fewer = await shopper.select([{ ticketTypeId: typeId, quantity: 1 }]);
    expect(fewer.body.issues).toEqual([]);
    // A second session of the same buyer finds the cap used up; of another buyer it does not.
    const second = await readyToBuy(app, eventId, typeId, { quantity: 1, buyer: greedy });
    expect(codesOf((await second.read()).issues)).toEqual(['per_person_limit']);
    expect((await second.buyer()).body.issues).toEqual([]);
    expect((await second.purchase()).status).toBe(200);
    // Who was named by mistake is not counted any more: Greedy's own session still has its one.
    expect((await shopper.purchase()).status).toBe(200);
    await expectAuditClean(app);
  });

  it('B11: the provider’s own page, and where it may send the buyer', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const at = `/shopping-sessions/${shopper.id}/payment`;
    const elsewhere = { method: 'checkout_session', returnUrl: 'https://elsewhere.example/' };
    const refused = await shopper.caller.put(at, elsewhere);
    expect(refused.body).toMatchObject({ status: 422, code: 'return_url_not_allowed' });
    expect((await shopper.payBy('checkout_session')).body.issues).toEqual([]);
    const purchased = await shopper.purchase();
    expect(purchased.body).toMatchObject({
      status: 'purchasing',
      payment: { method: 'checkout_session', redirectUrl: expect.stringMatching(/^http/) },
    });
    expect((await shopper.read()).payment).toEqual(purchased.body.payment);
    await expectAuditClean(app);
  });

  it('B10: places that somebody took away are told as lost', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const { rows } = await app.ctx.db.pool.query(
      'select hold_id from inventory.hold where event_id = $1',
      [eventId],
    );
    expect((await app.guest.delete(`/holds/${rows[0].hold_id}`)).status).toBe(404);
    expect((await app.admin.delete(`/holds/${rows[0].hold_id}`)).status).toBe(204);
    const { selection, issues } = await shopper.read();
    expect({ selection, codes: codesOf(issues) }).toEqual({
      selection: null,
      codes: ['selection_lost'],
    });
    expect((await shopper.select([{ ticketTypeId: typeId, quantity: 1 }])).body.issues).toEqual([]);
    expect((await shopper.purchase()).status).toBe(200);
    await expectAuditClean(app);
  });
});

describe('who and when', () => {
  it('B8: begins only while there is something to choose from', async () => {
    const begin = (eventId: string) =>
      app.guest.post(`/events/${eventId}/shopping-sessions`, {}, newKey());
    const later = await onSale(app.admin, { more: { salesOpenAt: inDays(2) } });
    expect((await begin(later.eventId)).body.code).toBe('sale_not_open');
    const paused = await onSale(app.admin);
    await app.admin.post(`/events/${paused.eventId}/sales/pause`);
    expect((await begin(paused.eventId)).body.code).toBe('sale_paused');
    await app.admin.post(`/events/${paused.eventId}/sales/close`);
    expect((await begin(paused.eventId)).body.code).toBe('sale_closed');
    await app.admin.post(`/events/${paused.eventId}/cancel`);
    expect((await begin(paused.eventId)).body.code).toBe('event_cancelled');
    const draft = await onSaleDraft();
    expect((await begin(draft)).status).toBe(404);
  });

  it('G14: a lost answer is found again by its key; a token only by whoever can prove themselves', async () => {
    const { eventId } = await onSale(app.admin);
    const at = `/events/${eventId}/shopping-sessions`;
    const key = newKey();
    const device = { ...key, 'x-device-token': 'device-of-somebody-0123456789' };
    const first = await app.guest.post(at, {}, device);
    expect((await app.guest.post(at, {}, device)).body).toEqual({
      ...first.body,
      secondsLeft: expect.any(Number),
    });
    const bare = await app.guest.post(at, {}, key);
    expect(bare.body.id).not.toBe(first.body.id);
    await app.as(bare.body.accessToken).put(`/shopping-sessions/${bare.body.id}/buyer`, somebody());
    const again = await app.guest.post(at, {}, key);
    expect(again.body).toMatchObject({ id: bare.body.id, buyer: null });
    expect(again.body.accessToken).toBeUndefined();
    const unkeyed = [await app.guest.post(at, {}), await app.guest.post(at, {})];
    expect(unkeyed[0]?.body.id).not.toBe(unkeyed[1]?.body.id);
  });
});

async function onSaleDraft(): Promise<string> {
  const made = await app.admin.post('/events', {
    name: 'Draft',
    startsAt: inDays(30),
    timezone: 'Europe/Berlin',
    currency: 'EUR',
    publish: false,
  });
  return made.body.id;
}
