/** D2, D4, G8, G13: the provider is slow, silent, wrong, or says everything twice. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import {
  expireRecurring,
  settlePayment,
  settleRecurring,
  sweepRecurring,
} from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, newKey, onSale, payWith } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterEach(() => {
  app.parts.sandbox?.setFaults({ rules: [] });
  app.clock.advance(-app.clock.offsetMs());
});
afterAll(() => app.close());

type Kind = 'hang_after' | 'error_500' | 'reset' | 'drop_webhook';
const faults = (kind: Kind, on?: string, times?: number) =>
  app.parts.sandbox?.setFaults({
    rules: [{ kind, ...(on ? { on } : {}), ...(times ? { times } : {}) }],
  });
// The SDK asks once more when a connection is closed, even when told not to retry.
const LOST = 2;

const sql = (text: string) => app.database.open(null).pool.query(text);

async function authorised(card = 'pm_card_visa') {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 4 });
  const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
  const clientSecret = booked.body.payment.clientSecret as string;
  await payWith(app, clientSecret, card);
  const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
  const buyer = app.as(booked.body.accessToken);
  return {
    eventId,
    typeId,
    orderId: booked.body.order.id as string,
    intentId: clientSecret.replace(/_secret_.*/, ''),
    paymentId,
    settle: () => settlePayment(app.ctx, eventOf(paymentId), paymentId),
    read: async () => (await buyer.get(`/orders/${booked.body.order.id}`)).body,
  };
}

async function taken(intentId: string) {
  const ledger = await app.parts.sandbox?.ledger();
  return ledger?.byIntent.find((entry) => entry.intentId === intentId)?.netMinor ?? 0;
}

describe('a provider that does not answer', () => {
  it.each(['hang_after', 'reset', 'error_500'] as const)(
    'G8 is asked again after %s at the capture: taken once, confirmed once',
    async (kind) => {
      const a = await authorised();
      faults(kind, 'POST /v1/payment_intents/:id/capture', kind === 'error_500' ? 1 : LOST);
      await expect(a.settle()).rejects.toThrow(/not yet/);
      const asked = await a.read();
      expect(asked.payments[0].status).toBe('unknown');
      expect(asked.tickets.map((t: { code: unknown }) => t.code)).toEqual([null, null]);
      await a.settle();
      expect(await a.read()).toMatchObject({
        status: 'confirmed',
        payments: [{ status: 'captured' }],
      });
      expect(await taken(a.intentId)).toBe(5_000);
      await expectAuditClean(app);
    },
  );

  it('keeps the places when the intent cannot be made, and goes on with the same key', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    faults('reset', 'POST /v1/payment_intents', LOST);
    const key = newKey()['idempotency-key'];
    const buyer = { name: 'Patient', email: 'patient@example.org' };
    const options = { quantity: 2, key, buyer };
    const first = await book(app.guest, eventId, typeId, options);
    expect(first.body).toMatchObject({ status: 503, code: 'payment_provider_unavailable' });
    expect(first.headers.get('retry-after')).toBe('2');
    const again = await book(app.guest, eventId, typeId, options);
    expect(again.status).toBe(201);
    expect(again.body.order.status).toBe('pending');
    const { rows } = await sql(
      `select count(*)::int as n from orders.order where event_id = '${eventId}'`,
    );
    expect(rows[0].n).toBe(1);
    await expectAuditClean(app);
  });

  it('submits a refund once although the first answer was lost', async () => {
    const a = await authorised();
    await a.settle();
    faults('hang_after', 'POST /v1/refunds', LOST);
    const refunded = await app.admin.post(
      `/orders/${a.orderId}/refunds`,
      { reason: 'ill' },
      newKey(),
    );
    expect(refunded.body.refunds).toMatchObject([{ status: 'owed' }]);
    await app.drainJobs();
    expect((await a.read()).refunds[0].status).toBe('submitted');
    await sql('update kernel.job set run_at = clock_timestamp()');
    await app.drainJobs();
    expect((await a.read()).refunds[0].status).toBe('succeeded');
    expect(await taken(a.intentId)).toBe(0);
    await expectAuditClean(app);
  });
});

describe('a refund that the bank sends back days later', () => {
  it('is owed again, and tried again under another key', async () => {
    const a = await authorised('pm_card_refundFail');
    await a.settle();
    await app.admin.post(`/orders/${a.orderId}/refunds`, { reason: 'ill' }, newKey());
    await app.drainJobs();
    expect((await a.read()).refunds[0].status).toBe('succeeded');
    app.clock.advance(10 * 86_400_000);
    await app.parts.sandbox?.runDue();
    const id = (await a.read()).refunds[0].id as string;
    const path = async () => {
      // Webhooks come in meanwhile, and enqueue: what they hold is left alone.
      await sql(
        `update kernel.job set run_at = clock_timestamp()
         where id in (select id from kernel.job for update skip locked)`,
      );
      await app.drainJobs();
      const { rows } = await sql(
        `select to_state from kernel.state_change where object_id = '${id}' order by seq`,
      );
      return rows.map((row: { to_state: string }) => row.to_state).join(' ');
    };
    const again = 'owed submitted succeeded failed owed submitted succeeded';
    expect(await eventually(path, (states) => states.length >= again.length)).toBe(again);
    // Ten days later other stories' holds have lapsed; nobody sweeps while the worker rests.
    await expireRecurring.run(app.ctx);
    await sweepRecurring.run(app.ctx);
    await expectAuditClean(app);
  });
});

describe('webhooks', () => {
  it('the reconciler finds what a dropped webhook did not say', async () => {
    faults('drop_webhook');
    const a = await authorised();
    await app.drainJobs();
    expect((await a.read()).status).toBe('pending');
    await sql(
      `update payments.payment set check_at = clock_timestamp() where payment_id = '${a.paymentId}'`,
    );
    await settleRecurring.run(app.ctx);
    await app.drainJobs();
    expect((await a.read()).status).toBe('confirmed');
    await expectAuditClean(app);
  });

  const signed = (body: string, secret: string, ageSeconds = 0) => {
    const at = Math.floor(Date.now() / 1000) - ageSeconds;
    const mac = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
    return `t=${at},v1=${mac}`;
  };
  const send = async (body: string, signature: string | null, path = '//webhooks/stripe') => {
    const response = await fetch(app.origin + (path.startsWith('//') ? path.slice(1) : path), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(signature ? { 'stripe-signature': signature } : {}),
      },
      body,
    });
    return { status: response.status, body: (await response.json()) as { code?: string } };
  };
  const secret = () => app.parts.sandbox?.webhookSecret ?? '';
  const message = (id: string, more: object = {}) =>
    JSON.stringify({
      id,
      object: 'event',
      type: 'payment_intent.succeeded',
      livemode: false,
      data: { object: { object: 'payment_intent', id: 'pi_unknown' } },
      ...more,
    });

  it.each([
    ['no signature', () => null],
    ['another secret', (body: string) => signed(body, 'whsec_other')],
    ['an old one', (body: string) => signed(body, secret(), 301)],
    ['one from the future', (body: string) => signed(body, secret(), -301)],
    ['v0 only', (body: string) => signed(body, secret()).replace('v1=', 'v0=')],
    ['garbage', () => 'hello'],
  ])('D4 refuses %s with 400', async (_what, sign) => {
    const body = message('evt_forged');
    expect(await send(body, sign(body))).toMatchObject({
      status: 400,
      body: { code: 'invalid_signature' },
    });
    const { rows } = await sql(
      `select count(*)::int as n from payments.webhook where webhook_id = 'evt_forged'`,
    );
    expect(rows[0].n).toBe(0);
  });

  it('refuses a changed body, and a live event beside test keys', async () => {
    const body = message('evt_changed');
    expect((await send(`${body} `, signed(body, secret()))).status).toBe(400);
    const live = message('evt_live', { livemode: true });
    expect((await send(live, signed(live, secret()))).status).toBe(400);
  });

  it('D4 G13 takes a good one once, at either address, known or not', async () => {
    const a = await authorised();
    const body = message('evt_good', {
      data: { object: { object: 'payment_intent', id: a.intentId } },
    });
    expect((await send(body, signed(body, secret()))).status).toBe(200);
    expect((await send(body, signed(body, secret()), '/api/v1/webhooks/stripe')).status).toBe(200);
    const look = async () => {
      await sql('update kernel.job set run_at = clock_timestamp()');
      await app.drainJobs();
      return a.read();
    };
    const confirmed = await eventually(look, (order) => order.status === 'confirmed');
    expect(confirmed.tickets).toHaveLength(2);
    const odd = message('evt_odd', { type: 'some.new.type', data: {} });
    expect((await send(odd, signed(odd, secret()))).status).toBe(200);
    await expectAuditClean(app);
  });
});
