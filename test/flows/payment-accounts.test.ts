/** D3, D4: each organizer's money goes to an account of its own, and stays there. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSandbox } from '../../server/sandbox/index.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, eventually, newKey, onSale, payWith } from '../kit/given.ts';

let app: TestApp;
let database: ReturnType<TestApp['database']['open']>;
beforeAll(async () => {
  app = await startApp();
  database = app.database.open(null);
});
afterAll(() => app.close());

const sql = (text: string) => database.pool.query(text);

async function newOrganizer(of: TestApp = app) {
  const made = await of.admin.post('/organizers', { name: 'Another' });
  const organizerId = made.body.id as string;
  const key = await of.admin.post('/api-keys', { name: 'Admin', role: 'admin', organizerId });
  return {
    organizerId,
    admin: of.as(key.body.secret),
    path: `/organizers/${organizerId}/payment-account`,
    ownAccount: `acct_sandbox${organizerId.slice('org_'.length)}`,
  };
}

const intentOf = (clientSecret: string) => clientSecret.replace(/_secret_.*/, '');
const ownerOf = async (id: string) => {
  const { rows } = await sql(`select owner from sandbox.object where id = '${id}'`);
  return rows[0].owner as string;
};

async function settled(accessToken: string, orderId: string, status: string) {
  const look = async () => {
    await sql('update kernel.job set run_at = clock_timestamp()');
    await app.drainJobs();
    return (await app.as(accessToken).get(`/orders/${orderId}`)).body;
  };
  return eventually(look, (order) => order.status === status);
}

function signed(body: string, secret: string) {
  const t = Math.floor(Date.now() / 1000);
  const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex');
  return { 'stripe-signature': `t=${t},v1=${v1}` };
}

describe('an organizer of its own', () => {
  it('D3 sells, captures and refunds in its own account', async () => {
    const { admin, ownAccount } = await newOrganizer();
    const { eventId, typeId } = await onSale(admin, { capacity: 4 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    expect(booked.body.payment).toMatchObject({ account: ownAccount });
    const { clientSecret } = booked.body.payment;
    expect(await ownerOf(intentOf(clientSecret))).toBe(ownAccount);
    expect((await payWith(app, clientSecret)).status).toBe(200);
    const { accessToken } = booked.body;
    const orderId = booked.body.order.id;
    const { tickets } = await settled(accessToken, orderId, 'confirmed');
    const taken = { ticketIds: [tickets[0].id], reason: 'requested' };
    await admin.post(`/orders/${orderId}/refunds`, taken, newKey());
    await settled(accessToken, orderId, 'partially_refunded');
    await app.drainJobs();
    const { rows } = await sql(
      `select merchant, sum(amount_minor)::int as kept from sandbox.ledger_entry
       where account = 'balance' and kind <> 'fee' and intent_id = '${intentOf(clientSecret)}' group by merchant`,
    );
    expect(rows).toEqual([{ merchant: ownAccount, kept: 2_500 }]);
    await expectAuditClean(app);
  });

  it('D3 pays by the simulated payer too, and the default organizer by the instance’s', async () => {
    const { admin, ownAccount } = await newOrganizer();
    for (const [staff, owner] of [
      [admin, ownAccount],
      [app.admin, ''],
    ] as const) {
      const { eventId, typeId } = await onSale(staff);
      const booked = await book(app.guest, eventId, typeId, { method: 'simulated' });
      const { clientSecret, account } = booked.body.payment;
      expect(account ?? '').toBe(owner);
      expect(await ownerOf(intentOf(clientSecret))).toBe(owner);
      await settled(booked.body.accessToken, booked.body.order.id, 'confirmed');
    }
  });

  it('D3 keeps a payment where it was opened when another account is set', async () => {
    const { admin, path, ownAccount, organizerId } = await newOrganizer();
    expect((await admin.get(path)).body).toEqual({
      organizerId,
      provider: 'stripe',
      livemode: false,
      account: ownAccount,
      source: 'sandbox',
      defaultMethod: 'payment_intent',
    });
    const { eventId, typeId } = await onSale(admin);
    const before = await book(app.guest, eventId, typeId);
    const account = `acct_moved${organizerId.slice(4)}`;
    const set = await app.admin.put(path, { account, defaultMethod: 'checkout_session' });
    expect(set).toMatchObject({ status: 200, body: { account, source: 'set' } });
    const after = await book(app.guest, eventId, typeId);
    expect(after.body.payment.account).toBe(account);
    await payWith(app, before.body.payment.clientSecret);
    await settled(before.body.accessToken, before.body.order.id, 'confirmed');
    expect(await ownerOf(intentOf(before.body.payment.clientSecret))).toBe(ownAccount);
    expect((await app.admin.put(path, { account: null })).body).toMatchObject({
      account: ownAccount,
      defaultMethod: 'payment_intent',
    });
  });

  it('D3 has its account for itself', async () => {
    const [a, b] = [await newOrganizer(), await newOrganizer()];
    const account = `acct_shared${a.organizerId.slice(4)}`;
    expect((await app.admin.put(a.path, { account })).status).toBe(200);
    expect(await app.admin.put(b.path, { account })).toMatchObject({
      status: 409,
      body: { code: 'payment_account_taken' },
    });
    const both = await Promise.all(
      [a, b].map(({ path }) => app.admin.put(path, { account: `${account}x` })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect((await app.admin.put(a.path, { account: 'sk_test_1' })).status).toBe(422);
    expect((await b.admin.put(b.path, { account })).status).toBe(403);
  });
});

describe('a webhook', () => {
  const send = (message: object) => {
    const body = JSON.stringify(message);
    const secret = app.parts.sandbox?.webhookSecret ?? '';
    return fetch(`${app.origin}/webhooks/stripe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signed(body, secret) },
      body,
    });
  };
  const jobs = async () => {
    const { rows } = await sql(
      `select count(*)::int as n from kernel.job where kind in ('settle_payment', 'submit_refund')`,
    );
    return rows[0].n as number;
  };

  it('D4 of another account changes nothing, for payments and refunds alike', async () => {
    const { admin, ownAccount } = await newOrganizer();
    const { eventId, typeId } = await onSale(admin, { capacity: 4 });
    const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
    const intentId = intentOf(booked.body.payment.clientSecret);
    await payWith(app, booked.body.payment.clientSecret);
    const orderId = booked.body.order.id;
    await settled(booked.body.accessToken, orderId, 'confirmed');
    const refunds = `/orders/${orderId}/refunds`;
    expect((await admin.post(refunds, { reason: 'requested' }, newKey())).status).toBe(201);
    await settled(booked.body.accessToken, orderId, 'refunded');
    await app.drainJobs();
    const { rows } = await sql(
      `select r.provider_id as id from payments.refund r join payments.payment p
       on p.event_id = r.event_id and p.payment_id = r.payment_id
       where p.provider_id = '${intentId}'`,
    );
    await sql('delete from kernel.job');
    const objects = [
      { object: 'payment_intent', id: intentId },
      { object: 'refund', id: rows[0].id },
    ];
    const seen: number[] = [];
    for (const account of [undefined, 'acct_somebody', ownAccount]) {
      for (const object of objects) {
        const id = `evt_${account ?? 'none'}_${object.object}`;
        const type = object.object === 'refund' ? 'refund.updated' : 'payment_intent.succeeded';
        const more = account === undefined ? {} : { account };
        const sent = await send({
          ...{ id, object: 'event', type, livemode: false, ...more },
          data: { object },
        });
        expect(sent.status).toBe(200);
        seen.push(await jobs());
      }
    }
    expect(seen).toEqual([0, 0, 0, 0, 1, 2]);
  });
});

describe('beside real keys', () => {
  let real: TestApp;
  beforeAll(async () => {
    const env = { STRIPE_SECRET_KEY: 'sk_test_none', STRIPE_WEBHOOK_SECRET: 'whsec_a, whsec_b' };
    real = await startApp({ env });
  });
  afterAll(() => real.close());

  it('D3 an organizer without an account takes no money, and gives free tickets', async () => {
    const { admin, path } = await newOrganizer(real);
    expect((await admin.get(path)).body).toMatchObject({ account: null, source: 'none' });
    const paid = await onSale(admin);
    expect(await book(real.guest, paid.eventId, paid.typeId)).toMatchObject({
      status: 422,
      body: { code: 'payment_method_unavailable' },
    });
    const orders = await real.database.open(null).pool.query('select from orders.order');
    expect(orders.rowCount).toBe(0);
    const free = await onSale(admin, { price: 0 });
    const booked = await book(real.guest, free.eventId, free.typeId);
    expect(booked).toMatchObject({ status: 201, body: { order: { total: eur(0) } } });
  });

  it('D3 nor is one needed for what a code or credit pays in full', async () => {
    const { admin, organizerId } = await newOrganizer(real);
    const { eventId, typeId } = await onSale(admin);
    const code = { code: 'GIFT', kind: 'percent', percent: 100 };
    await admin.post(`/events/${eventId}/promo-codes`, code, newKey());
    const given = { amount: eur(3_000) };
    const credit = await admin.post(`/organizers/${organizerId}/credits`, given, newKey());
    const paidBy = [{ promoCode: 'GIFT' }, { credit: { code: credit.body.secret } }];
    for (const more of paidBy) {
      expect(await book(real.guest, eventId, typeId, { more })).toMatchObject({
        status: 201,
        body: { order: { status: 'confirmed', payments: [] }, payment: { provider: 'none' } },
      });
    }
    // What is left of it pays a part, and nobody can take the rest.
    expect((await book(real.guest, eventId, typeId, { more: paidBy[1] ?? {} })).body.code).toBe(
      'payment_method_unavailable',
    );
  });

  it.each([
    ['GET', '/sandbox/stripe/v1/payment_intents'],
    ['POST', '/sandbox/stripe/v1/refunds'],
    ['GET', '/sandbox/stripe/ledger'],
    ['POST', '/sandbox/stripe/disputes'],
    ['GET', '/sandbox/pay/pi_1'],
    ['GET', '/sandbox/clock'],
  ])('F15 there is no sandbox: %s %s', async (method, path) => {
    const authorization = `Bearer ${ADMIN_KEY}`;
    const answer = await fetch(real.origin + path, { method, headers: { authorization } });
    expect(answer.status).toBe(404);
    expect(real.parts.sandbox).toBeNull();
  });

  it('F15 nobody starts one by mistake, and nobody pays with nothing', async () => {
    const { db, ids, secrets } = real.ctx;
    const deps = { db, ids, secrets, nowMs: () => 0, log: real.ctx.log };
    expect(() => createSandbox({ ...deps, realKey: 'sk_test_none' })).toThrow('beside real keys');
    const { eventId, typeId } = await onSale(real.admin);
    const booked = await book(real.guest, eventId, typeId, { method: 'simulated' });
    expect(booked).toMatchObject({ status: 422, body: { code: 'payment_method_unavailable' } });
  });

  it('D4 lets live events of accounts pass by test keys, and refuses its own', async () => {
    const send = async (account: object) => {
      const body = JSON.stringify({
        ...{ id: 'evt_mode', object: 'event', type: 'payment_intent.succeeded', livemode: true },
        ...{ ...account, data: { object: { object: 'payment_intent', id: 'pi_1' } } },
      });
      const response = await fetch(`${real.origin}/webhooks/stripe`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...signed(body, 'whsec_b') },
        body,
      });
      return response.status;
    };
    expect([await send({ account: 'acct_1' }), await send({})]).toEqual([200, 400]);
    const stored = `select from payments.webhook where webhook_id = 'evt_mode'`;
    expect((await real.database.open(null).pool.query(stored)).rowCount).toBe(0);
  });

  it('D4 takes what any of its endpoints’ secrets signed', async () => {
    const body = JSON.stringify({
      ...{ id: 'evt_b', object: 'event', type: 'account.updated', livemode: false },
      ...{ account: 'acct_1', data: { object: { object: 'account', id: 'acct_1' } } },
    });
    const sent = async (secret: string) => {
      const response = await fetch(`${real.origin}/webhooks/stripe`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...signed(body, secret) },
        body,
      });
      return response.status;
    };
    expect([await sent('whsec_a'), await sent('whsec_b'), await sent('whsec_c')]).toEqual([
      200, 200, 400,
    ]);
  });
});
