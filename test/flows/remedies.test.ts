/** B4, F9, G11: what buyers get where an event is cancelled. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { tidyCredit } from '../../server/modules/shopping/settle-credit.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, eventually, inDays, newKey, onSale } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';
import { remediesOf } from '../kit/remedies.ts';
import { seatedSale } from '../kit/seated.ts';

const DAY_MS = 86_400_000;

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

const { bought, offered, settled, paidBack, cancel, progress, free } = remediesOf(() => app);

/** An event, and one on another date to which vouchers can be for. */
async function twoDates(options: { there?: object; capacityThere?: number } = {}) {
  const here = await onSale(app.admin, { capacity: 10 });
  const there = await onSale(app.admin, {
    capacity: options.capacityThere ?? 10,
    more: { startsAt: inDays(90), ...options.there },
  });
  const offer = (more: object = {}) =>
    cancel(here.eventId, {
      remedies: ['refund', 'voucher'],
      chooseBy: inDays(10),
      rescheduledEventId: there.eventId,
      ...more,
    });
  return { here, there, offer };
}

describe('a cancelled event', () => {
  it('B4 G11 with one remedy refunds everybody now, and shows how far that is', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const orders = [await bought(eventId, typeId), await bought(eventId, typeId, 1)];
    const waiting = await book(app.guest, eventId, typeId);
    expect((await cancel(eventId, { remedies: ['refund'] })).body.status).toBe('cancelled');
    for (const order of orders) await order.until('refunded');
    const ended = await app.as(waiting.body.accessToken).get(`/orders/${waiting.body.order.id}`);
    expect(ended.body).toMatchObject({ status: 'cancelled', statusReason: 'event_cancelled' });
    const all = await eventually(
      () => progress(eventId),
      ({ money, settledAt }) => money.succeeded.refunds === 2 && settledAt !== null,
    );
    expect(all).toMatchObject({
      kind: 'cancellation',
      orders: { waiting: 0, offered: 0, chosen: 0, done: 2, withdrawn: 0 },
      byRemedy: [{ remedy: 'refund', orders: 2, done: 2 }],
      money: { owed: { refunds: 0 }, succeeded: { refunds: 2, amount: eur(7_500) } },
      eta: null,
    });
    expect((await app.guest.get(`/events/${eventId}/cancellation`)).status).toBe(401);
    const unchanged = await onSale(app.admin);
    expect((await app.admin.get(`/events/${unchanged.eventId}/cancellation`)).status).toBe(404);
    await expectAuditClean(app);
  });

  it('F9 lets each buyer choose until the deadline, once; then what was promised applies', async () => {
    const { here, offer } = await twoDates();
    const { eventId, typeId } = here;
    const [chooser, silent, other] = [
      await bought(eventId, typeId),
      await bought(eventId, typeId, 1),
      await bought(eventId, typeId, 1),
    ];
    expect((await offer({ defaultRemedy: 'refund' })).status).toBe(200);
    for (const order of [chooser, silent, other]) {
      expect((await offered(order)).remedy).toMatchObject({
        ...{ choices: ['refund', 'voucher'], default: 'refund', unavailable: [], chosen: null },
      });
    }
    expect((await progress(eventId)).orders).toMatchObject({ offered: 3, done: 0 });
    const stranger = await chooser.choose('refund', other.buyer);
    expect(stranger.status).toBe(404);
    expect((await chooser.choose('keep')).body).toMatchObject({
      ...{ status: 422, code: 'remedy_unavailable' },
    });
    const key = newKey();
    const chosen = await chooser.choose('refund', chooser.buyer, key);
    expect(chosen.body).toMatchObject({ status: 'refunded', remedy: { chosen: 'refund' } });
    expect((await chooser.choose('refund', chooser.buyer, key)).body).toEqual(chosen.body);
    expect((await chooser.choose('voucher')).body).toMatchObject({
      ...{ status: 409, code: 'remedy_chosen' },
    });
    await paidBack(chooser, 5_000);
    expect((await silent.read()).status).toBe('confirmed');
    await expectAuditClean(app);
    app.clock.advance(11 * DAY_MS);
    // Whoever is late is told so, also before the work has come to them.
    const late = await other.choose('voucher');
    expect(late.body.status).toBe(409);
    expect(['remedy_window_closed', 'remedy_chosen']).toContain(late.body.code);
    await silent.until('refunded');
    await paidBack(silent, 2_500);
    await settled(other);
    await eventually(
      () => progress(eventId),
      ({ settledAt }) => settledAt !== null,
    );
    await expectAuditClean(app);
    app.clock.advance(-11 * DAY_MS);
  });

  it('B4 refuses remedies that it cannot give', async () => {
    const { here, there, offer } = await twoDates();
    const wrong = async (more: object) => {
      const { body } = await offer(more);
      return [body.status, body.code, body.issues?.[0]?.path, body.issues?.[0]?.code];
    };
    expect(await wrong({ rescheduledEventId: undefined })).toEqual([
      ...[422, 'remedy_unavailable', 'rescheduledEventId', 'not_suitable'],
    ]);
    expect((await wrong({ rescheduledEventId: here.eventId }))[1]).toBe('remedy_unavailable');
    expect(await wrong({ chooseBy: inDays(-1) })).toEqual([
      ...[422, 'validation_failed', 'chooseBy', 'in_the_past'],
    ]);
    expect((await wrong({ chooseBy: inDays(89.9) }))[3]).toBe(undefined);
    const again = await cancel(here.eventId, {});
    expect(again.body).toMatchObject({ status: 409, code: 'event_over' });
    const draft = await onSale(app.admin, { more: { startsAt: inDays(90) } });
    await cancel(draft.eventId, {});
    const other = await cancel(there.eventId, {
      remedies: ['voucher'],
      rescheduledEventId: draft.eventId,
    });
    expect(other.body.code).toBe('remedy_unavailable');
  });
});

describe('a voucher', () => {
  it('B4 F9 keeps a place for the time to choose, and becomes an order of the other event', async () => {
    const { here, there, offer } = await twoDates({ there: { maxTicketsPerPerson: 1 } });
    const [taker, silent] = [
      await bought(here.eventId, here.typeId),
      await bought(here.eventId, here.typeId, 3),
    ];
    await app.admin.post(`/events/${there.eventId}/sales/close`);
    await offer();
    await offered(taker);
    await offered(silent);
    // Neither the cap nor a closed sale is in the way of who has a right to a place.
    expect(await free(there.eventId)).toBe(5);
    expect((await taker.choose('voucher')).body).toMatchObject({
      remedy: { chosen: 'voucher', status: 'chosen' },
    });
    await settled(taker);
    const old = await taker.read();
    expect(old).toMatchObject({
      status: 'cancelled',
      statusReason: 'voucher',
      refunds: [],
      tickets: [{ status: 'void', voidReason: 'voucher', code: null }, { status: 'void' }],
      remedy: { order: { eventId: there.eventId } },
    });
    // The token of the old order opens the one that it became.
    const renewed = (await taker.buyer.get(`/orders/${old.remedy.order.id}`)).body;
    expect(renewed).toMatchObject({
      status: 'confirmed',
      total: eur(5_000),
      payments: [],
      tickets: [{ status: 'valid' }, { status: 'valid' }],
    });
    expect(renewed.tickets[0].code).toEqual(expect.any(String));
    expect((await silent.buyer.get(`/orders/${renewed.id}`)).status).toBe(404);
    expect((await silent.choose('refund')).body.status).toBe('refunded');
    await settled(silent);
    expect(await free(there.eventId)).toBe(8);
    await expectAuditClean(app);
  });

  it('B4 gives the difference back where the other event is cheaper, and asks for none', async () => {
    const cheaper = {
      ticketTypes: [{ name: 'Standard', price: eur(1_000), capacity: 10 }],
    };
    const { here, offer } = await twoDates({ there: cheaper });
    const order = await bought(here.eventId, here.typeId);
    await offer();
    await offered(order);
    await order.choose('voucher');
    const old = await settled(order);
    const renewed = (await order.buyer.get(`/orders/${old.remedy.order.id}`)).body;
    expect(renewed).toMatchObject({ status: 'confirmed', total: eur(2_000) });
    await paidBack(order, 3_000);
    await expectAuditClean(app);
  });

  it('B4 is not offered where nothing like it is left; then money goes back', async () => {
    const { here, there, offer } = await twoDates({ capacityThere: 2 });
    const orders = [
      await bought(here.eventId, here.typeId),
      await bought(here.eventId, here.typeId),
    ];
    await offer();
    const views = await Promise.all(
      // `chosen` is on its way to `done`: the refund is not asked for yet.
      orders.map((order) =>
        eventually(order.read, ({ remedy }) => ['offered', 'done'].includes(remedy?.status)),
      ),
    );
    const [lucky, without] = views[0].remedy.status === 'offered' ? views : [views[1], views[0]];
    expect(lucky.remedy).toMatchObject({ choices: ['refund', 'voucher'], unavailable: [] });
    expect(without).toMatchObject({
      status: 'refunded',
      remedy: { choices: ['refund'], unavailable: ['voucher'], chosen: 'refund' },
    });
    expect(await free(there.eventId)).toBe(0);
    await expectAuditClean(app);
  });

  it('B9 takes seats next to each other where the other event has seats', async () => {
    const here = await onSale(app.admin, { capacity: 10 });
    const there = await seatedSale(app, { rows: 2, places: 4, more: { startsAt: inDays(90) } });
    const order = await bought(here.eventId, here.typeId, 3);
    const made = await cancel(here.eventId, {
      remedies: ['voucher', 'refund'],
      defaultRemedy: 'voucher',
      chooseBy: inDays(5),
      rescheduledEventId: there.eventId,
      ticketTypes: { [here.typeId]: there.typeId },
    });
    expect(made.status).toBe(200);
    await offered(order);
    app.clock.advance(5.5 * DAY_MS);
    const old = await settled(order);
    app.clock.advance(-5.5 * DAY_MS);
    const renewed = (await order.buyer.get(`/orders/${old.remedy.order.id}`)).body;
    const seats = renewed.tickets.map(({ seat }: { seat: string }) => seat.split('-').slice(0, 2));
    expect(new Set(seats.map(String)).size).toBe(1);
    expect(seats).toHaveLength(3);
    await expectAuditClean(app);
  });

  it('G11 falls back to money where the other event is cancelled before it is redeemed', async () => {
    const { here, there, offer } = await twoDates();
    const order = await bought(here.eventId, here.typeId);
    await offer();
    await offered(order);
    await cancel(there.eventId, {});
    await order.choose('voucher');
    await settled(order);
    await paidBack(order, 5_000);
    expect(await order.read()).toMatchObject({
      status: 'refunded',
      remedy: { chosen: 'refund', unavailable: ['voucher'] },
    });
    await expectAuditClean(app);
    // What stood for the voucher ends by itself, and nobody was ever owed it.
    app.clock.advance(12 * DAY_MS);
    await tidyCredit(app.ctx);
    const { rows } = await app.ctx.db.pool.query(
      `select balance_minor from promotions.credit where source_order_id = $1`,
      [order.id],
    );
    expect(rows).toEqual([{ balance_minor: 0 }]);
    app.clock.advance(DAY_MS);
    const books = (await auditAll(app.ctx)).find(({ id }) => id === 'G23');
    app.clock.advance(-13 * DAY_MS);
    expect(books).toMatchObject({ violations: 0, unchecked: 0 });
  });

  it.each([
    ['refund', 'refunded'],
    ['credit', 'cancelled'],
  ])('G11 gives a %s to those, too, who were let in before', async (remedy, status) => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const order = await bought(eventId, typeId);
    const client = await connect(app.database.url);
    await client.query(
      `update orders.ticket set status = 'redeemed' where ticket_id = (
         select ticket_id from orders.ticket where order_id = $1 limit 1)`,
      [order.id],
    );
    await client.end();
    await cancel(eventId, { remedies: [remedy] });
    await settled(order);
    const { tickets } = await order.until(status);
    expect(tickets.map((ticket: { status: string }) => ticket.status)).toEqual(['void', 'void']);
    if (remedy === 'refund') await paidBack(order, 5_000);
    else expect((await order.read()).remedy.creditCode).toEqual(expect.any(String));
    expect(await free(eventId)).toBe(10);
    await expectAuditClean(app);
  });
});

describe('credit', () => {
  it('B4 F9 instead of money can be spent with the same organizer', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const [taker, silent] = [await bought(eventId, typeId), await bought(eventId, typeId, 1)];
    await cancel(eventId, {
      remedies: ['refund', 'credit'],
      defaultRemedy: 'credit',
      chooseBy: inDays(3),
    });
    await offered(taker);
    await offered(silent);
    expect((await taker.choose('credit')).body).toMatchObject({
      status: 'cancelled',
      statusReason: 'credit',
      tickets: [{ status: 'void' }, { status: 'void' }],
      remedy: { chosen: 'credit' },
    });
    await expectAuditClean(app);
    const { remedy, refunds, creditReturns } = await settled(taker);
    expect(refunds).toEqual([]);
    expect(creditReturns).toMatchObject([{ amount: eur(5_000), reason: 'credit' }]);
    app.clock.advance(4 * DAY_MS);
    const late = (await settled(silent)).remedy;
    expect(late).toMatchObject({ chosen: 'credit', creditCode: expect.any(String) });
    app.clock.advance(-4 * DAY_MS);
    expect(late.creditCode).not.toBe(remedy.creditCode);
    const other = await onSale(app.admin, { price: 5_000 });
    const booked = await app.guest.post(
      `/events/${other.eventId}/bookings`,
      {
        items: [{ ticketTypeId: other.typeId, quantity: 1 }],
        buyer: { name: 'Ada', email: 'ada@example.org' },
        payment: { method: 'payment_intent' },
        credit: { code: remedy.creditCode },
      },
      newKey(),
    );
    expect(booked.body.order).toMatchObject({ status: 'confirmed', payments: [] });
    expect(await progress(eventId)).toMatchObject({
      byRemedy: [{ remedy: 'refund' }, { remedy: 'credit', orders: 2, value: eur(7_500) }],
    });
    await expectAuditClean(app);
  });

  it('B4 that paid for an order goes back as credit, which its buyer can spend', async () => {
    const { here, there, offer } = await twoDates();
    const order = await bought(here.eventId, here.typeId);
    await offer();
    await offered(order);
    await order.choose('voucher');
    const { remedy } = await settled(order);
    await cancel(there.eventId, { remedies: ['refund'] });
    const renewed = () => order.buyer.get(`/orders/${remedy.order.id}`);
    const { body } = await eventually(renewed, ({ body: now }) => now.status === 'refunded');
    expect(body.creditReturns).toMatchObject([
      { amount: eur(5_000), code: expect.any(String), reason: 'event_cancelled' },
    ]);
    await expectAuditClean(app);
  });
});

describe('the books', () => {
  it('F8 owe buyers what their credit is worth, as soon as nothing is under way', async () => {
    const client = await connect(app.database.url);
    const look = async () => {
      const { rows } = await client.query<{ owed: number; worth: number }>(`
        select (select sum(case 'credit_liability' when t.credit then t.amount_minor
            when t.debit then -t.amount_minor else 0 end)::int from payments.transfer t) as owed,
          (select sum(c.balance_minor)::int from promotions.credit c) as worth`);
      return rows[0];
    };
    try {
      const books = await eventually(look, (now) => now?.owed === now?.worth);
      expect(books?.worth).toBeGreaterThan(0);
    } finally {
      await client.end();
    }
  });
});
