/**
 * Approvals: four eyes for what gives much away. It owns the thresholds of organizers, and what
 * somebody has asked for until somebody else has decided.
 *
 * It promises that nobody approves their own request, that one is decided once, that what was
 * approved is done once, as it was asked for, or fails as a whole, and that a crash in between is
 * gone on from. It does not know how anything is done: the room that asked has the job for it.
 */
export { type AskedApproval, approvalAnswer } from './approval-view.ts';
export {
  type ApprovedJob,
  approvalRecurring,
  approvedJob,
  askApproval,
  endApproval,
  lockApproved,
  readApproved,
} from './ask-approval.ts';
export { approvalRoutes } from './routes.ts';
export { approvalMachine } from './states.ts';
export { thresholdsOf } from './thresholds.ts';
