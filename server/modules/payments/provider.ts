/**
 * The port to whoever takes the money. One real adapter (Stripe); the sandbox stands behind the
 * same adapter. No answer is ever guessed: a call that may or may not have worked is `unknown`.
 */
import type { Currency } from '../../kernel/money.ts';

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled';

export type Intent = {
  readonly id: string;
  readonly status: IntentStatus;
  readonly amountMinor: number;
  readonly receivedMinor: number;
  readonly currency: Currency;
  readonly clientSecret: string | null;
  /** Why the last attempt was declined, if it was. */
  readonly declineCode: string | null;
  readonly cardFingerprint: string | null;
};

export type ProviderRefund = {
  readonly id: string;
  readonly status: 'pending' | 'succeeded' | 'failed';
  readonly failureCode: string | null;
};

export type Asked<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** A definite no: nothing happened. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Nobody knows; ask again under the same key, or read. */
  | { readonly kind: 'unknown'; readonly message: string };

export type Webhook = {
  readonly id: string;
  readonly type: string;
  readonly livemode: boolean;
  /** The PaymentIntent that it is about, where it is about one. */
  readonly intentId: string | null;
  readonly refundId: string | null;
};

export type PaymentProvider = {
  readonly name: 'stripe';
  /** Whether real money moves. */
  readonly livemode: boolean;
  /** Whether the simulator stands behind it, so that a job may pay. */
  readonly simulated: boolean;
  readonly createIntent: (input: {
    readonly amountMinor: number;
    readonly currency: Currency;
    readonly description: string;
    readonly metadata: Readonly<Record<string, string>>;
    readonly idempotencyKey: string;
  }) => Promise<Asked<Intent>>;
  readonly readIntent: (id: string) => Promise<Asked<Intent>>;
  /** Pays with a payment method of the simulator. */
  readonly confirmIntent: (id: string, method: string, key: string) => Promise<Asked<Intent>>;
  readonly captureIntent: (id: string, idempotencyKey: string) => Promise<Asked<Intent>>;
  readonly cancelIntent: (id: string, idempotencyKey: string) => Promise<Asked<Intent>>;
  readonly refund: (input: {
    readonly intentId: string;
    readonly amountMinor: number;
    readonly metadata: Readonly<Record<string, string>>;
    readonly idempotencyKey: string;
  }) => Promise<Asked<ProviderRefund>>;
  readonly readRefund: (id: string) => Promise<Asked<ProviderRefund>>;
  /** The webhook, or null where its signature is wrong, old or from the future. */
  readonly openWebhook: (rawBody: Buffer, signature: string) => Webhook | null;
  /** Where a buyer may pay by hand in the simulator. */
  readonly hostedPage: ((intentId: string, clientSecret: string) => string) | null;
};

declare module '../../kernel/context.ts' {
  interface Ports {
    readonly payments: PaymentProvider;
  }
}
