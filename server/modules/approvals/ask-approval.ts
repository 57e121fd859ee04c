import type { Ctx } from '../../kernel/context.ts';
import { maybe, one, type Queryable, run, type Tx } from '../../kernel/db.ts';
import { type EventId, newScopedId } from '../../kernel/ids.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import {
  type ApprovalId,
  type ApprovalKind,
  type ApprovalRow,
  endApproved,
  expireApprovals,
  insertApproval,
  lockApproval,
  selectApproval,
} from './approval.sql.ts';
import { type AskedApproval, approvalView } from './approval-view.ts';

/** Nobody decides about what they no longer remember. */
const OPEN_HOURS = 7 * 24;
const EXPIRE_MS = 60_000;

/** The job that does what was approved; the room that asked for it has its handler. */
export const approvedJob = (kind: ApprovalKind): string => `approved_${kind}`;

/** What such a job is given. */
export type ApprovedJob = { readonly eventId: EventId; readonly approvalId: ApprovalId };

type Wanted = Pick<
  ApprovalRow,
  'eventId' | 'organizerId' | 'kind' | 'orderId' | 'amountMinor' | 'currency' | 'places' | 'reason'
> & {
  /** All that its job needs. */
  readonly intent: unknown;
};

/** Writes down what somebody wants to do, for a second person to decide. */
export async function askApproval(ctx: Ctx, tx: Tx, wanted: Wanted): Promise<AskedApproval> {
  const approvalId = newScopedId(ctx.ids, 'apr', wanted.eventId);
  const approval = { ...wanted, approvalId, requestedBy: ctx.actor };
  const row = await one(tx, insertApproval(approval, OPEN_HOURS, ctx.clock.now()));
  return { approval: approvalView(row) };
}

/** Approved and not done yet; null otherwise. */
export async function readApproved(
  on: Queryable,
  { eventId, approvalId }: ApprovedJob,
): Promise<ApprovalRow | null> {
  const found = await maybe(on, selectApproval(eventId, approvalId));
  return found?.status === 'approved' ? found : null;
}

/** The same, locked until this transaction ends. */
export async function lockApproved(
  tx: Tx,
  { eventId, approvalId }: ApprovedJob,
): Promise<ApprovalRow | null> {
  const found = await maybe(tx, lockApproval(eventId, approvalId));
  return found?.status === 'approved' ? found : null;
}

/** It is done, or cannot be: in the transaction of what was approved, where there is one. */
export async function endApproval(
  ctx: Ctx,
  on: Queryable,
  { eventId, approvalId }: ApprovedJob,
  end: Parameters<typeof endApproved>[2],
): Promise<void> {
  await run(on, endApproved(eventId, approvalId, end, ctx.clock.now()));
}

export const approvalRecurring: Recurring = {
  name: 'expire_approvals',
  everyMs: EXPIRE_MS,
  run: async (ctx) => {
    await run(ctx.db, expireApprovals(ctx.clock.now()));
  },
};
