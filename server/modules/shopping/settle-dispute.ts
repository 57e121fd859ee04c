/**
 * Looks at the disputes of one payment and does what follows: while one is open the order's codes
 * are withheld and nothing is refunded; won, everything is as it was; lost, the money is gone, so
 * the tickets die and their places come back, and what the order had become instead is taken back
 * (settle-loss). May run at any time, twice, and beside itself.
 */
import type { Ctx } from '../../kernel/context.ts';
import type { RefundId } from '../../kernel/ids.ts';
import { type EventId, newScopedId, type OrderId, type PaymentId } from '../../kernel/ids.ts';
import { NotYet } from '../../kernel/jobs.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import { PAYING_RANK } from '../inventory/index.ts';
import { type Dispute, enqueueSettle, findPayment, providerFor } from '../payments/index.ts';
import { callDisputeBatch } from './dispute.sql.ts';

const QUEUED_MAX = 1_000;
const BATCH_MAX = 64;
const UNKNOWN_RETRY_SECONDS = 30;
const BUSY_RETRY_SECONDS = 1;
const NOT_CAPTURED_SECONDS = 10;
/** A voucher that was chosen is redeemed, or money, within seconds. */
const LEAVING_RETRY_SECONDS = 2;

const disputeKind: LaneKind<
  {
    readonly orderId: OrderId;
    readonly paymentId: PaymentId;
    readonly disputes: readonly Dispute[];
    /** Of what goes back where less was lost than the tickets had cost. */
    readonly refundId: RefundId;
    readonly actor: string;
  },
  string
> = {
  name: 'dispute',
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
  call: callDisputeBatch,
  nameOf: (request) => request.orderId,
};

export async function settleDisputes(
  ctx: Ctx,
  eventId: EventId,
  paymentId: PaymentId,
): Promise<void> {
  const payment = await findPayment(ctx.db, eventId, paymentId);
  if (!payment?.providerId) return;
  if (payment.capturedMinor === 0) {
    // Disputed before we know that it was taken: that comes first.
    if (payment.status === 'voided' || payment.status === 'failed') return;
    await enqueueSettle(ctx.db, payment);
    throw new NotYet(NOT_CAPTURED_SECONDS);
  }
  const asked = await providerFor(ctx, payment).disputesOf(payment.providerId);
  if (asked.kind !== 'ok') throw new NotYet(UNKNOWN_RETRY_SECONDS);
  if (asked.value.length === 0) return;
  const done = await ctx.lanes.ask(ctx, disputeKind, eventId, {
    // The reference of a payment is the id of the order that it pays for.
    orderId: payment.reference as OrderId,
    paymentId,
    disputes: asked.value,
    refundId: newScopedId(ctx.ids, 'ref', eventId),
    actor: ctx.actor,
  });
  if (!done.ok) throw new NotYet(BUSY_RETRY_SECONDS);
  if (done.value === 'leaving') throw new NotYet(LEAVING_RETRY_SECONDS);
}
