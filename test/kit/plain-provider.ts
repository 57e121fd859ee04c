/**
 * A payment provider in memory, for tests that need thousands of payments and not one of the
 * simulator's faults: every intent is authorised as soon as it is made. It counts what moved, by
 * idempotency key, and its webhooks need no signature.
 */
import type { Ports } from '../../server/kernel/context.ts';
import type {
  Asked,
  Intent,
  PaymentPort,
  PaymentProvider,
} from '../../server/modules/payments/index.ts';

type Moved = { readonly intentId: string; readonly kind: 'capture' | 'refund' };

export type PlainProvider = {
  readonly ports: Pick<Ports, 'payments'>;
  /** What moved, once for each key. */
  readonly moved: ReadonlyMap<string, Moved>;
};

type ProviderRefund = Extract<
  Awaited<ReturnType<PaymentProvider['readRefund']>>,
  { kind: 'ok' }
>['value'];

const ok = <T>(value: T): Asked<T> => ({ kind: 'ok', value });
const no = { kind: 'refused', code: 'resource_missing', message: 'There is none.' } as const;

export function plainProvider(): PlainProvider {
  const intents = new Map<string, Intent>();
  const refunds = new Map<string, ProviderRefund>();
  const moved = new Map<string, Moved>();
  const change = (id: string, more: (intent: Intent) => Partial<Intent>): Asked<Intent> => {
    const intent = intents.get(id);
    if (!intent) return no;
    const next = { ...intent, ...more(intent) };
    intents.set(id, next);
    return ok(next);
  };
  const provider: Partial<PaymentProvider> = {
    createIntent: async ({ amountMinor, currency, idempotencyKey }) => {
      const id = `pi_${idempotencyKey.replace(/\W/g, '')}`;
      const fresh: Intent = {
        ...{ id, amountMinor, currency, status: 'requires_capture', receivedMinor: 0 },
        ...{ clientSecret: `${id}_secret_1`, declineCode: null, cardFingerprint: null },
      };
      const intent = intents.get(id) ?? fresh;
      intents.set(id, intent);
      return ok(intent);
    },
    readIntent: async (id) => change(id, () => ({})),
    captureIntent: async (id, key) => {
      moved.set(key, { intentId: id, kind: 'capture' });
      return change(id, ({ amountMinor }) => ({ status: 'succeeded', receivedMinor: amountMinor }));
    },
    cancelIntent: async (id) =>
      change(id, ({ status }) => (status === 'succeeded' ? {} : { status: 'canceled' })),
    refund: async ({ intentId, idempotencyKey }) => {
      moved.set(idempotencyKey, { intentId, kind: 'refund' });
      const id = `re_${idempotencyKey.replace(/\W/g, '')}`;
      // What this test reads of a refund.
      const refund = { id, status: 'succeeded', failureCode: null } as ProviderRefund;
      refunds.set(id, refund);
      return ok(refund);
    },
    readRefund: async (id) => {
      const refund = refunds.get(id);
      return refund ? ok(refund) : no;
    },
    disputesOf: async () => ok([]),
  };
  const payments: PaymentPort = {
    name: 'stripe',
    livemode: false,
    simulated: true,
    hostedPage: null,
    canCharge: async () => ok(true),
    // What is not here is not asked for by these tests.
    of: () => provider as PaymentProvider,
    openWebhook: (rawBody) => {
      const { id, type, data } = JSON.parse(rawBody.toString('utf8'));
      const { object, id: objectId, payment_intent: intentId = null } = data.object;
      return {
        ...{ id, type, livemode: false, account: null, checkoutId: null, disputeId: null },
        paymentId: null,
        intentId: object === 'payment_intent' ? objectId : intentId,
        refundId: object === 'refund' ? objectId : null,
      };
    },
  };
  return { ports: { payments }, moved };
}
