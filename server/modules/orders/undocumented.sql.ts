import { chargesOrNull } from '../../kernel/charges.ts';
import type { EventId, OrderId, OrganizerId, RefundId, TicketTypeId } from '../../kernel/ids.ts';
import type { Currency } from '../../kernel/money.ts';
import { command, instant, int, rows, text, textAs } from '../../kernel/sql.ts';
import type { OrderKeys } from './order.sql.ts';

const undocumented = {
  eventId: textAs<EventId>(),
  sourceId: textAs<OrderId | RefundId>(),
  orderId: textAs<OrderId>(),
  organizerId: textAs<OrganizerId>(),
};

export type Undocumented = ReturnType<ReturnType<typeof selectUndocumented>['decode']>;

/** By key, which leads sales before what went back of them: `ord_` comes before `ref_`. */
export const selectUndocumented = (after: readonly [string, string] | null, most: number) => rows(
  undocumented,
)`
  select event_id as "eventId", source_id as "sourceId", order_id as "orderId",
    organizer_id as "organizerId"
  from orders.undocumented
  where (event_id, source_id) > (${after?.[0] ?? ''}, ${after?.[1] ?? ''})
  order by event_id, source_id limit ${most}`;

/** The pairs that name them; each look-up is by the full key. */
export type SourceKeys = {
  readonly eventIds: readonly EventId[];
  readonly sourceIds: readonly string[];
};

/** Those of them that are still without a document. */
export const selectStillUndocumented = (k: SourceKeys) => rows(undocumented)`
  select u.event_id as "eventId", u.source_id as "sourceId", u.order_id as "orderId",
    u.organizer_id as "organizerId"
  from unnest(${k.eventIds}::text[], ${k.sourceIds}::text[]) as k(event_id, source_id)
  join lateral (
    select x.event_id, x.source_id, x.order_id, x.organizer_id, x.made_at
    from orders.undocumented x where x.event_id = k.event_id and x.source_id = k.source_id
  ) u on true
  order by u.made_at, u.source_id`;

export const deleteUndocumented = (k: SourceKeys) => command`
  delete from orders.undocumented u
  using unnest(${k.eventIds}::text[], ${k.sourceIds}::text[]) as k(event_id, source_id)
  where u.event_id = k.event_id and u.source_id = k.source_id`;

/** What a document says of an order. */
export const selectSales = (k: OrderKeys) => rows({
  orderId: textAs<OrderId>(),
  buyerName: text,
  buyerEmail: text,
  totalMinor: int,
  creditMinor: int,
  currency: textAs<Currency>(),
  charges: chargesOrNull,
  method: text,
  confirmedAt: instant,
})`
  select o.order_id as "orderId", o.buyer_name as "buyerName", o.buyer_email as "buyerEmail",
    o.total_minor as "totalMinor", o.credit_minor as "creditMinor", o.currency, o.charges,
    o.method, o.confirmed_at as "confirmedAt"
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select x.order_id, x.buyer_name, x.buyer_email, x.total_minor, x.credit_minor, x.currency,
      x.charges, x.method, x.confirmed_at
    from orders.order x where x.event_id = k.event_id and x.order_id = k.order_id
  ) o on true`;

/** Tickets that were taken back, by the refund that they went with, type and price. */
export const selectReturned = (k: OrderKeys) => rows({
  orderId: textAs<OrderId>(),
  refundId: textAs<RefundId>(),
  ticketTypeId: textAs<TicketTypeId>(),
  unitPriceMinor: int,
  keptMinor: int,
  quantity: int,
})`
  select t.order_id as "orderId", t.refund_id as "refundId", t.ticket_type_id as "ticketTypeId",
    t.price_minor as "unitPriceMinor", t.kept_minor as "keptMinor", count(*)::int as quantity
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select x.order_id, x.refund_id, x.ticket_type_id, x.price_minor, x.kept_minor
    from orders.ticket x
    where x.event_id = k.event_id and x.order_id = k.order_id and x.refund_id is not null
  ) t on true
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`;

export const selectCreditReturns = (k: OrderKeys) => rows({
  refundId: textAs<RefundId>(),
  amountMinor: int,
  reason: text,
})`
  select c.refund_id as "refundId", c.amount_minor as "amountMinor", c.reason
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select x.refund_id, x.amount_minor, x.reason from orders.credit_return x
    where x.event_id = k.event_id and x.order_id = k.order_id
  ) c on true`;
