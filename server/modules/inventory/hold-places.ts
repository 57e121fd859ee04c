import type { Ctx } from '../../kernel/context.ts';
import {
  type EventId,
  newScopedId,
  type OrganizerId,
  type TicketTypeId,
} from '../../kernel/ids.ts';
import { ok, present, type Result } from '../../kernel/result.ts';
import { askWithSeats } from './choose-seats.ts';
import {
  type Hold,
  type HoldRefusal,
  type HoldVerdict,
  refusalOf,
  refusedWhileStopped,
  seatsTold,
  toHold,
} from './hold-answer.ts';
import { type HoldCall, holdKind, searchKind } from './hold-kinds.ts';
import { seatBoardWith, seatNames } from './seat-board.ts';

export type HoldItem = {
  /** Null where the best of several is to be had, by `best.price`. */
  readonly ticketTypeId: TicketTypeId | null;
  readonly quantity: number;
  /** As many as the quantity, where the buyer has chosen. */
  readonly seatIds?: readonly string[];
  /** Where the choice is ours: the best that are left. */
  readonly best?: {
    /** Only there. */
    readonly section?: string;
    /** How many of the seats have to be accessible, 1 or more. */
    readonly accessible?: number;
    /** Of any ticket type of seats with such a price, where none is named. */
    readonly price?: PriceRange;
  };
};

/** Of one place. */
export type PriceRange = {
  readonly minMinor: number | null;
  readonly maxMinor: number;
  readonly currency: string;
};

export type HoldRequest = {
  readonly eventId: EventId;
  readonly items: readonly HoldItem[];
  readonly personKeys: readonly string[];
  /** Who asks, and their name for this request: the same pair gets the same hold. */
  readonly caller: string;
  readonly key: string;
  readonly bodyHash: Buffer;
  /** Whether the hold opens only to this caller; otherwise whoever knows its id may act on it. */
  readonly guarded: boolean;
  /** The organizer whose staff asks, or `any`: they see a sale before everybody else does. */
  readonly sees: OrganizerId | 'any' | null;
  /** Draws on what is reserved for the waitlist. */
  readonly offered?: boolean;
  /** Whoever it is for has a right to places: neither windows nor limits apply. */
  readonly byRight?: boolean;
  /** Until when, instead of the event's hold time; one that is over is refused, `hold_ended`. */
  readonly expiresAt?: Date;
  readonly opening?: Opening | undefined;
};

/** What the buyer has for ticket types that need a code: which of them are open, and by what. */
export type Opening = {
  readonly ticketTypeIds: readonly TicketTypeId[];
  /** Kept with the hold; whoever books on it uses it. Null where whoever asks needs none. */
  readonly promoCode: string | null;
};

/**
 * Holds places of one event, all of them or none, until the event's hold time is over, or until
 * `expiresAt`. Repeating the request (same caller and key, same body) gives the first answer again.
 */
export async function holdPlaces(
  ctx: Ctx,
  request: HoldRequest,
): Promise<Result<Hold, HoldRefusal>> {
  await ctx.pause('hold.before');
  const stopped = await refusedWhileStopped(ctx, request.eventId);
  if (stopped) return stopped;
  const call = callOf(ctx, request);
  if (request.items.every((item) => !item.seatIds && !item.best)) {
    const asked = await ctx.lanes.ask(ctx, holdKind, request.eventId, call);
    return asked.ok ? answerOf(ctx, request, call, asked.value) : asked;
  }
  return holdSeats(ctx, request, call);
}

function callOf(ctx: Ctx, request: HoldRequest): HoldCall {
  return {
    holdId: newScopedId(ctx.ids, 'hld', request.eventId),
    caller: request.caller,
    key: request.key,
    bodyHash: request.bodyHash.toString('hex'),
    guarded: request.guarded,
    sees: request.sees,
    personKeys: [...new Set(request.personKeys)],
    // A line that names none gets one with its seats.
    ticketTypeIds: request.items.flatMap((item) => item.ticketTypeId ?? []),
    quantities: request.items.map((item) => item.quantity),
    seatNos: null,
    offered: request.offered ?? false,
    byRight: request.byRight ?? false,
    expiresAt: request.expiresAt ?? null,
    ...openingOf(request.opening),
  };
}

/** Most buyers have none, and send nothing for it. */
export function openingOf(opening: Opening | undefined): Pick<HoldCall, 'opened' | 'promoCode'> {
  return opening ? { opened: opening.ticketTypeIds, promoCode: opening.promoCode } : {};
}

async function holdSeats(
  ctx: Ctx,
  request: HoldRequest,
  call: HoldCall,
): Promise<Result<Hold, HoldRefusal>> {
  const { eventId, items } = request;
  const keys = items.flatMap((item) => item.seatIds ?? []);
  const board = await seatBoardWith(ctx, eventId, keys);
  let last = call;
  const asked = await askWithSeats(board, items, ({ named, search, ...chosen }) => {
    last = { ...call, ...chosen, seatNos: search ? null : chosen.seatNos };
    return search
      ? ctx.lanes.ask(ctx, searchKind, eventId, { ...call, ...search, seatNos: named })
      : ctx.lanes.ask(ctx, holdKind, eventId, last);
  });
  return asked.ok ? answerOf(ctx, request, last, asked.value) : asked;
}

/** Of a new hold only what the database decided comes back; the rest is what was asked for. */
async function answerOf(
  ctx: Ctx,
  request: HoldRequest,
  call: HoldCall,
  answer: HoldVerdict,
): Promise<Result<Hold, HoldRefusal>> {
  const { eventId } = request;
  const told = [...seatsTold(answer), ...(call.seatNos ?? [])];
  const names = await seatNames(ctx, eventId, told);
  if (answer.verdict === 'repeated') return toHold(eventId, answer, names);
  if (answer.verdict !== 'granted') return refusalOf(answer, names);
  const prices = present(answer.unitPrices, 'prices');
  const seatNos = answer.seatNos ?? call.seatNos;
  const ticketTypeIds = answer.ticketTypeIds ?? call.ticketTypeIds;
  let upto = 0;
  return ok({
    id: call.holdId,
    eventId,
    expiresAt: new Date(present(answer.expiresAt, 'expiry')),
    currency: present(answer.currency, 'currency'),
    promoCode: call.promoCode ?? null,
    items: request.items.map(({ quantity }, i) => {
      upto += quantity;
      const seats = (seatNos?.slice(upto - quantity, upto) ?? []).filter((no) => no !== null);
      const unitPriceMinor = present(prices[i], 'price of a line');
      const ticketTypeId = present(ticketTypeIds[i], 'ticket type of a line');
      const line = { ticketTypeId, quantity, unitPriceMinor };
      return seats.length > 0 ? { ...line, seats: names(seats) } : line;
    }),
    replayed: false,
  });
}
