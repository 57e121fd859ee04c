/**
 * One call books: hold (unless one is named) → order and payment → the provider's intent. Each step
 * is found again by its key, so that a repeated request goes on where the first one stopped and
 * answers the same.
 */
import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { EventId, HoldId } from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findEvent, type Seen } from '../catalog/index.ts';
import { accessTokenFor } from '../identity/index.ts';
import {
  type HoldItem,
  type HoldRefusal,
  holdPlaces,
  refusedWhileStopped,
} from '../inventory/index.ts';
import {
  type OrderRow,
  type OrderView,
  orderByKey,
  orderNow,
  referencesOf,
} from '../orders/index.ts';
import { paymentsOf } from '../payments/index.ts';
import { usableCredit } from '../promotions/index.ts';
import { keysOfBuyer } from './buyer-keys.ts';
import { returnUrlFor } from './checkout-terms.ts';
import { findHold, type Once } from './find-hold.ts';
import { type HoldToBuy, makeOrder } from './make-order.ts';
import { openingFor, type PriceRefusal } from './price-order.ts';
import { bookKind } from './settle-kinds.ts';
import { settleFree } from './settle-payment.ts';
import { type WaysToPay, waysToPay } from './ways-to-pay.ts';

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
    /** Of the letters; not given: the organizer's. */
    readonly language?: Language | undefined;
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
  const userId = buyingPerson(actor);
  const personKeys = await keysOfBuyer(ctx, organizerId, { ...booking.buyer, userId });
  const hold = await holdFor(ctx, actor, seen, booking, once, personKeys);
  if (!hold.ok) return hold;
  const wanted = { ...booking, userId, personKeys, method: booking.payment.method, returnUrl };
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

async function holdFor(
  ctx: Ctx,
  actor: Actor,
  seen: Seen,
  booking: Booking,
  once: Once,
  personKeys: readonly string[],
): Promise<Result<HoldToBuy, BookingRefusal>> {
  const { eventId } = seen.event;
  if (booking.holdId !== undefined) {
    // It counts for its buyer from its order on: whoever is named in vain has nothing of it.
    const hold = await findHold(ctx, actor, booking.holdId, 'orders:write');
    if (!hold || hold.eventId !== eventId) return refused('not_found');
    return hold.ended ? refused('hold_ended') : ok({ ...hold, id: booking.holdId });
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
    personKeys,
    caller,
    key,
    bodyHash,
    guarded: true,
    sees: null,
    opening: opening.value,
  });
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
  // Where the provider has never been reached, the first answer was none: it is shown as it is.
  const wasPlaced = payment.providerId !== null || payment.checkoutId !== null;
  const shown = show.again && wasPlaced ? asPlaced(view) : view;
  return ok({
    order: show.secrets ? shown : withoutCodes(shown),
    payment: { provider: ctx.ports.payments.name, ...(show.secrets ? ways.value : {}) },
    ...opened,
  });
}

/** A repeated request gets the first answer: the order as it was when it was placed. */
function asPlaced({ remedy: _later, ...view }: OrderView): OrderView {
  return {
    ...view,
    status: 'pending',
    statusReason: null,
    confirmedAt: null,
    tickets: [],
    refunds: [],
    creditReturns: [],
    disputes: [],
    payments: view.payments.map((payment) => ({
      ...payment,
      status: 'created' as const,
      captured: { ...payment.captured, amount: 0 },
      failureCode: null,
    })),
  };
}

/** A code opens the door, or is money: nobody gets one by knowing a key alone. */
function withoutCodes(view: OrderView): OrderView {
  const { remedy } = view;
  return {
    ...view,
    tickets: view.tickets.map((ticket) => ({ ...ticket, code: null })),
    creditReturns: view.creditReturns.map(({ code: _code, ...returned }) => returned),
    ...(remedy ? { remedy: withoutCode(remedy) } : {}),
  };
}

function withoutCode({
  creditCode: _code,
  ...remedy
}: NonNullable<OrderView['remedy']>): NonNullable<OrderView['remedy']> {
  return remedy;
}
