/** The beats of a purchase that a lane batches: book, claim, confirm. */
import type {
  CreditId,
  HoldId,
  OrderId,
  OrganizerId,
  PaymentId,
  RefundId,
  TicketId,
  TicketTypeId,
  UserId,
} from '../../kernel/ids.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import type { Language } from '../../kernel/language.ts';
import { type Hold, PAYING_RANK } from '../inventory/index.ts';
import {
  callBookBatch,
  callClaimBatch,
  callConfirmBatch,
  callConfirmFreeBatch,
} from './settle.sql.ts';

const QUEUED_MAX = 5_000;
const BATCH_MAX = 256;

const bounds = {
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
} as const;

/** A hold as somebody has seen it, line by line. */
export type SeenHold = {
  readonly ticketTypeIds: readonly TicketTypeId[];
  readonly quantities: readonly number[];
  readonly unitPrices: readonly number[];
  readonly promoCode: string | null;
};

export function seenHold({ items, promoCode }: Pick<Hold, 'items' | 'promoCode'>): SeenHold {
  return {
    ticketTypeIds: items.map((item) => item.ticketTypeId),
    quantities: items.map((item) => item.quantity),
    unitPrices: items.map((item) => item.unitPriceMinor),
    promoCode,
  };
}

export const bookKind: LaneKind<
  {
    readonly holdId: HoldId;
    readonly orderId: OrderId;
    readonly paymentId: PaymentId;
    readonly organizerId: OrganizerId;
    /** The provider's account that takes the money; null: the instance's own. */
    readonly account: string | null;
    readonly userId: UserId | null;
    readonly buyerName: string;
    readonly buyerEmail: string;
    readonly buyerPhone: string | null;
    readonly buyerLanguage: Language | null;
    readonly refundableUntil: Date | null;
    readonly currency: string;
    readonly method: 'payment_intent' | 'checkout_session' | 'simulated' | 'complimentary';
    /** Where the provider's page sends the buyer; null where they pay without one. */
    readonly returnUrl: string | null;
    readonly caller: string;
    readonly key: string;
    /** Hexadecimal. */
    readonly bodyHash: string;
    /** What was priced: where the hold is something else by now, no order is made of it. */
    readonly seen: SeenHold;
    /** Whom it counts for from here on; not given: for whom it did. */
    readonly personKeys?: readonly string[];
    /** What a place of these ticket types costs, where that is less than the hold says. */
    readonly prices: Readonly<Record<TicketTypeId, number>> | null;
    /** What lowered them, at which of its terms, for how many tickets. */
    readonly promoCode?: string | null;
    readonly promoVersion?: number | null;
    readonly promoQuantity?: number | null;
    /** What credit pays of the total; the payment takes the rest. */
    readonly creditMinor: number;
    readonly creditId?: CreditId | null;
    readonly creditReservation?: string | null;
    /** From then on the credit is not kept for this order any more. */
    readonly creditUntil?: string | null;
    /** The fees and the tax that prices contain, as the buyer agreed to them. */
    readonly charges: unknown;
    /** When the payment is looked at although nobody has said anything. */
    readonly checkSeconds: number;
    /** When the simulated payer pays; null for all others. */
    readonly payAfterSeconds: number | null;
    readonly actor: string;
  },
  {
    readonly verdict: string;
    readonly orderId: OrderId | null;
    /** Of `per_person_limit`. */
    readonly limit: number | null;
  }
> = {
  ...bounds,
  name: 'book',
  call: callBookBatch,
  nameOf: (request) => `${request.caller}\n${request.key}`,
};

type Claim = {
  readonly orderId: OrderId;
  readonly paymentId: PaymentId | null;
  /** As many as the order has places. */
  readonly ticketIds: readonly TicketId[];
  readonly actor: string;
};

export const claimKind: LaneKind<Claim, string> = {
  ...bounds,
  name: 'claim',
  call: callClaimBatch,
  nameOf: (claim) => claim.orderId,
};

type Confirm = {
  readonly orderId: OrderId;
  readonly paymentId: PaymentId | null;
  readonly capturedMinor: number;
  /** Of the refund that is owed where there is nothing to sell any more. */
  readonly refundId: RefundId;
  /** Why it is owed, where the payment did not just come late. */
  readonly refundReason?: string;
  readonly actor: string;
};

export const confirmKind: LaneKind<Confirm, string> = {
  ...bounds,
  name: 'confirm',
  call: callConfirmBatch,
  nameOf: (confirm) => confirm.orderId,
};

/** Of a claim, and of the confirmation that follows it in the same call. */
export const confirmFreeKind: LaneKind<
  Claim & Pick<Confirm, 'capturedMinor'> & { readonly complimentary: boolean },
  string
> = {
  ...bounds,
  name: 'confirm_free',
  call: callConfirmFreeBatch,
  nameOf: (claim) => claim.orderId,
};

type RequestOf<Kind> = Kind extends LaneKind<infer Request, infer _Answer> ? Request : never;
type AnswerOf<Kind> = Kind extends LaneKind<infer _Request, infer Answer> ? Answer : never;

/** What an order is made of, for whoever makes one in a call that does more. */
export type BookRequest = RequestOf<typeof bookKind>;
export type BookAnswer = AnswerOf<typeof bookKind>;
