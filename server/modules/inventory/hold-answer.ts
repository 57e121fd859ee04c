import type { Ctx } from '../../kernel/context.ts';
import type { EventId, HoldId, TicketTypeId } from '../../kernel/ids.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import {
  assert,
  ok,
  present,
  type RefusalOf,
  type Refused,
  type Result,
  refused,
} from '../../kernel/result.ts';

export const holdRefusals = {
  sold_out: { status: 409, title: 'Sold out' },
  seat_taken: { status: 409, title: 'A seat is taken' },
  sale_not_open: { status: 409, title: 'The sale has not opened' },
  sale_paused: { status: 409, title: 'The sale is paused' },
  sale_closed: { status: 409, title: 'The sale has closed' },
  event_cancelled: { status: 409, title: 'The event is cancelled' },
  per_person_limit: { status: 409, title: 'More than one person may have' },
  code_required: { status: 409, title: 'This ticket type needs a code' },
  hold_ended: { status: 409, title: 'The hold has ended' },
  hold_already_booked: { status: 409, title: 'This hold has its order already' },
  buyer_required: { status: 422, title: 'This event counts tickets per person: name the buyer' },
  unknown_ticket_type: { status: 422, title: 'There is no such ticket type' },
  unknown_seat: { status: 422, title: 'There is no such seat of this ticket type' },
  seats_required: {
    status: 422,
    title: 'This ticket type has seats: name them, or ask for the best',
  },
  below_order_minimum: { status: 422, title: 'Fewer than one order must have' },
  above_order_maximum: { status: 422, title: 'More than one order may have' },
  idempotency_key_reused: { status: 422, title: 'This key was used with another request' },
} as const satisfies RefusalTable<string>;

export type HoldRefusal = RefusalOf<keyof typeof holdRefusals | 'not_found' | 'busy'>;

/**
 * The refusal of whatever would begin a sale of this event while selling is stopped; null else. To
 * be asked before anything is read: the database may be the reason.
 */
export async function refusedWhileStopped(
  ctx: Ctx,
  eventId: EventId,
): Promise<Refused<RefusalOf<'sale_paused'>> | null> {
  const stop = ctx.stops.of(eventId);
  if (stop === null || (await stop) === null) return null;
  const detail = 'Selling is stopped for the moment. What is paid for stays as it is.';
  return refused('sale_paused', { detail });
}

export type HeldItem = {
  readonly ticketTypeId: TicketTypeId;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  /** The ids of its seats; absent where places are only counted. */
  readonly seats?: readonly string[];
};

export type Hold = {
  readonly id: HoldId;
  readonly eventId: EventId;
  readonly expiresAt: Date;
  readonly currency: string;
  /** The code that its buyer gave. */
  readonly promoCode: string | null;
  readonly items: readonly HeldItem[];
  /** The answer to a request that was granted before. */
  readonly replayed: boolean;
};

/** What the SQL functions answer with; the verdict decides which members are there. */
export type HoldVerdict = {
  readonly verdict: string;
  readonly holdId?: HoldId;
  readonly expiresAt?: string;
  readonly currency?: string;
  readonly promoCode?: string | null;
  readonly items?: readonly (Omit<HeldItem, 'seats'> & { readonly seatNos?: readonly number[] })[];
  readonly unitPrices?: readonly number[];
  readonly line?: number | null;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly limit?: number | null;
  readonly opensAt?: string | null;
  readonly seatNos?: readonly number[];
  /** Of each line, where a search has chosen. */
  readonly ticketTypeIds?: readonly TicketTypeId[];
  /** The line that was refused was left to us: by a price, or with so many accessible seats. */
  readonly priced?: boolean;
  readonly accessible?: number | null;
};

/** What seats are called; only asked where a hold has some. */
export type SeatNames = (seatNos: readonly number[]) => readonly string[];

/** The numbers of all seats that an answer tells of. */
export const seatsTold = ({ seatNos, items }: HoldVerdict): number[] => [
  ...(seatNos ?? []),
  ...(items ?? []).flatMap((item) => item.seatNos ?? []),
];

/** A whole answer, with its lines: of a repetition, a change, a naming. */
export function toHold(
  eventId: EventId,
  answer: HoldVerdict,
  seatNames: SeatNames,
): Result<Hold, HoldRefusal> {
  const { verdict } = answer;
  if (verdict !== 'granted' && verdict !== 'repeated') return refusalOf(answer, seatNames);
  return ok({
    id: present(answer.holdId, 'hold id'),
    eventId,
    expiresAt: new Date(present(answer.expiresAt, 'expiry')),
    currency: present(answer.currency, 'currency'),
    promoCode: answer.promoCode ?? null,
    items: present(answer.items, 'items').map(({ seatNos, ...item }) =>
      seatNos ? { ...item, seats: seatNames(seatNos) } : item,
    ),
    replayed: verdict === 'repeated',
  });
}

/** Every code that a function of this room may refuse with. */
function isRefusal(verdict: string): verdict is HoldRefusal['code'] {
  return verdict in holdRefusals || verdict === 'not_found' || verdict === 'busy';
}

export function refusalOf(answer: HoldVerdict, seatNames: SeatNames): Result<never, HoldRefusal> {
  const { verdict, line, minimum, maximum, limit, opensAt, seatNos, accessible } = answer;
  // Lapsed holds were still being reclaimed when the request had waited long enough.
  const code = verdict === 'again' ? 'busy' : verdict;
  assert(isRefusal(code), `unknown verdict ${verdict}`);
  if (code === 'below_order_minimum' || code === 'above_order_maximum') {
    const message = `must be between ${minimum} and ${maximum}`;
    return refused(code, { issues: [{ path: `items.${line}.quantity`, code, message }] });
  }
  if (code === 'unknown_ticket_type' && answer.priced) {
    const message = 'no ticket type of seats that is on no other line has such a price';
    return refused(code, {
      issues: [{ path: `items.${line}.bestAvailable.priceMax`, code, message }],
    });
  }
  if (code === 'sold_out' && accessible) {
    const detail =
      `There are not so many free seats side by side with ${accessible} accessible among them; ` +
      'other seats, or seats apart, are not given instead.';
    return refused(code, { detail });
  }
  if (code === 'unknown_ticket_type') {
    const message = 'is not a ticket type of this event';
    return refused(code, { issues: [{ path: `items.${line}.ticketTypeId`, code, message }] });
  }
  if (code === 'per_person_limit') return refused(code, { extra: { limit: limit ?? null } });
  if (code === 'seat_taken') return refused(code, { extra: { seatIds: seatNames(seatNos ?? []) } });
  if (code === 'sale_not_open' && opensAt) {
    return refused(code, { extra: { opensAt: new Date(opensAt).toISOString() } });
  }
  return refused(code);
}
