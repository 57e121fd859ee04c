/** G7, G11: a bank takes money back of which the buyer of a cancelled event got the worth. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, eur, inDays, newKey, onSale } from '../kit/given.ts';
import { deliver, mailbox } from '../kit/mailbox.ts';
import { bought, disputing, turn } from '../kit/purchases.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterAll(() => app.close());

const HOUR_MS = 3_600_000;

/** Also what has to agree an hour later at the latest. */
async function expectBooksEven() {
  await expectAuditClean(app);
  app.clock.advance(2 * HOUR_MS);
  await expectAuditClean(app);
  app.clock.advance(-2 * HOUR_MS);
}

/** Two tickets of a cancelled event, whose buyer may choose; another event for vouchers. */
async function offered() {
  const purchase = await bought(app);
  const there = await onSale(app.admin, { capacity: 4, more: { startsAt: inDays(90) } });
  const offer = {
    remedies: ['refund', 'credit', 'voucher'],
    chooseBy: inDays(10),
    rescheduledEventId: there.eventId,
  };
  const path = `/events/${purchase.eventId}/cancel`;
  expect((await app.admin.post(path, offer, newKey())).status).toBe(200);
  await turn(app);
  const choose = async (remedy: string) => {
    const chosen = await purchase.buyer.post(`/orders/${purchase.orderId}/remedy`, { remedy });
    expect(chosen.status).toBe(200);
    await turn(app);
    await turn(app);
    return purchase.read();
  };
  const free = async () =>
    (await app.guest.get(`/events/${there.eventId}/availability`)).body.ticketTypes[0].available;
  return { ...purchase, there, choose, free };
}

const balanceOf = async (code: string) =>
  (await app.guest.post('/credits/balance', { code })).body.balance;

async function bookWith(code: string, quantity = 1) {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 4 });
  const more = { credit: { code } };
  return book(app.guest, eventId, typeId, { quantity, more });
}

describe('G7: a dispute of an order that became credit', () => {
  it('withholds the credit while it is open, and gives it back when it is won', async () => {
    const order = await offered();
    const { creditCode } = (await order.choose('credit')).remedy;
    const say = disputing(app, order);
    await say('open');
    expect((await order.read()).remedy).not.toHaveProperty('creditCode');
    expect((await bookWith(creditCode)).body.code).toBe('credit_invalid');
    await say('won');
    expect((await order.read()).remedy.creditCode).toBe(creditCode);
    expect((await bookWith(creditCode)).body.order).toMatchObject({ status: 'confirmed' });
    await turn(app);
    await expectBooksEven();
  });

  it('lost, takes it back: nobody gets their money twice', async () => {
    const order = await offered();
    const { creditCode } = (await order.choose('credit')).remedy;
    const say = disputing(app, order);
    await say('open');
    await say('lost', 2);
    await turn(app);
    await turn(app);
    expect(await balanceOf(creditCode)).toEqual(eur(0));
    expect((await bookWith(creditCode)).body.code).toBe('credit_used_up');
    expect((await order.entries()).slice(3)).toEqual(['dispute_lost losses disputed 5000']);
    const { organizerId } = (await app.admin.get('/me')).body;
    const { body } = await app.admin.get(`/organizers/${organizerId}/credits?limit=200`);
    const credit = body.data.find(
      ({ source }: { source: { orderId: string } | null }) => source?.orderId === order.orderId,
    );
    const read = await app.admin.get(`/organizers/${organizerId}/credits/${credit.id}`);
    expect(read.body.entries).toMatchObject([
      { kind: 'issued', amount: eur(5_000) },
      { kind: 'lost', amount: eur(-5_000) },
    ]);
    await expectBooksEven();
  });

  it('lost, takes back what is there, and later what comes back of what was spent', async () => {
    const order = await offered();
    const { creditCode } = (await order.choose('credit')).remedy;
    const spent = (await bookWith(creditCode)).body.order;
    await turn(app);
    await disputing(app, order, 4_000)('lost');
    await turn(app);
    expect(await balanceOf(creditCode)).toEqual(eur(0));
    expect((await app.admin.get(`/orders/${spent.id}`)).body.status).toBe('confirmed');
    await app.admin.post(`/orders/${spent.id}/refunds`, { reason: 'ill' }, newKey());
    await turn(app);
    expect(await balanceOf(creditCode)).toEqual(eur(1_000));
    await expectBooksEven();
  });

  it('lost before the credit was issued, takes it back all the same', async () => {
    const order = await offered();
    gate.dieAt('credit.before_finish');
    await order.buyer.post(`/orders/${order.orderId}/remedy`, { remedy: 'credit' });
    await turn(app);
    await disputing(app, order)('lost');
    await turn(app);
    await turn(app);
    await turn(app);
    const { creditCode } = (await order.read()).remedy;
    expect(await balanceOf(creditCode)).toEqual(eur(0));
    await expectBooksEven();
  });
});

describe('G7: a dispute of an order that became a voucher', () => {
  it('withholds the codes of the new order while it is open, and ends it when it is lost', async () => {
    const order = await offered();
    const { remedy } = await order.choose('voucher');
    const renewed = async () => (await order.buyer.get(`/orders/${remedy.order.id}`)).body;
    const codes = async () =>
      (await renewed()).tickets.map(({ code }: { code: string | null }) => code !== null);
    expect(await codes()).toEqual([true, true]);
    const say = disputing(app, order);
    await say('open');
    expect(await codes()).toEqual([false, false]);
    expect(await order.free()).toBe(2);
    await say('lost', 2);
    await turn(app);
    await turn(app);
    const ended = await renewed();
    expect(ended).toMatchObject({
      ...{ status: 'refunded', statusReason: 'dispute_lost' },
      tickets: [
        { status: 'void', code: null },
        { status: 'void', code: null },
      ],
    });
    expect(await balanceOf(ended.creditReturns[0].code)).toEqual(eur(0));
    expect(await order.free()).toBe(4);
    await expectBooksEven();
  });

  it('and has become credit of another cancelled event: that is withheld as well', async () => {
    const order = await offered();
    const { remedy } = await order.choose('voucher');
    const offer = { remedies: ['refund', 'credit'], chooseBy: inDays(10) };
    const path = `/events/${order.there.eventId}/cancel`;
    expect((await app.admin.post(path, offer, newKey())).status).toBe(200);
    await turn(app);
    const renewed = `/orders/${remedy.order.id}`;
    expect((await order.buyer.post(`${renewed}/remedy`, { remedy: 'credit' })).status).toBe(200);
    await turn(app);
    await turn(app);
    const { creditCode } = (await order.buyer.get(renewed)).body.remedy;
    const say = disputing(app, order);
    await say('open');
    expect((await bookWith(creditCode)).body.code).toBe('credit_invalid');
    await say('won');
    expect((await bookWith(creditCode)).body.order).toMatchObject({ status: 'confirmed' });
    await turn(app);
    await expectBooksEven();
  });

  it('is told as it is: nothing comes back to who has had it from their bank', async () => {
    await app.drainFacts();
    const order = await offered();
    await order.choose('voucher');
    await disputing(app, order)('lost');
    await turn(app);
    await turn(app);
    await deliver(app);
    const mails = await mailbox(app, order.order.buyer.email);
    const subjects = mails.map(({ subject }) => subject);
    expect(subjects).toContainEqual(expect.stringMatching(/^Your tickets are not valid any more/));
    expect(subjects).not.toContainEqual(expect.stringMatching(/^Tickets given back/));
  });

  it('of less than it was worth: the rest can be spent', async () => {
    const order = await offered();
    const { remedy } = await order.choose('voucher');
    await disputing(app, order, 3_000)('lost');
    await turn(app);
    await turn(app);
    const { body } = await order.buyer.get(`/orders/${remedy.order.id}`);
    expect(body.status).toBe('refunded');
    expect(await balanceOf(body.creditReturns[0].code)).toEqual(eur(2_000));
    await expectBooksEven();
  });

  it('lost while it is just being redeemed, is decided once that is done', async () => {
    const order = await offered();
    gate.dieAt('voucher.before_finish');
    await order.buyer.post(`/orders/${order.orderId}/remedy`, { remedy: 'voucher' });
    await turn(app);
    const say = disputing(app, order);
    await say('open');
    await expect(say('lost')).rejects.toThrow('not yet');
    expect((await order.read()).payments).toMatchObject([{ status: 'disputed' }]);
    await turn(app);
    await say('lost');
    await turn(app);
    await turn(app);
    const { status, remedy } = await order.read();
    expect(status).toBe('cancelled');
    const { body } = await order.buyer.get(`/orders/${remedy.order.id}`);
    expect(body).toMatchObject({ status: 'refunded', statusReason: 'dispute_lost' });
    await expectBooksEven();
  });
});

describe('G11: a voucher that came to nothing while its money is disputed', () => {
  /** Its other event is cancelled before it is redeemed, and a bank is asked. */
  async function disputed() {
    const order = await offered();
    gate.dieAt('voucher.before_redeem');
    await order.buyer.post(`/orders/${order.orderId}/remedy`, { remedy: 'voucher' });
    await turn(app);
    const say = disputing(app, order);
    await say('open');
    await app.admin.post(`/events/${order.there.eventId}/cancel`, {}, newKey());
    await turn(app);
    await turn(app);
    expect(await order.read()).toMatchObject({
      ...{ status: 'confirmed', refunds: [], remedy: { chosen: 'refund', status: 'chosen' } },
    });
    await expectAuditClean(app);
    return { ...order, say };
  }

  it('is money when the dispute is won', async () => {
    const { say, read, left } = await disputed();
    await say('won');
    await turn(app);
    await turn(app);
    expect(await read()).toMatchObject({ status: 'refunded', remedy: { status: 'done' } });
    expect(await left()).toBe(0);
    await expectBooksEven();
  });

  it('is nothing any more when it is lost', async () => {
    const { say, read, left } = await disputed();
    await say('lost');
    await turn(app);
    await turn(app);
    expect(await read()).toMatchObject({
      ...{ status: 'refunded', statusReason: 'dispute_lost', refunds: [] },
      remedy: { status: 'withdrawn' },
    });
    expect(await left()).toBe(5_000);
    await expectBooksEven();
  });
});
