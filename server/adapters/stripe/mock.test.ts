/**
 * Every request that the adapter makes, sent to stripe-mock, which knows Stripe's own description
 * of its API and refuses what that does not allow. It is stateless: answers are fixtures, so that
 * only shapes are checked here, and meaning in `contract.test.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/kit/given.ts';
import { requireEngine } from '../../../test/kit/requires.ts';
import { stripeAt } from '../../../test/kit/stripe.ts';
import type { Asked, PaymentPort, PaymentProvider } from '../../modules/payments/index.ts';

const mock = requireEngine('stripe-mock');
const START_MAX_MS = 30_000;

const input = {
  amountMinor: 5_000,
  currency: 'EUR',
  description: 'Two tickets',
  metadata: { order_id: 'ord_1' },
  idempotencyKey: 'key',
} as const;
const DAY_MS = 86_400_000;
const checkout = {
  ...input,
  customerEmail: 'buyer@example.org',
  successUrl: 'https://shop.example.org/paid',
  cancelUrl: 'https://shop.example.org/left',
  expiresAt: new Date(1_900_000_000_000),
};
const window = {
  createdFrom: new Date(1_900_000_000_000),
  createdTo: new Date(1_900_000_000_000 + DAY_MS),
};

/** The mock's one session has none; so far comes only a request that was taken. */
const NO_CURRENCY = 'a Checkout Session without a currency';

type Call = readonly [string, (of: PaymentProvider) => Promise<Asked<unknown>>];

const calls: readonly Call[] = [
  ['createIntent', (of) => of.createIntent(input)],
  ['readIntent', (of) => of.readIntent('pi_1')],
  ['confirmIntent', (of) => of.confirmIntent('pi_1', 'pm_card_visa', 'key')],
  ['captureIntent', (of) => of.captureIntent('pi_1', 'key')],
  ['cancelIntent', (of) => of.cancelIntent('pi_1', 'key')],
  ['refund', (of) => of.refund({ ...input, intentId: 'pi_1' })],
  ['readRefund', (of) => of.readRefund('re_1')],
  ['refundsOf', (of) => of.refundsOf('pi_1')],
  ['createCheckout', (of) => of.createCheckout(checkout)],
  ['readCheckout', (of) => of.readCheckout('cs_1')],
  ['expireCheckout', (of) => of.expireCheckout('cs_1', 'key')],
  ['disputesOf', (of) => of.disputesOf('pi_1')],
  ['balanceTransactions', (of) => of.balanceTransactions({ ...window, after: null })],
  ['balanceTransactions', (of) => of.balanceTransactions({ ...window, after: 'txn_1' })],
];

describe.skipIf(mock === undefined)('stripe-mock', () => {
  let child: ChildProcess | null = null;
  let port: PaymentPort;
  let origin: string;

  beforeAll(async () => {
    const isUrl = /^https?:/.test(mock ?? '');
    const number = isUrl ? Number(new URL(mock ?? '').port) : await freePort();
    origin = isUrl ? (mock ?? '') : `http://127.0.0.1:${number}`;
    if (!isUrl) child = spawn(mock ?? '', ['-http-port', String(number)], { stdio: 'ignore' });
    port = stripeAt(number, { pathPrefix: '' });
    const answers = () =>
      fetch(origin).then(
        () => true,
        () => false,
      );
    await eventually(answers, (is) => is, START_MAX_MS);
  }, START_MAX_MS);
  afterAll(async () => {
    if (!child) return;
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  });

  it.each(calls)(
    'takes the request of %s, for the instance and for an account',
    async (name, ask) => {
      for (const account of [null, 'acct_1']) {
        const asked = ask(port.of(account));
        if (name.endsWith('Checkout')) await expect(asked).rejects.toThrow(NO_CURRENCY);
        // Whatever it refuses is not `ok`.
        else expect(await asked).toMatchObject({ kind: 'ok' });
      }
    },
  );

  it('is asked for every call there is', () => {
    const names = new Set(calls.map(([name]) => name));
    expect([...names].sort()).toEqual(Object.keys(port.of(null)).sort());
  });

  it('takes the question for an account', async () => {
    expect((await port.canCharge('acct_1')).kind).toBe('ok');
  });

  it('refuses what Stripe does not know', async () => {
    const answer = await fetch(`${origin}/v1/payment_intents`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer sk_test_123',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'amount=1&currency=eur&capture_methods=manual',
    });
    expect(answer.status).toBe(400);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
