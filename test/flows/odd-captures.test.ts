/** G8: what the provider took is not what was asked for: no tickets, and the money goes back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, onSale, payWith } from '../kit/given.ts';
import { turn } from '../kit/purchases.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const sql = (text: string, ...values: unknown[]) =>
  app.database.open(null).pool.query(text, values);

/** Paid by the buyer, not yet looked at; `captured` by somebody at the provider's dashboard. */
async function paid(options: { readonly captured: boolean }) {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 4 });
  const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
  const { clientSecret } = booked.body.payment;
  await payWith(app, clientSecret);
  const intentId = clientSecret.replace(/_secret_.*/, '');
  const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
  const { account } = (
    await sql('select account from payments.payment where payment_id = $1', paymentId)
  ).rows[0];
  if (options.captured) await app.ctx.ports.payments.of(account).captureIntent(intentId, intentId);
  const buyer = app.as(booked.body.accessToken);
  return {
    eventId,
    paymentId,
    settle: () => settlePayment(app.ctx, eventOf(paymentId), paymentId),
    read: async () => (await buyer.get(`/orders/${booked.body.order.id}`)).body,
    left: async () => {
      const ledger = await app.parts.sandbox?.ledger();
      return ledger?.byIntent.find((entry) => entry.intentId === intentId)?.netMinor ?? 0;
    },
    available: async () =>
      (await app.guest.get(`/events/${eventId}/availability`)).body.ticketTypes[0].available,
  };
}

describe('G8: another amount', () => {
  it.each([4_000, 6_000])('is recorded and owed back where %s was asked for', async (asked) => {
    const p = await paid({ captured: true });
    await sql(
      'update payments.payment set amount_minor = $1 where payment_id = $2',
      asked,
      p.paymentId,
    );
    await p.settle();
    await p.settle();
    expect(await p.read()).toMatchObject({
      status: 'failed',
      statusReason: 'amount_differs',
      tickets: [],
      payments: [{ status: 'captured', captured: { amount: 5_000, currency: 'EUR' } }],
      refunds: [{ amount: { amount: 5_000, currency: 'EUR' }, reason: 'amount_differs' }],
    });
    expect(await p.available()).toBe(4);
    await turn(app);
    expect(await p.left()).toBe(0);
    expect((await p.read()).refunds).toMatchObject([{ status: 'succeeded' }]);
    await expectAuditClean(app);
  });

  it('that is only authorised is given up: no money was taken', async () => {
    const p = await paid({ captured: false });
    await sql('update payments.payment set amount_minor = 4000 where payment_id = $1', p.paymentId);
    await p.settle();
    expect(await p.read()).toMatchObject({ status: 'failed', refunds: [], tickets: [] });
    expect([await p.left(), await p.available()]).toEqual([0, 4]);
    await expectAuditClean(app);
  });
});

describe('G8: another currency', () => {
  it('is recorded as it was taken, and owed back in it', async () => {
    const p = await paid({ captured: true });
    await sql(
      `with o as (update orders.order set currency = 'CHF' where event_id = $1)
       update payments.payment set currency = 'CHF' where event_id = $1`,
      p.eventId,
    );
    await p.settle();
    expect(await p.read()).toMatchObject({
      status: 'failed',
      tickets: [],
      payments: [{ captured: { amount: 5_000, currency: 'EUR' } }],
      refunds: [{ amount: { amount: 5_000, currency: 'EUR' } }],
    });
    await turn(app);
    expect(await p.left()).toBe(0);
    await expectAuditClean(app);
  });
});
