/** Who is to be told: reads events, orders and changes. */
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { bool, instant, intOrNull, rows, textAs } from '../../kernel/sql.ts';

/** Orders of an event that have valid tickets, by id. */
export const selectLiveOrders = (eventId: EventId, after: string, most: number) => rows({
  orderId: textAs<OrderId>(),
})`
  select o.order_id as "orderId" from orders.order o
  where o.event_id = ${eventId} and o.order_id > ${after}
    and o.status in ('confirmed', 'partially_refunded')
  order by o.order_id limit ${most}`;

/**
 * Orders that an event’s latest change is about: those that it has given a remedy, too. Whoever
 * buys after a change has bought what it made of the event.
 */
export const selectConcernedOrders = (
  eventId: EventId,
  changeNo: number,
  after: string,
  most: number,
) => rows({ orderId: textAs<OrderId>() })`
  select o.order_id as "orderId" from orders.order o
  where o.event_id = ${eventId} and o.order_id > ${after}
    and ((
      o.status in ('confirmed', 'partially_refunded') and o.made_at <= (
        select c.made_at from changes.change c
        where c.event_id = ${eventId} and c.change_no = ${changeNo})
    ) or exists (
      select from orders.remedy r
      where r.event_id = o.event_id and r.order_id = o.order_id and r.change_no = ${changeNo}))
  order by o.order_id limit ${most}`;

export const selectLatestChange = (eventId: EventId) => rows({ changeNo: intOrNull })`
  select max(c.change_no) as "changeNo" from changes.change c where c.event_id = ${eventId}`;

/** Events that begin within so many hours, and not within the least. */
export const selectEventsSoon = (
  now: Date | null,
  hours: number,
  leastHours: number,
  most: number,
) => rows({ eventId: textAs<EventId>(), startsAt: instant })`
  select e.event_id as "eventId", e.starts_at as "startsAt"
  from catalog.event e
  where e.status = 'published'
    and e.starts_at > kernel.instant(${now}) + make_interval(hours => ${leastHours})
    and e.starts_at <= kernel.instant(${now}) + make_interval(hours => ${hours})
    and not exists (
      select from notifications.round r
      where r.event_id = e.event_id
        and r.round_key = 'reminder:' || extract(epoch from e.starts_at)::bigint)
  order by e.starts_at limit ${most}`;

export const selectIsCancelled = (eventId: EventId) => rows({ isCancelled: bool })`
  select exists (
    select from catalog.event e where e.event_id = ${eventId} and e.status = 'cancelled'
  ) as "isCancelled"`;
