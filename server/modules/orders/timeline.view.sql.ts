import type { EventId, OrderId } from '../../kernel/ids.ts';
import { intOrNull, rows, text, textOrNull } from '../../kernel/sql.ts';

/** The changes of an order and of its tickets, payments, refunds, disputes and returned credit. */
export const selectOrderChanges = (eventId: EventId, orderId: OrderId) => rows({
  at: text,
  machine: text,
  objectId: text,
  from: textOrNull,
  to: text,
  actor: text,
  amountMinor: intOrNull,
  note: textOrNull,
})`
  select to_char(c.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, c.machine,
    c.object_id as "objectId", c.from_state as "from", c.to_state as "to", c.actor,
    c.amount_minor as "amountMinor", c.note
  from kernel.state_change c
  where c.event_id = ${eventId} and c.object_id = any(array(
    select ${orderId}::text
    union all
    select t.ticket_id from orders.ticket t
    where t.event_id = ${eventId} and t.order_id = ${orderId}
    union all
    select p.payment_id from payments.payment p
    where p.event_id = ${eventId} and p.reference = ${orderId}
    union all
    select r.refund_id from payments.payment p
    join payments.refund r on r.event_id = p.event_id and r.payment_id = p.payment_id
    where p.event_id = ${eventId} and p.reference = ${orderId}
    union all
    select d.dispute_id from payments.payment p
    join payments.dispute d on d.event_id = p.event_id and d.payment_id = p.payment_id
    where p.event_id = ${eventId} and p.reference = ${orderId}
    union all
    select b.refund_id from orders.credit_return b
    where b.event_id = ${eventId} and b.order_id = ${orderId}
  ))
  order by c.seq`;
