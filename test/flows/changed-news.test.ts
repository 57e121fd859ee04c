/** D8: what is told is so when it is sent, also where things go on between owing and sending. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { book, inDays, onSale, payWith } from '../kit/given.ts';
import { deliver, mailbox } from '../kit/mailbox.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  // A consumer begins with what comes after it was first seen.
  await app.drainFacts();
});
afterAll(() => app.close());

/** As if the time of these jobs had come, or would come in an hour. */
const due = (kind: string, seconds = 0) =>
  app.ctx.db.pool.query(
    `update kernel.job set run_at = clock_timestamp() + make_interval(secs => $2)
     where kind like $1`,
    [kind, seconds],
  );

let buyers = 0;
async function bought(sale: { eventId: string; typeId: string }) {
  buyers += 1;
  const email = `bea${buyers}@example.org`;
  const { body } = await book(app.guest, sale.eventId, sale.typeId, {
    ...{ method: 'simulated', buyer: { name: 'Bea', email } },
  });
  await due('%');
  await app.drainJobs();
  await app.drainFacts();
  return { email, orderId: body.order.id as string, token: body.accessToken as string };
}

const subjects = async (to: string) => (await mailbox(app, to)).map(({ subject }) => subject);
const reschedule = (eventId: string) =>
  app.admin.post(`/events/${eventId}/reschedule`, {
    ...{ startsAt: inDays(60), remedies: ['refund', 'credit'] },
  });

/** The news are owed and their time has come, and nobody has been offered anything yet. */
async function tellBeforeOffers(): Promise<void> {
  await due('follow_change', 3_600);
  await deliver(app);
  await due('send_message');
  await app.drainJobs();
}

async function offer(): Promise<void> {
  await due('follow_change');
  await deliver(app);
  await due('send_message');
  await app.drainJobs();
}

describe('D8 the news of a change', () => {
  it('D8 waits for what this change offers, whatever an earlier one has offered', async () => {
    const sale = await onSale(app.admin);
    const { email } = await bought(sale);
    await deliver(app);
    expect((await reschedule(sale.eventId)).status).toBe(200);
    await offer();
    expect(await subjects(email)).toEqual(['New date: Test night', 'Your tickets: Test night']);

    const remedies = { remedies: ['refund', 'credit'], defaultRemedy: 'refund' };
    expect((await app.admin.post(`/events/${sale.eventId}/cancel`, remedies)).status).toBe(200);
    await tellBeforeOffers();
    expect((await subjects(email))[0]).toBe('New date: Test night');
    await offer();
    const [told] = await mailbox(app, email);
    expect(told?.subject).toBe('Cancelled: Test night');
    expect(told?.text).toContain('your money back, or a credit with the organizer');
    expect(told?.text).not.toContain('keep');
  });

  it('D8 is not for whoever has bought what it made of the event', async () => {
    const sale = await onSale(app.admin, { capacity: 10 });
    const before = await bought(sale);
    await deliver(app);
    expect((await reschedule(sale.eventId)).status).toBe(200);
    app.clock.advance(1_000);
    const after = await bought(sale);
    await offer();
    expect(await subjects(before.email)).toContain('New date: Test night');
    expect(await subjects(after.email)).toEqual(['Your tickets: Test night']);
    const { body } = await app.as(after.token).get(`/orders/${after.orderId}/messages`);
    expect(body.data).toHaveLength(1);
  });

  it('D8 comes late where it took long to decide what is offered', async () => {
    const sale = await onSale(app.admin);
    const { email, orderId, token } = await bought(sale);
    await deliver(app);
    expect((await reschedule(sale.eventId)).status).toBe(200);
    await tellBeforeOffers();
    app.clock.advance(3_601_000);
    await due('send_message');
    await app.drainJobs();
    const { body } = await app.as(token).get(`/orders/${orderId}/messages`);
    expect(body.data[1]).toMatchObject({ state: 'failed', reason: 'never_decided' });
    await offer();
    expect((await subjects(email))[0]).toBe('New date: Test night');
    app.clock.advance(-3_601_000);
  });
});

describe('D8 the news of an end', () => {
  it('D8 is not told where money that came late was honoured meanwhile', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const email = 'late@example.org';
    const { body } = await book(app.guest, eventId, typeId, { buyer: { name: 'Late', email } });
    await payWith(app, body.payment.clientSecret);
    app.clock.advance(3_600_000);
    expect(await expireOrders(app.ctx)).toBeGreaterThan(0);
    await app.drainFacts();
    const paymentId = body.order.payments[0].id as Id<'pay'>;
    await settlePayment(app.ctx, eventOf(paymentId), paymentId);
    await deliver(app);
    await due('send_message');
    await deliver(app);
    expect((await app.as(body.accessToken).get(`/orders/${body.order.id}`)).body.status).toBe(
      'confirmed',
    );
    expect(await subjects(email)).toEqual(['Your tickets: Test night']);
    app.clock.advance(-3_600_000);
  });
});
