/** What Stripe answers, in the words of the port. */
import type Stripe from 'stripe';
import { type Currency, isCurrency } from '../../kernel/money.ts';
import { assert } from '../../kernel/result.ts';
import type {
  BalanceTransaction,
  Checkout,
  Dispute,
  Intent,
  IntentStatus,
  ProviderRefund,
} from '../../modules/payments/index.ts';
import { fromStripeAmount } from './amounts.ts';

export function toIntent(intent: Stripe.PaymentIntent): Intent {
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  const declined = intent.last_payment_error;
  const currency = toCurrency(intent.currency);
  return {
    id: intent.id,
    status: toStatus(intent.status),
    amountMinor: fromStripeAmount(intent.amount, currency),
    receivedMinor: fromStripeAmount(intent.amount_received, currency),
    currency,
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

export function toRefund(refund: Stripe.Refund): ProviderRefund {
  const status =
    refund.status === 'succeeded'
      ? 'succeeded'
      : refund.status === 'failed' || refund.status === 'canceled'
        ? 'failed'
        : 'pending';
  return {
    id: refund.id,
    status,
    failureCode: refund.failure_reason ?? null,
    amountMinor: fromStripeAmount(refund.amount, toCurrency(refund.currency)),
    metadata: refund.metadata ?? {},
  };
}

const CHECKOUT_ENDS = ['complete', 'expired'] as const;
const DISPUTE_ENDS = ['won', 'lost'] as const;

export function toCheckout(session: Stripe.Checkout.Session): Checkout {
  assert(session.currency !== null, 'a Checkout Session without a currency');
  assert(session.amount_total !== null, 'a Checkout Session without an amount');
  const currency = toCurrency(session.currency);
  return {
    id: session.id,
    url: session.url,
    status: CHECKOUT_ENDS.find((end) => end === session.status) ?? 'open',
    intentId: idOf(session.payment_intent),
    amountMinor: fromStripeAmount(session.amount_total, currency),
    currency,
  };
}

/** Inquiries (`warning_…`) and what was prevented took no money: they are null here. */
export function toDispute(dispute: Stripe.Dispute): Dispute | null {
  if (dispute.status.startsWith('warning_') || dispute.status === 'prevented') return null;
  const currency = toCurrency(dispute.currency);
  return {
    id: dispute.id,
    status: DISPUTE_ENDS.find((end) => end === dispute.status) ?? 'open',
    amountMinor: fromStripeAmount(dispute.amount, currency),
    currency,
    reason: dispute.reason,
  };
}

const KINDS: Readonly<Record<string, BalanceTransaction['kind']>> = {
  charge: 'charge',
  refund: 'refund',
  refund_failure: 'refund_failure',
  dispute: 'dispute',
  dispute_reversal: 'dispute_reversal',
  payout: 'payout',
};

/** With its source expanded, or the intent is not known. */
export function toTransaction(line: Stripe.BalanceTransaction): BalanceTransaction {
  const currency = toCurrency(line.currency);
  const source = typeof line.source === 'object' ? line.source : null;
  const intent = source && 'payment_intent' in source ? source.payment_intent : null;
  return {
    id: line.id,
    // Disputes are of the type `adjustment`; the category tells what they are.
    kind: KINDS[line.reporting_category] ?? 'other',
    amountMinor: fromStripeAmount(line.amount, currency),
    feeMinor: fromStripeAmount(line.fee, currency),
    netMinor: fromStripeAmount(line.net, currency),
    currency,
    sourceId: source?.id ?? (typeof line.source === 'string' ? line.source : null),
    intentId: idOf(intent ?? null),
    createdAt: new Date(line.created * 1_000),
  };
}

function idOf(named: string | { readonly id: string } | null): string | null {
  return typeof named === 'object' ? (named?.id ?? null) : named;
}

function toCurrency(lower: string): Currency {
  const code = lower.toUpperCase();
  assert(isCurrency(code), `Stripe answered in an unknown currency: ${code}`);
  return code;
}
