/**
 * A dispute was lost after the value of its order had become credit, or a voucher: what its buyer
 * got instead of money is taken back, as far as it has not been spent. The order that a voucher
 * became ends, and what had paid for it comes back to the credit, where it is lost with the rest.
 */
import type { Ctx } from '../../kernel/context.ts';
import {
  type EventId,
  eventOf,
  newScopedId,
  type OrderId,
  type RefundId,
} from '../../kernel/ids.ts';
import { type JobHandler, NotYet } from '../../kernel/jobs.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import { PAYING_RANK } from '../inventory/index.ts';
import { remedyOf } from '../orders/index.ts';
import { loseCredits } from '../promotions/index.ts';
import { callLoseVoucherBatch } from './dispute.sql.ts';

const QUEUED_MAX = 1_000;
const BATCH_MAX = 64;
const BUSY_RETRY_SECONDS = 1;
/** A remedy is carried out within seconds. */
const CHOSEN_RETRY_SECONDS = 2;

type Lost = { readonly eventId: EventId; readonly orderId: OrderId };

/** Answers as `orders.refund_tickets`: an order that has ended has given its value back before. */
const loseVoucherKind: LaneKind<
  { readonly orderId: OrderId; readonly refundId: RefundId; readonly actor: string },
  string
> = {
  name: 'lose_voucher',
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
  call: callLoseVoucherBatch,
  nameOf: ({ orderId }) => orderId,
};

async function settleLoss(ctx: Ctx, lost: Lost): Promise<void> {
  const newOrderId = await becameOrder(ctx, lost);
  orLater(await loseCredits(ctx, lost, lost));
  if (newOrderId === null) return;
  const there = { eventId: eventOf(newOrderId), orderId: newOrderId };
  const refundId = newScopedId(ctx.ids, 'ref', there.eventId);
  const request = { orderId: newOrderId, refundId, actor: ctx.actor };
  orLater(await ctx.lanes.ask(ctx, loseVoucherKind, there.eventId, request));
  // That event may have been cancelled in turn, and the order have become credit of its own.
  await becameOrder(ctx, there);
  orLater(await loseCredits(ctx, there, lost));
}

/** Which order the voucher of this one became, if it did; nobody knows before that is done. */
async function becameOrder(ctx: Ctx, { eventId, orderId }: Lost): Promise<OrderId | null> {
  const remedy = await remedyOf(ctx.db, eventId, orderId);
  if (remedy?.status === 'chosen') throw new NotYet(CHOSEN_RETRY_SECONDS);
  return remedy?.newOrderId ?? null;
}

function orLater({ ok }: { readonly ok: boolean }): void {
  if (!ok) throw new NotYet(BUSY_RETRY_SECONDS);
}

/** Enqueued by `shopping.lose_dispute`. */
export const settleLossJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: 'settle_loss',
  // Written by that function.
  handler: (ctx, job) => settleLoss(ctx, job.data as Lost),
};
