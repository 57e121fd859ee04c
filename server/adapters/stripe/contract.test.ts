/**
 * What the rest of the house relies on, asked of the adapter with the sandbox behind it, and, where
 * STRIPE_TEST_KEY is a key of a Stripe test account, with Stripe itself: the same test, so that the
 * sandbox cannot promise what Stripe does not keep. It pays with test cards and does nothing else.
 *
 * STRIPE_TEST_ACCOUNT may name an account that is connected to it (acct_…).
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { eventually } from '../../../test/kit/given.ts';
import { applies } from '../../../test/kit/requires.ts';
import { stripeAt, systemNowMs, yes } from '../../../test/kit/stripe.ts';
import type { PaymentPort, PaymentProvider } from '../../modules/payments/index.ts';
import { type OpenSandbox, openSandbox } from '../../sandbox/testing.ts';
import { createStripeProvider } from './index.ts';

const realKey = process.env['STRIPE_TEST_KEY'] ?? '';
const hasKey = applies(
  /^(sk|rk)_test_/.test(realKey),
  'no Stripe test key: set STRIPE_TEST_KEY to one of a test account (sk_test_…)',
);
const connected = process.env['STRIPE_TEST_ACCOUNT'] ?? null;

const HALF_HOUR_MS = 1_800_000;
const ASKED_MAX_MS = 60_000;

const behind = {
  'the sandbox': async () => {
    const open: OpenSandbox = await openSandbox(await cloneDb());
    const port = stripeAt(open.port, { secretKey: open.sandbox.secretKey });
    return { port, accounts: [null, 'acct_contract'], close: open.close };
  },
  'Stripe itself': async () => {
    const port = createStripeProvider({
      ...{ secretKey: realKey, webhookSecrets: [], livemode: false, nowMs: systemNowMs },
    });
    return { port, accounts: [null, connected], close: async () => {} };
  },
};

type World = {
  readonly port: PaymentPort;
  readonly accounts: readonly (string | null)[];
  readonly close: () => Promise<void>;
};

describe.each(Object.entries(behind))('the adapter with %s behind it', (name, start) => {
  const runs = name === 'the sandbox' || hasKey;
  let world: World;
  let provider: PaymentProvider;
  beforeAll(async () => {
    if (!runs) return;
    world = await start();
    provider = world.port.of(null);
  });
  afterAll(() => world?.close());

  const key = () => `contract:${randomUUID()}`;
  const wanted = (
    more: { amountMinor?: number; currency?: 'EUR' | 'JPY' | 'KWD' | 'ISK' } = {},
  ) => ({
    amountMinor: 5_000,
    currency: 'EUR' as const,
    description: 'Two tickets',
    metadata: { order_id: 'ord_contract' },
    idempotencyKey: key(),
    ...more,
  });
  const held = async (of = provider, card = 'pm_card_visa') => {
    const { id } = await yes(of.createIntent(wanted()));
    return yes(of.confirmIntent(id, card, key()));
  };
  const taken = async (of = provider, card?: string) => {
    const { id } = await held(of, card);
    return yes(of.captureIntent(id, key()));
  };
  const test = it.skipIf(!runs);

  test(
    'D3 makes an intent once under its key, and reads it',
    async () => {
      const input = wanted();
      const made = await yes(provider.createIntent(input));
      expect(made).toMatchObject({ status: 'requires_payment_method', amountMinor: 5_000 });
      expect(made.clientSecret).toContain(made.id);
      expect(await yes(provider.createIntent(input))).toMatchObject({ id: made.id });
      expect(await yes(provider.readIntent(made.id))).toMatchObject({ currency: 'EUR' });
      const other = await provider.createIntent({ ...input, amountMinor: 5_001 });
      expect(other.kind).toBe('refused');
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 authorises, captures, and captures no second time',
    async () => {
      const authorised = await held();
      expect(authorised).toMatchObject({ status: 'requires_capture', receivedMinor: 0 });
      const { id } = authorised;
      expect(await yes(provider.captureIntent(id, key()))).toMatchObject({
        status: 'succeeded',
        receivedMinor: 5_000,
      });
      expect((await provider.captureIntent(id, key())).kind).toBe('refused');
      expect((await provider.cancelIntent(id, key())).kind).toBe('refused');
      const { cardFingerprint } = await yes(provider.readIntent(id));
      expect(cardFingerprint).toMatch(/\w+/);
    },
    ASKED_MAX_MS,
  );

  test(
    'F4 tells one card from another by its fingerprint',
    async () => {
      const print = async (card: string) =>
        (await yes(provider.readIntent((await held(provider, card)).id))).cardFingerprint;
      const [a, again, b] = [
        await print('pm_card_visa'),
        await print('pm_card_visa'),
        await print('pm_card_mastercard'),
      ];
      expect(a).toBe(again);
      expect(a).not.toBe(b);
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 says why a card was declined, and cancels an intent for good',
    async () => {
      const { id } = await yes(provider.createIntent(wanted()));
      const card = 'pm_card_chargeDeclinedInsufficientFunds';
      expect(await provider.confirmIntent(id, card, key())).toMatchObject({ kind: 'refused' });
      expect(await yes(provider.readIntent(id))).toMatchObject({
        status: 'requires_payment_method',
        declineCode: 'insufficient_funds',
      });
      expect(await yes(provider.cancelIntent(id, key()))).toMatchObject({ status: 'canceled' });
      expect((await provider.confirmIntent(id, 'pm_card_visa', key())).kind).toBe('refused');
    },
    ASKED_MAX_MS,
  );

  test(
    'D10 refunds in parts, once under a key, never more than was taken',
    async () => {
      const { id } = await taken();
      const refund = (amountMinor: number, idempotencyKey = key()) =>
        provider.refund({
          ...{ intentId: id, amountMinor, currency: 'EUR', idempotencyKey },
          metadata: { refund_id: `ref_${amountMinor}` },
        });
      const first = key();
      const made = await yes(refund(2_000, first));
      expect(made).toMatchObject({ amountMinor: 2_000, metadata: { refund_id: 'ref_2000' } });
      expect(await yes(refund(2_000, first))).toMatchObject({ id: made.id });
      expect((await refund(3_001)).kind).toBe('refused');
      await yes(refund(3_000));
      const all = await yes(provider.refundsOf(id));
      expect(all.map(({ amountMinor }) => amountMinor).sort()).toEqual([2_000, 3_000]);
      expect(all.map(({ metadata }) => metadata['refund_id']).sort()).toEqual([
        'ref_2000',
        'ref_3000',
      ]);
      expect(await yes(provider.readRefund(made.id))).toMatchObject({ status: 'succeeded' });
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 opens a Checkout Session for half an hour and more, and ends it once',
    async () => {
      const input = {
        ...wanted(),
        customerEmail: 'buyer@example.org',
        successUrl: 'https://shop.example.org/paid',
        cancelUrl: 'https://shop.example.org/left',
        expiresAt: new Date(systemNowMs() + 2 * HALF_HOUR_MS),
      };
      const made = await yes(provider.createCheckout(input));
      expect(made).toMatchObject({ status: 'open', intentId: null, amountMinor: 5_000 });
      expect(made.url).toMatch(/^https?:/);
      expect(await yes(provider.createCheckout(input))).toMatchObject({ id: made.id });
      expect(await yes(provider.readCheckout(made.id))).toMatchObject({ currency: 'EUR' });
      expect(await yes(provider.expireCheckout(made.id, key()))).toMatchObject({
        status: 'expired',
        url: null,
      });
      expect((await provider.expireCheckout(made.id, key())).kind).toBe('refused');
      const soon = { ...input, expiresAt: new Date(systemNowMs() + 60_000), idempotencyKey: key() };
      expect((await provider.createCheckout(soon)).kind).toBe('refused');
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 lists disputes that took money',
    async () => {
      const { id } = await taken(provider, 'pm_card_createDispute');
      // Stripe opens it a moment after the capture.
      const found = await eventually(
        () => yes(provider.disputesOf(id)),
        (disputes) => disputes.length > 0,
        ASKED_MAX_MS / 2,
      );
      expect(found).toMatchObject([
        { status: 'open', amountMinor: 5_000, currency: 'EUR', reason: 'fraudulent' },
      ]);
      expect(await yes(provider.disputesOf((await taken()).id))).toEqual([]);
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 keeps books, in which each line says what it is about',
    async () => {
      const from = new Date(systemNowMs() - HALF_HOUR_MS);
      const { id } = await taken();
      await yes(
        provider.refund({
          ...{ intentId: id, amountMinor: 5_000, currency: 'EUR', metadata: {} },
          idempotencyKey: key(),
        }),
      );
      const createdTo = new Date(systemNowMs() + HALF_HOUR_MS);
      const window = { createdFrom: from, createdTo, after: null };
      const { rows } = await yes(provider.balanceTransactions(window));
      const own = rows.filter(({ intentId }) => intentId === id);
      expect(own.map(({ kind }) => kind)).toEqual(['refund', 'charge']);
      for (const line of own) expect(line.netMinor).toBe(line.amountMinor - line.feeMinor);
      const after = own[0]?.id ?? '';
      const next = await yes(provider.balanceTransactions({ ...window, after }));
      expect(next.rows.map((line) => line.id)).not.toContain(after);
      const before = { ...window, createdFrom: new Date(0), createdTo: new Date(1_000) };
      expect(await yes(provider.balanceTransactions(before))).toEqual({ rows: [], hasMore: false });
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 charges currencies without and with three decimals',
    async () => {
      for (const [currency, amountMinor] of [
        ['JPY', 2_500],
        ['ISK', 2_500],
        ['KWD', 1_500],
      ] as const) {
        const made = await yes(provider.createIntent(wanted({ currency, amountMinor })));
        expect(made).toMatchObject({ currency, amountMinor });
      }
      const odd = await provider.createIntent(wanted({ currency: 'KWD', amountMinor: 1_505 }));
      expect(odd).toMatchObject({ kind: 'refused', code: 'amount_not_chargeable' });
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 says no for what is not there, and does not know where nobody lets it in',
    async () => {
      expect(await provider.readIntent('pi_none')).toMatchObject({
        kind: 'refused',
        code: 'resource_missing',
      });
      expect((await provider.readRefund('re_none')).kind).toBe('refused');
    },
    ASKED_MAX_MS,
  );

  test(
    'D3 keeps accounts apart',
    async () => {
      const [, account] = world.accounts;
      if (account === null || account === undefined) return expect(name).toBe('Stripe itself');
      const other = world.port.of(account);
      expect(await yes(world.port.canCharge(account))).toBe(true);
      const { id } = await taken(other);
      expect((await provider.readIntent(id)).kind).toBe('refused');
      expect(await yes(other.readIntent(id))).toMatchObject({ status: 'succeeded' });
    },
    ASKED_MAX_MS,
  );
});
