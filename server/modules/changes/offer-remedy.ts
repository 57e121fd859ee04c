import { createHash } from 'node:crypto';
import type { Ctx } from '../../kernel/context.ts';
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import { present } from '../../kernel/result.ts';
import { type Hold, holdPlaces, readSupply } from '../inventory/index.ts';
import { type HoldLines, offerRemedy, type ordersWithoutOffer } from '../orders/index.ts';
import type { ChangeRow } from './change.sql.ts';
import { choicesFor } from './rules.ts';
import { newOrderOf, reasonOf, SLACK_MS } from './settle-remedy.ts';

const HOLDER = 'remedies';

type Concerned = Awaited<ReturnType<typeof ordersWithoutOffer>>[number];

/**
 * One order of a changed event gets its offer. For a voucher places are taken at the other event
 * first, as many of each ticket type like it; where there are none, no voucher is offered. Answers
 * false where that could not be done now.
 */
export function offerTo(change: ChangeRow, order: Concerned): (ctx: Ctx) => Promise<boolean> {
  return async (ctx) => {
    const places = change.remedies.includes('voucher') ? await keep(ctx, change, order) : null;
    if (places === 'later') return false;
    const { eventId, changeNo, chooseBy } = change;
    const offered = await offerRemedy(ctx, eventId, {
      ...{ orderId: order.orderId, changeNo, chooseBy, reason: reasonOf(change) },
      ...choicesFor(change, places !== null),
      holdId: places?.hold.id ?? null,
      holdLines: places?.lines ?? null,
      newOrderId: newOrderOf(ctx, change),
    });
    return offered.ok;
  };
}

type Kept = { readonly hold: Hold; readonly lines: HoldLines };

/** Null: nothing like it is left. What credit has paid for goes back as credit, not as voucher. */
async function keep(
  ctx: Ctx,
  { changeNo, chooseBy, voucherEventId, ticketTypes }: ChangeRow,
  { orderId, creditMinor, tickets }: Concerned,
): Promise<Kept | 'later' | null> {
  const eventId = present(voucherEventId, 'the event that vouchers are for');
  const there = tickets.map(({ ticketTypeId }) => ticketTypes[ticketTypeId]);
  if (creditMinor > 0 || tickets.length === 0 || there.includes(undefined)) return null;
  const quantities = new Map<TicketTypeId, number>();
  for (const [i, { quantity }] of tickets.entries()) {
    const type = present(there[i], 'a ticket type like it');
    quantities.set(type, (quantities.get(type) ?? 0) + quantity);
  }
  const seated = await seatedTypes(ctx, eventId);
  const held = await holdPlaces(ctx, {
    eventId,
    items: [...quantities].map(([ticketTypeId, quantity]) => ({
      ...{ ticketTypeId, quantity },
      ...(seated.has(ticketTypeId) ? { best: {} } : {}),
    })),
    ...{ personKeys: [], caller: HOLDER, key: `${orderId} ${changeNo}` },
    bodyHash: createHash('sha256').update(orderId).digest(),
    ...{ guarded: true, sees: 'any', byRight: true },
    expiresAt: new Date(chooseBy.getTime() + SLACK_MS),
  });
  if (!held.ok) return held.refusal.code === 'busy' ? 'later' : null;
  return { hold: held.value, lines: linesOf(held.value, tickets, ticketTypes) };
}

async function seatedTypes(ctx: Ctx, eventId: EventId): Promise<ReadonlySet<TicketTypeId>> {
  const supply = present(await readSupply(ctx.db, eventId), 'the sale of an event');
  const pools = new Set(supply.pools.filter(({ seated }) => seated).map(({ poolId }) => poolId));
  const types = supply.ticketTypes.filter(({ poolId }) => pools.has(poolId));
  return new Set(types.map(({ ticketTypeId }) => ticketTypeId));
}

/** At what was paid, or what a place costs there where that is less: nobody pays anything more. */
function linesOf(
  hold: Hold,
  tickets: Concerned['tickets'],
  types: Readonly<Record<string, TicketTypeId>>,
): HoldLines {
  const priceOf = new Map<TicketTypeId, number>(
    hold.items.map(({ ticketTypeId, unitPriceMinor }) => [ticketTypeId, unitPriceMinor]),
  );
  for (const { ticketTypeId, priceMinor } of tickets) {
    const type = present(types[ticketTypeId], 'a ticket type like it');
    priceOf.set(type, Math.min(priceMinor, present(priceOf.get(type), 'its price')));
  }
  return Object.fromEntries(
    tickets.map(({ ticketTypeId, quantity }) => {
      const type = present(types[ticketTypeId], 'a ticket type like it');
      const unitPriceMinor = present(priceOf.get(type), 'its price');
      return [ticketTypeId, { ticketTypeId: type, quantity, unitPriceMinor }];
    }),
  );
}
