/** What the room that changes events does with orders: offers, decides and finishes remedies. */
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, maybe, one, type Queryable } from '../../kernel/db.ts';
import {
  type CreditId,
  type EventId,
  newScopedId,
  type OrderId,
  type RefundId,
} from '../../kernel/ids.ts';
import type { LaneKind, Turn } from '../../kernel/lanes.ts';
import { AssertionError, ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { PAYING_RANK } from '../inventory/index.ts';
import { enqueueRefund, layOutRefund } from '../payments/index.ts';
import {
  callDecideBatch,
  callFallBackBatch,
  callFinishBatch,
  callOfferBatch,
  type HoldLines,
  type RemedyRow,
  selectPending,
  selectRemedies,
  selectRemediesIn,
  selectWithoutOffer,
} from './remedy.sql.ts';
import type { Remedy } from './states.ts';

export type { HoldLines, RemedyRow } from './remedy.sql.ts';

/** Behind everybody who is paying: their job queues them slice by slice. */
const bounds = {
  rank: PAYING_RANK + 1,
  queueMax: 5_000,
  batchMax: 64,
  waitMaxMs: null,
} as const;

/** Which order, of which change of its event, and why it gets money back. */
type Concerned = {
  readonly orderId: OrderId;
  readonly changeNo: number;
  readonly reason: string;
};

type Decision = Concerned & {
  /** Null: what applies where nobody has chosen. */
  readonly remedy: Remedy | null;
  readonly by: 'buyer' | 'staff' | 'deadline';
  /** Of the order at the other event, where a voucher is chosen. */
  readonly newOrderId: OrderId | null;
};

export type Offer = Concerned & {
  readonly choices: readonly Remedy[];
  readonly fallback: Remedy;
  readonly chooseBy: Date;
  readonly missing: readonly Remedy[];
  readonly holdId: string | null;
  readonly holdLines: HoldLines | null;
  readonly newOrderId: OrderId | null;
};

type Asking<T> = T & { readonly refundId: RefundId; readonly actor: string };
type Decided = { readonly verdict: string; readonly refundId?: RefundId | null };
/** Of one change of one event. */
export type ChangeKey = { readonly eventId: EventId; readonly changeNo: number };

const nameOf = ({ orderId }: { readonly orderId: OrderId }) => orderId;

const offerKind: LaneKind<Asking<Offer>, Decided> = {
  ...bounds,
  name: 'offer_remedy',
  // The function answers in this shape.
  call: callOfferBatch as LaneKind<never, Decided>['call'],
  nameOf,
};
const decideKind: LaneKind<Asking<Decision>, Decided> = {
  ...bounds,
  name: 'decide_remedy',
  // As above.
  call: callDecideBatch as LaneKind<never, Decided>['call'],
  nameOf,
};
const fallBackKind: LaneKind<Asking<Concerned>, Decided> = {
  ...bounds,
  name: 'fall_back',
  // As above.
  call: callFallBackBatch as LaneKind<never, Decided>['call'],
  nameOf,
};
const finishKind: LaneKind<
  Omit<Concerned, 'reason'> & {
    readonly creditId: CreditId | null;
    readonly valueMinor: number | null;
    readonly actor: string;
  },
  string
> = { ...bounds, name: 'finish_remedy', call: callFinishBatch, nameOf };

/** Offers a remedy to a confirmed order; where there is one choice only it is decided at once. */
export async function offerRemedy(
  ctx: Ctx,
  eventId: EventId,
  offer: Offer,
): Promise<Result<boolean, Busy>> {
  const request = asking(ctx, eventId, offer);
  return laidOut(ctx, eventId, await ctx.lanes.ask(ctx, offerKind, eventId, request));
}

/** Nobody has chosen in time: what applies then. False where a bank decides first. */
export async function decideRemedy(
  ctx: Ctx,
  eventId: EventId,
  decision: Decision,
): Promise<Result<boolean, Busy>> {
  const request = asking(ctx, eventId, decision);
  return laidOut(ctx, eventId, await ctx.lanes.ask(ctx, decideKind, eventId, request));
}

/** The places for a voucher are gone: money goes back instead. False where that has to wait. */
export async function fallBackToRefund(
  ctx: Ctx,
  eventId: EventId,
  concerned: Concerned,
): Promise<Result<boolean, Busy>> {
  const request = asking(ctx, eventId, concerned);
  return laidOut(ctx, eventId, await ctx.lanes.ask(ctx, fallBackKind, eventId, request));
}

/** The refund, if there is one, is one of very many. Where this is lost, others find it. */
async function laidOut(
  ctx: Ctx,
  eventId: EventId,
  asked: Result<Decided, Busy>,
): Promise<Result<boolean, Busy>> {
  if (!asked.ok) return asked;
  if (asked.value.refundId) await layOutRefund(ctx, { eventId, refundId: asked.value.refundId });
  return ok(asked.value.verdict !== 'payment_disputed' && asked.value.verdict !== 'archived');
}

/** Nothing is left to do; with the credit that was issued, or what a voucher was worth. */
export async function finishRemedy(
  ctx: Ctx,
  { eventId, orderId, changeNo, refundId, chosen }: RemedyRow,
  more: { readonly creditId?: CreditId | undefined; readonly valueMinor?: number },
): Promise<Result<null, Busy>> {
  const { creditId = null, valueMinor = null } = more;
  const request = { orderId, changeNo, creditId, valueMinor, actor: ctx.actor };
  const asked = await ctx.lanes.ask(ctx, finishKind, eventId, request);
  if (!asked.ok) return asked;
  // Where the other event is cheaper the difference goes back; else there is no such refund.
  if (chosen === 'voucher' && refundId) await layOutRefund(ctx, { eventId, refundId });
  return ok(null);
}

export type ChoiceRefusal = RefusalOf<
  'remedy_chosen' | 'remedy_window_closed' | 'remedy_unavailable' | 'payment_disputed'
>;

/** A buyer's choice, in a turn: final once it is committed. */
export async function chooseRemedyIn(
  ctx: Ctx,
  turn: Turn,
  decision: Decision,
): Promise<Result<null, ChoiceRefusal>> {
  const { eventId } = turn;
  const requests = JSON.stringify([asking(ctx, eventId, decision)]);
  const { answers } = await one(turn, callDecideBatch(eventId, ctx.clock.now(), requests));
  // The function answers in this shape.
  const { verdict, refundId, status } = answers[0] as Decided & { readonly status?: string };
  switch (verdict) {
    case 'decided':
      // There was nothing left to choose for.
      if (status === 'withdrawn') return refused('remedy_unavailable');
      if (refundId) await enqueueRefund(turn, { eventId, refundId });
      return ok(null);
    case 'remedy_chosen':
    case 'remedy_window_closed':
    case 'remedy_unavailable':
    case 'payment_disputed':
      return refused(verdict);
    default:
      throw new AssertionError(`unknown verdict of a choice: ${verdict}`);
  }
}

function asking<T extends Concerned>(ctx: Ctx, eventId: EventId, request: T): Asking<T> {
  return { ...request, refundId: newScopedId(ctx.ids, 'ref', eventId), actor: ctx.actor };
}

/** The latest remedy of an order, if it has any. */
export function remedyOf(
  on: Queryable,
  eventId: EventId,
  orderId: OrderId,
): Promise<RemedyRow | null> {
  return maybe(on, selectRemedies({ eventIds: [eventId], orderIds: [orderId] }));
}

/** Remedies of a change that are still `offered`, or `chosen` and not done: a slice, after one. */
export function openRemedies(
  on: Queryable,
  { eventId, changeNo }: ChangeKey,
  status: 'offered' | 'chosen',
  after: string,
  most: number,
) {
  return all(on, selectRemediesIn(eventId, changeNo, status, after, most));
}

/**
 * Orders that have no offer of this change yet: a slice, after one. Those placed up to a moment,
 * as PostgreSQL writes it; all where that is null.
 */
export function ordersWithoutOffer(
  on: Queryable,
  { eventId, changeNo, placedUpTo }: ChangeKey & { readonly placedUpTo: string | null },
  after: string,
  most: number,
) {
  return all(on, selectWithoutOffer(eventId, changeNo, placedUpTo, after, most));
}

/** Orders that are not paid yet: a slice, after one. */
export function pendingOrders(on: Queryable, eventId: EventId, after: string, most: number) {
  return all(on, selectPending(eventId, after, most));
}
