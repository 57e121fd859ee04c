/** What the simulator sends, held against Stripe's own fixtures: no field it invented. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../test/kit/db.ts';
import { requireEngine } from '../../test/kit/requires.ts';
import { type OpenSandbox, openSandbox } from './testing.ts';

const data = requireEngine('data');
const PATH = join(data ?? '', 'stripe', 'fixtures3.json');

/** Members whose shape depends on something else; the fixture shows one of many. */
const POLYMORPHIC = new Set([
  'metadata',
  'last_payment_error',
  'next_action',
  'payment_method_options',
]);
/** Sent by Stripe only in some states, so that the fixture lacks them (SDK types name them). */
const SITUATIONAL: Readonly<Record<string, readonly string[]>> = {
  refund: ['failure_balance_transaction', 'failure_reason'],
  webhook_endpoint: ['secret'],
};

type Shape = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Shape {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every difference that matters, as a path. */
function differences(
  sent: unknown,
  fixture: unknown,
  path: string,
  more: readonly string[],
): string[] {
  if (sent === null || fixture === null || fixture === undefined) return [];
  if (Array.isArray(sent) !== Array.isArray(fixture)) return [`${path}: a list or not`];
  if (Array.isArray(sent) && Array.isArray(fixture)) {
    if (fixture.length === 0) return [];
    return sent.flatMap((item, i) => differences(item, fixture[0], `${path}[${i}]`, more));
  }
  if (!isObject(sent) || !isObject(fixture)) {
    return typeof sent === typeof fixture ? [] : [`${path}: ${typeof sent}`];
  }
  return Object.entries(sent).flatMap(([name, value]) => {
    if (more.includes(name)) return [];
    if (!(name in fixture)) return [`${path}.${name} is not Stripe's`];
    if (POLYMORPHIC.has(name)) return [];
    return differences(value, fixture[name], `${path}.${name}`, []);
  });
}

/** What the adapter and the audit rely on, whatever else is left out. */
const CORE: Readonly<Record<string, readonly string[]>> = {
  payment_intent:
    'id object amount amount_capturable amount_received canceled_at cancellation_reason capture_method client_secret created currency last_payment_error latest_charge livemode metadata next_action payment_method status'.split(
      ' ',
    ),
  charge:
    'id object amount amount_captured amount_refunded balance_transaction captured created currency disputed failure_code outcome paid payment_intent payment_method payment_method_details refunded status'.split(
      ' ',
    ),
  refund:
    'id object amount balance_transaction charge created currency metadata payment_intent reason status'.split(
      ' ',
    ),
  payment_method: ['id', 'object', 'card', 'created', 'type'],
  balance_transaction: ['id', 'amount', 'currency', 'fee', 'net', 'source', 'status', 'type'],
  'checkout.session':
    'id object amount_total cancel_url created currency expires_at livemode metadata mode payment_intent payment_status status success_url url'.split(
      ' ',
    ),
  event: [
    'id',
    'object',
    'api_version',
    'created',
    'data',
    'livemode',
    'pending_webhooks',
    'request',
    'type',
  ],
  webhook_endpoint: ['id', 'object', 'enabled_events', 'status', 'url'],
  dispute:
    'id object amount balance_transactions charge created currency evidence evidence_details is_charge_refundable livemode metadata payment_intent payment_method_details reason status'.split(
      ' ',
    ),
  account: ['id', 'object', 'charges_enabled'],
};

describe('the checker itself', () => {
  it('finds an invented field, and a wrong type', () => {
    expect(differences({ a: 1, b: 2 }, { a: 1 }, 'x', [])).toEqual(["x.b is not Stripe's"]);
    expect(differences({ a: '1' }, { a: 1 }, 'x', [])).toEqual(['x.a: string']);
    expect(differences({ a: [{ b: 1 }] }, { a: [{ c: 1 }] }, 'x', [])).toEqual([
      "x.a[0].b is not Stripe's",
    ]);
  });
});

describe.skipIf(data === undefined)('each object', () => {
  let open: OpenSandbox;
  const sent: Record<string, object[]> = {};

  beforeAll(async () => {
    open = await openSandbox(await cloneDb(), { feeFor: () => 30 });
    const { stripe } = open;
    const disputed = ['pm_card_createDispute', 'pm_card_createDisputeInquiry'];
    for (const card of disputed) {
      await stripe.paymentIntents.create({
        ...{ amount: 1_000, currency: 'eur', payment_method: card, confirm: true },
      });
    }
    for (const card of ['pm_card_visa', 'pm_card_refundFail', 'pm_card_authenticationRequired']) {
      const paid = await stripe.paymentIntents.create({
        amount: 1_000,
        currency: 'eur',
        payment_method: card,
        confirm: true,
        metadata: { a: '1' },
      });
      if (paid.status === 'succeeded') await stripe.refunds.create({ payment_intent: paid.id });
    }
    const refused = await stripe.paymentIntents.create({ amount: 1_000, currency: 'eur' });
    await stripe.paymentIntents
      .confirm(refused.id, { payment_method: 'pm_card_chargeDeclined' })
      .catch(() => {});
    open.clock.offsetMs += 10_000;
    await open.sandbox.runDue();
    await stripe.checkout.sessions.create({
      mode: 'payment',
      success_url: 'https://shop.example/paid',
      line_items: [
        {
          quantity: 1,
          price_data: { currency: 'eur', unit_amount: 5, product_data: { name: 'T' } },
        },
      ],
    });
    const url = 'https://shop.example/hook';
    const endpoint = await stripe.webhookEndpoints.create({ url, enabled_events: ['*'] });
    const { data: intents } = await stripe.paymentIntents.list();
    const methods = intents.flatMap(({ payment_method: id }) =>
      id === null ? [] : [id as string],
    );
    Object.assign(sent, {
      payment_intent: intents,
      charge: (await stripe.charges.list()).data,
      refund: (await stripe.refunds.list()).data,
      dispute: (await stripe.disputes.list()).data,
      account: [await stripe.accounts.retrieve('acct_any')],
      payment_method: await Promise.all(methods.map((id) => stripe.paymentMethods.retrieve(id))),
      balance_transaction: (await stripe.balanceTransactions.list()).data,
      'checkout.session': (await stripe.checkout.sessions.list()).data,
      event: (await stripe.events.list({ limit: 100 })).data.map((event) => ({
        ...event,
        data: { object: null },
      })),
      webhook_endpoint: [endpoint],
    });
  });
  afterAll(() => open?.close());

  const fixtures = data === undefined ? {} : JSON.parse(readFileSync(PATH, 'utf8')).resources;

  it.each(Object.keys(CORE))('%s has Stripe’s fields, and those that count', (type) => {
    const objects = sent[type] ?? [];
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      const plain: unknown = JSON.parse(JSON.stringify(object));
      expect(differences(plain, fixtures[type], type, SITUATIONAL[type] ?? [])).toEqual([]);
      expect(Object.keys(object)).toEqual(expect.arrayContaining([...(CORE[type] ?? [])]));
    }
  });

  it('was seen in its rarer states too', () => {
    const statuses = (type: string) =>
      new Set(sent[type]?.map((object) => (object as { status: string }).status));
    expect(statuses('payment_intent')).toEqual(
      new Set(['succeeded', 'requires_action', 'requires_payment_method']),
    );
    expect(statuses('refund')).toEqual(new Set(['succeeded', 'failed']));
    expect(statuses('charge')).toEqual(new Set(['succeeded', 'failed']));
  });
});
