/**
 * G8: money that comes when its order's time is over. It is honoured where the same places can
 * still be had, whatever has become of hold and order by then; else it goes back at once: an
 * authorisation is voided, what was taken is refunded.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { sweepLapsed } from '../../server/modules/inventory/index.ts';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { type Answer, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier, Died } from '../kit/barrier.ts';
import { book, newKey, onSale, payWith, somebody } from '../kit/given.ts';
import { callLane } from '../kit/lane-calls.ts';
import { seatedSale } from '../kit/seated.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterAll(() => app.close());

const TOTAL = 5_000;
const HOLD_MS = 60_000;
const BUYER = { name: 'Late Buyer', email: 'late@example.org', phone: '+49 30 901820' };

/** In so many seconds, by the clock of the tests. */
const inSeconds = (seconds: number) =>
  new Date((app.clock.now() ?? new Date()).getTime() + seconds * 1_000).toISOString();

type Money = 'authorised' | 'captured';
/** What has become of hold and order when the money is looked at. */
type Ended = 'lapsed' | 'swept' | 'cancelled';
type Late = Awaited<ReturnType<typeof placed>>;

/** An order for two places, its card accepted; nobody has looked at it yet. */
async function placed(eventId: string, typeId: string, money: Money, items?: object) {
  const booked = await app.guest.post(
    `/events/${eventId}/bookings`,
    {
      items: [items ?? { ticketTypeId: typeId, quantity: 2 }],
      buyer: BUYER,
      payment: { method: 'payment_intent' },
    },
    newKey(),
  );
  return paid(eventId, typeId, booked, money);
}

async function paid(eventId: string, typeId: string, booked: Answer, money: Money) {
  expect(booked.status).toBe(201);
  const secret = booked.body.payment.clientSecret as string;
  const intentId = secret.replace(/_secret_.*/, '');
  await payWith(app, secret);
  if (money === 'captured') {
    await app.ctx.ports.payments.of(null).captureIntent(intentId, `by-hand:${intentId}`);
  }
  const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
  const buyer = app.as(booked.body.accessToken);
  const orderId = booked.body.order.id as string;
  return {
    eventId,
    typeId,
    orderId,
    intentId,
    buyer,
    read: async () => (await buyer.get(`/orders/${orderId}`)).body,
    settle: () => settlePayment(app.ctx, eventOf(paymentId), paymentId),
  };
}

async function timeIsOver(ended: Ended): Promise<void> {
  app.clock.advance(2 * HOLD_MS);
  if (ended === 'swept') await sweepLapsed(app.ctx);
  if (ended === 'cancelled') expect(await expireOrders(app.ctx)).toBeGreaterThan(0);
}

async function ledgerOf({ intentId }: Late) {
  const ledger = await app.parts.sandbox?.ledger();
  const entry = ledger?.byIntent.find((intent) => intent.intentId === intentId);
  return { captured: entry?.capturedMinor ?? 0, refunded: entry?.refundedMinor ?? 0 };
}

async function expectHonoured(late: Late): Promise<void> {
  const order = await late.read();
  expect(order).toMatchObject({
    status: 'confirmed',
    statusReason: null,
    payments: [{ status: 'captured' }],
    refunds: [],
  });
  expect(order.tickets.map((ticket: { status: string }) => ticket.status)).toEqual([
    'valid',
    'valid',
  ]);
  expect(await ledgerOf(late)).toEqual({ captured: TOTAL, refunded: 0 });
}

async function expectGivenBack(late: Late, money: Money, reason: unknown): Promise<void> {
  await expireOrders(app.ctx);
  await app.drainJobs();
  const order = await late.read();
  expect(order).toMatchObject({ status: 'cancelled', statusReason: reason });
  expect(order.tickets.filter((each: { status: string }) => each.status !== 'void')).toEqual([]);
  if (money === 'authorised') {
    expect(order).toMatchObject({ payments: [{ status: 'voided' }], refunds: [] });
    expect(await ledgerOf(late)).toEqual({ captured: 0, refunded: 0 });
  } else {
    expect(order).toMatchObject({
      payments: [{ status: 'captured' }],
      refunds: [{ status: 'succeeded', amount: { amount: TOTAL }, reason: 'late_payment' }],
    });
    expect(await ledgerOf(late)).toEqual({ captured: TOTAL, refunded: TOTAL });
  }
}

type Case = {
  readonly what: string;
  readonly honoured: boolean;
  readonly capacity?: number;
  readonly more?: () => Record<string, unknown>;
  /** While its hold is in force. */
  readonly before?: (late: Late) => Promise<unknown>;
  /** When its time is over, and before the money is looked at. */
  readonly meanwhile?: (late: Late) => Promise<unknown>;
  readonly reason?: unknown;
};

const others = async ({ eventId, typeId }: Late, quantity: number) =>
  expect((await book(app.guest, eventId, typeId, { quantity })).status).toBe(201);

const sale = (late: Late, action: string) => app.admin.post(`/events/${late.eventId}/${action}`);

/** So many places are waited for: the waitlist's own function. */
async function wait({ eventId }: Late, waiting: number): Promise<void> {
  const { pool } = app.ctx.db;
  const { rows } = await pool.query('select pool_id from inventory.pool where event_id = $1', [
    eventId,
  ]);
  const request = { poolId: rows[0].pool_id, waiting };
  await callLane(pool, `inventory.wait_batch${functionSuffix()}`, eventId, [request]);
}

const again = ({ eventId, typeId }: Late, buyer: object, quantity: number) =>
  book(app.guest, eventId, typeId, { quantity, buyer });

const cases: readonly Case[] = [
  { what: 'nobody has taken the places', honoured: true },
  {
    what: 'somebody else has taken one of the last two',
    honoured: false,
    capacity: 2,
    meanwhile: (late) => others(late, 1),
  },
  {
    what: 'others have taken the places, and have let them lapse',
    honoured: true,
    capacity: 2,
    meanwhile: async (late) => {
      await others(late, 2);
      app.clock.advance(2 * HOLD_MS);
    },
  },
  { what: 'the sale is paused', honoured: true, meanwhile: (late) => sale(late, 'sales/pause') },
  { what: 'the sale is closed', honoured: false, meanwhile: (late) => sale(late, 'sales/close') },
  {
    what: 'the sale has closed by its own time',
    honoured: false,
    more: () => ({ salesCloseAt: inSeconds(180) }),
    meanwhile: async () => app.clock.advance(HOLD_MS + 5_000),
  },
  {
    what: 'the event is over',
    honoured: false,
    more: () => ({ startsAt: inSeconds(150), endsAt: inSeconds(180) }),
    meanwhile: async () => app.clock.advance(HOLD_MS + 5_000),
  },
  {
    what: 'the ticket type has been withdrawn',
    honoured: false,
    meanwhile: async (late) =>
      app.admin.delete(`/events/${late.eventId}/ticket-types/${late.typeId}`),
  },
  {
    what: 'the event is cancelled',
    honoured: false,
    meanwhile: (late) => sale(late, 'cancel'),
    reason: expect.stringMatching(/^(event_cancelled|expired)$/),
  },
  {
    what: 'its buyer has bought again up to the cap',
    honoured: false,
    more: () => ({ maxTicketsPerPerson: 2 }),
    meanwhile: (late) => again(late, BUYER, 1),
  },
  {
    what: 'somebody with the same telephone has bought up to the cap',
    honoured: false,
    more: () => ({ maxTicketsPerPerson: 2 }),
    meanwhile: (late) => again(late, { ...BUYER, email: 'other@example.org' }, 1),
  },
  {
    what: 'its buyer has bought again, and the cap allows both',
    honoured: true,
    more: () => ({ maxTicketsPerPerson: 4 }),
    meanwhile: (late) => again(late, BUYER, 2),
  },
  {
    what: 'people wait for what became free',
    honoured: false,
    capacity: 2,
    before: (late) => wait(late, 2),
  },
  {
    what: 'people wait, and there is more than they want',
    honoured: true,
    capacity: 6,
    before: (late) => wait(late, 2),
  },
];

const endings: readonly Ended[] = ['lapsed', 'swept', 'cancelled'];
const moneys: readonly Money[] = ['authorised', 'captured'];
const combinations = cases.flatMap((each) =>
  endings.flatMap((ended) => moneys.map((money) => ({ ...each, ended, money }))),
);

/** Of all that went on before: each event is still there. */
async function audited(): Promise<void> {
  await sweepLapsed(app.ctx);
  await expectAuditClean(app);
}

describe('a late payment', () => {
  afterAll(audited);

  it.each(combinations)(
    'G8: $money, its order $ended, where $what: honoured is $honoured',
    async (each) => {
      const { eventId, typeId } = await onSale(app.admin, {
        capacity: each.capacity ?? 4,
        more: { holdMinutes: 1, ...each.more?.() },
      });
      const late = await placed(eventId, typeId, each.money);
      await each.before?.(late);
      await timeIsOver(each.ended);
      await each.meanwhile?.(late);
      await late.settle();
      if (each.honoured) await expectHonoured(late);
      else await expectGivenBack(late, each.money, each.reason ?? 'expired');
    },
  );

  it.each(moneys)('G8: %s after its buyer gave the order up: never honoured', async (money) => {
    const { eventId, typeId } = await onSale(app.admin, { more: { holdMinutes: 1 } });
    const late = await placed(eventId, typeId, money);
    expect((await late.buyer.post(`/orders/${late.orderId}/cancel`)).status).toBe(200);
    app.clock.advance(2 * HOLD_MS);
    await late.settle();
    await expectGivenBack(late, money, 'cancelled_by_buyer');
  });

  it.each([
    ['can still be used', true],
    ['is used up', false],
  ])('G8: at the price of a promo code that %s', async (_what, honoured) => {
    const more = { holdMinutes: 1 };
    const { eventId, typeId } = await onSale(app.admin, { capacity: 4, more });
    const code = { code: 'ONCE', kind: 'percent', percent: 20, maxUses: 1 };
    await app.admin.post(`/events/${eventId}/promo-codes`, code, newKey());
    const items = [{ ticketTypeId: typeId, quantity: 2 }];
    const asked = { items, promoCode: 'ONCE', payment: { method: 'payment_intent' } };
    const book = (buyer: object) =>
      app.guest.post(`/events/${eventId}/bookings`, { ...asked, buyer }, newKey());
    const late = await paid(eventId, typeId, await book(BUYER), 'authorised');
    await timeIsOver('cancelled');
    if (!honoured) expect((await book(somebody())).status).toBe(201);
    await late.settle();
    expect(await late.read()).toMatchObject(
      honoured
        ? { status: 'confirmed', total: { amount: 4_000 } }
        : { status: 'cancelled', payments: [{ failureCode: 'promo_code_used_up' }] },
    );
    const other = await book(somebody());
    expect(other.body.code).toBe('promo_code_used_up');
  });
});

describe('a late payment of seats', () => {
  afterAll(audited);

  const seats = ['A-1-2', 'A-1-3'];
  const seated = async (money: Money) => {
    const more = { holdMinutes: 1 };
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 6, more });
    return placed(eventId, typeId, money, { ticketTypeId: typeId, seatIds: seats });
  };
  const takeSeat = (late: Late, seat: string) =>
    app.guest.post(
      `/events/${late.eventId}/holds`,
      { items: [{ ticketTypeId: late.typeId, seatIds: [seat] }] },
      newKey(),
    );

  it.each(endings)('G8: gets the same seats where they are free (%s)', async (ended) => {
    const late = await seated('authorised');
    await timeIsOver(ended);
    expect((await takeSeat(late, 'A-1-1')).status).toBe(201);
    await late.settle();
    await expectHonoured(late);
    const { tickets } = await late.read();
    expect(tickets.map((ticket: { seat: string }) => ticket.seat).toSorted()).toEqual(seats);
  });

  it.each(endings)('G8: gets no other seats where one of them is taken (%s)', async (ended) => {
    const late = await seated('captured');
    await timeIsOver(ended);
    expect((await takeSeat(late, 'A-1-3')).status).toBe(201);
    await late.settle();
    await expectGivenBack(late, 'captured', 'expired');
  });
});

describe('between claiming a late payment and its capture', () => {
  afterEach(audited);

  async function cancelledByTime(more: Record<string, unknown> = {}) {
    const { eventId, typeId } = await onSale(app.admin, {
      capacity: 2,
      more: { holdMinutes: 1, ...more },
    });
    const late = await placed(eventId, typeId, 'authorised');
    await timeIsOver('cancelled');
    return late;
  }

  it.each(['settle.before_claim', 'settle.before_capture', 'settle.before_confirm'])(
    'G8: the next look goes on where the process died at %s',
    async (point) => {
      const late = await cancelledByTime();
      gate.dieAt(point);
      await expect(late.settle()).rejects.toBeInstanceOf(Died);
      expect((await late.read()).status).toBe('cancelled');
      await late.settle();
      await expectHonoured(late);
    },
  );

  it('G3: its places are nobody else’s', async () => {
    const late = await cancelledByTime();
    const stop = gate.stopAt('settle.before_capture');
    const settled = late.settle();
    await stop.arrived;
    const other = await book(app.guest, late.eventId, late.typeId);
    expect(other.body.code).toBe('sold_out');
    expect((await late.read()).tickets).toMatchObject([{ code: null }, { code: null }]);
    stop.go();
    await settled;
    await expectHonoured(late);
  });

  it('G8: an authorisation that goes away leaves the order cancelled and the places free', async () => {
    const late = await cancelledByTime();
    const stop = gate.stopAt('settle.before_capture');
    const settled = late.settle();
    await stop.arrived;
    await app.ctx.ports.payments.of(null).cancelIntent(late.intentId, `by-hand:${late.intentId}`);
    stop.go();
    await settled;
    expect(await late.read()).toMatchObject({
      status: 'cancelled',
      statusReason: 'expired',
      payments: [{ status: 'failed' }],
    });
    await others(late, 2);
    expect(await ledgerOf(late)).toEqual({ captured: 0, refunded: 0 });
  });

  it('G11: an event that is cancelled meanwhile gives the money back', async () => {
    const late = await cancelledByTime();
    const stop = gate.stopAt('settle.before_confirm');
    const settled = late.settle();
    await stop.arrived;
    expect((await sale(late, 'cancel')).status).toBe(200);
    await app.drainJobs();
    stop.go();
    await settled;
    await expectGivenBack(late, 'captured', 'expired');
  });

  it('G10: is captured once however many look at it at once', async () => {
    const late = await cancelledByTime();
    await Promise.all(Array.from({ length: 6 }, () => late.settle().catch(() => {})));
    await late.settle();
    await expectHonoured(late);
  });
});
