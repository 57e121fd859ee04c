import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { type EventId, type HoldId, newScopedId, type TicketTypeId } from '../../kernel/ids.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { assert, ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { callHoldPlaces } from './hold.sql.ts';

export const holdRefusals = {
  sold_out: { status: 409, title: 'Sold out' },
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
  below_order_minimum: { status: 422, title: 'Fewer than one order must have' },
  above_order_maximum: { status: 422, title: 'More than one order may have' },
  idempotency_key_reused: { status: 422, title: 'This key was used with another request' },
} as const satisfies RefusalTable<string>;

export type HoldRefusal = RefusalOf<keyof typeof holdRefusals | 'not_found' | 'busy'>;

export type HoldItem = { readonly ticketTypeId: TicketTypeId; readonly quantity: number };

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
};

export type Hold = {
  readonly id: HoldId;
  readonly eventId: EventId;
  readonly expiresAt: Date;
  readonly currency: string;
  readonly items: readonly (HoldItem & { readonly unitPriceMinor: number })[];
  /** The answer to a request that was granted before. */
  readonly replayed: boolean;
};

/** What the SQL functions answer with; the verdict decides which members are there. */
export type HoldVerdict = {
  readonly verdict: string;
  readonly holdId?: HoldId;
  readonly expiresAt?: string;
  readonly currency?: string;
  readonly items?: Hold['items'];
  readonly replayed?: boolean;
  readonly line?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly limit?: number | null;
  readonly opensAt?: string | null;
};

/**
 * Holds places of one event, all of them or none, until the event's hold time is over. Repeating
 * the request (same caller and key, same body) gives the first answer again.
 */
export async function holdPlaces(
  ctx: Ctx,
  request: HoldRequest,
): Promise<Result<Hold, HoldRefusal>> {
  await ctx.pause('hold.before');
  const [row] = await all(
    ctx.db,
    callHoldPlaces(
      {
        ...request,
        holdId: newScopedId(ctx.ids, 'hld', request.eventId),
        ticketTypeIds: request.items.map((item) => item.ticketTypeId),
        quantities: request.items.map((item) => item.quantity),
      },
      ctx.clock.now(),
    ),
  );
  // The functions of hold.fn.sql answer in this shape.
  return toHold(request.eventId, present(row, 'verdict').verdict as HoldVerdict);
}

export function toHold(eventId: EventId, answer: HoldVerdict): Result<Hold, HoldRefusal> {
  if (answer.verdict !== 'granted') return refusalOf(answer);
  return ok({
    id: present(answer.holdId, 'hold id'),
    eventId,
    expiresAt: new Date(present(answer.expiresAt, 'expiry')),
    currency: present(answer.currency, 'currency'),
    items: present(answer.items, 'items'),
    replayed: answer.replayed === true,
  });
}

function refusalOf(answer: HoldVerdict): Result<never, HoldRefusal> {
  const { verdict, line, minimum, maximum, limit, opensAt } = answer;
  assert(
    verdict in holdRefusals || verdict === 'not_found' || verdict === 'busy',
    `unknown verdict ${verdict}`,
  );
  // Checked just above.
  const code = verdict as HoldRefusal['code'];
  if (code === 'below_order_minimum' || code === 'above_order_maximum') {
    const message = `must be between ${minimum} and ${maximum}`;
    return refused(code, { issues: [{ path: `items.${line}.quantity`, code, message }] });
  }
  if (code === 'unknown_ticket_type') {
    const message = 'is not a ticket type of this event';
    return refused(code, { issues: [{ path: `items.${line}.ticketTypeId`, code, message }] });
  }
  if (code === 'per_person_limit') return refused(code, { extra: { limit: limit ?? null } });
  if (code === 'sale_not_open' && opensAt) {
    return refused(code, { extra: { opensAt: new Date(opensAt).toISOString() } });
  }
  return refused(code);
}
