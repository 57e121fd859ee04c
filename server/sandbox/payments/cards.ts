/**
 * Stripe's test cards: payment methods that stand for an outcome. A person provokes a failure by
 * choosing the card; nothing here is random.
 */
import type { DisputeReason } from '../balance-objects.ts';
import type { CardDetails } from '../objects.ts';

export type Decline = {
  readonly code: string;
  readonly declineCode: string;
  readonly message: string;
};

export type TestCard = CardDetails & {
  /** What the bank says once it is asked; null: yes. */
  readonly decline: Decline | null;
  /** Whether the bank first wants to see its customer (3-D Secure). */
  readonly authenticates: boolean;
  readonly refund: 'succeeds' | 'pending' | 'fails_later';
  /** What the buyer tells their bank once the money is taken; null: nothing. */
  readonly disputes: { readonly reason: DisputeReason; readonly isInquiry: boolean } | null;
};

function card(brand: string, last4: string, more: Partial<TestCard> = {}): TestCard {
  return {
    brand,
    country: 'US',
    exp_month: 12,
    exp_year: 2034,
    // One card number, one fingerprint: that is what limits per card count.
    fingerprint: `sandboxCard${last4}`,
    funding: 'credit',
    last4,
    decline: null,
    authenticates: false,
    refund: 'succeeds',
    disputes: null,
    ...more,
  };
}

function declined(declineCode: string, message: string, code = 'card_declined'): Decline {
  return { code, declineCode, message };
}

const generic = declined('generic_decline', 'Your card was declined.');
const noFunds = declined('insufficient_funds', 'Your card has insufficient funds.');
const expired = declined('expired_card', 'Your card has expired.', 'expired_card');
const wrongCvc = declined(
  'incorrect_cvc',
  "Your card's security code is incorrect.",
  'incorrect_cvc',
);
const processing = declined(
  'processing_error',
  'An error occurred while processing your card. Try again in a little bit.',
  'processing_error',
);

const testCards: Readonly<Record<string, TestCard>> = {
  pm_card_visa: card('visa', '4242'),
  pm_card_visa_debit: card('visa', '5556', { funding: 'debit' }),
  pm_card_mastercard: card('mastercard', '4444'),
  pm_card_amex: card('amex', '8431'),
  pm_card_discover: card('discover', '9424'),
  pm_card_chargeDeclined: card('visa', '0002', { decline: generic }),
  pm_card_visa_chargeDeclined: card('visa', '0002', { decline: generic }),
  pm_card_chargeDeclinedInsufficientFunds: card('visa', '9995', { decline: noFunds }),
  pm_card_chargeDeclinedExpiredCard: card('visa', '0069', { decline: expired }),
  pm_card_chargeDeclinedIncorrectCvc: card('visa', '0127', { decline: wrongCvc }),
  pm_card_chargeDeclinedProcessingError: card('visa', '0119', { decline: processing }),
  pm_card_authenticationRequired: card('visa', '3184', { authenticates: true }),
  pm_card_authenticationRequiredChargeDeclinedInsufficientFunds: card('visa', '8260', {
    authenticates: true,
    decline: noFunds,
  }),
  pm_card_pendingRefund: card('visa', '7726', { refund: 'pending' }),
  pm_card_refundFail: card('visa', '5126', { refund: 'fails_later' }),
  pm_card_createDispute: card('visa', '0259', {
    disputes: { reason: 'fraudulent', isInquiry: false },
  }),
  pm_card_createDisputeProductNotReceived: card('visa', '2685', {
    disputes: { reason: 'product_not_received', isInquiry: false },
  }),
  pm_card_createDisputeInquiry: card('visa', '1976', {
    disputes: { reason: 'fraudulent', isInquiry: true },
  }),
};

/** The card behind a sentinel; null for anything else. */
export function testCard(sentinel: string): TestCard | null {
  return Object.hasOwn(testCards, sentinel) ? (testCards[sentinel] ?? null) : null;
}

export function detailsOf(given: TestCard): CardDetails {
  const { brand, country, exp_month, exp_year, fingerprint, funding, last4 } = given;
  return { brand, country, exp_month, exp_year, fingerprint, funding, last4 };
}
