import type {
  CreditId,
  EventId,
  HoldId,
  OrderId,
  RefundId,
  TicketTypeId,
} from '../../kernel/ids.ts';
import {
  fragment,
  instant,
  int,
  intOrNull,
  json,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';
import type { OrderKeys } from './order.sql.ts';
import type { Remedy, RemedyState } from './states.ts';

const columns = {
  eventId: textAs<EventId>(),
  orderId: textAs<OrderId>(),
  changeNo: int,
  status: textAs<RemedyState>(),
  choices: listOf(textAs<Remedy>()),
  fallback: textAs<Remedy>(),
  chooseBy: instant,
  missing: listOf(textAs<Remedy>()),
  chosen: textAsOrNull<Remedy>(),
  refundId: textAsOrNull<RefundId>(),
  valueMinor: intOrNull,
  creditId: textAsOrNull<CreditId>(),
  newOrderId: textAsOrNull<OrderId>(),
  holdId: textAsOrNull<HoldId>(),
  // The application writes it, in this shape.
  holdLines: (raw: unknown) => raw as HoldLines | null,
};

/** By ticket type of the order, what is kept for it at the other event. */
export type HoldLines = Readonly<
  Record<
    TicketTypeId,
    {
      readonly ticketTypeId: TicketTypeId;
      readonly quantity: number;
      readonly unitPriceMinor: number;
    }
  >
>;

const remedySelect = fragment`m.event_id as "eventId", m.order_id as "orderId",
    m.change_no as "changeNo", m.status, m.choices, m.fallback, m.choose_by as "chooseBy",
    m.missing, m.chosen, m.refund_id as "refundId", m.value_minor as "valueMinor",
    m.credit_id as "creditId", m.new_order_id as "newOrderId", m.hold_id as "holdId",
    m.hold_lines as "holdLines"`;

export type RemedyRow = ReturnType<ReturnType<typeof selectRemedies>['decode']>;

/** Of each order the latest, where it has any. */
export const selectRemedies = (k: OrderKeys) => rows(columns)`
  select ${remedySelect}
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select r.event_id, r.order_id, r.change_no, r.status, r.choices, r.fallback, r.choose_by,
      r.missing, r.chosen, r.refund_id, r.value_minor, r.credit_id, r.new_order_id, r.hold_id,
      r.hold_lines
    from orders.remedy r
    where r.event_id = k.event_id and r.order_id = k.order_id
    order by r.change_no desc limit 1
  ) m on true`;

/** Of one change, a slice by order id, after one. */
export const selectRemediesIn = (
  eventId: EventId,
  changeNo: number,
  status: RemedyState,
  after: string,
  most: number,
) => rows(columns)`
  select ${remedySelect}
  from orders.remedy m
  where m.event_id = ${eventId} and m.change_no = ${changeNo} and m.order_id > ${after}
    and m.status in ('offered', 'chosen') and m.status = ${status}
  order by m.order_id limit ${most}`;

const typeCount = objectOf({
  ticketTypeId: textAs<TicketTypeId>(),
  quantity: int,
  priceMinor: int,
});

/**
 * Orders that hold places and were placed up to then (null: whenever), without an offer of this
 * change: a slice by id. Of each, how many live tickets of which type it has, at the lowest price
 * among them.
 */
export const selectWithoutOffer = (
  eventId: EventId,
  changeNo: number,
  placedUpTo: string | null,
  after: string,
  most: number,
) => rows({
  orderId: textAs<OrderId>(),
  status: textAs<'pending' | 'confirmed' | 'partially_refunded'>(),
  creditMinor: int,
  tickets: listOf(typeCount),
})`
  select o.order_id as "orderId", o.status, o.credit_minor as "creditMinor", coalesce((
      select jsonb_agg(jsonb_build_object('ticketTypeId', n.ticket_type_id,
        'quantity', n.quantity, 'priceMinor', n.price_minor))
      from (
        select t.ticket_type_id, count(*)::int as quantity, min(t.price_minor) as price_minor
        from orders.ticket t
        where t.event_id = o.event_id and t.order_id = o.order_id
          and t.status in ('valid', 'listed', 'redeemed')
        group by t.ticket_type_id
      ) n
    ), '[]') as tickets
  from orders.order o
  where o.event_id = ${eventId} and o.order_id > ${after}
    and o.status in ('pending', 'confirmed', 'partially_refunded')
    and (${placedUpTo}::timestamptz is null or o.made_at <= ${placedUpTo}::timestamptz)
    and not exists (
      select from orders.remedy m
      where m.event_id = o.event_id and m.order_id = o.order_id and m.change_no = ${changeNo})
  order by o.order_id limit ${most}`;

/** Orders of an event that are not paid yet, a slice by id. */
export const selectPending = (eventId: EventId, after: string, most: number) => rows({
  orderId: textAs<OrderId>(),
})`
  select d.order_id as "orderId" from orders.deadline d
  where d.event_id = ${eventId} and d.order_id > ${after}
  order by d.order_id limit ${most}`;

/** Lane functions: the event, the instant (null: the database's clock), the batch as JSON. */
export const callOfferBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(json),
})`
  select orders.offer_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callDecideBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(json),
})`
  select orders.decide_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callFinishBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(text),
})`
  select orders.finish_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callFallBackBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(json),
})`
  select orders.fall_back_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;
