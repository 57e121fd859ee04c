/** G7, D10: a buyer's bank takes money back, and decides. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, newKey } from '../kit/given.ts';
import { bought, disputing as disputingOf, turn } from '../kit/purchases.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

type Bought = Awaited<ReturnType<typeof bought>>;

const disputing = (purchase: Bought, amountMinor?: number) =>
  disputingOf(app, purchase, amountMinor);

const available = async ({ eventId }: Bought) =>
  (await app.guest.get(`/events/${eventId}/availability`)).body.ticketTypes[0].available;

const codesOf = (order: { tickets: { code: string | null }[] }) =>
  order.tickets.map(({ code }) => code !== null);

describe('G7: a dispute that is open', () => {
  it('withholds the codes and every refund, also that of a cancelled event', async () => {
    const purchase = await bought(app);
    const say = disputing(purchase);
    await say('open', 2);
    const order = await purchase.read();
    expect(order).toMatchObject({
      status: 'confirmed',
      payments: [{ status: 'disputed' }],
      disputes: [{ status: 'open', amount: { amount: 5_000 }, reason: 'fraudulent' }],
    });
    expect(codesOf(order)).toEqual([false, false]);
    const [ticket] = order.tickets;
    const picture = await purchase.buyer.get(`/orders/${order.id}/tickets/${ticket.id}/qr.svg`);
    expect(picture.body.code).toBe('ticket_not_valid');
    const path = `/orders/${order.id}/refunds`;
    const refused = await app.admin.post(path, { reason: 'ill' }, newKey());
    expect([refused.status, refused.body.code]).toEqual([409, 'payment_disputed']);
    const cancelled = await app.admin.post(`/orders/${order.id}/cancel`, {}, newKey());
    expect([cancelled.status, cancelled.body.code]).toEqual([409, 'payment_disputed']);
    expect(await purchase.entries()).toEqual([
      'capture provider sales 5000',
      'dispute_opened disputed provider 5000',
    ]);
    await expectAuditClean(app);
  });

  it('won, leaves everything as it was', async () => {
    const purchase = await bought(app);
    const say = disputing(purchase);
    await say('open');
    await say('won', 2);
    const order = await purchase.read();
    expect(order).toMatchObject({
      status: 'confirmed',
      payments: [{ status: 'captured' }],
      disputes: [{ status: 'won' }],
    });
    expect(codesOf(order)).toEqual([true, true]);
    expect((await purchase.entries()).slice(2)).toEqual(['dispute_won provider disputed 5000']);
    const path = `/orders/${order.id}/refunds`;
    expect((await app.admin.post(path, { reason: 'ill' }, newKey())).status).toBe(201);
    await expectAuditClean(app);
  });

  it('lost, ends the order: tickets die, places are on sale again, the money is gone', async () => {
    const purchase = await bought(app);
    const say = disputing(purchase);
    await say('open');
    expect(await available(purchase)).toBe(8);
    await say('lost', 2);
    expect(await purchase.read()).toMatchObject({
      status: 'refunded',
      statusReason: 'dispute_lost',
      payments: [{ status: 'captured' }],
      refunds: [],
      disputes: [{ status: 'lost' }],
      tickets: [
        { status: 'void', voidReason: 'dispute_lost' },
        { status: 'void', voidReason: 'dispute_lost' },
      ],
    });
    expect(await available(purchase)).toBe(10);
    expect((await purchase.entries()).slice(2)).toEqual(['dispute_lost losses disputed 5000']);
    await expectAuditClean(app);
  });

  it('heard of when it is over already, is booked from its beginning', async () => {
    const purchase = await bought(app);
    await disputing(purchase)('lost');
    expect(await purchase.entries()).toEqual([
      'capture provider sales 5000',
      'dispute_opened disputed provider 5000',
      'dispute_lost losses disputed 5000',
    ]);
    await expectAuditClean(app);
  });
});

describe('G7: a dispute of another amount than what is live', () => {
  it('less: the rest goes back to the buyer', async () => {
    const purchase = await bought(app);
    await disputing(purchase, 3_000)('lost');
    await turn(app);
    expect(await purchase.read()).toMatchObject({
      status: 'refunded',
      refunds: [{ amount: { amount: 2_000 }, reason: 'dispute_lost' }],
    });
    await expectAuditClean(app);
  });

  it('more, beside a refund that is owed: the bank has paid it, and nobody pays it again', async () => {
    const purchase = await bought(app);
    const { order } = purchase;
    const asked = { ticketIds: [order.tickets[0].id], reason: 'ill' };
    await app.admin.post(`/orders/${order.id}/refunds`, asked, newKey());
    const say = disputing(purchase, 5_000);
    await say('open');
    await turn(app);
    expect((await purchase.read()).refunds).toMatchObject([{ status: 'owed' }]);
    await say('lost');
    await turn(app);
    expect(await purchase.read()).toMatchObject({
      status: 'refunded',
      refunds: [{ status: 'succeeded' }],
    });
    expect((await purchase.entries()).slice(3)).toEqual([
      'refund_paid refunds_owed disputed 2500',
      'dispute_lost losses disputed 2500',
    ]);
    // Whatever the bank did, we have sent nothing.
    expect(await purchase.left()).toBe(5_000);
    await expectAuditClean(app);
  });

  it('after everything was refunded, is a loss and changes no ticket', async () => {
    const purchase = await bought(app);
    await app.admin.post(`/orders/${purchase.orderId}/refunds`, { reason: 'ill' }, newKey());
    await turn(app);
    await disputing(purchase, 5_000)('lost');
    expect(await purchase.read()).toMatchObject({ status: 'refunded', statusReason: 'ill' });
    expect((await purchase.entries()).at(-1)).toBe('dispute_lost losses disputed 5000');
    await expectAuditClean(app);
  });
});

describe('G7: a cancelled event', () => {
  it('refunds a disputed order when the dispute is won, not before', async () => {
    const purchase = await bought(app);
    const say = disputing(purchase);
    await say('open');
    const cancel = { remedies: ['refund'], defaultRemedy: 'refund' };
    const answer = await app.admin.post(`/events/${purchase.eventId}/cancel`, cancel, newKey());
    expect(answer.body.status).toBe('cancelled');
    await turn(app);
    expect((await purchase.read()).status).toBe('confirmed');
    await say('won');
    await turn(app);
    expect((await purchase.read()).status).toBe('refunded');
    await turn(app);
    expect(await purchase.left()).toBe(0);
    await expectAuditClean(app);
  });
});

describe('G7: an order of which credit paid a part', () => {
  it('keeps that part when the dispute is lost: nobody disputed it', async () => {
    const { organizerId } = (await app.admin.get('/me')).body;
    const gift = { amount: eur(2_000) };
    const given = await app.admin.post(`/organizers/${organizerId}/credits`, gift, newKey());
    const purchase = await bought(app, { creditCode: given.body.secret });
    expect(purchase.order.payments).toMatchObject([{ captured: { amount: 3_000 } }]);
    const say = disputing(purchase, 3_000);
    await say('open');
    await say('lost');
    const order = await purchase.read();
    expect(order).toMatchObject({ status: 'refunded', refunds: [], creditReturns: [] });
    const kept = order.tickets.map((t: { kept?: { amount: number } }) => t.kept?.amount ?? 0);
    expect(kept).toEqual([2_000, 0]);
    await expectAuditClean(app);
  });
});

describe('G7: a dispute and a refund at the same moment', () => {
  it('are decided one after the other: the refund is owed, or refused', async () => {
    for (const isDisputeFirst of [true, false]) {
      const purchase = await bought(app);
      const say = disputing(purchase);
      const refund = () =>
        app.admin.post(`/orders/${purchase.orderId}/refunds`, { reason: 'ill' }, newKey());
      const both = isDisputeFirst ? [say('open'), refund()] : [refund(), say('open')];
      await Promise.all([...both, say('open')]);
      const order = await purchase.read();
      expect(order.payments[0].status).toBe('disputed');
      expect(order.status).toBe(order.refunds.length === 0 ? 'confirmed' : 'refunded');
      await turn(app);
      expect(await purchase.left()).toBe(5_000);
      await expectAuditClean(app);
    }
  });
});
