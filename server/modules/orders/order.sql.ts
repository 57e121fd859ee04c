import { chargesOrNull } from '../../kernel/charges.ts';
import type {
  CreditId,
  EventId,
  HoldId,
  OrderId,
  OrganizerId,
  RefundId,
  TicketId,
  TicketTypeId,
  UserId,
} from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  bool,
  bytes,
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  json,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import type { OrderState, TicketState } from './states.ts';

export type OrderLine = {
  readonly ticketTypeId: TicketTypeId;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  /** Before a code lowered it. */
  readonly listPriceMinor: number;
};

const attendees = listOf(objectOf({ name: text, email: textOrNull }));

const columns = {
  eventId: textAs<EventId>(),
  orderId: textAs<OrderId>(),
  organizerId: textAs<OrganizerId>(),
  holdId: textAs<HoldId>(),
  userId: textAsOrNull<UserId>(),
  buyerName: text,
  buyerEmail: text,
  buyerPhone: textOrNull,
  buyerLanguage: textAsOrNull<Language>(),
  status: textAs<OrderState>(),
  endReason: textOrNull,
  expiresAt: instant,
  refundableUntil: instantOrNull,
  totalMinor: int,
  creditMinor: int,
  charges: chargesOrNull,
  attendees: (raw: unknown) => (raw === null ? null : attendees(raw)),
  promoCode: textOrNull,
  creditId: textAsOrNull<CreditId>(),
  creditReservation: textOrNull,
  currency: textAs<Currency>(),
  method: textAs<'payment_intent' | 'checkout_session' | 'simulated' | 'complimentary'>(),
  bodyHash: bytes,
  caller: text,
  madeAt: instant,
  confirmedAt: instantOrNull,
};

const orderSelect = fragment`
    event_id as "eventId", order_id as "orderId", organizer_id as "organizerId",
    hold_id as "holdId", user_id as "userId", buyer_name as "buyerName",
    buyer_email as "buyerEmail", buyer_phone as "buyerPhone",
    buyer_language as "buyerLanguage", status, end_reason as "endReason",
    expires_at as "expiresAt", refundable_until as "refundableUntil",
    total_minor as "totalMinor", credit_minor as "creditMinor", charges, attendees,
    promo_code as "promoCode", credit_id as "creditId",
    credit_reservation as "creditReservation", currency, method,
    body_hash as "bodyHash", caller, made_at as "madeAt", confirmed_at as "confirmedAt"`;

export type OrderRow = ReturnType<ReturnType<typeof selectOrder>['decode']>;

export const selectOrder = (eventId: EventId, orderId: OrderId) => rows(columns)`
  select ${orderSelect}
  from orders.order where event_id = ${eventId} and order_id = ${orderId}`;

/** What these orders are now, and who made them. */
export const selectOrderStates = (eventId: EventId, orderIds: readonly string[]) => rows({
  orderId: columns.orderId,
  status: columns.status,
  caller: columns.caller,
})`
  select order_id as "orderId", status, caller
  from orders.order where event_id = ${eventId} and order_id = any (${orderIds}::text[])`;

export const selectOrderByKey = (eventId: EventId, caller: string, key: string) => rows(columns)`
  select ${orderSelect}
  from orders.order where event_id = ${eventId} and caller = ${caller} and key = ${key}`;

/** Of one event, or of an organizer, or of a person; newest last. */
export const selectOrders = (
  f: {
    readonly organizerId: OrganizerId | null;
    readonly userId: UserId | null;
    readonly eventId: EventId | null;
    readonly status: string | null;
    readonly after: string | null;
  },
  most: number,
) => rows(columns)`
  select ${orderSelect}
  from orders.order
  where (${f.organizerId}::text is null or organizer_id = ${f.organizerId})
    and (${f.userId}::text is null or user_id = ${f.userId})
    and (${f.eventId}::text is null or event_id = ${f.eventId})
    and (${f.status}::text is null or status = ${f.status})
    and (${f.after}::text is null or order_id > ${f.after})
  order by order_id limit ${most}`;

/** The pairs that name orders; each look-up is by the full key. */
export type OrderKeys = {
  readonly eventIds: readonly EventId[];
  readonly orderIds: readonly OrderId[];
};

export const selectOrderLines = (k: OrderKeys) => rows({
  orderId: textAs<OrderId>(),
  ticketTypeId: textAs<TicketTypeId>(),
  quantity: int,
  unitPriceMinor: int,
  listPriceMinor: int,
})`
  select i.order_id as "orderId", i.ticket_type_id as "ticketTypeId", i.quantity,
    i.unit_price_minor as "unitPriceMinor", i.list_price_minor as "listPriceMinor"
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select x.order_id, x.line, x.ticket_type_id, x.quantity, x.unit_price_minor,
      x.list_price_minor
    from orders.order_item x where x.event_id = k.event_id and x.order_id = k.order_id
  ) i on true
  order by i.order_id, i.line`;

export const selectTickets = (k: OrderKeys) => rows({
  orderId: textAs<OrderId>(),
  ticketId: textAs<TicketId>(),
  ticketTypeId: textAs<TicketTypeId>(),
  status: textAs<TicketState>(),
  voidReason: textOrNull,
  seatKey: textOrNull,
  epoch: int,
  priceMinor: int,
  complimentary: bool,
  keptMinor: int,
})`
  select t.order_id as "orderId", t.ticket_id as "ticketId", t.ticket_type_id as "ticketTypeId",
    t.status, t.void_reason as "voidReason", t.seat_key as "seatKey", t.epoch,
    t.price_minor as "priceMinor", t.complimentary, t.kept_minor as "keptMinor"
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select x.order_id, x.ticket_id, x.ticket_type_id, x.status, x.void_reason, x.seat_key,
      x.epoch, x.price_minor, x.complimentary, x.kept_minor
    from orders.ticket x where x.event_id = k.event_id and x.order_id = k.order_id
  ) t on true
  order by t.ticket_id`;

/** What went back as credit, oldest first. */
export const selectCreditReturns = (k: OrderKeys) => rows({
  orderId: textAs<OrderId>(),
  refundId: textAs<RefundId>(),
  creditId: textAsOrNull<CreditId>(),
  amountMinor: int,
  reason: text,
  madeAt: instant,
})`
  select c.order_id as "orderId", c.refund_id as "refundId", c.credit_id as "creditId",
    c.amount_minor as "amountMinor", c.reason, c.made_at as "madeAt"
  from unnest(${k.eventIds}::text[], ${k.orderIds}::text[]) as k(event_id, order_id)
  join lateral (
    select x.order_id, x.refund_id, x.credit_id, x.amount_minor, x.reason, x.made_at
    from orders.credit_return x where x.event_id = k.event_id and x.order_id = k.order_id
  ) c on true
  order by c.made_at, c.refund_id`;

export const selectTicket = (eventId: EventId, orderId: OrderId, ticketId: TicketId) => rows({
  status: textAs<TicketState>(),
  epoch: int,
})`
  select status, epoch from orders.ticket
  where event_id = ${eventId} and ticket_id = ${ticketId} and order_id = ${orderId}`;

/** Only of a valid ticket. */
export const updateEpoch = (
  eventId: EventId,
  orderId: OrderId,
  ticketId: TicketId,
  most: number,
) => rows({ epoch: int })`
  update orders.ticket set epoch = epoch + 1
  where event_id = ${eventId} and ticket_id = ${ticketId} and order_id = ${orderId}
    and status = 'valid' and epoch < ${most}
  returning epoch`;

/** The orders that stand on these holds: of each, the one that has not failed. */
export const selectOrdersOfHolds = (eventId: EventId, holdIds: readonly HoldId[]) => rows({
  holdId: textAs<HoldId>(),
  orderId: textAs<OrderId>(),
})`
  select h.hold_id as "holdId", o.order_id as "orderId"
  from unnest(${holdIds}::text[]) as h(hold_id)
  join lateral (
    select x.order_id from orders.order x
    where x.event_id = ${eventId} and x.hold_id = h.hold_id
      and x.status not in ('failed', 'cancelled')
  ) o on true`;

/** Each order's tickets that are not void get other seats, all at once. */
export const updateSeats = (
  eventId: EventId,
  orderIds: readonly OrderId[],
  from: readonly string[],
  to: readonly string[],
) => command`
  update orders.ticket t set seat_key = m.to_key
  from unnest(${orderIds}::text[], ${from}::text[], ${to}::text[]) as m(order_id, from_key, to_key)
  where t.event_id = ${eventId} and t.order_id = m.order_id and t.seat_key = m.from_key
    and t.status <> 'void'`;

/** Lane functions: the event, the instant (null: the database's clock), the batch as JSON. */
export const callEndBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(text),
})`
  select orders.end_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callExtendBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(textOrNull),
})`
  select orders.extend_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callRefundTickets = (
  eventId: EventId,
  orderId: OrderId,
  ticketIds: readonly TicketId[] | null,
  refundId: RefundId,
  reason: string,
  kept: Readonly<Record<TicketId, number>> | null,
) => rows({ answer: json })`
  select orders.refund_tickets@v(${eventId}, ${orderId}, ${ticketIds}, ${refundId}, ${reason},
    ${kept === null ? null : JSON.stringify(kept)}::jsonb) as answer`;

export const callPriceBack = (
  eventId: EventId,
  orderId: OrderId,
  ticketIds: readonly TicketId[] | null,
) => rows({
  worth: objectOf({
    amountMinor: int,
    returnedMinor: int,
    ticketIds: (raw: unknown) => (raw === null ? null : listOf(textAs<TicketId>())(raw)),
  }),
})`
  select orders.price_back@v(${eventId}, ${orderId}, ${ticketIds}) as worth`;

/** Where the slice before ended; the time as text, which keeps the microseconds of its column. */
type AfterExpired = { readonly expiresAt: string; readonly orderId: string };

export const selectExpired = (now: Date | null, after: AfterExpired | null, most: number) => rows({
  eventId: textAs<EventId>(),
  orderId: textAs<OrderId>(),
  expiresAt: text,
})`
  select event_id as "eventId", order_id as "orderId", expires_at::text as "expiresAt"
  from orders.deadline
  where expires_at <= kernel.instant(${now})
    and (expires_at, order_id)
      > (${after?.expiresAt ?? '-infinity'}::timestamptz, ${after?.orderId ?? ''})
  order by expires_at, order_id limit ${most}`;
