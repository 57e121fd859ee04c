import Stripe from 'stripe';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { all } from '../../kernel/db.ts';
import { int, rows, text } from '../../kernel/sql.ts';
import { type OpenSandbox, openReceiver, openSandbox, typesOf } from '../testing.ts';
import type { FaultPlan } from './faults.ts';
import { createFaults, faultPlan } from './faults.ts';

const deliveryPlan = () => rows({ type: text, holdMs: int })`
  select e.type, (extract(epoch from d.due_at - min(d.due_at) over ()) * 1000)::int as "holdMs"
  from sandbox.delivery d join sandbox.event e on e.id = d.event_id
  order by e.seq`;

const CREATE = 'POST /v1/payment_intents';
const LONG_MS = 60_000;
/** How long the client waits for a silent provider. */
const PATIENCE_MS = 500;

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb());
});
afterEach(() => open.call('DELETE', '/faults'));
afterAll(() => open.close());

async function setFaults(plan: FaultPlan): Promise<number> {
  const answer = await open.call('POST', '/faults', JSON.stringify(plan), {
    'content-type': 'application/json',
  });
  return answer.status;
}

async function struck(): Promise<number> {
  const answer = await open.call('GET', '/faults');
  const { rules } = (await answer.json()) as { rules: readonly { struck: number }[] };
  return rules.reduce((sum, rule) => sum + rule.struck, 0);
}

const create = (amount: number, options: Stripe.RequestOptions = {}) =>
  open.stripe.paymentIntents.create({ amount, currency: 'eur' }, options);

async function made(amount: number): Promise<number> {
  const { data } = await open.stripe.paymentIntents.list({ limit: 100 });
  return data.filter((intent) => intent.amount === amount).length;
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

describe('a call', () => {
  it('is late', async () => {
    await setFaults({ rules: [{ kind: 'delay', on: CREATE, ms: 1, times: 1 }] });
    await create(101);
    expect([await struck(), await made(101)]).toEqual([1, 1]);
  });

  it('hangs before it is executed', async () => {
    await setFaults({ rules: [{ kind: 'hang_before', on: CREATE, ms: LONG_MS, times: 1 }] });
    const options = { idempotencyKey: 'k-before', timeout: PATIENCE_MS };
    expect(await failure(create(102, options))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(await made(102)).toBe(0);
    await create(102, options);
    expect(await made(102)).toBe(1);
  });

  it('hangs after it was executed; the same key finds out', async () => {
    await setFaults({ rules: [{ kind: 'hang_after', on: CREATE, ms: LONG_MS, times: 1 }] });
    const options = { idempotencyKey: 'k-after', timeout: PATIENCE_MS };
    expect(await failure(create(103, options))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    // Should the first still be running, its key is in use, and the SDK asks again.
    const found = await create(103, { ...options, timeout: LONG_MS, maxNetworkRetries: 5 });
    expect(found.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await made(103)).toBe(1);
  });

  it('is cut off after it was executed; the SDK repeats it by itself, under the same key', async () => {
    await setFaults({ rules: [{ kind: 'hang_after', on: CREATE, ms: 0, times: 1 }] });
    const found = await create(104);
    expect(found.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect([await struck(), await made(104)]).toEqual([1, 1]);
  });

  it('finds the connection reset; nothing was executed', async () => {
    await setFaults({ rules: [{ kind: 'reset', on: CREATE, times: 2 }] });
    expect(await failure(create(105))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect([await struck(), await made(105)]).toEqual([2, 0]);
  });

  it('gets a 500 that stays under its key', async () => {
    await setFaults({ rules: [{ kind: 'error_500', on: CREATE, times: 1 }] });
    for (let i = 0; i < 2; i++) {
      const error = await failure(create(106, { idempotencyKey: 'k-500' }));
      expect(error).toBeInstanceOf(Stripe.errors.StripeAPIError);
      expect(error).toMatchObject({ statusCode: 500, rawType: 'api_error' });
    }
    expect([await struck(), await made(106)]).toEqual([1, 0]);
    await create(106, { idempotencyKey: 'k-500-new' });
    expect(await made(106)).toBe(1);
  });

  it('gets a 500 although it was executed: only reading tells', async () => {
    await setFaults({ rules: [{ kind: 'error_500_after', on: CREATE, times: 1 }] });
    for (let i = 0; i < 2; i++) {
      const error = await failure(create(107, { idempotencyKey: 'k-500-after' }));
      expect(error).toMatchObject({ statusCode: 500 });
    }
    expect(await made(107)).toBe(1);
  });

  it('is one too many, which is not kept under its key', async () => {
    await setFaults({ rules: [{ kind: 'rate_limit', on: CREATE, times: 1 }] });
    const error = await failure(create(108, { idempotencyKey: 'k-429' }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
    await create(108, { idempotencyKey: 'k-429' });
    expect(await made(108)).toBe(1);
  });
});

describe('a webhook', () => {
  it('is dropped for good, and listed as not delivered', async () => {
    const mine = await openSandbox(await cloneDb());
    const receiver = await openReceiver();
    await mine.sandbox.ensureEndpoint(receiver.url);
    const delivery = mine.sandbox.startDelivery();
    mine.sandbox.setFaults({
      rules: [{ kind: 'drop_webhook', on: 'payment_intent.created', times: 1 }],
    });
    const lost = await mine.stripe.paymentIntents.create({ amount: 1, currency: 'eur' });
    await mine.stripe.paymentIntents.cancel(lost.id);
    await receiver.until((received) => received.length === 1);
    expect(typesOf(receiver.received)).toEqual(['payment_intent.canceled']);
    await delivery.stop();
    const { data } = await mine.stripe.events.list({ delivery_success: false });
    expect(data.map(({ type }) => type)).toEqual(['payment_intent.created']);
    await receiver.close();
    await mine.close();
  });

  it('comes twice', async () => {
    const mine = await openSandbox(await cloneDb());
    const receiver = await openReceiver();
    await mine.sandbox.ensureEndpoint(receiver.url);
    const delivery = mine.sandbox.startDelivery();
    mine.sandbox.setFaults({ rules: [{ kind: 'duplicate_webhook' }] });
    await mine.stripe.paymentIntents.create({ amount: 1, currency: 'eur' });
    await receiver.until((received) => received.length === 2);
    const [first, second] = receiver.received;
    expect(first?.body).toBe(second?.body);
    await delivery.stop();
    await receiver.close();
    await mine.close();
  });

  it('is held back, or overtaken by another; the same seed makes the same order', async () => {
    const plans: (readonly { type: string; holdMs: number }[])[] = [];
    for (const seed of [7, 7, 8]) {
      const mine = await openSandbox(await cloneDb());
      await mine.sandbox.ensureEndpoint('http://127.0.0.1:9/hook');
      mine.sandbox.setFaults({
        seed,
        rules: [
          { kind: 'delay_webhook', on: 'payment_intent.created', ms: 3_600_000 },
          { kind: 'reorder_webhooks', ms: 600_000 },
        ],
      });
      await mine.stripe.paymentIntents.create({
        amount: 1,
        currency: 'eur',
        payment_method: 'pm_card_visa',
        confirm: true,
      });
      plans.push(await all(mine.db, deliveryPlan()));
      await mine.close();
    }
    const order = (plan: (typeof plans)[number] | undefined) =>
      [...(plan ?? [])].sort((a, b) => a.holdMs - b.holdMs).map(({ type }) => type);
    expect(plans[0]).toEqual(plans[1]);
    expect(plans[0]).not.toEqual(plans[2]);
    expect(order(plans[0]).at(-1)).toBe('payment_intent.created');
    const orders = new Set(plans.map((plan) => order(plan).join()));
    expect(orders.size).toBe(2);
  });
});

describe('the rules', () => {
  it('are set with the secret key only, and must be able to strike', async () => {
    expect(await setFaults({ rules: [{ kind: 'delay', on: 'POST /v1/payment_intent' }] })).toBe(
      400,
    );
    expect(await setFaults({ rules: [{ kind: 'hang_after', ms: LONG_MS + 1 }] })).toBe(400);
    expect(await setFaults({ rules: [{ kind: 'reset', chance: 0.5 }] })).toBe(200);
    for (const authorization of ['', `Bearer ${open.sandbox.publishableKey}`]) {
      const answer = await open.call('GET', '/faults', undefined, { authorization });
      expect([401, 403]).toContain(answer.status);
    }
  });

  it('strike by a seeded chance', () => {
    const strikes = (seed: number) => {
      const faults = createFaults();
      faults.set(faultPlan.parse({ seed, rules: [{ kind: 'reset', chance: 0.3 }] }));
      return Array.from({ length: 200 }, () => (faults.forCall(CREATE) ? 1 : 0));
    };
    expect(strikes(1)).toEqual(strikes(1));
    expect(strikes(1)).not.toEqual(strikes(2));
    const total = strikes(3).reduce<number>((sum, one) => sum + one, 0);
    expect(total).toBeGreaterThan(30);
    expect(total).toBeLessThan(90);
  });
});
