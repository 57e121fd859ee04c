/**
 * One call books: hold (unless one is named) → order and payment → the provider's intent. Each step
 * is found again by its key, so that a repeated request goes on where the first one stopped and
 * answers the same.
 */
import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import { type EventId, type HoldId, newScopedId, type UserId } from '../../kernel/ids.ts';
import {
  AssertionError,
  ok,
  present,
  type Refusal,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import { findEvent, type Seen } from '../catalog/index.ts';
import { accessTokenFor } from '../identity/index.ts';
import {
  type Hold,
  type HoldItem,
  type HoldRefusal,
  holdPlaces,
  nameHolder,
  refusedWhileStopped,
} from '../inventory/index.ts';
import {
  type OrderRow,
  type OrderView,
  orderByKey,
  orderNow,
  readOrder,
  referencesOf,
} from '../orders/index.ts';
import { accountFor, paymentsOf } from '../payments/index.ts';
import { releaseCredit, usableCredit } from '../promotions/index.ts';
import { keysOfBuyer } from './buyer-keys.ts';
import { returnUrlFor } from './checkout-terms.ts';
import { findHold, type Once } from './find-hold.ts';
import { asBooked, openingFor, type PriceRefusal, priceOrder } from './price-order.ts';
import { type BookAnswer, type BookRequest, bookKind } from './settle-kinds.ts';
import { settleFree } from './settle-payment.ts';
import { type WaysToPay, waysToPay } from './ways-to-pay.ts';

/** How long the simulated buyer takes to pay. */
const SIMULATED_PAY_SECONDS = 1;
/** How long after its beginning a payment is looked at although nobody has said anything. */
const FIRST_CHECK_SECONDS = 45;
/** How often a price is reckoned before the buyer is told to come again. */
const PRICED_MAX = 3;

export type Booking = {
  readonly items?: readonly HoldItem[] | undefined;
  readonly holdId?: HoldId | undefined;
  /** Not given: the one of the hold, if it has one; null: none. */
  readonly promoCode?: string | null | undefined;
  readonly credit?: { readonly code: string } | undefined;
  readonly buyer: {
    readonly name: string;
    readonly email: string;
    readonly phone?: string | undefined;
  };
  readonly payment: {
    /** The organizer's default where none is named. */
    readonly method?: PaymentMethod | undefined;
    /** Where the provider's page sends the buyer. */
    readonly returnUrl?: string | undefined;
  };
};

export type PaymentMethod = 'payment_intent' | 'checkout_session' | 'simulated';

export type BookingRefusal =
  | HoldRefusal
  | PriceRefusal
  | RefusalOf<
      | 'payment_method_unavailable'
      | 'payment_provider_unavailable'
      | 'payment_refused'
      | 'return_url_not_allowed'
    >;

export type Booked = {
  readonly order: OrderView;
  readonly payment: WaysToPay & {
    readonly provider: string;
    readonly account?: string;
  };
  readonly accessToken?: string;
};

export async function bookPlaces(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  booking: Booking,
  once: Once,
): Promise<Result<Booked, BookingRefusal>> {
  const stopped = await refusedWhileStopped(ctx, eventId);
  if (stopped) return stopped;
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen) return refused('not_found');
  const known = await orderByKey(ctx.db, eventId, once.caller, once.key);
  if (known && !known.bodyHash.equals(once.bodyHash)) return refused('idempotency_key_reused');
  // Whoever has nothing but the key gets the object, not the secrets that open it.
  if (known) return pay(ctx, known, { secrets: once.caller !== 'anonymous', again: true });
  if (!isAvailable(ctx, booking.payment.method)) return refused('payment_method_unavailable');
  const { organizerId } = seen.event;
  const returnUrl = returnUrlFor(ctx.config, actor, organizerId, booking.payment.returnUrl);
  if (returnUrl === null) return refused('return_url_not_allowed');
  const hold = await holdFor(ctx, actor, seen, booking, once);
  if (!hold.ok) return hold;
  const collects = await accountOf(ctx, seen, hold.value);
  if (!collects.ok) return collects;
  const method = booking.payment.method ?? collects.value.defaultMethod;
  const wanted = {
    ...booking,
    userId: buyingPerson(actor),
    account: collects.value.account,
    method,
    returnUrl: method === 'checkout_session' ? returnUrl : null,
  };
  const order = await makeOrder(ctx, seen, hold.value, wanted, once, (request) =>
    ctx.lanes.ask(ctx, bookKind, eventId, request),
  );
  if (!order.ok) return order;
  return pay(ctx, order.value, { secrets: true, again: false });
}

/** The simulated payer never stands beside real keys. */
export function isAvailable(ctx: Ctx, method: PaymentMethod | undefined): boolean {
  return method !== 'simulated' || ctx.ports.payments.simulated;
}

/** Where nothing has to be paid, no account is needed. */
export async function accountOf(ctx: Ctx, seen: Seen, hold: Pick<Hold, 'items'>) {
  const isFree = hold.items.every((item) => item.unitPriceMinor === 0);
  return isFree
    ? ok({ account: null, defaultMethod: 'payment_intent' as const })
    : accountFor(ctx, seen.event.organizerId);
}

async function holdFor(
  ctx: Ctx,
  actor: Actor,
  seen: Seen,
  booking: Booking,
  once: Once,
): Promise<Result<Hold, BookingRefusal>> {
  const { organizerId, eventId } = seen.event;
  const userId = buyingPerson(actor);
  const keys = await keysOfBuyer(ctx, organizerId, { ...booking.buyer, userId });
  if (booking.holdId !== undefined) {
    const hold = await findHold(ctx, actor, booking.holdId, 'orders:write');
    if (!hold || hold.eventId !== eventId) return refused('not_found');
    return nameHolder(ctx, booking.holdId, keys);
  }
  if (booking.credit) {
    const usable = await usableCredit(ctx, { ...seen.event, ...booking.credit, once });
    if (!usable.ok) return usable;
  }
  const { caller, key, bodyHash } = once;
  const items = booking.items ?? [];
  const opening = await openingFor(ctx, eventId, booking.promoCode, items);
  if (!opening.ok) return opening;
  return holdPlaces(ctx, {
    eventId,
    items,
    personKeys: keys,
    caller,
    key,
    bodyHash,
    guarded: true,
    sees: null,
    opening: opening.value,
  });
}

export type OrderWish = Pick<Booking, 'buyer' | 'promoCode' | 'credit'> & {
  readonly userId: UserId | null;
  readonly account: string | null;
  readonly method: PaymentMethod;
  readonly returnUrl: string | null;
};

/** An order of a hold, at what it costs now; `ask` is the call that makes it. */
export async function makeOrder<R extends Refusal = Busy>(
  ctx: Ctx,
  seen: Seen,
  hold: Pick<Hold, 'id' | 'items' | 'promoCode'>,
  wanted: OrderWish,
  once: Once,
  ask: (request: BookRequest) => Promise<Result<BookAnswer, R>>,
): Promise<Result<OrderRow, BookingRefusal | R>> {
  const { eventId, organizerId, currency, refundableUntil } = seen.event;
  const { name, email, phone } = wanted.buyer;
  const { account, method, returnUrl, userId, promoCode, credit } = wanted;
  const wish = { promoCode, credit: credit && { ...credit, once } };
  for (let attempt = 1; ; attempt++) {
    const price = await priceOrder(ctx, seen.event, hold, wish);
    if (!price.ok) return price;
    await ctx.pause('book.before_order');
    const asked = await ask({
      ...asBooked(price.value),
      holdId: hold.id,
      orderId: newScopedId(ctx.ids, 'ord', eventId),
      paymentId: newScopedId(ctx.ids, 'pay', eventId),
      organizerId,
      account,
      userId,
      buyerName: name,
      buyerEmail: email,
      buyerPhone: phone ?? null,
      refundableUntil,
      currency,
      method,
      returnUrl,
      caller: once.caller,
      key: once.key,
      bodyHash: once.bodyHash.toString('hex'),
      checkSeconds: FIRST_CHECK_SECONDS,
      payAfterSeconds: method === 'simulated' ? SIMULATED_PAY_SECONDS : null,
      actor: ctx.actor,
    });
    if (!asked.ok) return asked;
    const { verdict, orderId } = asked.value;
    // The code got other terms meanwhile, or the credit was kept too long ago: reckoned once more.
    if (isOutdated(verdict) && attempt < PRICED_MAX) continue;
    if (verdict === 'placed') {
      // Where the same request came twice at once, it is the order that the other one has made.
      const order = await readOrder(ctx.db, eventId, present(orderId, 'the id of a placed order'));
      return ok(present(order, 'a placed order'));
    }
    if (price.value.credit && isForGood(verdict)) {
      await releaseCredit(ctx, price.value.credit.reservationId);
    }
    return refused(bookingRefusal(verdict));
  }
}

const isOutdated = (verdict: string) =>
  verdict === 'promo_code_changed' || verdict === 'credit_lapsed';

/** No order will ever be placed on this hold; else what is kept waits, and ends by itself. */
const isForGood = (verdict: string) => verdict === 'hold_ended';

function bookingRefusal(verdict: string) {
  switch (verdict) {
    case 'hold_ended':
    case 'hold_already_booked':
    case 'idempotency_key_reused':
    case 'not_found':
    case 'code_required':
    case 'promo_code_invalid':
    case 'promo_code_over_limit':
    case 'promo_code_used_up':
      return verdict;
    case 'promo_code_changed':
    case 'credit_lapsed':
      return 'busy';
    default:
      throw new AssertionError(`unknown verdict of a booking: ${verdict}`);
  }
}

/** The last beat: the provider's intent, made now or found again. */
export async function pay(
  ctx: Ctx,
  order: OrderRow,
  show: { readonly secrets: boolean; readonly again: boolean },
): Promise<Result<Booked, BookingRefusal>> {
  await ctx.pause('book.before_payment');
  const [payment] = await paymentsOf(ctx.db, referencesOf([order]));
  const accessToken = accessTokenFor(ctx.secrets, order.orderId);
  const opened = show.secrets ? { accessToken } : {};
  if (!payment) {
    if (order.status === 'pending') {
      const settled = await settleFree(ctx, order);
      if (!settled.ok) return settled;
    }
    const view = await orderNow(ctx, order);
    const shown = show.secrets ? view : withoutCodes(view);
    return ok({ order: shown, payment: { provider: 'none' }, ...opened });
  }
  const ways = await waysToPay(ctx, order, payment);
  if (!ways.ok) return ways;
  await ctx.pause('book.before_answer');
  const view = await orderNow(ctx, order);
  const shown = show.again ? asPlaced(view) : view;
  const secrets = show.secrets ? ways.value : {};
  return ok({
    order: shown,
    payment: { provider: ctx.ports.payments.name, ...secrets },
    ...opened,
  });
}

/** A repeated request gets the first answer: the order as it was when it was placed. */
function asPlaced(view: OrderView): OrderView {
  return {
    ...view,
    status: 'pending',
    statusReason: null,
    confirmedAt: null,
    tickets: [],
    refunds: [],
    disputes: [],
    payments: view.payments.map((payment) => ({
      ...payment,
      status: 'created' as const,
      captured: { ...payment.captured, amount: 0 },
      failureCode: null,
    })),
  };
}

/** A code opens the door: nobody gets one by knowing a key alone. */
function withoutCodes(view: OrderView): OrderView {
  return { ...view, tickets: view.tickets.map((ticket) => ({ ...ticket, code: null })) };
}
