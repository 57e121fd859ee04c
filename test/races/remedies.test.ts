/**
 * F9, G11: a buyer who chooses, and something else at the same moment. What is final is decided
 * once; what follows is held at its named points, or dies there, and is finished by whoever comes
 * next.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../server/kernel/db.ts';
import { changesRecurring } from '../../server/modules/changes/index.ts';
import { type Answer, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, eventually, inDays, onSale, payWith } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';

const gate = barrier();
let app: TestApp;
/** Another process on the same database. */
let other: TestApp;
let all: Db;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
  other = await startApp({ database: app.database, pause: gate.pause });
  all = app.database.open(null);
});
// One that fails leaves no other day to those after it.
afterEach(() => app.clock.advance(-app.clock.offsetMs()));
afterAll(async () => {
  await other.close();
  await app.close();
});

const sql = (text: string, values: readonly unknown[] = []) => all.pool.query(text, [...values]);

/** All that is due, also what a dead worker has left. */
async function work() {
  await sql(`update kernel.job set run_at = clock_timestamp()`);
  await sql(`update changes.change set leased_until = '-infinity'`);
  await app.drainJobs();
}

async function bought(eventId: string, typeId: string, quantity = 2) {
  const booked = await book(app.guest, eventId, typeId, { quantity });
  await payWith(app, booked.body.payment.clientSecret);
  const buyer = app.as(booked.body.accessToken);
  const id = booked.body.order.id as string;
  const read = async () => (await buyer.get(`/orders/${id}`)).body;
  await eventually(
    async () => {
      await work();
      return read();
    },
    ({ status }) => status === 'confirmed',
  );
  const choose = (remedy: string) => buyer.post(`/orders/${id}/remedy`, { remedy });
  return { id, read, choose };
}

/** An order of a cancelled event whose buyer may choose; with a place kept at another one. */
async function offered() {
  const here = await onSale(app.admin, { capacity: 4 });
  const there = await onSale(app.admin, { capacity: 4, more: { startsAt: inDays(90) } });
  const order = await bought(here.eventId, here.typeId);
  const cancelled = await app.admin.post(`/events/${here.eventId}/cancel`, {
    remedies: ['refund', 'voucher'],
    defaultRemedy: 'voucher',
    chooseBy: inDays(10),
    rescheduledEventId: there.eventId,
  });
  expect(cancelled.status).toBe(200);
  await work();
  expect((await order.read()).remedy).toMatchObject({ status: 'offered' });
  return { ...order, here, there };
}

const ordersOf = async (eventId: string) =>
  (await app.admin.get(`/orders?eventId=${eventId}`)).body.data;

const refundedOf = async (orderId: string) => {
  const { rows } = await sql(
    `select coalesce(sum(r.amount_minor), 0)::int as total from payments.refund r
     join payments.payment p using (event_id, payment_id) where p.reference = $1`,
    [orderId],
  );
  return rows[0].total as number;
};

describe('an order that is placed while its event is just being changed', () => {
  /** Stops whoever changes this event, after they have begun; resolves with how to let them go. */
  async function changing(eventId: string, change: () => Promise<Answer>) {
    const client = await connect(app.database.url);
    await client.query('begin');
    await client.query(`select from catalog.event where event_id = $1 for update`, [eventId]);
    const changed = change();
    await eventually(
      async () => (await sql(`select from pg_locks where not granted`)).rowCount,
      (waiting) => waiting === 1,
    );
    return async () => {
      await client.query('commit');
      await client.end();
      return changed;
    };
  }

  it.each([
    ['cancel', { remedies: ['refund', 'credit'] }],
    ['reschedule', { startsAt: inDays(60), remedies: ['refund'] }],
  ])('G11 has its remedy as well: %s', async (path, body) => {
    const { eventId, typeId } = await onSale(app.admin, { price: 0 });
    const go = await changing(eventId, () => app.admin.post(`/events/${eventId}/${path}`, body));
    const booked = await book(other.guest, eventId, typeId);
    expect(booked.body.order.status).toBe('confirmed');
    expect((await go()).status).toBe(200);
    const later = await book(other.guest, eventId, typeId);
    await work();
    const choose = ({ body: { order, accessToken } }: Answer) =>
      app.as(accessToken).post(`/orders/${order.id}/remedy`, { remedy: 'refund' });
    expect((await choose(booked)).body).toMatchObject({ remedy: { chosen: 'refund' } });
    if (path === 'reschedule') expect((await choose(later)).body.code).toBe('remedy_unavailable');
    else expect(later.status).toBe(409);
    await work();
    await expectAuditClean(app);
  });
});

describe('a choice', () => {
  it('F9 is made once, however many make it at once', async () => {
    const order = await offered();
    const answers = await Promise.all(
      ['refund', 'voucher', 'refund', 'voucher'].map((remedy) => order.choose(remedy)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const codes = answers.filter(({ status }) => status === 409).map(({ body }) => body.code);
    expect(new Set(codes)).toEqual(new Set(['remedy_chosen']));
    await work();
    const { remedy } = await order.read();
    const renewed = await ordersOf(order.there.eventId);
    expect(renewed).toHaveLength(remedy.chosen === 'voucher' ? 1 : 0);
    expect(await refundedOf(order.id)).toBe(remedy.chosen === 'refund' ? 5_000 : 0);
    await expectAuditClean(app);
  });

  it('F9 and the deadline at once: one of them holds, and is carried out once', async () => {
    const order = await offered();
    app.clock.advance(10 * 86_400_000 - 60_000);
    await sql(`update changes.change set choose_by = clock_timestamp() - '1 day'::interval`);
    const [chosen] = await Promise.all([order.choose('refund'), work()]);
    await work();
    const { remedy } = await order.read();
    expect(chosen.status === 200 ? 'refund' : 'voucher').toBe(remedy.chosen);
    expect(remedy.status).toBe('done');
    expect(await ordersOf(order.there.eventId)).toHaveLength(remedy.chosen === 'voucher' ? 1 : 0);
    await expectAuditClean(app);
  });

  it('F9 and a refund by staff at once give the money back once', async () => {
    const order = await offered();
    const refund = app.admin.post(
      `/orders/${order.id}/refunds`,
      { reason: 'asked by telephone' },
      { 'idempotency-key': order.id },
    );
    await Promise.all([order.choose('refund'), refund]);
    await work();
    expect(await refundedOf(order.id)).toBe(5_000);
    await expectAuditClean(app);
  });
});

describe('an order whose payment nobody knows of', () => {
  it('F9 keeps nobody else waiting for what was promised', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 4 });
    const silent = await bought(eventId, typeId);
    const stuck = await book(app.guest, eventId, typeId);
    gate.dieAt('settle.before_capture');
    await payWith(app, stuck.body.payment.clientSecret);
    await work();
    // Sooner than a week: an authorisation that nobody captured is given back then.
    const body = { remedies: ['refund', 'credit'], chooseBy: inDays(3) };
    expect((await app.admin.post(`/events/${eventId}/cancel`, body)).status).toBe(200);
    const follow = async () => {
      await sql(`update changes.change set leased_until = '-infinity', next_at = '-infinity'`);
      await changesRecurring.run(app.ctx);
    };
    await follow();
    expect((await silent.read()).remedy).toMatchObject({ status: 'offered' });
    app.clock.advance(4 * 86_400_000);
    await follow();
    expect(await silent.read()).toMatchObject({ status: 'refunded', remedy: { status: 'done' } });
    const caller = app.as(stuck.body.accessToken);
    const read = async () => (await caller.get(`/orders/${stuck.body.order.id}`)).body;
    expect((await read()).status).toBe('pending');
    await work();
    await work();
    expect((await read()).status).toBe('refunded');
    await expectAuditClean(app);
  });
});

describe('a voucher', () => {
  it.each(['voucher.before_redeem', 'voucher.before_finish'])(
    'B4 is redeemed once where the process dies at %s',
    async (point) => {
      const order = await offered();
      gate.dieAt(point);
      expect((await order.choose('voucher')).status).toBe(200);
      await work();
      expect((await order.read()).remedy.status).toBe('chosen');
      await expectAuditClean(app);
      await work();
      expect(await order.read()).toMatchObject({
        ...{ status: 'cancelled', statusReason: 'voucher', remedy: { status: 'done' } },
      });
      expect(await ordersOf(order.there.eventId)).toMatchObject([
        { status: 'confirmed', tickets: [{ status: 'valid' }, { status: 'valid' }] },
      ]);
      expect(await refundedOf(order.id)).toBe(0);
      await expectAuditClean(app);
    },
  );

  it('B4 on its way is not refunded as well: its value is spoken for', async () => {
    const order = await offered();
    const stop = gate.stopAt('voucher.before_finish');
    await order.choose('voucher');
    const worked = work();
    await stop.arrived;
    // The new order is there, the old one has not ended yet.
    expect(await ordersOf(order.there.eventId)).toHaveLength(1);
    const refund = () =>
      app.admin.post(
        `/orders/${order.id}/refunds`,
        { reason: 'both' },
        { 'idempotency-key': `${order.id}-twice` },
      );
    expect((await refund()).body).toMatchObject({ status: 409, code: 'remedy_chosen' });
    stop.go();
    await worked;
    await work();
    expect((await refund()).body).toMatchObject({ status: 409, code: 'order_not_confirmed' });
    expect(await refundedOf(order.id)).toBe(0);
    await expectAuditClean(app);
  });

  it('B4 is redeemed and not paid out as well where two processes are at it', async () => {
    const order = await offered();
    const slow = gate.stopAt('credit.before_reserve');
    await order.choose('voucher');
    const first = work();
    await slow.arrived;
    // It stood still for so long that its lease is over.
    await sql(`update changes.change set leased_until = '-infinity', next_at = clock_timestamp()`);
    const placed = gate.stopAt('voucher.before_finish');
    const second = changesRecurring.run(other.ctx);
    await placed.arrived;
    await eventually(
      async () => {
        await sql(`update kernel.job set run_at = clock_timestamp() where leased_until is null`);
        await other.drainJobs();
        const { rows } = await sql(
          `select e.kind from promotions.credit_entry e join promotions.credit c using (credit_id)
           where c.source_order_id = $1`,
          [order.id],
        );
        return rows.map(({ kind }) => kind);
      },
      (kinds) => kinds.includes('spent'),
    );
    slow.go();
    await first;
    placed.go();
    await second;
    await work();
    expect((await order.read()).remedy).toMatchObject({ chosen: 'voucher', status: 'done' });
    expect(await ordersOf(order.there.eventId)).toMatchObject([{ status: 'confirmed' }]);
    expect(await refundedOf(order.id)).toBe(0);
    await expectAuditClean(app);
  });

  it('B4 that nothing is left to pay for is a refund, and never placed', async () => {
    const order = await offered();
    await order.choose('voucher');
    gate.dieAt('credit.before_reserve');
    await work();
    // As if it had been spent on something else.
    await sql(`update promotions.credit set balance_minor = 0 where source_order_id = $1`, [
      order.id,
    ]);
    await work();
    await sql(`update promotions.credit set balance_minor = 5000 where source_order_id = $1`, [
      order.id,
    ]);
    await work();
    expect((await order.read()).remedy).toMatchObject({ chosen: 'refund', status: 'done' });
    expect(await ordersOf(order.there.eventId)).toEqual([]);
    const { body } = await app.guest.get(`/events/${order.there.eventId}/availability`);
    expect(body.ticketTypes[0].available).toBe(4);
    expect(await refundedOf(order.id)).toBe(5_000);
    await expectAuditClean(app);
  });

  it('B4 without that guard pays twice', async () => {
    const order = await offered();
    const stop = gate.stopAt('voucher.before_finish');
    await order.choose('voucher');
    const worked = work();
    await stop.arrived;
    // The guard is a row that says `chosen`: as if there were none.
    await sql(`alter table orders.remedy disable trigger user`);
    await sql(`update orders.remedy set status = 'withdrawn' where order_id = $1`, [order.id]);
    const refund = await app.admin.post(
      `/orders/${order.id}/refunds`,
      { reason: 'both' },
      { 'idempotency-key': `${order.id}-unguarded` },
    );
    expect(refund.status).toBe(201);
    expect(await ordersOf(order.there.eventId)).toHaveLength(1);
    expect(await refundedOf(order.id)).toBe(5_000);
    stop.go();
    await worked;
    await sql(`alter table orders.remedy enable trigger user`);
  });
});
