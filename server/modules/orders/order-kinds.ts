/** What a lane does with orders: how a pending one ends, and what comes back of a confirmed one. */
import type { EventId, OrderId, PaymentId, RefundId } from '../../kernel/ids.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import { PAYING_RANK } from '../inventory/index.ts';
import { callEndBatch, callExtendBatch } from './order.sql.ts';
import type { OrderState } from './states.ts';

/** A mass refund and a mass expiry are queued by their jobs, slice by slice. */
const QUEUED_MAX = 5_000;
const BATCH_MAX = 64;

const bounds = {
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
} as const;

/** One request of `orders.end_batch`. */
export type Ending = {
  readonly orderId: OrderId;
  readonly to: 'failed' | 'cancelled';
  readonly reason: string;
  readonly endClaim: boolean;
  /** The places stay held, where they still are: another order may be made of the hold. */
  readonly keepHold?: boolean;
  readonly actor: string;
  /** The payment that is over with it, if one is. */
  readonly paymentId?: PaymentId;
  readonly paymentTo?: 'failed' | 'voided';
  readonly failureCode?: string | null;
};

/** Answers `ended`, `claimed`, `not_found`, or the status that the order has already. */
export const endKind: LaneKind<Ending, string> = {
  ...bounds,
  name: 'end_order',
  call: callEndBatch,
  nameOf: (ending) => ending.orderId,
};

export type RefundAnswer = {
  readonly verdict: string;
  readonly refundId?: RefundId | null;
  /** Where the order has ended before. */
  readonly status?: OrderState;
};

/** Answers with the new end, null where there is none. */
export const extendKind: LaneKind<
  { readonly orderId: OrderId; readonly moreMs: number },
  string | null
> = {
  ...bounds,
  name: 'extend',
  call: callExtendBatch,
};

export type OrderKey = { readonly eventId: EventId; readonly orderId: OrderId };
