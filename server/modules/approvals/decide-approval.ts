import { actorLabel, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one } from '../../kernel/db.ts';
import { eventOf } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import {
  ok,
  present,
  type Refusal,
  type RefusalOf,
  type Refused,
  type Result,
  refused,
} from '../../kernel/result.ts';
import {
  type ApprovalId,
  type ApprovalRow,
  decideApproval,
  lockApproval,
  selectApproval,
  selectApprovals,
} from './approval.sql.ts';
import { type ApprovalView, approvalView } from './approval-view.ts';
import { type ApprovedJob, approvedJob } from './ask-approval.ts';

type Decided<More extends Refusal = never> = Result<
  ApprovalView,
  RefusalOf<'not_found' | 'approval_decided'> | Busy | More
>;

/**
 * A second person says yes: what was asked for is done by a job, enqueued in the transaction that
 * says so. Once: whoever comes second finds it decided.
 */
export async function approve(
  ctx: Ctx,
  key: Key,
  approvalId: ApprovalId,
): Promise<Decided<RefusalOf<'second_person_needed'>>> {
  const done = await decide(ctx, key, approvalId, 'approved', ({ requestedBy }) =>
    actorLabel(key) === requestedBy ? refused('second_person_needed') : null,
  );
  if (done.ok) ctx.wakeJobs();
  return done;
}

/** Anybody who may decide says no; who asked for it takes it back by this. */
export function reject(ctx: Ctx, key: Key, approvalId: ApprovalId): Promise<Decided> {
  return decide(ctx, key, approvalId, 'rejected', () => null);
}

async function decide<More extends Refusal = never>(
  ctx: Ctx,
  key: Key,
  approvalId: ApprovalId,
  to: 'approved' | 'rejected',
  objection: (found: ApprovalRow) => Refused<More> | null,
): Promise<Decided<More>> {
  const eventId = eventOf(approvalId);
  await ctx.pause('approval.before_decision');
  return inTx(ctx, async (tx) => {
    const found = await maybe(tx, lockApproval(eventId, approvalId));
    if (!found || !isOf(key, found)) return refused('not_found');
    const now = await readNow(tx, ctx.clock);
    if (found.status !== 'requested' || found.expiresAt <= now) {
      const approvalStatus = found.status === 'requested' ? 'expired' : found.status;
      return refused('approval_decided', { extra: { approvalStatus } });
    }
    const objected = objection(found);
    if (objected) return objected;
    const row = await one(tx, decideApproval(eventId, approvalId, to, actorLabel(key), now));
    const data: ApprovedJob = { eventId, approvalId };
    if (to === 'approved') {
      await enqueue(tx, { kind: approvedJob(row.kind), key: approvalId, data });
    }
    return ok(approvalView(row));
  });
}

const isOf = (key: Key, { organizerId }: ApprovalRow) =>
  key.platform || key.organizerId === organizerId;

export async function readApproval(
  ctx: Ctx,
  key: Key,
  approvalId: ApprovalId,
): Promise<Result<ApprovalView, RefusalOf<'not_found'>>> {
  const found = await maybe(ctx.db, selectApproval(eventOf(approvalId), approvalId));
  return found && isOf(key, found) ? ok(approvalView(found)) : refused('not_found');
}

export async function listApprovals(
  ctx: Ctx,
  key: Key,
  query: {
    readonly limit: number;
    readonly cursor?: string | undefined;
    readonly status?: string | undefined;
  },
) {
  const cursor = readCursor(ctx.secrets, 'approvals', query.cursor);
  if (!cursor.ok) return cursor;
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const organizerId = key.platform ? null : key.organizerId;
  const wanted = { organizerId, status: query.status ?? null, after };
  const found = await all(ctx.db, selectApprovals(wanted, query.limit + 1));
  return ok(
    toPage(ctx.secrets, 'approvals', found, query.limit, {
      view: approvalView,
      key: (row) => [row.approvalId],
    }),
  );
}
