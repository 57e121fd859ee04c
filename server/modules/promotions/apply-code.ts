import type { Ctx } from '../../kernel/context.ts';
import { maybe, one } from '../../kernel/db.ts';
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import { assert, ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type PromoCodeRow, selectCode, selectRefusal } from './promo-code.sql.ts';
import { isFor, priceWith } from './rules.ts';

export const promoRefusals = {
  promo_code_invalid: { status: 422, title: 'This code is not valid here' },
  promo_code_over_limit: { status: 422, title: 'This code is for fewer tickets of one order' },
  promo_code_used_up: { status: 409, title: 'This code has been used up' },
} as const;

export type PromoRefusal = RefusalOf<keyof typeof promoRefusals>;

/** Some places of a ticket type, at the price that they are held at. */
export type PlacesAtPrice = {
  readonly ticketTypeId: TicketTypeId;
  readonly quantity: number;
  readonly unitPriceMinor: number;
};

export type Applied = {
  readonly code: string;
  /** Of its terms: a use at other terms is refused. */
  readonly version: number;
  /** How many of the tickets it is for. */
  readonly quantity: number;
  /** By ticket type, what a place costs; those that cost what they did are left out. */
  readonly prices: Readonly<Record<TicketTypeId, number>>;
};

/**
 * What a code does to these places now. Whether an order may use it is decided once more with the
 * order, under the event's lock.
 */
export async function applyCode(
  ctx: Ctx,
  eventId: EventId,
  code: string,
  places: readonly PlacesAtPrice[],
): Promise<Result<Applied, PromoRefusal>> {
  const row = await maybe(ctx.db, selectCode(eventId, code));
  const its = row ? places.filter(({ ticketTypeId }) => isFor(row, ticketTypeId)) : [];
  const quantity = its.reduce((sum, place) => sum + place.quantity, 0);
  // A code that is not there and one that is for none of it are told alike.
  if (!row || quantity === 0) return refused('promo_code_invalid');
  const refusal = await refusalNow(ctx, eventId, row, quantity);
  if (refusal) return refused(refusal);
  const prices: Record<TicketTypeId, number> = {};
  for (const { ticketTypeId, unitPriceMinor } of its) {
    const price = priceWith(row, ticketTypeId, unitPriceMinor);
    if (price < unitPriceMinor) prices[ticketTypeId] = price;
  }
  return ok({ code, version: row.version, quantity, prices });
}

async function refusalNow(ctx: Ctx, eventId: EventId, row: PromoCodeRow, quantity: number) {
  const { refusal } = await one(
    ctx.db,
    selectRefusal(eventId, row.code, quantity, row.version, ctx.clock.now()),
  );
  if (refusal === null) return null;
  // Changed since it was read: whoever asks again finds the new terms.
  if (refusal === 'promo_code_changed') return 'promo_code_invalid';
  assert(refusal in promoRefusals, `unknown refusal of a code: ${refusal}`);
  // Checked in the line before.
  return refusal as keyof typeof promoRefusals;
}

/** What is to be held; no ticket type where one is still to be found. */
type Wanted = { readonly ticketTypeId: TicketTypeId | null; readonly quantity: number };

/**
 * Which of these ticket types the code opens, before anything is held; refused where no order for
 * them could use it now.
 */
export async function openedBy(
  ctx: Ctx,
  eventId: EventId,
  code: string,
  wanted: readonly Wanted[],
): Promise<Result<readonly TicketTypeId[], PromoRefusal>> {
  const row = await maybe(ctx.db, selectCode(eventId, code));
  if (!row) return refused('promo_code_invalid');
  const named = wanted.flatMap(({ ticketTypeId, quantity }) =>
    ticketTypeId !== null && isFor(row, ticketTypeId) ? [{ ticketTypeId, quantity }] : [],
  );
  const isForNone = named.length === 0 && wanted.every(({ ticketTypeId }) => ticketTypeId !== null);
  if (isForNone && wanted.length > 0) return refused('promo_code_invalid');
  const quantity = named.reduce((sum, line) => sum + line.quantity, 0);
  const refusal = await refusalNow(ctx, eventId, row, Math.max(1, quantity));
  if (refusal) return refused(refusal);
  return ok(row.unlocks ? named.map(({ ticketTypeId }) => ticketTypeId) : []);
}
