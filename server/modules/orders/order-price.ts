/** What an order is made of in money, and what of a ticket does not go back. */
import { type BreakdownLine, includedLines, keptOf } from '../../kernel/charges.ts';
import { all, type Queryable } from '../../kernel/db.ts';
import type { TicketId } from '../../kernel/ids.ts';
import { type OrderLine, type OrderRow, selectTickets } from './order.sql.ts';

type Priced = Pick<OrderRow, 'charges' | 'currency' | 'creditMinor' | 'promoCode'>;

/**
 * Line by line: the tickets at their list prices, what a code took off, what credit pays. These add
 * up to what the payment takes. The fees and the tax are contained in what is paid for the tickets.
 */
export function orderBreakdown(
  { charges, currency, creditMinor, promoCode }: Priced,
  lines: readonly Omit<OrderLine, 'ticketTypeId'>[],
): readonly BreakdownLine[] {
  const sum = (priceOf: (line: Omit<OrderLine, 'ticketTypeId'>) => number) =>
    lines.reduce((all, line) => all + line.quantity * priceOf(line), 0);
  const own = (kind: 'tickets' | 'discount' | 'credit', name: string, amount: number) =>
    ({ kind, name, amount: { amount, currency }, included: false }) as const;
  const list = sum((line) => line.listPriceMinor);
  const off = list - sum((line) => line.unitPriceMinor);
  const places = lines.map(({ unitPriceMinor, quantity }) => ({
    priceMinor: unitPriceMinor,
    quantity,
  }));
  return [
    own('tickets', 'Tickets', list),
    ...(off > 0 ? [own('discount', promoCode ?? 'Discount', -off)] : []),
    ...includedLines(places, charges, currency),
    ...(creditMinor > 0 ? [own('credit', 'Credit', -creditMinor)] : []),
  ];
}

/** By ticket, the fees that are kept where its buyer gives it back; null where there are none. */
export async function keptOfTickets(
  on: Queryable,
  { eventId, orderId, charges }: Pick<OrderRow, 'eventId' | 'orderId' | 'charges'>,
): Promise<Readonly<Record<TicketId, number>> | null> {
  if (!charges?.fees.some((fee) => !fee.refundable)) return null;
  const tickets = await all(on, selectTickets({ eventIds: [eventId], orderIds: [orderId] }));
  return Object.fromEntries(
    tickets.map(({ ticketId, priceMinor }) => [ticketId, keptOf(priceMinor, charges)]),
  );
}
