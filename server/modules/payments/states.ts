import { defineMachine } from '../../kernel/states.ts';

export type PaymentState =
  | 'created'
  | 'processing'
  | 'authorized'
  | 'captured'
  | 'voided'
  | 'failed'
  | 'unknown'
  | 'disputed';

/**
 * `unknown` is a state, not an error: the provider was asked and did not answer. Only reading it
 * again resolves it. Captured money never leaves by a state; it leaves by refunds.
 */
export const paymentMachine = defineMachine<PaymentState>({
  name: 'payment',
  initial: ['created'],
  edges: {
    created: ['processing', 'authorized', 'captured', 'voided', 'failed', 'unknown'],
    processing: ['authorized', 'captured', 'voided', 'failed', 'unknown'],
    authorized: ['captured', 'voided', 'failed', 'unknown'],
    unknown: ['processing', 'authorized', 'captured', 'voided', 'failed'],
    captured: ['disputed'],
    disputed: ['captured'],
    voided: [],
    failed: [],
  },
});

export type RefundState = 'owed' | 'submitted' | 'pending' | 'succeeded' | 'failed';

/** A refund that fails is owed again: the money is still the buyer's. */
export const refundMachine = defineMachine<RefundState>({
  name: 'refund',
  initial: ['owed'],
  edges: {
    owed: ['submitted'],
    submitted: ['pending', 'succeeded', 'failed', 'owed'],
    pending: ['succeeded', 'failed'],
    succeeded: ['failed'],
    failed: ['owed'],
  },
});

export type DisputeState = 'open' | 'won' | 'lost';

/** Money that the buyer's bank took back. Lost, it stays there. */
export const disputeMachine = defineMachine<DisputeState>({
  name: 'dispute',
  initial: ['open'],
  edges: { open: ['won', 'lost'], won: [], lost: [] },
});
