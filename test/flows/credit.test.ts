/** Credit: given, spent on orders of any event, and back again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTx } from '../../server/kernel/db.ts';
import type { OrganizerId } from '../../server/kernel/ids.ts';
import { ok } from '../../server/kernel/result.ts';
import { sweepLapsed } from '../../server/modules/inventory/index.ts';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { findCredit, issueCredit } from '../../server/modules/promotions/index.ts';
import { tidyCredit } from '../../server/modules/shopping/settle-credit.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { eur, inDays, newKey, onSale, payWith, somebody } from '../kit/given.ts';

const gate = barrier();
let app: TestApp;
let organizerId: OrganizerId;
let credits: string;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
  organizerId = (await app.admin.get('/me')).body.organizerId;
  credits = `/organizers/${organizerId}/credits`;
});
afterAll(() => app.close());

async function give(amount: number, more: object = {}) {
  const given = await app.admin.post(credits, { amount: eur(amount), ...more }, newKey());
  expect(given.body).toMatchObject({ balance: eur(amount), kind: 'gift' });
  return { id: given.body.id as string, code: given.body.secret as string };
}

const balanceOf = async ({ code }: { code: string }) =>
  (await app.guest.post('/credits/balance', { code })).body.balance?.amount;
const entriesOf = async ({ id }: { id: string }) =>
  (await app.admin.get(`${credits}/${id}`)).body.entries.map(
    ({ kind, amount }: { kind: string; amount: { amount: number } }) => [kind, amount.amount],
  );

type Sale = { readonly eventId: string; readonly typeId: string };
function book({ eventId, typeId }: Sale, code: string, quantity = 1, key = newKey()) {
  return app.guest.post(
    `/events/${eventId}/bookings`,
    {
      items: [{ ticketTypeId: typeId, quantity }],
      buyer: { name: 'Ada', email: 'ada@example.org' },
      payment: { method: 'payment_intent' },
      credit: { code },
    },
    key,
  );
}

const refundable = { more: { refundableUntil: inDays(20) } };

/** So many minutes, with what recurs meanwhile. */
async function later(minutes: number) {
  app.clock.advance(minutes * 60_000);
  await sweepLapsed(app.ctx);
  await expireOrders(app.ctx);
  await tidyCredit(app.ctx);
}

async function pay(booked: { body: { payment: { clientSecret: string } } }, card?: string) {
  await payWith(app, booked.body.payment.clientSecret, card);
  await app.drainJobs();
}

describe('B4 credit', () => {
  it('pays what it can, and the payment takes the rest', async () => {
    const sale = await onSale(app.admin);
    const gift = await give(2_000);
    const booked = await book(sale, gift.code, 2);
    expect(booked.body.order).toMatchObject({
      total: eur(5_000),
      breakdown: [
        { kind: 'tickets', amount: eur(5_000) },
        { kind: 'credit', amount: eur(-2_000) },
      ],
      payments: [{ amount: eur(3_000) }],
    });
    expect(await balanceOf(gift)).toBe(0);
    await pay(booked);
    expect(await entriesOf(gift)).toEqual([
      ['issued', 2_000],
      ['reserved', -2_000],
      ['released', 2_000],
      ['spent', -2_000],
    ]);
    await expectAuditClean(app);
  });

  it('pays all of an order where it is enough, and keeps the rest', async () => {
    const sale = await onSale(app.admin);
    const gift = await give(6_000);
    const booked = await book(sale, gift.code, 2);
    expect(booked.body).toMatchObject({
      order: { status: 'confirmed', payments: [] },
      payment: { provider: 'none' },
    });
    await app.drainJobs();
    expect(await balanceOf(gift)).toBe(1_000);
    // On another event, with what people make of the code.
    const other = await onSale(app.admin);
    const again = await book(other, gift.code.toLowerCase().replaceAll('-', ' '));
    expect(again.body.order.payments).toMatchObject([{ amount: eur(1_500) }]);
    await app.drainJobs();
    await expectAuditClean(app);
  });

  it.each([
    ['is declined', async (_path: string, booked: never) => pay(booked, 'pm_card_chargeDeclined')],
    [
      'is not made in time',
      async () => {
        await later(20);
      },
    ],
    [
      'is given up',
      async (path: string, booked: { body: { accessToken: string } }) => {
        await app.as(booked.body.accessToken).post(`${path}/cancel`);
      },
    ],
  ])('can be spent again where the payment beside it %s', async (_what, end) => {
    const sale = await onSale(app.admin);
    const gift = await give(1_000);
    const booked = await book(sale, gift.code);
    expect(await balanceOf(gift)).toBe(0);
    await end(`/orders/${booked.body.order.id}`, booked as never);
    await app.drainJobs();
    expect(await balanceOf(gift)).toBe(1_000);
    await expectAuditClean(app);
  });

  it('comes back to where it was, after the money', async () => {
    const sale = await onSale(app.admin, refundable);
    const gift = await give(3_000);
    // 75.00, of which 30.00 by credit.
    const booked = await book(sale, gift.code, 3);
    await pay(booked);
    const buyer = app.as(booked.body.accessToken);
    const path = `/orders/${booked.body.order.id}`;
    const tickets = (await buyer.get(path)).body.tickets as { id: string }[];
    const giveBack = async (nth: number) => {
      const ticketIds = [tickets[nth]?.id];
      await buyer.post(`${path}/refunds`, { ticketIds, reason: 'Cannot come' }, newKey());
      await app.drainJobs();
      const { refunds, creditReturns } = (await buyer.get(path)).body;
      const amounts = (rows: { amount: { amount: number } }[]) => rows.map((r) => r.amount.amount);
      return [amounts(refunds), amounts(creditReturns), await balanceOf(gift)];
    };
    expect(await giveBack(0)).toEqual([[2_500], [], 0]);
    expect(await giveBack(1)).toEqual([[2_500, 2_000], [500], 500]);
    expect(await giveBack(2)).toEqual([[2_500, 2_000], [500, 2_500], 3_000]);
    expect((await buyer.get(path)).body.status).toBe('refunded');
    await expectAuditClean(app);
  });

  it('comes back whole when an event is cancelled', async () => {
    const sale = await onSale(app.admin);
    const gift = await give(2_500);
    const booked = await book(sale, gift.code);
    expect(booked.body.order.status).toBe('confirmed');
    await app.admin.post(`/events/${sale.eventId}/cancel`, {}, newKey());
    await app.drainJobs();
    await app.drainJobs();
    expect(await balanceOf(gift)).toBe(2_500);
    await expectAuditClean(app);
  });

  it('that is unknown, another’s, over or in another currency is answered alike', async () => {
    const sale = await onSale(app.admin);
    const [over, yen] = [await give(1_000, { expiresAt: inDays(40) }), await give(1_000)];
    await app.database
      .open(null)
      .pool.query(`update promotions.credit set currency = 'JPY' where credit_id = $1`, [yen.id]);
    await app.database
      .open(null)
      .pool.query(`update promotions.credit set expires_at = '2020-01-01' where credit_id = $1`, [
        over.id,
      ]);
    const other = await app.admin.post('/organizers', { name: 'Others' });
    const theirs = await app.admin.post(
      `/organizers/${other.body.id}/credits`,
      { amount: eur(1_000) },
      newKey(),
    );
    for (const code of [over.code, yen.code, theirs.body.secret, 'CR-00000-00000-00000-00000']) {
      const booked = await book(sale, code);
      expect(booked.body).toMatchObject({ status: 422, code: 'credit_invalid' });
      expect(booked.body.title).toBe('This credit cannot be used here');
    }
    await tidyCredit(app.ctx);
    expect(await entriesOf(over)).toEqual([
      ['issued', 1_000],
      ['expired', -1_000],
    ]);
    await expectAuditClean(app);
  });

  it('of which nothing is left is refused, and no place is held for it', async () => {
    const sale = await onSale(app.admin, { capacity: 3 });
    const gift = await give(2_500);
    await book(sale, gift.code);
    const empty = await book(sale, gift.code);
    expect(empty.body).toMatchObject({ status: 409, code: 'credit_used_up' });
    const left = await app.guest.get(`/events/${sale.eventId}/availability`);
    expect(left.body.ticketTypes[0].available).toBe(2);
  });

  it('is given once for one key, and its code shown once', async () => {
    const key = newKey();
    const body = { amount: eur(700) };
    const [first, again] = [
      await app.admin.post(credits, body, key),
      await app.admin.post(credits, body, key),
    ];
    const { secret, ...kept } = first.body;
    expect(secret).toMatch(/^CR(-[0-9A-HJKMNP-TV-Z]{5}){4}$/);
    expect(again.body).toEqual(kept);
    expect((await app.admin.get(`${credits}/${first.body.id}`)).body).not.toHaveProperty('secret');
    const stored = await app.database
      .open(null)
      .pool.query('select row_to_json(c)::text as row from promotions.credit c');
    expect(JSON.stringify(stored.rows)).not.toContain(secret);
  });

  it('is issued by other rooms, once for each key', async () => {
    const wanted = {
      organizerId,
      currency: 'EUR',
      amountMinor: 4_200,
      source: { kind: 'remedy', eventId: null, orderId: null },
      key: 'remedy of some order',
    } as const;
    const issue = () => inTx(app.ctx, async (tx) => ok(await issueCredit(app.ctx, tx, wanted)));
    const [one, two] = [await issue(), await issue()];
    expect(two).toEqual(one);
    const code = one.ok ? one.value.code : '';
    expect(await findCredit(app.ctx, organizerId, code)).toMatchObject({ balanceMinor: 4_200 });
    await expectAuditClean(app);
  });
});

describe('credit of a booking that is refused', () => {
  it('can be used at once for another buyer of the same hold', async () => {
    const sale = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const gift = await give(10_000);
    const greedy = somebody();
    const one = [{ ticketTypeId: sale.typeId, quantity: 1 }];
    const ahead = { items: [{ ticketTypeId: sale.typeId, quantity: 2 }], buyer: greedy };
    await app.guest.post(`/events/${sale.eventId}/holds`, ahead, newKey());
    const wanted = { items: one, buyer: somebody() };
    const held = await app.guest.post(`/events/${sale.eventId}/holds`, wanted, newKey());
    const bookFor = (buyer: object) =>
      app.guest.post(
        `/events/${sale.eventId}/bookings`,
        { holdId: held.body.id, buyer, credit: { code: gift.code }, payment: {} },
        newKey(),
      );
    expect((await bookFor(greedy)).body).toMatchObject({ code: 'per_person_limit', limit: 2 });
    expect(await balanceOf(gift)).toBe(10_000);
    expect((await bookFor(somebody())).body.order.status).toBe('confirmed');
    await expectAuditClean(app);
  });
});

describe('credit when a process dies', () => {
  it('is found again by the same booking, and kept once', async () => {
    const sale = await onSale(app.admin);
    const gift = await give(2_000);
    const key = newKey();
    gate.dieAt('book.before_order');
    expect((await book(sale, gift.code, 1, key)).status).toBe(500);
    expect(await balanceOf(gift)).toBe(0);
    const booked = await book(sale, gift.code, 1, key);
    expect(booked.body.order.payments).toMatchObject([{ amount: eur(500) }]);
    await pay(booked);
    expect(await balanceOf(gift)).toBe(0);
    expect(await entriesOf(gift)).toHaveLength(4);
    await expectAuditClean(app);
  });

  it('comes back where nobody comes again, and no sooner', async () => {
    const sale = await onSale(app.admin);
    const gift = await give(2_000);
    gate.dieAt('book.before_order');
    await book(sale, gift.code);
    await tidyCredit(app.ctx);
    expect(await balanceOf(gift)).toBe(0);
    await later(7);
    expect(await balanceOf(gift)).toBe(2_000);
    await expectAuditClean(app);
  });

  it('stays with an order that is pending for long', async () => {
    const sale = await onSale(app.admin, { more: { holdMinutes: 60 } });
    const gift = await give(2_000);
    const booked = await book(sale, gift.code);
    await later(30);
    expect(await balanceOf(gift)).toBe(0);
    await pay(booked);
    expect(await entriesOf(gift)).toContainEqual(['spent', -2_000]);
    await expectAuditClean(app);
  });

  it('is spent by the sweep where the job was lost', async () => {
    const sale = await onSale(app.admin);
    const gift = await give(2_500);
    await book(sale, gift.code);
    await app.database.open(null).pool.query(`delete from kernel.job where kind = 'settle_credit'`);
    await later(7);
    expect(await entriesOf(gift)).toContainEqual(['spent', -2_500]);
    await expectAuditClean(app);
  });
});
