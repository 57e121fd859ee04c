/**
 * An order of a hold, at what it costs now. Its price, and the account that it is paid into, are
 * reckoned before the event's lock is taken; where one of them is not true any more by then, both
 * are reckoned once more.
 */
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import { newScopedId, type UserId } from '../../kernel/ids.ts';
import {
  AssertionError,
  ok,
  present,
  type Refusal,
  type Result,
  refused,
} from '../../kernel/result.ts';
import type { Seen } from '../catalog/index.ts';
import { type Hold, readHold, refusedFor } from '../inventory/index.ts';
import { type OrderRow, readOrder } from '../orders/index.ts';
import { accountFor } from '../payments/index.ts';
import { releaseCredit } from '../promotions/index.ts';
import type { Booking, BookingRefusal, PaymentMethod } from './book-places.ts';
import type { Once } from './find-hold.ts';
import { asBooked, type Priced, priceOrder } from './price-order.ts';
import { type BookAnswer, type BookRequest, seenHold } from './settle-kinds.ts';

/** How long the simulated buyer takes to pay. */
const SIMULATED_PAY_SECONDS = 1;
/** How long after its beginning a payment is looked at although nobody has said anything. */
const FIRST_CHECK_SECONDS = 45;
/** How often a price is reckoned before the buyer is told to come again. */
const PRICED_MAX = 3;

export type HoldToBuy = Pick<Hold, 'id' | 'items' | 'promoCode'>;

export type OrderWish = Pick<Booking, 'buyer' | 'promoCode' | 'credit'> & {
  readonly userId: UserId | null;
  /** Whom the places count for. */
  readonly personKeys: readonly string[];
  /** The organizer's default where none is named. */
  readonly method: PaymentMethod | undefined;
  /** Where the provider's page sends the buyer, if they pay there. */
  readonly returnUrl: string;
};

/** `ask` is the call that makes it. */
export async function makeOrder<R extends Refusal = Busy>(
  ctx: Ctx,
  seen: Seen,
  hold: HoldToBuy,
  wanted: OrderWish,
  once: Once,
  ask: (request: BookRequest) => Promise<Result<BookAnswer, R>>,
): Promise<Result<OrderRow, BookingRefusal | R>> {
  const { eventId } = seen.event;
  const { promoCode, credit } = wanted;
  const wish = { promoCode, credit: credit && { ...credit, once } };
  for (let attempt = 1; ; attempt++) {
    const now = attempt === 1 ? hold : await readHold(ctx, hold.id);
    if (!now) return refused('hold_ended');
    // Credit that is kept for an order that cannot be is out of its owner's reach for a while.
    const no = credit ? await refusedFor(ctx, hold.id, wanted.personKeys) : null;
    if (no) return no;
    const price = await priceOrder(ctx, seen.event, now, wish);
    if (!price.ok) return price;
    const collects = await accountOf(ctx, seen, price.value);
    if (!collects.ok) return collects;
    await ctx.pause('book.before_order');
    const terms = { holdId: hold.id, seen: seenHold(now), ...asBooked(price.value) };
    const asked = await ask({
      ...requestOf(ctx, seen, wanted, once),
      ...payingBy(wanted, collects.value),
      ...terms,
    });
    if (!asked.ok) return asked;
    const { verdict, orderId, limit } = asked.value;
    if (isOutdated(verdict) && attempt < PRICED_MAX) continue;
    if (verdict === 'placed') {
      // Where the same request came twice at once, it is the order that the other one has made.
      const order = await readOrder(ctx.db, eventId, present(orderId, 'the id of a placed order'));
      return ok(present(order, 'a placed order'));
    }
    if (price.value.credit && isForGood(verdict)) {
      await releaseCredit(ctx, price.value.credit.reservationId);
    }
    if (verdict === 'per_person_limit') return refused(verdict, { extra: { limit } });
    return refused(bookingRefusal(verdict));
  }
}

/** Where nothing is left to be paid, no account is needed. */
async function accountOf(ctx: Ctx, seen: Seen, { totalMinor, credit }: Priced) {
  const isFree = totalMinor === (credit?.amountMinor ?? 0);
  return isFree
    ? ok({ account: null, defaultMethod: 'payment_intent' as const })
    : accountFor(ctx, seen.event.organizerId);
}

function requestOf(ctx: Ctx, { event }: Seen, wanted: OrderWish, once: Once) {
  const { eventId, organizerId, currency, refundableUntil } = event;
  const { buyer, userId, personKeys } = wanted;
  return {
    orderId: newScopedId(ctx.ids, 'ord', eventId),
    paymentId: newScopedId(ctx.ids, 'pay', eventId),
    organizerId,
    userId,
    personKeys,
    buyerName: buyer.name,
    buyerEmail: buyer.email,
    buyerPhone: buyer.phone ?? null,
    buyerLanguage: buyer.language ?? null,
    refundableUntil,
    currency,
    caller: once.caller,
    key: once.key,
    bodyHash: once.bodyHash.toString('hex'),
    checkSeconds: FIRST_CHECK_SECONDS,
    actor: ctx.actor,
  };
}

function payingBy(
  wanted: OrderWish,
  collects: { readonly account: string | null; readonly defaultMethod: PaymentMethod },
) {
  const method = wanted.method ?? collects.defaultMethod;
  return {
    account: collects.account,
    method,
    returnUrl: method === 'checkout_session' ? wanted.returnUrl : null,
    payAfterSeconds: method === 'simulated' ? SIMULATED_PAY_SECONDS : null,
  };
}

/** The hold was swapped, the code got other terms, or the credit was kept too long ago. */
const isOutdated = (verdict: string) =>
  verdict === 'hold_changed' || verdict === 'promo_code_changed' || verdict === 'credit_lapsed';

/** No order will ever be placed on this hold; else what is kept waits, and ends by itself. */
const isForGood = (verdict: string) => verdict === 'hold_ended';

function bookingRefusal(verdict: string) {
  switch (verdict) {
    case 'hold_ended':
    case 'hold_already_booked':
    case 'idempotency_key_reused':
    case 'not_found':
    case 'buyer_required':
    case 'code_required':
    case 'promo_code_invalid':
    case 'promo_code_over_limit':
    case 'promo_code_used_up':
      return verdict;
    case 'hold_changed':
    case 'promo_code_changed':
    case 'credit_lapsed':
      return 'busy';
    default:
      throw new AssertionError(`unknown verdict of a booking: ${verdict}`);
  }
}
