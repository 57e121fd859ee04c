/** D1, D3, D4, B11: payments on the provider's own page, from the booking to their ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, eventually, newKey, onSale, somebody } from '../kit/given.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause, env: { BASE_URL: 'https://tickets.example' } });
});
afterAll(() => app.close());

const MINUTE_MS = 60_000;

/** A booking of two places whose buyer is sent to the provider's page. */
async function sent(more: Record<string, unknown> = {}, capacity = 2) {
  const { eventId, typeId } = await onSale(app.admin, { capacity, more });
  const booked = await book(app.guest, eventId, typeId, {
    quantity: 2,
    method: 'checkout_session',
  });
  expect(booked.status).toBe(201);
  return { eventId, typeId, ...opened(booked.body) };
}

function opened(body: {
  order: { id: string };
  accessToken: string;
  payment: { redirectUrl: string };
}) {
  const buyer = app.as(body.accessToken);
  // The page says where people reach the server; in a test that is not where it listens.
  const page = body.payment.redirectUrl.replace('https://tickets.example', app.origin);
  const read = async () => (await buyer.get(`/orders/${body.order.id}`)).body;
  return { orderId: body.order.id, buyer, page, sessionId: page.split('/').at(-1) ?? '', read };
}

/** What the buyer presses on the page. */
async function press(page: string, action: string): Promise<string> {
  const body = new URLSearchParams({ action });
  const answer = await fetch(page, { method: 'POST', body });
  expect(answer.status).toBe(200);
  return answer.text();
}

type Order = { readonly status: string };

const session = async (id: string) => {
  const read = await app.ctx.ports.payments.of(null).readCheckout(id);
  if (read.kind !== 'ok') throw new Error(read.kind);
  return read.value;
};

/** What the provider's webhooks lead to, and where none comes the reconciler, until it is so. */
async function until(order: { readonly read: () => Promise<Order> }, status: string) {
  const looked = async () => {
    const { pool } = app.database.open(null);
    await pool.query(
      `insert into kernel.job (kind, key, data)
       select 'settle_payment', p.payment_id,
         jsonb_build_object('eventId', p.event_id, 'paymentId', p.payment_id)
       from payments.payment p where p.status not in ('captured', 'voided', 'failed')
       on conflict (kind, key) do update set run_at = clock_timestamp()`,
    );
    await app.drainJobs();
    return order.read();
  };
  return eventually(looked, (view) => view.status === status);
}

async function ledgerOf(orderId: string) {
  const ledger = await app.parts.sandbox?.ledger();
  const entries = ledger?.byIntent.filter((intent) => intent.orderId === orderId) ?? [];
  const sum = (of: 'capturedMinor' | 'refundedMinor') =>
    entries.reduce((all, entry) => all + entry[of], 0);
  return { captured: sum('capturedMinor'), refunded: sum('refundedMinor') };
}

describe('a booking with checkout_session', () => {
  it('D1 D3: answers with the provider’s page; whoever pays there has tickets', async () => {
    const a = await sent();
    expect(a.page).toMatch(/\/sandbox\/pay\/cs_test_/);
    const made = await session(a.sessionId);
    expect(made).toMatchObject({ status: 'open', intentId: null, amountMinor: 5_000 });
    expect(await press(a.page, 'pay')).toContain('https://tickets.example/?order=');
    expect(await until(a, 'confirmed')).toMatchObject({
      tickets: [{ status: 'valid' }, { status: 'valid' }],
      payments: [{ method: 'checkout_session', status: 'captured' }],
    });
    expect(await ledgerOf(a.orderId)).toEqual({ captured: 5_000, refunded: 0 });
    await expectAuditClean(app);
  });

  it('D4: its webhooks lead to a look, without the reconciler', async () => {
    const a = await sent();
    const { pool } = app.database.open(null);
    await pool.query('update payments.payment set check_at = null');
    await press(a.page, 'pay');
    const looked = async () => {
      await app.drainJobs();
      return a.read();
    };
    await eventually(looked, ({ status }) => status === 'confirmed');
  });

  it('D10: its tickets are refunded as any others', async () => {
    const a = await sent();
    await press(a.page, 'pay');
    await until(a, 'confirmed');
    const refunded = await app.admin.post(
      `/orders/${a.orderId}/refunds`,
      { reason: 'Asked for it' },
      newKey(),
    );
    expect(refunded.status).toBe(201);
    await app.drainJobs();
    expect(await ledgerOf(a.orderId)).toEqual({ captured: 5_000, refunded: 5_000 });
    await expectAuditClean(app);
  });

  it('D2: a declined card fails the order and ends the session', async () => {
    const a = await sent();
    await press(a.page, 'decline');
    expect(await until(a, 'failed')).toMatchObject({
      payments: [{ status: 'failed', failureCode: 'generic_decline' }],
    });
    expect((await session(a.sessionId)).status).toBe('expired');
    const other = await book(app.guest, a.eventId, a.typeId, { quantity: 2 });
    expect(other.status).toBe(201);
    await expectAuditClean(app);
  });

  it('D2: an order whose time is over ends its session at the provider', async () => {
    const a = await sent({ holdMinutes: 1 });
    app.clock.advance(2 * MINUTE_MS);
    expect(await expireOrders(app.ctx)).toBe(1);
    await app.drainJobs();
    expect(await a.read()).toMatchObject({
      status: 'cancelled',
      payments: [{ status: 'voided' }],
    });
    expect((await session(a.sessionId)).status).toBe('expired');
    await press(a.page, 'pay');
    expect(await ledgerOf(a.orderId)).toEqual({ captured: 0, refunded: 0 });
    await expectAuditClean(app);
  });

  it('G8: whoever pays before the session is ended is honoured where places are left', async () => {
    const a = await sent({ holdMinutes: 1 });
    app.clock.advance(2 * MINUTE_MS);
    await expireOrders(app.ctx);
    await press(a.page, 'pay');
    expect(await until(a, 'confirmed')).toMatchObject({
      payments: [{ status: 'captured' }],
    });
    await expectAuditClean(app);
  });

  it('G8: and gets the authorisation back where they are gone', async () => {
    const a = await sent({ holdMinutes: 1 });
    app.clock.advance(2 * MINUTE_MS);
    await expireOrders(app.ctx);
    expect((await book(app.guest, a.eventId, a.typeId)).status).toBe(201);
    await press(a.page, 'pay');
    const voided = (view: Awaited<ReturnType<typeof a.read>>) =>
      view.payments[0].status === 'voided';
    expect(await eventually(() => until(a, 'cancelled'), voided)).toMatchObject({
      payments: [{ failureCode: 'sold_out' }],
    });
    expect(await ledgerOf(a.orderId)).toEqual({ captured: 0, refunded: 0 });
    await expectAuditClean(app);
  });

  it('a buyer who gives the order up cannot pay any more', async () => {
    const a = await sent();
    expect((await a.buyer.post(`/orders/${a.orderId}/cancel`)).status).toBe(200);
    await app.drainJobs();
    expect((await session(a.sessionId)).status).toBe('expired');
    expect((await a.read()).payments).toMatchObject([{ status: 'voided' }]);
    await expectAuditClean(app);
  });

  it('a session that was ended by hand fails the order', async () => {
    const a = await sent();
    await app.ctx.ports.payments.of(null).expireCheckout(a.sessionId, 'by-hand');
    await until(a, 'failed');
    await expectAuditClean(app);
  });
});

describe('asked again', () => {
  const asking = (eventId: string, typeId: string) => ({
    path: `/events/${eventId}/bookings`,
    body: {
      items: [{ ticketTypeId: typeId, quantity: 1 }],
      buyer: somebody(),
      payment: { method: 'checkout_session' },
    },
    headers: { ...newKey(), 'x-device-token': 'a-device-of-my-own-0123' },
  });

  it('G14: gives the same page, also when it was paid', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { path, body, headers } = asking(eventId, typeId);
    const first = await app.guest.post(path, body, headers);
    expect((await app.guest.post(path, body, headers)).body).toEqual(first.body);
    await press(opened(first.body).page, 'pay');
    await until(opened(first.body), 'confirmed');
    expect((await app.guest.post(path, body, headers)).body).toEqual(first.body);
  });

  it('G14: finds the session whose answer was lost before it was stored', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { path, body, headers } = asking(eventId, typeId);
    gate.dieAt('intent.before_store');
    expect((await app.guest.post(path, body, headers)).status).toBe(500);
    const again = await app.guest.post(path, body, headers);
    expect(again.status).toBe(201);
    await press(opened(again.body).page, 'pay');
    await until(opened(again.body), 'confirmed');
    await expectAuditClean(app);
  });

  it('a session that was made while its order was given up is ended', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { holdMinutes: 1 } });
    const { path, body, headers } = asking(eventId, typeId);
    const stop = gate.stopAt('intent.before_store');
    const asked = app.guest.post(path, body, headers);
    await stop.arrived;
    app.clock.advance(2 * MINUTE_MS);
    await expireOrders(app.ctx);
    await app.drainJobs();
    stop.go();
    expect((await asked).status).toBe(422);
    const { rows } = await app.database
      .open(null)
      .pool.query(`select checkout_id as id, status from payments.payment where event_id = $1`, [
        eventId,
      ]);
    expect(rows).toMatchObject([{ status: 'voided' }]);
    expect((await session(rows[0].id)).status).toBe('expired');
  });
});

describe('where the buyer comes back to', () => {
  const wanted = async (credential: string | undefined, payment: object) => {
    const { eventId, typeId } = await onSale(app.admin);
    return app.as(credential).post(
      `/events/${eventId}/bookings`,
      {
        items: [{ ticketTypeId: typeId, quantity: 1 }],
        buyer: somebody(),
        payment: { method: 'checkout_session', ...payment },
      },
      newKey(),
    );
  };

  it('is a page of this installation for anybody, and any for staff', async () => {
    const ours = await wanted(undefined, { returnUrl: 'https://tickets.example/thanks?a=1' });
    expect(ours.status).toBe(201);
    expect(await press(opened(ours.body).page, 'pay')).toMatch(
      /https:\/\/tickets\.example\/thanks\?a=1&(amp;)?order=ord_\w+&(amp;)?checkout=done/,
    );
    const theirs = { returnUrl: 'https://elsewhere.example/back' };
    const refusal = await wanted(undefined, theirs);
    expect(refusal.body).toMatchObject({ status: 422, code: 'return_url_not_allowed' });
    expect((await wanted(ADMIN_KEY, theirs)).status).toBe(201);
  });

  it.each([
    'javascript:alert(1)',
    'https://user@tickets.example/',
    'ftp://tickets.example/',
    '/thanks',
  ])('is never %s', async (returnUrl) => {
    expect((await wanted(ADMIN_KEY, { returnUrl })).status).toBe(422);
  });
});

it('D3: is the organizer’s choice where a booking names no method', async () => {
  const { rows } = await app.database
    .open(null)
    .pool.query(`select organizer_id as id from identity.organizer`);
  const path = `/organizers/${rows[0].id}/payment-account`;
  const set = await app.admin.put(path, { account: null, defaultMethod: 'checkout_session' });
  expect(set.status).toBe(200);
  const { eventId, typeId } = await onSale(app.admin);
  const booked = await app.guest.post(
    `/events/${eventId}/bookings`,
    { items: [{ ticketTypeId: typeId, quantity: 1 }], buyer: somebody(), payment: {} },
    newKey(),
  );
  expect(booked.body.payment.redirectUrl).toMatch(/cs_test_/);
  expect(booked.body.order.payments).toMatchObject([{ method: 'checkout_session' }]);
});
