/** API objects of the merchant's books, and of what a bank takes back; see `objects.ts`. */
import type { Charge, Metadata } from './objects.ts';

export type BalanceTransaction = {
  readonly id: string;
  readonly object: 'balance_transaction';
  readonly amount: number;
  readonly available_on: number;
  readonly balance_type: 'payments';
  readonly created: number;
  readonly currency: string;
  readonly description: string | null;
  readonly exchange_rate: null;
  readonly fee: number;
  readonly fee_details: readonly {
    readonly amount: number;
    readonly application: null;
    readonly currency: string;
    readonly description: string;
    readonly type: 'stripe_fee';
  }[];
  readonly net: number;
  readonly reporting_category:
    | 'charge'
    | 'refund'
    | 'refund_failure'
    | 'dispute'
    | 'dispute_reversal';
  readonly source: string;
  readonly status: 'available';
  readonly type: 'charge' | 'refund' | 'refund_failure' | 'adjustment';
};

export const disputeReasons = [
  'fraudulent',
  'product_not_received',
  'duplicate',
  'credit_not_processed',
  'general',
] as const;
export type DisputeReason = (typeof disputeReasons)[number];

export const evidenceFields = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_communication',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'customer_signature',
  'duplicate_charge_documentation',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'receipt',
  'refund_policy',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'service_documentation',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_documentation',
  'shipping_tracking_number',
  'uncategorized_file',
  'uncategorized_text',
] as const;

export type Dispute = {
  readonly id: string;
  readonly object: 'dispute';
  readonly amount: number;
  readonly balance_transactions: readonly BalanceTransaction[];
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
  readonly enhanced_eligibility_types: readonly [];
  readonly evidence: Readonly<Record<(typeof evidenceFields)[number], string | null>> & {
    readonly enhanced_evidence: Readonly<Record<string, never>>;
  };
  readonly evidence_details: {
    readonly due_by: number;
    readonly enhanced_eligibility: Readonly<Record<string, never>>;
    readonly has_evidence: boolean;
    readonly past_due: false;
    readonly submission_count: number;
  };
  readonly is_charge_refundable: boolean;
  readonly livemode: false;
  readonly metadata: Metadata;
  readonly payment_intent: string;
  readonly payment_method_details: {
    readonly card: {
      readonly brand: string;
      readonly case_type: 'chargeback' | 'inquiry';
      readonly network_reason_code: string;
    };
    readonly type: 'card';
  };
  readonly reason: DisputeReason;
  /** Of an inquiry, `warning_…`: no money moves. */
  readonly status:
    | 'needs_response'
    | 'under_review'
    | 'won'
    | 'lost'
    | 'warning_needs_response'
    | 'warning_under_review'
    | 'warning_closed';
};

const ANSWER_WITHIN_S = 7 * 24 * 3_600;

type NoEvidence = Readonly<Record<(typeof evidenceFields)[number], null>>;
// Each of the names is there.
const nothing = Object.fromEntries(evidenceFields.map((name) => [name, null])) as NoEvidence;

export function newDispute(
  id: string,
  created: number,
  charge: Charge,
  given: {
    readonly amount: number;
    readonly reason: DisputeReason;
    readonly isInquiry: boolean;
  },
): Dispute {
  return {
    id,
    object: 'dispute',
    amount: given.amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: { ...nothing, enhanced_evidence: {} },
    evidence_details: {
      due_by: created + ANSWER_WITHIN_S,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    },
    is_charge_refundable: given.isInquiry,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method_details: {
      card: {
        brand: charge.payment_method_details.card.brand,
        case_type: given.isInquiry ? 'inquiry' : 'chargeback',
        network_reason_code: '10.4',
      },
      type: 'card',
    },
    reason: given.reason,
    status: given.isInquiry ? 'warning_needs_response' : 'needs_response',
  };
}
