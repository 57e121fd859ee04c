import type { EventId } from '../../kernel/ids.ts';
import { int, listOf, objectOf, rows, text } from '../../kernel/sql.ts';

const orders = objectOf({
  pending: int,
  confirmed: int,
  failed: int,
  cancelled: int,
  partially_refunded: int,
  refunded: int,
});

const byTicketType = objectOf({
  id: text,
  name: text,
  ticketsSold: int,
  ticketsHeld: int,
  revenueMinor: int,
});

/**
 * One row, one snapshot. A lapsed hold that the sweeper has not reached counts as available; a
 * claimed one (its payment is being taken) as held.
 */
export const selectStatistics = (eventId: EventId, now: Date | null) => rows({
  ticketsSold: int,
  ticketsHeld: int,
  ticketsAvailable: int,
  capacity: int,
  waitlist: int,
  currency: text,
  capturedMinor: int,
  refundedMinor: int,
  orders,
  byTicketType: listOf(byTicketType),
})`
  with clock as materialized (select kernel.instant(${now}) as t),
  live as (
    select i.ticket_type_id, h.status, i.quantity - i.returned as quantity
    from inventory.hold h
    cross join lateral unnest(h.ticket_type_ids, h.quantities, h.returned)
      as i(ticket_type_id, quantity, returned)
    cross join clock c
    where h.event_id = ${eventId}
      and (h.status in ('claimed', 'sold') or (h.status = 'active' and h.expires_at > c.t))
  ),
  pools as (
    select coalesce(sum(p.capacity), 0)::int as capacity, coalesce(sum(p.sold), 0)::int as sold,
      coalesce(sum(p.reserved + p.blocked), 0)::int as kept
    from inventory.pool p where p.event_id = ${eventId}
  ),
  held as (
    select coalesce(sum(l.quantity), 0)::int as held from live l where l.status <> 'sold'
  )
  select p.sold as "ticketsSold", h.held as "ticketsHeld",
    greatest(0, p.capacity - p.sold - p.kept - h.held) as "ticketsAvailable",
    p.capacity, s.currency, (
      select count(*)::int from waitlist.entry w
      where w.event_id = s.event_id and w.status = 'waiting') as waitlist,
    (select coalesce(sum(y.captured_minor), 0)::bigint from payments.payment y
      where y.event_id = s.event_id) as "capturedMinor",
    (select coalesce(sum(r.amount_minor), 0)::bigint from payments.refund r
      where r.event_id = s.event_id) as "refundedMinor",
    (select jsonb_build_object(
        'pending', count(*) filter (where o.status = 'pending'),
        'confirmed', count(*) filter (where o.status = 'confirmed'),
        'failed', count(*) filter (where o.status = 'failed'),
        'cancelled', count(*) filter (where o.status = 'cancelled'),
        'partially_refunded', count(*) filter (where o.status = 'partially_refunded'),
        'refunded', count(*) filter (where o.status = 'refunded'))
      from orders.order o where o.event_id = s.event_id) as orders,
    coalesce((
      select jsonb_agg(jsonb_build_object('id', t.ticket_type_id, 'name', t.name,
        'ticketsSold', coalesce(x.sold, 0), 'ticketsHeld', coalesce(x.held, 0),
        'revenueMinor', coalesce(m.revenue, 0)) order by t.position)
      from catalog.ticket_type t
      left join (
        select l.ticket_type_id,
          (sum(l.quantity) filter (where l.status = 'sold'))::int as sold,
          (sum(l.quantity) filter (where l.status <> 'sold'))::int as held
        from live l group by l.ticket_type_id
      ) x on x.ticket_type_id = t.ticket_type_id
      -- What tickets cost, not what their hold says: a code lowers it, and a gift costs nothing.
      left join (
        select k.ticket_type_id,
          sum(case k.status when 'void' then k.kept_minor else k.price_minor end)::bigint as revenue
        from orders.ticket k
        where k.event_id = ${eventId} and k.status <> 'pending_capture'
        group by k.ticket_type_id
      ) m on m.ticket_type_id = t.ticket_type_id
      where t.event_id = s.event_id
    ), '[]') as "byTicketType"
  from inventory.sale s cross join pools p cross join held h
  where s.event_id = ${eventId}`;
