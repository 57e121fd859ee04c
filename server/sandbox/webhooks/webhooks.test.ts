import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { eventually } from '../../../test/kit/given.ts';
import { systemIds } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { secretsFrom } from '../../kernel/secrets.ts';
import { createSandbox, type Post } from '../index.ts';
import {
  type OpenSandbox,
  openReceiver,
  openSandbox,
  type Received,
  silentLog,
  typesOf,
} from '../testing.ts';
import { leaseDeliveries } from './delivery.sql.ts';

let open: OpenSandbox;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  open = await openSandbox(await cloneDb());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await open.close();
});

async function receiving(answers: readonly number[] = []) {
  const receiver = await openReceiver(answers);
  closing.push(receiver.close);
  await open.sandbox.ensureEndpoint(receiver.url);
  return receiver;
}

function delivering(sandbox = open.sandbox) {
  const delivery = sandbox.startDelivery();
  closing.push(delivery.stop);
  return delivery;
}

const pay = (more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  open.stripe.paymentIntents.create({
    amount: 1_000,
    currency: 'eur',
    payment_method: 'pm_card_visa',
    confirm: true,
    ...more,
  });

const eventOf = ({ body, signature }: Received) =>
  open.stripe.webhooks.constructEvent(body, signature, open.sandbox.webhookSecret);

describe('webhooks', () => {
  it('are signed so that the SDK accepts them, and say what the API says', async () => {
    const receiver = await receiving();
    delivering();
    const { id } = await pay({ metadata: { order_id: 'ord_1' } });
    await receiver.until((received) => received.length === 3);
    const events = receiver.received.map(eventOf);
    expect(events.map(({ type }) => type).sort()).toEqual([
      'charge.succeeded',
      'payment_intent.created',
      'payment_intent.succeeded',
    ]);
    const paid = events.find(({ type }) => type === 'payment_intent.succeeded');
    expect(paid?.data.object).toMatchObject({ id, metadata: { order_id: 'ord_1' } });
    expect(paid).toMatchObject({ api_version: '2026-10-28.endive', livemode: false });
    const listed = await open.stripe.events.retrieve(paid?.id ?? '');
    expect(listed).toMatchObject({ type: 'payment_intent.succeeded', request: paid?.request });

    const [first] = receiver.received;
    const tampered = (first?.body ?? '').replace('eur', 'usd');
    const verify = () =>
      open.stripe.webhooks.constructEvent(
        tampered,
        first?.signature ?? '',
        open.sandbox.webhookSecret,
      );
    expect(verify).toThrow(Stripe.errors.StripeSignatureVerificationError);
  });

  it.each([
    [
      'manual capture, then a refund',
      async () => {
        const { id } = await pay({ capture_method: 'manual' });
        await open.stripe.paymentIntents.capture(id);
        await open.stripe.refunds.create({ payment_intent: id });
      },
      [
        'payment_intent.created',
        'charge.succeeded',
        'payment_intent.amount_capturable_updated',
        'charge.captured',
        'payment_intent.succeeded',
        'refund.created',
        'charge.refunded',
      ],
    ],
    [
      'a decline',
      () => pay({ payment_method: 'pm_card_chargeDeclined' }).catch(() => {}),
      ['payment_intent.created', 'charge.failed', 'payment_intent.payment_failed'],
    ],
    [
      'a cancelled authorisation',
      async () => open.stripe.paymentIntents.cancel((await pay({ capture_method: 'manual' })).id),
      [
        'payment_intent.created',
        'charge.succeeded',
        'payment_intent.amount_capturable_updated',
        'payment_intent.canceled',
      ],
    ],
    [
      '3-D Secure',
      () => pay({ payment_method: 'pm_card_authenticationRequired' }),
      ['payment_intent.created', 'payment_intent.requires_action'],
    ],
  ])('%s: happens in this order', async (_name, happens, types) => {
    await happens();
    const { data } = await open.stripe.events.list({ limit: 20 });
    expect(data.map(({ type }) => type).reverse()).toEqual(types);
  });

  it('come again after a failure: the same event, to be recognised by its id', async () => {
    const receiver = await receiving([500, 302]);
    await open.stripe.paymentIntents.create({ amount: 500, currency: 'eur' });
    const { data } = await open.stripe.events.list({ delivery_success: false });
    expect(data).toMatchObject([{ type: 'payment_intent.created', pending_webhooks: 1 }]);
    delivering();
    await receiver.until((received) => received.length === 3);
    const events = receiver.received.map(eventOf);
    expect(new Set(events.map(({ id }) => id))).toEqual(new Set([data[0]?.id]));
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it('carry the simulator’s time, which a test clock may have moved', async () => {
    const receiver = await receiving();
    open.clock.offsetMs = 3 * 24 * 3_600_000;
    delivering();
    await open.stripe.paymentIntents.create({ amount: 500, currency: 'eur' });
    await receiver.until((received) => received.length === 1);
    const [{ body, signature }] = receiver.received as [Received];
    const verifyAt = (nowMs: number) => () => {
      const secret = open.sandbox.webhookSecret;
      return open.stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, nowMs);
    };
    const nowMs = systemIds.nowMs() + open.clock.offsetMs;
    const event = verifyAt(nowMs)();
    expect(Math.abs(event.created - nowMs / 1000)).toBeLessThan(60);
    expect(verifyAt(nowMs + 600_000)).toThrow(Stripe.errors.StripeSignatureVerificationError);
  });

  it('that were owed before a start are sent after it', async () => {
    const receiver = await receiving();
    await pay();
    expect(receiver.received).toEqual([]);
    delivering();
    await receiver.until((received) => received.length === 3);
  });

  it('go out once although two processes deliver', async () => {
    const receiver = await receiving();
    const other = createSandbox({
      db: open.db,
      ids: systemIds,
      nowMs: systemIds.nowMs,
      secrets: secretsFrom(Buffer.alloc(32, 7)),
      log: silentLog,
    });
    delivering();
    delivering(other);
    await Promise.all(Array.from({ length: 10 }, () => pay()));
    await receiver.until((received) => received.length === 30);
    const ids = receiver.received.map((received) => eventOf(received).id);
    expect(new Set(ids).size).toBe(30);
  });

  it('come back from a process that died while it delivered', async () => {
    const receiver = await receiving();
    await open.stripe.paymentIntents.create({ amount: 500, currency: 'eur' });
    const dead = await all(open.db, leaseDeliveries(10, 60_000));
    expect(dead).toHaveLength(1);
    expect(await all(open.db, leaseDeliveries(10, 60_000))).toEqual([]);
    await open.stripe.paymentIntents.create({ amount: 600, currency: 'eur' });
    expect(await all(open.db, leaseDeliveries(10, 0))).toHaveLength(1);
    delivering();
    await receiver.until((received) => received.length === 1);
    expect(eventOf(receiver.received[0] as Received).data.object).toMatchObject({ amount: 600 });
  });

  it('are waited for at the stop', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let began = () => {};
    const sending = new Promise<void>((resolve) => {
      began = resolve;
    });
    const post: Post = async () => {
      began();
      await held;
      return 200;
    };
    const slow = createSandbox({
      db: open.db,
      ids: systemIds,
      nowMs: systemIds.nowMs,
      secrets: secretsFrom(Buffer.alloc(32, 7)),
      log: silentLog,
      post,
    });
    await slow.ensureEndpoint('http://127.0.0.1:9/hook');
    await open.stripe.paymentIntents.create({ amount: 500, currency: 'eur' });
    const delivery = slow.startDelivery();
    await sending;
    let stopped = false;
    const stopping = delivery.stop().then(() => {
      stopped = true;
    });
    expect((await open.stripe.events.list({ delivery_success: false })).data).toHaveLength(1);
    expect(stopped).toBe(false);
    release();
    await stopping;
    expect((await open.stripe.events.list({ delivery_success: true })).data).toHaveLength(1);
  });

  it('are given up in the end; the event stays to be listed', async () => {
    const warned: string[] = [];
    let tries = 0;
    let gaveUp = () => {};
    const over = new Promise<void>((resolve) => {
      gaveUp = resolve;
    });
    const hopeless = createSandbox({
      db: open.db,
      ids: systemIds,
      nowMs: systemIds.nowMs,
      secrets: secretsFrom(Buffer.alloc(32, 7)),
      retryBaseMs: 0,
      log: {
        ...silentLog,
        warn: (_about, message) => {
          warned.push(message);
          gaveUp();
        },
      },
      post: async () => {
        tries += 1;
        throw new Error('nobody there');
      },
    });
    await hopeless.ensureEndpoint('http://127.0.0.1:9/hook');
    await open.stripe.paymentIntents.create({ amount: 500, currency: 'eur' });
    const delivery = hopeless.startDelivery();
    await over;
    await delivery.stop();
    expect([tries, warned]).toEqual([16, ['webhook given up']]);
    const { data } = await open.stripe.events.list({ delivery_success: false });
    expect(data).toMatchObject([{ type: 'payment_intent.created', pending_webhooks: 0 }]);
  });
});

describe('webhook endpoints', () => {
  it('get the types they asked for, signed with a secret of their own, until deleted', async () => {
    const receiver = await openReceiver();
    closing.push(receiver.close);
    delivering();
    const endpoint = await open.stripe.webhookEndpoints.create({
      url: receiver.url,
      enabled_events: ['payment_intent.succeeded'],
    });
    expect(endpoint.secret).toMatch(/^whsec_/);
    expect(endpoint.secret).not.toBe(open.sandbox.webhookSecret);
    await pay();
    await receiver.until((received) => received.length === 1);
    const [{ body, signature }] = receiver.received as [Received];
    const event = open.stripe.webhooks.constructEvent(body, signature, endpoint.secret ?? '');
    expect(event.type).toBe('payment_intent.succeeded');

    const listed = await open.stripe.webhookEndpoints.list();
    expect(listed.data.map(({ id, url }) => ({ id, url }))).toEqual([
      { id: endpoint.id, url: receiver.url },
    ]);
    expect(listed.data[0]).not.toHaveProperty('secret');
    expect(await open.stripe.webhookEndpoints.del(endpoint.id)).toMatchObject({ deleted: true });
    const again = open.stripe.webhookEndpoints.retrieve(endpoint.id);
    await expect(again).rejects.toMatchObject({ code: 'resource_missing' });
    await pay();
    // A delivery is written down a moment after it was received.
    const owed = async () => (await open.stripe.events.list({ delivery_success: false })).data;
    expect(await eventually(owed, ({ length }) => length === 0)).toEqual([]);
  });

  it('are for one account, or for all that are connected, and never for both', async () => {
    const stripeAccount = 'acct_hooks';
    const [own, connected, theirs] = [
      await openReceiver(),
      await openReceiver(),
      await openReceiver(),
    ];
    for (const receiver of [own, connected, theirs]) closing.push(receiver.close);
    const enabled_events = ['payment_intent.created'] as const;
    const of = (url: string) => ({ url, enabled_events: [...enabled_events] });
    await open.stripe.webhookEndpoints.create(of(own.url));
    const all = await open.stripe.webhookEndpoints.create({ ...of(connected.url), connect: true });
    await open.stripe.webhookEndpoints.create(of(theirs.url), { stripeAccount });
    await pay();
    const made = await open.stripe.paymentIntents.create(
      { amount: 500, currency: 'eur' },
      { stripeAccount },
    );
    delivering();
    await Promise.all(
      [own, connected, theirs].map((receiver) => receiver.until((got) => got.length === 1)),
    );
    const [{ body, signature }] = connected.received as [Received];
    const event = open.stripe.webhooks.constructEvent(body, signature, all.secret ?? '');
    expect(event).toMatchObject({ account: stripeAccount, data: { object: { id: made.id } } });
    expect(JSON.parse(own.received[0]?.body ?? '')).not.toHaveProperty('account');
    // A delivery is written down a moment after it was received.
    const owed = async () => (await open.stripe.events.list({ delivery_success: false })).data;
    expect(await eventually(owed, ({ length }) => length === 0)).toEqual([]);
  });

  it('of the instance get both, each signed with its own secret', async () => {
    const receiver = await receiving();
    delivering();
    const fields = { amount: 500, currency: 'eur' };
    await open.stripe.paymentIntents.create(fields);
    await open.stripe.paymentIntents.create(fields, { stripeAccount: 'acct_hooks' });
    await receiver.until((received) => received.length === 2);
    const signers = receiver.received.map(({ body, signature }) =>
      open.sandbox.webhookSecrets.findIndex((secret) => {
        try {
          return open.stripe.webhooks.constructEvent(body, signature, secret) !== null;
        } catch {
          return false;
        }
      }),
    );
    expect(signers.sort()).toEqual([0, 1]);
  });

  it('of the instance moves with its address, and takes what is owed along', async () => {
    await open.sandbox.ensureEndpoint('http://127.0.0.1:9/old');
    await open.stripe.paymentIntents.create({ amount: 500, currency: 'eur' });
    const receiver = await receiving();
    delivering();
    await receiver.until((received) => received.length === 1);
    expect(typesOf(receiver.received)).toEqual(['payment_intent.created']);
    expect((await open.stripe.webhookEndpoints.list()).data).toHaveLength(2);
  });
});

describe('the list of events', () => {
  it('is filtered by type, time and delivery, and kept apart by account', async () => {
    await pay();
    const account = { stripeAccount: 'acct_events' };
    const { id } = await open.stripe.paymentIntents.create({ amount: 1, currency: 'eur' }, account);
    const types = async (params: Stripe.EventListParams) =>
      (await open.stripe.events.list(params)).data.map(({ type }) => type);
    expect(await types({ type: 'charge.*' })).toEqual(['charge.succeeded']);
    expect(await types({ types: ['payment_intent.created', 'charge.succeeded'] })).toHaveLength(2);
    const nowS = Math.floor(systemIds.nowMs() / 1000);
    expect(await types({ created: { gt: nowS + 60 } })).toEqual([]);
    expect(await types({ created: { gte: nowS - 60 } })).toHaveLength(3);
    const { data } = await open.stripe.events.list({}, account);
    expect(data).toMatchObject([{ account: 'acct_events', data: { object: { id } } }]);
    const [newest] = (await open.stripe.events.list({ limit: 1 })).data;
    expect(await types({ starting_after: newest?.id ?? '' })).toHaveLength(2);
  });
});
