/**
 * Stripe, through its official SDK. The pinned API version, one key per call that was stored before
 * it, ten seconds of patience, no retries of its own (a retry is a decision: ours reads first), and
 * a check of webhook times in both directions. Whatever is not a definite yes or no is `unknown`.
 */
import Stripe from 'stripe';
import { assertOutsideTx } from '../../kernel/db.ts';
import { type Currency, isCurrency } from '../../kernel/money.ts';
import { assert } from '../../kernel/result.ts';
import type {
  Asked,
  Intent,
  IntentStatus,
  PaymentProvider,
  ProviderRefund,
  Webhook,
} from '../../modules/payments/index.ts';

const TIMEOUT_MS = 10_000;
const WEBHOOK_TOLERANCE_SECONDS = 300;

export type StripeOptions = {
  readonly secretKey: string;
  readonly webhookSecret: string;
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

export function createStripeProvider(options: StripeOptions): PaymentProvider {
  const stripe = new Stripe(options.secretKey, clientConfig(options));
  return {
    name: 'stripe',
    livemode: options.livemode,
    simulated: options.sandbox !== undefined,
    hostedPage: options.sandbox?.hostedPage ?? null,
    createIntent: (input) =>
      ask(async () =>
        toIntent(
          await stripe.paymentIntents.create(
            {
              amount: input.amountMinor,
              currency: input.currency.toLowerCase(),
              capture_method: 'manual',
              description: input.description,
              metadata: { ...input.metadata },
              automatic_payment_methods: { enabled: true },
            },
            { idempotencyKey: input.idempotencyKey },
          ),
        ),
      ),
    readIntent: (id) =>
      ask(async () =>
        toIntent(await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })),
      ),
    confirmIntent: (id, method, key) =>
      ask(async () =>
        toIntent(
          await stripe.paymentIntents.confirm(
            id,
            { payment_method: method },
            { idempotencyKey: key },
          ),
        ),
      ),
    captureIntent: (id, key) =>
      ask(async () =>
        toIntent(await stripe.paymentIntents.capture(id, {}, { idempotencyKey: key })),
      ),
    cancelIntent: (id, key) =>
      ask(async () =>
        toIntent(await stripe.paymentIntents.cancel(id, {}, { idempotencyKey: key })),
      ),
    refund: (input) =>
      ask(async () =>
        toRefund(
          await stripe.refunds.create(
            {
              payment_intent: input.intentId,
              amount: input.amountMinor,
              metadata: { ...input.metadata },
            },
            { idempotencyKey: input.idempotencyKey },
          ),
        ),
      ),
    readRefund: (id) => ask(async () => toRefund(await stripe.refunds.retrieve(id))),
    openWebhook: (rawBody, signature) => openWebhook(stripe, options, rawBody, signature),
  };
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

/**
 * A definite no is a 4xx: nothing happened. A key that is not accepted is no answer at all.
 * A timeout, a lost connection, a 5xx, a rate limit or a
 * key that is in use says nothing about what happened.
 */
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
    if (!definite) return { kind: 'unknown', message };
    return { kind: 'refused', code: error.code ?? error.type, message };
  }
}

function toIntent(intent: Stripe.PaymentIntent): Intent {
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  const declined = intent.last_payment_error;
  return {
    id: intent.id,
    status: toStatus(intent.status),
    amountMinor: intent.amount,
    receivedMinor: intent.amount_received,
    currency: toCurrency(intent.currency),
    clientSecret: intent.client_secret,
    declineCode: declined ? (declined.decline_code ?? declined.code ?? 'declined') : null,
    cardFingerprint: charge?.payment_method_details?.card?.fingerprint ?? null,
  };
}

const STATUSES: ReadonlySet<string> = new Set<IntentStatus>([
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'succeeded',
  'canceled',
]);

/** A status that this API version does not name yet is one to wait at, and to read again. */
function toStatus(status: string): IntentStatus {
  // Checked against the list of all of them.
  return STATUSES.has(status) ? (status as IntentStatus) : 'processing';
}

function toRefund(refund: Stripe.Refund): ProviderRefund {
  const status =
    refund.status === 'succeeded'
      ? 'succeeded'
      : refund.status === 'failed' || refund.status === 'canceled'
        ? 'failed'
        : 'pending';
  return { id: refund.id, status, failureCode: refund.failure_reason ?? null };
}

function toCurrency(lower: string): Currency {
  const code = lower.toUpperCase();
  assert(isCurrency(code), `Stripe answered in an unknown currency: ${code}`);
  return code;
}

function openWebhook(
  stripe: Stripe,
  options: StripeOptions,
  rawBody: Buffer,
  signature: string,
): Webhook | null {
  // The SDK refuses what is old but takes what is from the future; we refuse both.
  const sentAt = Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1]);
  const ageSeconds = options.nowMs() / 1000 - sentAt;
  if (!(Math.abs(ageSeconds) <= WEBHOOK_TOLERANCE_SECONDS)) return null;
  let event: Stripe.Event;
  try {
    event = stripe.webhooks.constructEvent(
      rawBody,
      signature,
      options.webhookSecret,
      WEBHOOK_TOLERANCE_SECONDS,
      undefined,
      options.nowMs(),
    );
  } catch {
    return null;
  }
  if (typeof event.id !== 'string' || typeof event.type !== 'string') return null;
  const { intentId, refundId } = aboutWhat(event.data?.object);
  return { id: event.id, type: event.type, livemode: event.livemode === true, intentId, refundId };
}

/** The PaymentIntent and the refund that an object is or belongs to. */
function aboutWhat(object: unknown): Pick<Webhook, 'intentId' | 'refundId'> {
  if (typeof object !== 'object' || object === null) return { intentId: null, refundId: null };
  // Only looked at; each member is checked before it is used.
  const named = object as { object?: unknown; id?: unknown; payment_intent?: unknown };
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 255) : null);
  const own = text(named.id);
  return {
    intentId: named.object === 'payment_intent' ? own : text(named.payment_intent),
    refundId: named.object === 'refund' ? own : null,
  };
}
