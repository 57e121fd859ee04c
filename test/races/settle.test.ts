/**
 * G7, G8, G10: a payment and something else at the same moment. The settlement is held at its named
 * points, or dies there; whatever happens, money and tickets agree afterwards.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier, Died } from '../kit/barrier.ts';
import { book, onSale, payWith } from '../kit/given.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterAll(() => app.close());

/** A booking whose card has been authorised; nobody has looked at it yet. */
async function authorised(more: Record<string, unknown> = {}) {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 2, more });
  const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
  await payWith(app, booked.body.payment.clientSecret);
  const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
  return {
    eventId,
    typeId,
    orderId: booked.body.order.id as string,
    paymentId,
    intentId: booked.body.payment.clientSecret.replace(/_secret_.*/, '') as string,
    buyer: app.as(booked.body.accessToken),
    settle: () => settlePayment(app.ctx, eventOf(paymentId), paymentId),
  };
}

const read = async (a: Awaited<ReturnType<typeof authorised>>) =>
  (await a.buyer.get(`/orders/${a.orderId}`)).body;

async function ledgerOf(intentId: string) {
  const ledger = await app.parts.sandbox?.ledger();
  const entry = ledger?.byIntent.find((intent) => intent.intentId === intentId);
  return { captured: entry?.capturedMinor ?? 0, refunded: entry?.refundedMinor ?? 0 };
}

describe('settlement', () => {
  it('F8 G10 captures once however many look at the payment at once', async () => {
    const a = await authorised();
    await Promise.all(Array.from({ length: 8 }, () => a.settle().catch(() => {})));
    await a.settle();
    const { rows } = await app.ctx.db.pool.query(
      `select to_state from kernel.state_change where object_id = $1 order by seq`,
      [a.paymentId],
    );
    expect(rows.map((row) => row.to_state)).toEqual(['created', 'authorized', 'captured']);
    expect(await read(a)).toMatchObject({ status: 'confirmed', tickets: [{}, {}] });
    expect(await ledgerOf(a.intentId)).toEqual({ captured: 5_000, refunded: 0 });
    await expectAuditClean(app);
  });

  it.each(['settle.before_claim', 'settle.before_capture', 'settle.before_confirm'])(
    'G8 is finished by the next look when the process dies at %s',
    async (point) => {
      const a = await authorised();
      gate.dieAt(point);
      await expect(a.settle()).rejects.toBeInstanceOf(Died);
      expect((await read(a)).status).toBe('pending');
      await a.settle();
      expect((await read(a)).status).toBe('confirmed');
      expect(await ledgerOf(a.intentId)).toEqual({ captured: 5_000, refunded: 0 });
      await expectAuditClean(app);
    },
  );

  it('a hold that is being captured does not lapse', async () => {
    const a = await authorised({ holdMinutes: 1 });
    const stop = gate.stopAt('settle.before_capture');
    const settled = a.settle();
    await stop.arrived;
    app.clock.advance(120_000);
    expect(await expireOrders(app.ctx)).toBe(0);
    const other = await book(app.guest, a.eventId, a.typeId);
    expect(other.body.code).toBe('sold_out');
    stop.go();
    await settled;
    expect((await read(a)).status).toBe('confirmed');
    await expectAuditClean(app);
  });

  it('a hold that lapsed before the claim is voided: no money is taken', async () => {
    const a = await authorised({ holdMinutes: 1 });
    const stop = gate.stopAt('settle.before_claim');
    const settled = a.settle();
    await stop.arrived;
    app.clock.advance(120_000);
    const other = await book(app.guest, a.eventId, a.typeId, { quantity: 2 });
    expect(other.status).toBe(201);
    stop.go();
    await settled;
    expect(await read(a)).toMatchObject({ status: 'cancelled', tickets: [] });
    expect((await read(a)).payments[0].status).toBe('voided');
    expect(await ledgerOf(a.intentId)).toEqual({ captured: 0, refunded: 0 });
    await expectAuditClean(app);
  });

  it('a buyer who gives up while the money is being taken is told to wait', async () => {
    const a = await authorised();
    const stop = gate.stopAt('settle.before_capture');
    const settled = a.settle();
    await stop.arrived;
    const cancelled = await a.buyer.post(`/orders/${a.orderId}/cancel`);
    expect(cancelled.body).toMatchObject({ status: 409, code: 'payment_in_progress' });
    stop.go();
    await settled;
    expect((await read(a)).status).toBe('confirmed');
    await expectAuditClean(app);
  });

  it('G11 an event cancelled while the money is being taken refunds it', async () => {
    const a = await authorised();
    const stop = gate.stopAt('settle.before_capture');
    const settled = a.settle();
    await stop.arrived;
    expect((await app.admin.post(`/events/${a.eventId}/cancel`)).status).toBe(200);
    await app.drainJobs();
    stop.go();
    await settled;
    await app.database.open(null).pool.query(`update kernel.job set run_at = clock_timestamp()`);
    await app.drainJobs();
    expect(await read(a)).toMatchObject({ status: 'refunded', statusReason: 'event_cancelled' });
    expect(await ledgerOf(a.intentId)).toEqual({ captured: 5_000, refunded: 5_000 });
    await expectAuditClean(app);
  });

  it.each([
    ['that found nobody paying in time', 'cancelled', 'voided', undefined],
    ['that saw the first card declined', 'failed', 'failed', 'pm_card_chargeDeclined'],
  ])(
    'G8 a look %s gives back what another has claimed meanwhile, and died',
    async (_what, orderStatus, paymentStatus, firstCard) => {
      const { eventId, typeId } = await onSale(app.admin, {
        capacity: 2,
        more: { holdMinutes: 1 },
      });
      const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
      const { order, payment, accessToken } = booked.body;
      const paymentId = order.payments[0].id as Id<'pay'>;
      const settle = () => settlePayment(app.ctx, eventOf(paymentId), paymentId);
      if (firstCard) {
        await payWith(app, payment.clientSecret, firstCard);
      } else {
        app.clock.advance(120_000);
        await expireOrders(app.ctx);
      }
      const stop = gate.stopAt('void.before_call');
      const gaveUp = settle();
      await stop.arrived;
      await payWith(app, payment.clientSecret);
      gate.dieAt('settle.before_capture');
      await expect(settle()).rejects.toBeInstanceOf(Died);
      stop.go();
      await gaveUp;
      expect((await app.as(accessToken).get(`/orders/${order.id}`)).body).toMatchObject({
        status: orderStatus,
        payments: [{ status: paymentStatus }],
      });
      expect((await book(app.guest, eventId, typeId, { quantity: 2 })).status).toBe(201);
      await expectAuditClean(app);
    },
  );

  it('G8 money that was taken with nothing left to sell is refunded, in the same step', async () => {
    const a = await authorised();
    // Somebody captures by hand, at the provider, after the order was given up.
    await app.ctx.ports.payments.of(null).captureIntent(a.intentId, 'by-hand');
    expect((await a.buyer.post(`/orders/${a.orderId}/cancel`)).status).toBe(200);
    await a.settle();
    await app.drainJobs();
    expect(await read(a)).toMatchObject({
      status: 'cancelled',
      payments: [{ status: 'captured' }],
      refunds: [{ status: 'succeeded', amount: { amount: 5_000 } }],
    });
    expect(await ledgerOf(a.intentId)).toEqual({ captured: 5_000, refunded: 5_000 });
    await expectAuditClean(app);
  });
});
