/** What an order costs: its hold’s prices, less what a code takes off, and what credit pays. */
import type { Ctx } from '../../kernel/context.ts';
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result } from '../../kernel/result.ts';
import type { EventRow } from '../catalog/index.ts';
import type { Hold, HoldItem, Opening } from '../inventory/index.ts';
import {
  type Applied,
  applyCode,
  type CreditRefusal,
  creditRefusals,
  openedBy,
  type PromoRefusal,
  promoRefusals,
  type Reserved,
  reserveCredit,
} from '../promotions/index.ts';
import type { Once } from './find-hold.ts';

export const priceRefusals = { ...promoRefusals, ...creditRefusals } as const;
export type PriceRefusal = PromoRefusal | CreditRefusal | RefusalOf<'busy'>;

/** What a buyer has to lower the price; `promoCode` not given: the one of the hold, null: none. */
export type PriceWish = {
  readonly promoCode?: string | null | undefined;
  readonly credit?: { readonly code: string; readonly once: Once } | undefined;
};

export type Priced = {
  readonly totalMinor: number;
  readonly promo: Applied | null;
  readonly credit: Reserved | null;
  readonly charges: EventRow['charges'];
};

/**
 * The price of what is held, as it is now. Credit is kept for this booking (`once`) from here on:
 * where no order comes of it, it is given back (`releaseCredit`), or ends by itself.
 *
 * What is found here is decided once more with the order (`shopping.may_cost`).
 */
export async function priceOrder(
  ctx: Ctx,
  { eventId, organizerId, currency, charges }: EventRow,
  hold: Pick<Hold, 'items' | 'promoCode'>,
  wish: PriceWish,
): Promise<Result<Priced, PriceRefusal>> {
  const code = wish.promoCode === undefined ? hold.promoCode : wish.promoCode;
  const applied = code === null ? ok(null) : await applyCode(ctx, eventId, code, hold.items);
  if (!applied.ok) return applied;
  const promo = applied.value;
  const priceOf = (type: TicketTypeId, listMinor: number) => promo?.prices[type] ?? listMinor;
  const totalMinor = hold.items.reduce(
    (sum, item) => sum + item.quantity * priceOf(item.ticketTypeId, item.unitPriceMinor),
    0,
  );
  // Nothing is left for credit to pay.
  if (!wish.credit || totalMinor === 0) return ok({ totalMinor, promo, credit: null, charges });
  const wanted = { organizerId, eventId, currency, totalMinor, ...wish.credit };
  const credit = await reserveCredit(ctx, wanted);
  return credit.ok ? ok({ totalMinor, promo, credit: credit.value, charges }) : credit;
}

/** The price as `shopping.book_batch` takes it. */
export function asBooked({ promo, credit, charges }: Priced) {
  return {
    prices: promo && Object.keys(promo.prices).length > 0 ? promo.prices : null,
    promoCode: promo?.code ?? null,
    promoVersion: promo?.version ?? null,
    promoQuantity: promo?.quantity ?? null,
    creditMinor: credit?.amountMinor ?? 0,
    creditId: credit?.creditId ?? null,
    creditReservation: credit?.reservationId ?? null,
    creditUntil: credit?.until.toISOString() ?? null,
    charges,
  };
}

/** What a code opens of what is wanted; nothing to be said where there is no code. */
export async function openingFor(
  ctx: Ctx,
  eventId: EventId,
  code: string | null | undefined,
  items: readonly HoldItem[],
): Promise<Result<Opening | undefined, PromoRefusal>> {
  if (code === null || code === undefined) return ok(undefined);
  const opened = await openedBy(ctx, eventId, code, items);
  return opened.ok ? ok({ ticketTypeIds: opened.value, promoCode: code }) : opened;
}
