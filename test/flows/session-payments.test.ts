/** B10: what a declined payment leaves of a session, and what a buyer leaves who goes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, newKey, onSale } from '../kit/given.ts';
import { codesOf, payFor, readyToBuy, settle } from '../kit/shopper.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const available = async (eventId: string): Promise<number> =>
  (await app.guest.get(`/events/${eventId}/availability`)).body.ticketTypes[0].available;

describe('a payment that is declined', () => {
  it('B10: becomes an issue, keeps the places, and the next try completes the session', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const shopper = await readyToBuy(app, eventId, typeId);
    const first = await shopper.purchase('try-1');
    await payFor(app, first, 'pm_card_chargeDeclinedInsufficientFunds');
    const declined = await shopper.read();
    expect(declined).toMatchObject({
      status: 'open',
      expiresAt: shopper.begun.expiresAt,
      selection: { items: [{ quantity: 2 }] },
      payment: { method: 'payment_intent' },
      issues: [{ path: 'payment', code: 'payment_declined', declineCode: 'insufficient_funds' }],
    });
    expect(declined.order).toBeUndefined();
    expect(declined.payment.clientSecret).toBeUndefined();
    expect((await book(app.guest, eventId, typeId)).body.code).toBe('sold_out');
    const failed = await shopper.caller.get(`/orders/${first.body.order.id}`);
    expect(failed.body).toMatchObject({ status: 'failed', statusReason: 'insufficient_funds' });
    // Anything may be changed; how to pay clears the issue.
    const fewer = await shopper.select([{ ticketTypeId: typeId, quantity: 1 }]);
    expect(codesOf(fewer.body.issues)).toEqual(['payment_declined']);
    expect((await shopper.payBy('payment_intent')).body.issues).toEqual([]);
    const second = await shopper.purchase('try-2');
    expect(second.body.order.id).not.toBe(first.body.order.id);
    await payFor(app, second, 'pm_card_chargeDeclined');
    // And it may be tried again as it is.
    const third = await shopper.purchase('try-3');
    await payFor(app, third);
    expect(await shopper.read()).toMatchObject({
      status: 'completed',
      order: { id: third.body.order.id, status: 'confirmed', tickets: [{}] },
    });
    // The same key gets the first answer, whatever has become of that order.
    expect((await shopper.purchase('try-1')).body).toMatchObject({
      status: 'purchasing',
      order: { id: first.body.order.id, status: 'pending' },
    });
    expect(await available(eventId)).toBe(1);
    await expectAuditClean(app);
  });

  it('B10: a buyer who is asked by their bank gets more time, once, and only for that', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { shoppingMinutes: 2 } });
    const shopper = await readyToBuy(app, eventId, typeId);
    const purchased = await shopper.purchase();
    await payFor(app, purchased, 'pm_card_authenticationRequired');
    const waiting = await shopper.read();
    expect(waiting.status).toBe('purchasing');
    expect(Date.parse(waiting.expiresAt)).toBeGreaterThan(Date.parse(shopper.begun.expiresAt));
    // Given up at the provider: the countdown is what it was.
    const [payment] = waiting.order.payments;
    const { rows } = await app.ctx.db.pool.query(
      'select provider_id from payments.payment where payment_id = $1',
      [payment.id],
    );
    await app.ctx.ports.payments.of(null).cancelIntent(rows[0].provider_id, 'by-hand');
    await settle(app, purchased);
    expect(await shopper.read()).toMatchObject({
      status: 'open',
      expiresAt: shopper.begun.expiresAt,
      selection: { items: [{ quantity: 2 }] },
    });
    const held = await app.ctx.db.pool.query(
      'select expires_at, bound from inventory.hold where event_id = $1',
      [eventId],
    );
    expect(held.rows).toEqual([{ expires_at: new Date(shopper.begun.expiresAt), bound: false }]);
    await expectAuditClean(app);
  });

  it('D2: fails a booking as before: its places are free at once', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    await payFor(app, { ...booked, status: 200 }, 'pm_card_chargeDeclined');
    expect(await available(eventId)).toBe(2);
    await expectAuditClean(app);
  });
});

describe('a promo code', () => {
  it('B10: lowers the total, says so where it does not apply, and is used by the purchase', async () => {
    const { eventId, typeId } = await onSale(app.admin, { price: 2_000 });
    const code = { code: 'HALF-OFF', kind: 'percent', percent: 50, maxUses: 1 };
    const made = await app.admin.post(`/events/${eventId}/promo-codes`, code, newKey());
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const shopper = await readyToBuy(app, eventId, typeId, { quantity: 2 });
    const give = (promoCode: string | null) =>
      shopper.caller.put(`/shopping-sessions/${shopper.id}/promo-code`, { promoCode });
    const wrong = await give('NOT-THERE');
    expect(wrong.body).toMatchObject({
      total: { amount: 4_000 },
      issues: [{ path: 'promoCode', code: 'promo_code_invalid' }],
    });
    expect((await shopper.purchase()).body.code).toBe('session_has_issues');
    expect((await give('half-off')).body).toMatchObject({ total: { amount: 2_000 }, issues: [] });
    // A declined payment gives the use back, for the next try.
    await payFor(app, await shopper.purchase(), 'pm_card_chargeDeclined');
    expect(codesOf((await shopper.read()).issues)).toEqual(['payment_declined']);
    const purchased = await shopper.purchase();
    expect(purchased.body.order.total.amount).toBe(2_000);
    await payFor(app, purchased);
    expect(await shopper.read()).toMatchObject({ status: 'completed', total: { amount: 2_000 } });
    const next = await readyToBuy(app, eventId, typeId, { quantity: 1 });
    const late = await next.caller.put(`/shopping-sessions/${next.id}/promo-code`, {
      promoCode: 'HALF-OFF',
    });
    expect(codesOf(late.body.issues)).toEqual(['promo_code_used_up']);
    await expectAuditClean(app);
  });
});

describe('leaving', () => {
  it('B10: frees what was chosen, and an order that waits for its payment', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 4 });
    const [chose, bought] = [
      await readyToBuy(app, eventId, typeId),
      await readyToBuy(app, eventId, typeId),
    ];
    await bought.purchase();
    expect(await available(eventId)).toBe(0);
    expect((await chose.leave()).status).toBe(204);
    expect((await chose.leave()).status).toBe(204);
    expect((await bought.leave()).status).toBe(204);
    expect(await available(eventId)).toBe(4);
    expect((await chose.read()).status).toBe('abandoned');
    expect(await bought.read()).toMatchObject({
      status: 'abandoned',
      order: { status: 'cancelled', statusReason: 'cancelled_by_buyer' },
    });
    expect((await chose.select([])).body.code).toBe('session_ended');
    expect((await chose.purchase()).body.code).toBe('session_ended');
    await app.drainJobs();
    await expectAuditClean(app);
  });

  it('B10: an order that is given up by itself leaves the session open, without places', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const purchased = await shopper.purchase();
    await shopper.caller.post(`/orders/${purchased.body.order.id}/cancel`, {}, newKey());
    const { status, issues } = await shopper.read();
    expect({ status, codes: codesOf(issues) }).toEqual({
      status: 'open',
      codes: ['selection_lost'],
    });
    await app.drainJobs();
    await expectAuditClean(app);
  });

  it('B10: one that is completed stays', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    await payFor(app, await shopper.purchase());
    expect((await shopper.leave()).body).toMatchObject({
      status: 409,
      code: 'session_ended',
      sessionStatus: 'completed',
    });
    expect((await shopper.read()).status).toBe('completed');
  });
});
