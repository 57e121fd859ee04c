/**
 * The API objects as they are sent, field for field as Stripe's own fixtures have them
 * (`shape.test.ts` holds them against those). What the simulator has no use for is sent as null.
 */
import type { BalanceTransaction, Dispute } from './balance-objects.ts';

export type Metadata = Readonly<Record<string, string>>;

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled';

export const captureMethods = ['automatic', 'automatic_async', 'manual'] as const;
type CaptureMethod = (typeof captureMethods)[number];

export const cancellationReasons = [
  'abandoned',
  'duplicate',
  'fraudulent',
  'requested_by_customer',
] as const;

export type ErrorBody = {
  readonly type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  readonly message: string;
  readonly code?: string;
  readonly decline_code?: string;
  readonly param?: string;
  readonly charge?: string;
  readonly payment_intent?: Partial<PaymentIntent>;
  readonly payment_method?: PaymentMethod;
};

const unusedIntentFields = {
  application: null,
  application_fee_amount: null,
  customer: null,
  on_behalf_of: null,
  processing: null,
  review: null,
  setup_future_usage: null,
  shipping: null,
  source: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  transfer_data: null,
  transfer_group: null,
} as const;

export type PaymentIntent = typeof unusedIntentFields & {
  readonly id: string;
  readonly object: 'payment_intent';
  readonly amount: number;
  readonly amount_capturable: number;
  readonly amount_received: number;
  readonly automatic_payment_methods: {
    readonly enabled: boolean;
    readonly allow_redirects?: string;
  } | null;
  readonly canceled_at: number | null;
  readonly cancellation_reason: string | null;
  readonly capture_method: CaptureMethod;
  readonly client_secret: string;
  readonly confirmation_method: 'automatic' | 'manual';
  readonly created: number;
  readonly currency: string;
  readonly description: string | null;
  readonly last_payment_error: ErrorBody | null;
  readonly latest_charge: string | null;
  readonly livemode: false;
  readonly metadata: Metadata;
  readonly next_action: {
    readonly type: 'redirect_to_url';
    readonly redirect_to_url: { readonly url: string; readonly return_url: string | null };
  } | null;
  readonly payment_method: string | null;
  readonly payment_method_options: Readonly<Record<string, never>>;
  readonly payment_method_types: readonly string[];
  readonly receipt_email: string | null;
  readonly status: IntentStatus;
};

export type NewIntent = Pick<
  PaymentIntent,
  | 'id'
  | 'amount'
  | 'automatic_payment_methods'
  | 'capture_method'
  | 'client_secret'
  | 'confirmation_method'
  | 'created'
  | 'currency'
  | 'description'
  | 'metadata'
  | 'receipt_email'
>;

export function newIntent(given: NewIntent): PaymentIntent {
  return {
    object: 'payment_intent',
    amount_capturable: 0,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    next_action: null,
    payment_method: null,
    payment_method_options: {},
    payment_method_types: ['card'],
    status: 'requires_payment_method',
    ...unusedIntentFields,
    ...given,
  };
}

const noBillingDetails = {
  address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
  email: null,
  name: null,
  phone: null,
  tax_id: null,
} as const;

export type CardDetails = {
  readonly brand: string;
  readonly country: string;
  readonly exp_month: number;
  readonly exp_year: number;
  readonly fingerprint: string;
  readonly funding: string;
  readonly last4: string;
};

export type PaymentMethod = {
  readonly id: string;
  readonly object: 'payment_method';
  readonly allow_redisplay: 'unspecified';
  readonly billing_details: typeof noBillingDetails;
  readonly card: CardDetails & {
    readonly checks: { readonly cvc_check: 'pass' };
    readonly display_brand: string;
    readonly wallet: null;
  };
  readonly created: number;
  readonly customer: null;
  readonly livemode: false;
  readonly metadata: Metadata;
  readonly type: 'card';
};

export function newPaymentMethod(id: string, created: number, card: CardDetails): PaymentMethod {
  return {
    id,
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: noBillingDetails,
    card: { ...card, checks: { cvc_check: 'pass' }, display_brand: card.brand, wallet: null },
    created,
    customer: null,
    livemode: false,
    metadata: {},
    type: 'card',
  };
}

const unusedChargeFields = {
  application: null,
  application_fee: null,
  application_fee_amount: null,
  calculated_statement_descriptor: null,
  customer: null,
  failure_balance_transaction: null,
  on_behalf_of: null,
  receipt_number: null,
  receipt_url: null,
  review: null,
  shipping: null,
  source: null,
  source_transfer: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  transfer_data: null,
  transfer_group: null,
} as const;

export type Charge = typeof unusedChargeFields & {
  readonly id: string;
  readonly object: 'charge';
  readonly amount: number;
  readonly amount_captured: number;
  readonly amount_refunded: number;
  readonly balance_transaction: string | null;
  readonly billing_details: typeof noBillingDetails;
  readonly captured: boolean;
  readonly created: number;
  readonly currency: string;
  readonly description: string | null;
  readonly disputed: boolean;
  readonly failure_code: string | null;
  readonly failure_message: string | null;
  readonly fraud_details: Readonly<Record<string, never>>;
  readonly livemode: false;
  readonly metadata: Metadata;
  readonly outcome: {
    readonly network_status: string;
    readonly reason: string | null;
    readonly seller_message: string;
    readonly type: string;
  };
  readonly paid: boolean;
  readonly payment_intent: string;
  readonly payment_method: string;
  readonly payment_method_details: {
    readonly type: 'card';
    readonly card: CardDetails & {
      readonly amount_authorized: number | null;
      readonly network: string;
      readonly three_d_secure: null;
      readonly wallet: null;
    };
  };
  readonly receipt_email: string | null;
  readonly refunded: boolean;
  readonly status: 'succeeded' | 'failed';
};

export function newCharge(
  id: string,
  created: number,
  intent: PaymentIntent,
  method: PaymentMethod,
): Charge {
  const { brand, country, exp_month, exp_year, fingerprint, funding, last4 } = method.card;
  const card = { brand, country, exp_month, exp_year, fingerprint, funding, last4 };
  return {
    ...unusedChargeFields,
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    balance_transaction: null,
    billing_details: noBillingDetails,
    captured: false,
    created,
    currency: intent.currency,
    description: intent.description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    outcome: {
      network_status: 'approved_by_network',
      reason: null,
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
    paid: true,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: {
      type: 'card',
      card: {
        ...card,
        amount_authorized: intent.amount,
        network: brand,
        three_d_secure: null,
        wallet: null,
      },
    },
    receipt_email: intent.receipt_email,
    refunded: false,
    status: 'succeeded',
  };
}

export type Refund = {
  readonly id: string;
  readonly object: 'refund';
  readonly amount: number;
  readonly balance_transaction: string | null;
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
  readonly destination_details: {
    readonly card: { readonly type: 'refund' };
    readonly type: 'card';
  };
  readonly metadata: Metadata;
  readonly payment_intent: string;
  readonly reason: string | null;
  readonly receipt_number: null;
  readonly source_transfer_reversal: null;
  readonly status: 'pending' | 'succeeded' | 'failed';
  readonly transfer_reversal: null;
  /** Both are there only on a refund that failed. */
  readonly failure_balance_transaction?: string;
  readonly failure_reason?: string;
};

export type CheckoutSession = {
  readonly id: string;
  readonly object: 'checkout.session';
  readonly amount_subtotal: number;
  readonly amount_total: number;
  readonly automatic_tax: {
    readonly enabled: false;
    readonly liability: null;
    readonly status: null;
  };
  readonly cancel_url: string | null;
  readonly client_reference_id: string | null;
  readonly created: number;
  readonly currency: string;
  readonly customer: null;
  readonly customer_details: { readonly email: string | null } | null;
  readonly customer_email: string | null;
  readonly expires_at: number;
  readonly invoice: null;
  readonly livemode: false;
  readonly metadata: Metadata;
  readonly mode: 'payment';
  readonly payment_intent: string | null;
  readonly payment_method_types: readonly string[];
  readonly payment_status: 'paid' | 'unpaid';
  readonly setup_intent: null;
  readonly status: 'open' | 'complete' | 'expired';
  readonly subscription: null;
  readonly success_url: string;
  readonly total_details: {
    readonly amount_discount: 0;
    readonly amount_shipping: 0;
    readonly amount_tax: 0;
  };
  readonly ui_mode: 'hosted_page';
  readonly url: string | null;
};

export type WebhookEndpoint = {
  readonly id: string;
  readonly object: 'webhook_endpoint';
  readonly api_version: string | null;
  readonly application: null;
  readonly created: number;
  readonly description: string | null;
  readonly enabled_events: readonly string[];
  readonly livemode: false;
  readonly metadata: Metadata;
  readonly status: 'enabled';
  readonly url: string;
};

export type ObjectTypes = {
  payment_intent: PaymentIntent;
  payment_method: PaymentMethod;
  charge: Charge;
  refund: Refund;
  balance_transaction: BalanceTransaction;
  dispute: Dispute;
  'checkout.session': CheckoutSession;
  webhook_endpoint: WebhookEndpoint;
};
export type ObjectType = keyof ObjectTypes;
