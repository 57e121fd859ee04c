/**
 * Stripe, through its official SDK. The pinned API version, one key per call that was stored before
 * it, ten seconds of patience, no retries of its own (a retry is a decision: ours reads first), and
 * a check of webhook times in both directions. Whatever is not a definite yes or no is `unknown`.
 *
 * One key of the platform, and connected accounts that it acts for (`Stripe-Account`): a charge is
 * made directly in the organizer's account, so that its takings are never the platform's.
 */
import Stripe from 'stripe';
import { assertOutsideTx } from '../../kernel/db.ts';
import type { Currency } from '../../kernel/money.ts';
import type { Asked, PaymentPort, PaymentProvider } from '../../modules/payments/index.ts';
import { toStripeAmount } from './amounts.ts';
import { toCheckout, toDispute, toIntent, toRefund, toTransaction } from './answers.ts';
import { openWebhook } from './webhooks.ts';

const TIMEOUT_MS = 10_000;
/**
 * Some methods of payment send the buyer to another page, and Stripe wants to know where to lead
 * back to, also where a test card pays. Nobody goes there.
 */
const NOWHERE = 'https://example.org/';
/** The most that a page of a list may have. */
const PAGE_MAX = 100;

export type StripeOptions = {
  readonly secretKey: string;
  /** Of every endpoint whose webhooks come here. */
  readonly webhookSecrets: readonly string[];
  readonly livemode: boolean;
  /** Where the sandbox answers instead of Stripe; its paths are prefixed. */
  readonly sandbox?: {
    readonly host: string;
    readonly port: number;
    readonly pathPrefix: string;
    readonly hostedPage: (intentId: string, clientSecret: string) => string;
  };
  /** For webhooks' age; milliseconds. */
  readonly nowMs: () => number;
};

export function createStripeProvider(options: StripeOptions): PaymentPort {
  const stripe = new Stripe(options.secretKey, clientConfig(options));
  return {
    name: 'stripe',
    livemode: options.livemode,
    simulated: options.sandbox !== undefined,
    hostedPage: options.sandbox?.hostedPage ?? null,
    of: (account) => {
      const call = (idempotencyKey?: string): Stripe.RequestOptions => ({
        ...(account === null ? {} : { stripeAccount: account }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      });
      return {
        ...intentCalls(stripe, call),
        ...refundCalls(stripe, call),
        ...checkoutCalls(stripe, call),
        ...readingCalls(stripe, call),
      };
    },
    canCharge: (account) => ask(() => canCharge(stripe, account)),
    openWebhook: (rawBody, signature) => openWebhook(stripe, options, rawBody, signature),
  };
}

/** Of an account that is not connected, the platform's key may know nothing. */
async function canCharge(stripe: Stripe, account: string): Promise<boolean> {
  try {
    return (await stripe.accounts.retrieve(account)).charges_enabled;
  } catch (error) {
    if (error instanceof Stripe.errors.StripePermissionError) return false;
    throw error;
  }
}

function clientConfig({ sandbox }: StripeOptions): Stripe.StripeConfig {
  const config: Stripe.StripeConfig = {
    apiVersion: '2026-10-28.endive',
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'Fanfare' },
  };
  if (!sandbox) return config;
  const node = Stripe.createNodeHttpClient();
  return {
    ...config,
    host: sandbox.host,
    port: sandbox.port,
    protocol: 'http',
    httpClient: {
      getClientName: () => 'fanfare-sandbox',
      makeRequest: (host, port, path, ...rest) =>
        node.makeRequest(host, port, `${sandbox.pathPrefix}${path}`, ...rest),
    },
  };
}

/** The options of one call: the account that it is for, and its key where it changes something. */
type CallOptions = (idempotencyKey?: string) => Stripe.RequestOptions;

type IntentCalls = Pick<
  PaymentProvider,
  'createIntent' | 'readIntent' | 'confirmIntent' | 'captureIntent' | 'cancelIntent'
>;

function intentCalls(stripe: Stripe, call: CallOptions): IntentCalls {
  const { paymentIntents } = stripe;
  return {
    createIntent: (input) =>
      charge(input, async (amount) =>
        toIntent(
          await paymentIntents.create(
            {
              amount,
              currency: input.currency.toLowerCase(),
              capture_method: 'manual',
              description: input.description,
              metadata: { ...input.metadata },
              automatic_payment_methods: { enabled: true },
            },
            call(input.idempotencyKey),
          ),
        ),
      ),
    readIntent: (id) =>
      ask(async () =>
        toIntent(await paymentIntents.retrieve(id, { expand: ['latest_charge'] }, call())),
      ),
    confirmIntent: (id, method, key) =>
      ask(async () =>
        toIntent(
          await paymentIntents.confirm(
            id,
            { payment_method: method, return_url: NOWHERE },
            call(key),
          ),
        ),
      ),
    captureIntent: (id, key) =>
      ask(async () => toIntent(await paymentIntents.capture(id, {}, call(key)))),
    cancelIntent: (id, key) =>
      ask(async () => toIntent(await paymentIntents.cancel(id, {}, call(key)))),
  };
}

function refundCalls(
  stripe: Stripe,
  call: CallOptions,
): Pick<PaymentProvider, 'refund' | 'readRefund' | 'refundsOf'> {
  return {
    refund: (input) =>
      charge(input, async (amount) =>
        toRefund(
          await stripe.refunds.create(
            { payment_intent: input.intentId, amount, metadata: { ...input.metadata } },
            call(input.idempotencyKey),
          ),
        ),
      ),
    readRefund: (id) => ask(async () => toRefund(await stripe.refunds.retrieve(id, {}, call()))),
    refundsOf: (intentId) =>
      ask(async () => {
        const found = await stripe.refunds
          .list({ payment_intent: intentId, limit: PAGE_MAX }, call())
          .autoPagingToArray({ limit: 10 * PAGE_MAX });
        return found.map(toRefund);
      }),
  };
}

function checkoutCalls(
  stripe: Stripe,
  call: CallOptions,
): Pick<PaymentProvider, 'createCheckout' | 'readCheckout' | 'expireCheckout'> {
  const { sessions } = stripe.checkout;
  return {
    createCheckout: (input) =>
      charge(input, async (amount) =>
        toCheckout(
          await sessions.create(
            {
              mode: 'payment',
              line_items: [
                {
                  quantity: 1,
                  price_data: {
                    currency: input.currency.toLowerCase(),
                    unit_amount: amount,
                    product_data: { name: input.description },
                  },
                },
              ],
              payment_intent_data: {
                capture_method: 'manual',
                description: input.description,
                metadata: { ...input.metadata },
              },
              metadata: { ...input.metadata },
              customer_email: input.customerEmail,
              success_url: input.successUrl,
              cancel_url: input.cancelUrl,
              expires_at: Math.floor(input.expiresAt.getTime() / 1_000),
            },
            call(input.idempotencyKey),
          ),
        ),
      ),
    readCheckout: (id) => ask(async () => toCheckout(await sessions.retrieve(id, {}, call()))),
    expireCheckout: (id, key) =>
      ask(async () => toCheckout(await sessions.expire(id, {}, call(key)))),
  };
}

function readingCalls(
  stripe: Stripe,
  call: CallOptions,
): Pick<PaymentProvider, 'disputesOf' | 'balanceTransactions'> {
  return {
    disputesOf: (intentId) =>
      ask(async () => {
        const found = await stripe.disputes.list(
          { payment_intent: intentId, limit: PAGE_MAX },
          call(),
        );
        return found.data.flatMap((dispute) => toDispute(dispute) ?? []);
      }),
    balanceTransactions: ({ createdFrom, createdTo, after }) =>
      ask(async () => {
        const page = await stripe.balanceTransactions.list(
          {
            created: { gte: seconds(createdFrom), lt: seconds(createdTo) },
            limit: PAGE_MAX,
            expand: ['data.source'],
            ...(after === null ? {} : { starting_after: after }),
          },
          call(),
        );
        return { rows: page.data.map(toTransaction), hasMore: page.has_more };
      }),
  };
}

/** From this second on: Stripe's times have no parts of one. */
function seconds(instant: Date): number {
  return Math.ceil(instant.getTime() / 1_000);
}

/** A call that names an amount; one that Stripe would not take is a no before it is asked. */
async function charge<T>(
  of: { readonly amountMinor: number; readonly currency: Currency },
  call: (amount: number) => Promise<T>,
): Promise<Asked<T>> {
  const amount = toStripeAmount(of.amountMinor, of.currency);
  if (amount !== null) return ask(() => call(amount));
  const message = `Stripe takes no amount of ${of.amountMinor} minor units of ${of.currency}.`;
  return { kind: 'refused', code: 'amount_not_chargeable', message };
}

/**
 * A definite no is a 4xx: nothing happened. A key that is not accepted is no answer at all.
 * A timeout, a lost connection, a 5xx, a rate limit or a
 * key that is in use says nothing about what happened.
 */
/** Of the answer to a request whose key is another one's that is not answered yet. */
const KEY_IN_USE = 'idempotency_key_in_use';

async function ask<T>(call: () => Promise<T>): Promise<Asked<T>> {
  assertOutsideTx('Stripe');
  try {
    return { kind: 'ok', value: await call() };
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    const { statusCode, message } = error;
    const definite =
      statusCode !== undefined &&
      statusCode >= 400 &&
      statusCode < 500 &&
      statusCode !== 401 &&
      statusCode !== 403 &&
      statusCode !== 409 &&
      statusCode !== 429;
    if (error.code === KEY_IN_USE) return { kind: 'unknown', message, isUnderWay: true };
    if (!definite) return { kind: 'unknown', message };
    return { kind: 'refused', code: error.code ?? error.type, message };
  }
}
