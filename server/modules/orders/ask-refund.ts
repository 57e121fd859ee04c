/**
 * A refund by staff that is above what one person may give back is not made but asked for, with all
 * that it needs: which tickets, and the id that it will have. Once somebody else has approved it, a
 * job makes it in the transaction that says that it is done; under the same id it cannot be made
 * twice.
 */
import type { Ctx } from '../../kernel/context.ts';
import { one } from '../../kernel/db.ts';
import { newScopedId, type RefundId, type TicketId } from '../../kernel/ids.ts';
import { type JobHandler, NotYet } from '../../kernel/jobs.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { ok, present } from '../../kernel/result.ts';
import {
  type ApprovedJob,
  type AskedApproval,
  approvedJob,
  askApproval,
  endApproval,
  lockApproved,
  readApproved,
  thresholdsOf,
} from '../approvals/index.ts';
import { refundTicketsIn } from './end-order.ts';
import { callPriceBack, type OrderRow } from './order.sql.ts';

const BUSY_RETRY_SECONDS = 1;

type Intent = {
  readonly ticketIds: readonly TicketId[];
  readonly refundId: RefundId;
};

/** Null where one person is enough, and where there is nothing that could be given back. */
export async function askedForRefund(
  ctx: Ctx,
  turn: Turn,
  order: OrderRow,
  wanted: readonly TicketId[] | null,
  reason: string,
): Promise<AskedApproval | null> {
  const { eventId, orderId, organizerId, currency } = order;
  const { refundAboveMinor } = await thresholdsOf(turn, organizerId);
  if (refundAboveMinor === null) return null;
  const { worth } = await one(turn, callPriceBack(eventId, orderId, wanted));
  const { ticketIds, amountMinor, returnedMinor } = worth;
  // With what went before: else a large refund would be made in small ones.
  if (ticketIds === null || amountMinor === 0) return null;
  if (amountMinor + returnedMinor <= refundAboveMinor) return null;
  const intent: Intent = { ticketIds, refundId: newScopedId(ctx.ids, 'ref', eventId) };
  return askApproval(ctx, turn, {
    kind: 'refund',
    ...{ eventId, organizerId, orderId, intent, amountMinor, currency, reason },
    places: ticketIds.length,
  });
}

/** The job of an approved one. */
export const refundApproved: { readonly kind: string; readonly handler: JobHandler } = {
  kind: approvedJob('refund'),
  handler: async (ctx, job) => {
    // Written where it was approved.
    const approval = job.data as ApprovedJob;
    const found = await readApproved(ctx.db, approval);
    if (!found) return;
    await ctx.pause('approval.before_execute');
    // Who has approved it makes it, as the log sees it.
    const by = { ...ctx, actor: present(found.decidedBy, 'who has approved it') };
    const done = await inTurn(by, approval.eventId, async (turn) => {
      const locked = await lockApproved(turn, approval);
      if (!locked) return ok(null);
      const { eventId, reason } = locked;
      const orderId = present(locked.orderId, 'the order of a refund');
      // Written by `askedForRefund`.
      const { ticketIds, refundId } = locked.intent as Intent;
      const order = { eventId, orderId };
      const refund = await refundTicketsIn(by, turn, order, ticketIds, reason, {
        refundId,
      });
      const to = refund.ok ? 'executed' : 'failed';
      const failureCode = refund.ok ? null : refund.refusal.code;
      await endApproval(by, turn, approval, { to, orderId, failureCode });
      return ok(null);
    });
    if (!done.ok) throw new NotYet(BUSY_RETRY_SECONDS);
    ctx.wakeJobs();
  },
};
