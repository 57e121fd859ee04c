import { defineMachine } from '../../kernel/states.ts';

export type ApprovalState =
  | 'requested'
  | 'approved'
  | 'executed'
  | 'rejected'
  | 'expired'
  | 'failed';

/** `failed`: it was approved, and could not be done any more; nothing of it was. */
export const approvalMachine = defineMachine<ApprovalState>({
  name: 'approval',
  initial: ['requested'],
  edges: {
    requested: ['approved', 'rejected', 'expired'],
    approved: ['executed', 'failed'],
    executed: [],
    rejected: [],
    expired: [],
    failed: [],
  },
});
