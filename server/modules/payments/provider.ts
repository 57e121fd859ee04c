/**
 * The port to whoever takes the money. One real adapter (Stripe); the sandbox stands behind the
 * same adapter. No answer is ever guessed: a call that may or may not have worked is `unknown`.
 *
 * Amounts are minor units as ISO 4217 counts them; where a provider counts otherwise, its adapter
 * translates.
 */
import type { Ctx } from '../../kernel/context.ts';
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
  readonly amountMinor: number;
  /** As it was given when the refund was made. */
  readonly metadata: Readonly<Record<string, string>>;
};

/** A page of the provider's on which a buyer pays; its intent is there once the buyer pays. */
export type Checkout = {
  readonly id: string;
  readonly url: string | null;
  readonly status: 'open' | 'complete' | 'expired';
  readonly intentId: string | null;
  readonly amountMinor: number;
  readonly currency: Currency;
};

/** The buyer's bank took the money back; it stays away while the dispute is open. */
export type Dispute = {
  readonly id: string;
  readonly status: 'open' | 'won' | 'lost';
  readonly amountMinor: number;
  readonly currency: Currency;
  readonly reason: string;
};

/** One line of the provider's own books. */
export type BalanceTransaction = {
  readonly id: string;
  readonly kind:
    | 'charge'
    | 'refund'
    | 'refund_failure'
    | 'dispute'
    | 'dispute_reversal'
    | 'payout'
    | 'other';
  /** Positive: it came in. */
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly netMinor: number;
  readonly currency: Currency;
  /** The charge, refund or dispute that it is about. */
  readonly sourceId: string | null;
  readonly intentId: string | null;
  readonly createdAt: Date;
};

export type Asked<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** A definite no: nothing happened. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Nobody knows; ask again under the same key, or read. */
  | {
      readonly kind: 'unknown';
      readonly message: string;
      /** The same was asked for at the same moment: asked again under its key, it has an answer. */
      readonly isUnderWay?: true;
    };

export type Webhook = {
  readonly id: string;
  readonly type: string;
  readonly livemode: boolean;
  /** The connected account in which it happened; null: the instance's own. */
  readonly account: string | null;
  /** The PaymentIntent that it is about, where it is about one. */
  readonly intentId: string | null;
  readonly refundId: string | null;
  readonly checkoutId: string | null;
  readonly disputeId: string | null;
  /** What its object's metadata say it pays; not checked. */
  readonly paymentId: string | null;
};

type Made<T> = T & {
  readonly amountMinor: number;
  readonly currency: Currency;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly idempotencyKey: string;
};

/** Bound to one account: what it makes and finds is that account's. */
export type PaymentProvider = {
  readonly createIntent: (input: Made<object>) => Promise<Asked<Intent>>;
  readonly readIntent: (id: string) => Promise<Asked<Intent>>;
  /** Pays with a payment method of the simulator. */
  readonly confirmIntent: (id: string, method: string, key: string) => Promise<Asked<Intent>>;
  readonly captureIntent: (id: string, idempotencyKey: string) => Promise<Asked<Intent>>;
  readonly cancelIntent: (id: string, idempotencyKey: string) => Promise<Asked<Intent>>;
  readonly refund: (input: {
    readonly intentId: string;
    readonly amountMinor: number;
    readonly currency: Currency;
    readonly metadata: Readonly<Record<string, string>>;
    readonly idempotencyKey: string;
  }) => Promise<Asked<ProviderRefund>>;
  readonly readRefund: (id: string) => Promise<Asked<ProviderRefund>>;
  /** All refunds of an intent, newest first: what was made, whatever was answered. */
  readonly refundsOf: (intentId: string) => Promise<Asked<readonly ProviderRefund[]>>;
  /** Captured by hand, as an intent. It cannot expire in less than 30 minutes. */
  readonly createCheckout: (
    input: Made<{
      readonly customerEmail: string;
      readonly successUrl: string;
      readonly cancelUrl: string;
      readonly expiresAt: Date;
    }>,
  ) => Promise<Asked<Checkout>>;
  readonly readCheckout: (id: string) => Promise<Asked<Checkout>>;
  readonly expireCheckout: (id: string, idempotencyKey: string) => Promise<Asked<Checkout>>;
  /** Those in which money moved; a bank's mere inquiry is none. */
  readonly disputesOf: (intentId: string) => Promise<Asked<readonly Dispute[]>>;
  /** Newest first; `after` is the id of the last one of the page before. */
  readonly balanceTransactions: (window: {
    readonly createdFrom: Date;
    readonly createdTo: Date;
    readonly after: string | null;
  }) => Promise<Asked<{ readonly rows: readonly BalanceTransaction[]; readonly hasMore: boolean }>>;
};

export type PaymentPort = {
  readonly name: 'stripe';
  /** Whether real money moves. */
  readonly livemode: boolean;
  /** Whether the simulator stands behind it, so that a job may pay. */
  readonly simulated: boolean;
  /** The provider as one account sees it; null: the instance's own account. */
  readonly of: (account: string | null) => PaymentProvider;
  /** Whether this connected account may take money; refused where it is not connected. */
  readonly canCharge: (account: string) => Promise<Asked<boolean>>;
  /** The webhook, or null where its signature is wrong, old or from the future. */
  readonly openWebhook: (rawBody: Buffer, signature: string) => Webhook | null;
  /** Where a buyer may pay by hand in the simulator. */
  readonly hostedPage: ((intentId: string, clientSecret: string) => string) | null;
};

declare module '../../kernel/context.ts' {
  interface Ports {
    readonly payments: PaymentPort;
  }
}

/** The provider as the account sees it into which this payment was opened. */
export function providerFor(
  ctx: Ctx,
  payment: { readonly account: string | null },
): PaymentProvider {
  return ctx.ports.payments.of(payment.account);
}
