/**
 * The guarantees as questions that must have no answer: each statement finds violations within one
 * event and returns what it found. `docs/guarantees.md` says them in words.
 */
import type { EventId } from '../../kernel/ids.ts';
import { rows, text, textAs } from '../../kernel/sql.ts';

export const found = { objectId: text, detail: text };

export const selectEventIds = (after: string, most: number) => rows({
  eventId: textAs<EventId>(),
})`
  select event_id as "eventId" from inventory.sale
  where event_id > ${after} order by event_id limit ${most}`;

/** G1: no pool gives out more than it has; pools together not more than the event's total. */
export const g1 = (eventId: EventId) => rows(found)`
  select p.pool_id as "objectId",
    format('%s of %s', p.held + p.claimed + p.sold + p.reserved + p.blocked, p.capacity) as detail
  from inventory.pool p
  where p.event_id = ${eventId}
    and p.held + p.claimed + p.sold + p.reserved + p.blocked > p.capacity
  union all
  select s.event_id, format('pools hold %s, the total is %s', sum(p.capacity), s.total_capacity)
  from inventory.sale s join inventory.pool p on p.event_id = s.event_id
  where s.event_id = ${eventId}
  group by s.event_id, s.total_capacity having sum(p.capacity) > s.total_capacity`;

/** G2: counters equal the rows that they count (`held` includes lapsed holds not yet reclaimed). */
export const g2 = (eventId: EventId) => rows(found)`
  with counted as (
    select i.pool_id,
      sum(i.quantity) filter (where h.status = 'active') as held,
      sum(i.quantity) filter (where h.status = 'claimed') as claimed,
      sum(i.quantity - i.returned) filter (where h.status = 'sold') as sold
    from inventory.hold h
    cross join lateral unnest(h.pool_ids, h.quantities, h.returned)
      as i(pool_id, quantity, returned)
    where h.event_id = ${eventId} and h.status in ('active', 'claimed', 'sold')
    group by i.pool_id
  )
  select p.pool_id as "objectId",
    format('counters %s/%s/%s, rows %s/%s/%s', p.held, p.claimed, p.sold,
      coalesce(c.held, 0), coalesce(c.claimed, 0), coalesce(c.sold, 0)) as detail
  from inventory.pool p left join counted c on c.pool_id = p.pool_id
  where p.event_id = ${eventId}
    and not exists (select from inventory.hold_archive a where a.event_id = ${eventId})
    and (p.held <> coalesce(c.held, 0) or p.claimed <> coalesce(c.claimed, 0)
      or p.sold <> coalesce(c.sold, 0))
  union all
  select p.pool_id, format('seats %s/%s/%s/%s/%s of %s, counters %s/%s/%s/%s/%s', n.held, n.claimed,
    n.sold, n.reserved, n.blocked, n.seats, p.held, p.claimed, p.sold, p.reserved, p.blocked)
  from inventory.pool p
  join (
    select s.pool_id, count(*) filter (where s.status <> 'gone') as seats,
      count(*) filter (where s.status = 'held') as held,
      count(*) filter (where s.status = 'claimed') as claimed,
      count(*) filter (where s.status = 'sold') as sold,
      count(*) filter (where s.status = 'reserved') as reserved,
      count(*) filter (where s.status = 'blocked') as blocked
    from inventory.seat s where s.event_id = ${eventId} group by s.pool_id
  ) n on n.pool_id = p.pool_id
  where p.event_id = ${eventId} and (p.capacity <> n.seats or p.held <> n.held
    or p.claimed <> n.claimed or p.sold <> n.sold or p.reserved <> n.reserved
    or p.blocked <> n.blocked)`;

/** G3: a seat belongs to one live hold or ticket, and to whom the seat itself says. */
export const g3 = (eventId: EventId) => rows(found)`
  with owned as (
    select n.seat_no, h.hold_id, h.status, h.expires_at
    from inventory.hold h cross join lateral unnest(h.seat_nos) as n(seat_no)
    where h.event_id = ${eventId} and h.status in ('active', 'claimed') and n.seat_no is not null
    union all
    select s.seat_no, o.hold_id, 'sold', null
    from orders.ticket t
    join orders.order o on o.event_id = t.event_id and o.order_id = t.order_id
    join inventory.seat s on s.event_id = t.event_id and s.seat_key = t.seat_key
    where t.event_id = ${eventId} and t.status in ('valid', 'redeemed', 'listed')
  )
  select s.seat_key as "objectId",
    format('seat is %s of %s, %s owners', s.status, s.hold_id, count(o.hold_id)) as detail
  from inventory.seat s left join owned o on o.seat_no = s.seat_no
  where s.event_id = ${eventId}
  group by s.seat_key, s.status, s.hold_id, s.expires_at
  having count(o.hold_id) <> case when s.hold_id is null then 0 else 1 end
    or min(o.hold_id) is distinct from s.hold_id
    or min(o.expires_at) filter (where s.status = 'held') is distinct from s.expires_at
    or s.status <> case min(o.status) when 'active' then 'held'
      else coalesce(min(o.status), s.status) end`;

/** G4: places are conserved: live tickets per hold are exactly what inventory says is sold. */
export const g4 = (eventId: EventId) => rows(found)`
  with tickets as (
    select o.hold_id, count(*) as live
    from orders.ticket t
    join orders.order o on o.event_id = t.event_id and o.order_id = t.order_id
    where t.event_id = ${eventId} and t.status <> 'void'
    group by o.hold_id
  ), places as (
    select h.hold_id, sum(i.quantity - i.returned) as sold
    from inventory.hold h
    cross join lateral unnest(h.quantities, h.returned) as i(quantity, returned)
    where h.event_id = ${eventId} and h.status in ('claimed', 'sold')
    group by h.hold_id
  )
  select coalesce(t.hold_id, p.hold_id) as "objectId",
    format('%s live tickets, %s places', coalesce(t.live, 0), coalesce(p.sold, 0)) as detail
  from tickets t full join places p on p.hold_id = t.hold_id
  where coalesce(t.live, 0) <> coalesce(p.sold, 0)
    and not exists (select from inventory.hold_archive a where a.event_id = ${eventId})`;

/**
 * G5: nothing stays held for a minute past its time (one second is the aim; alarms watch it), and
 * whoever ends holds and orders in time finds them.
 */
export const g5 = (eventId: EventId, now: Date | null) => rows(found)`
  select h.hold_id as "objectId", format('lapsed at %s, still held', h.expires_at) as detail
  from inventory.hold h
  where h.event_id = ${eventId} and h.status = 'active'
    and h.expires_at < kernel.instant(${now}) - interval '1 minute'
  union all
  select h.hold_id, format('lapses at %s, before the first of its event', h.expires_at)
  from inventory.hold h join inventory.sale s on s.event_id = h.event_id
  where h.event_id = ${eventId} and h.status = 'active'
    and h.expires_at < coalesce(s.oldest_expiry, 'infinity')
  union all
  select coalesce(o.order_id, d.order_id),
    format('pending until %s, in the list of deadlines: %s', o.expires_at, d.expires_at)
  from (
    select x.order_id, x.expires_at from orders.order x
    where x.event_id = ${eventId} and x.status = 'pending'
  ) o
  full join (
    select x.order_id, x.expires_at from orders.deadline x where x.event_id = ${eventId}
  ) d on d.order_id = o.order_id
  where o.expires_at is distinct from d.expires_at`;

/** G6: no known key of a person has more than the cap. */
export const g6 = (eventId: EventId, now: Date | null) => rows(found)`
  select u.person_key as "objectId",
    format('%s tickets, the cap is %s', sum(u.quantity), s.person_limit) as detail
  from inventory.person_use u
  join inventory.hold h on h.event_id = u.event_id and h.hold_id = u.hold_id
  join inventory.sale s on s.event_id = u.event_id
  where u.event_id = ${eventId} and (h.status in ('claimed', 'sold')
    or (h.status = 'active' and h.expires_at > kernel.instant(${now})))
  group by u.person_key, s.person_limit having sum(u.quantity) > s.person_limit`;

/**
 * G7: per order, what was paid is where it has to be: money that was captured and credit (of an
 * order that was confirmed) are live tickets, what was kept of dead ones, refunds, owed or done,
 * lost disputes, and what went back as credit.
 */
export const g7 = (eventId: EventId) => rows(found)`
  with money as (
    select p.reference as order_id, sum(p.captured_minor) as captured,
      coalesce(sum((
        select sum(r.amount_minor) from payments.refund r
        where r.event_id = p.event_id and r.payment_id = p.payment_id
      )), 0) + coalesce(sum((
        select sum(d.lost_minor) from payments.dispute d
        where d.event_id = p.event_id and d.payment_id = p.payment_id
      )), 0) as refunded
    from payments.payment p where p.event_id = ${eventId} group by p.reference
  ), worth as (
    select t.order_id, sum(t.kept_minor) as kept, sum(case
        when t.status in ('valid', 'redeemed', 'listed') and not t.complimentary
        then t.price_minor else 0 end) as live
    from orders.ticket t where t.event_id = ${eventId} group by t.order_id
  ), back as (
    select c.order_id, sum(c.amount_minor) as returned
    from orders.credit_return c where c.event_id = ${eventId} group by c.order_id
  ), whole as (
    select o.order_id, coalesce(m.captured, 0) as captured,
      case when o.confirmed_at is null then 0 else o.credit_minor end as credit,
      coalesce(w.live, 0) as live, coalesce(w.kept, 0) as kept,
      coalesce(m.refunded, 0) as refunded, coalesce(b.returned, 0) as returned
    from orders.order o
    left join money m on m.order_id = o.order_id
    left join worth w on w.order_id = o.order_id
    left join back b on b.order_id = o.order_id
    where o.event_id = ${eventId}
  )
  select w.order_id as "objectId",
    format('captured %s, credit %s, tickets %s, kept %s, refunds %s, returned as credit %s',
      w.captured, w.credit, w.live, w.kept, w.refunded, w.returned) as detail
  from whole w where w.captured + w.credit <> w.live + w.kept + w.refunded + w.returned`;

/**
 * G8: what is claimed waits for money that can still come. Once a payment is over nobody looks at
 * it again, and its places would be nobody's for good.
 */
export const g8 = (eventId: EventId) => rows(found)`
  select h.hold_id as "objectId", 'is claimed, and no payment of it is open' as detail
  from inventory.hold h
  where h.event_id = ${eventId} and h.status = 'claimed' and not exists (
    select from orders.order o
    join payments.payment p on p.event_id = o.event_id and p.reference = o.order_id
    where o.event_id = h.event_id and o.hold_id = h.hold_id
      and p.status in ('created', 'processing', 'authorized', 'unknown'))`;

/** G9: no valid ticket without a confirmed order, unless it is complimentary. */
export const g9 = (eventId: EventId) => rows(found)`
  select t.ticket_id as "objectId", format('%s, its order is %s', t.status, o.status) as detail
  from orders.ticket t
  join orders.order o on o.event_id = t.event_id and o.order_id = t.order_id
  where t.event_id = ${eventId} and t.status in ('valid', 'redeemed', 'listed')
    and not t.complimentary and o.status not in ('confirmed', 'partially_refunded')`;

/**
 * G10: no payment gives back more than it took, and the books say what the rows say: what was taken
 * of each payment, of each refund what is still owed, and what is away while it is disputed.
 */
export const g10 = (eventId: EventId) => rows(found)`
  with booked as (
    select t.reference,
      sum(case when t.kind = 'capture' then t.amount_minor else 0 end) as taken,
      sum(case when t.credit = 'refunds_owed' then t.amount_minor
        when t.debit = 'refunds_owed' then -t.amount_minor else 0 end) as owed
    from payments.transfer t where t.event_id = ${eventId} group by t.reference
  ), kept as (
    select p.payment_id as reference, p.captured_minor as taken, 0 as owed
    from payments.payment p where p.event_id = ${eventId} and p.captured_minor > 0
    union all
    select r.refund_id, 0, case when r.status = 'succeeded' then 0 else r.amount_minor end
    from payments.refund r where r.event_id = ${eventId}
  )
  select coalesce(b.reference, k.reference) as "objectId",
    format('the books say %s taken, %s owed; the rows %s, %s', coalesce(b.taken, 0),
      coalesce(b.owed, 0), coalesce(k.taken, 0), coalesce(k.owed, 0)) as detail
  from booked b full join kept k on k.reference = b.reference
  where coalesce(b.taken, 0) <> coalesce(k.taken, 0) or coalesce(b.owed, 0) <> coalesce(k.owed, 0)
  union all
  select b.event_id, format('the books say %s disputed, the rows %s', b.away, b.open)
  from (
    select t.event_id,
      sum(case when t.debit = 'disputed' then t.amount_minor when t.credit = 'disputed'
        then -t.amount_minor else 0 end) as away,
      coalesce((select sum(d.amount_minor) from payments.dispute d
        where d.event_id = ${eventId} and d.status = 'open'), 0) as open
    from payments.transfer t where t.event_id = ${eventId} group by t.event_id
  ) b where b.away <> b.open
  union all
  select p.payment_id, format('is %s, %s disputes are open', p.status, d.open)
  from payments.payment p
  left join (
    select x.payment_id, count(*) as open from payments.dispute x
    where x.event_id = ${eventId} and x.status = 'open' group by x.payment_id
  ) d on d.payment_id = p.payment_id
  where p.event_id = ${eventId} and (p.status = 'disputed') <> (d.open is not null)
  union all
  select p.payment_id, format('took %s, gives back %s', p.captured_minor, sum(r.amount_minor))
  from payments.payment p
  join payments.refund r on r.event_id = p.event_id and r.payment_id = p.payment_id
  where p.event_id = ${eventId}
  group by p.payment_id, p.captured_minor having sum(r.amount_minor) > p.captured_minor`;

/**
 * G11: every buyer of a cancelled event has a remedy: decided, or theirs to choose until the time
 * for that is over. What is under way is given an hour, and what is disputed is the bank's to
 * decide.
 */
export const g11 = (eventId: EventId, now: Date | null) => rows(found)`
  select o.order_id as "objectId",
    format('is %s, its remedy is %s', o.status, coalesce(m.status, 'missing')) as detail
  from catalog.event e
  join orders.order o on o.event_id = e.event_id
  left join lateral (
    select x.change_no, x.choose_by, x.made_at, x.offered_at from changes.change x
    where x.event_id = e.event_id order by x.change_no desc limit 1
  ) c on true
  left join orders.remedy m on m.event_id = o.event_id and m.order_id = o.order_id
    and m.change_no = c.change_no
  where e.event_id = ${eventId} and e.status = 'cancelled'
    and o.status in ('confirmed', 'partially_refunded')
    and exists (
      select from orders.ticket t
      where t.event_id = o.event_id and t.order_id = o.order_id
        and t.status in ('valid', 'listed', 'redeemed'))
    and not exists (
      select from payments.payment p
      where p.event_id = o.event_id and p.reference = o.order_id and p.status = 'disputed')
    and case
      when m.status in ('done', 'withdrawn') then true
      when m.status = 'offered' then c.choose_by + interval '1 hour' < kernel.instant(${now})
      when m.status = 'chosen' then m.chosen_at + interval '1 hour' < kernel.instant(${now})
      else c.made_at is null or c.offered_at is not null
        or c.made_at + interval '1 hour' < kernel.instant(${now})
    end`;

/**
 * G14: one caller and key have one hold and one order, and of the orders that were made of one
 * hold all but one have ended without a sale.
 */
export const g14 = (eventId: EventId) => rows(found)`
  select min(h.hold_id) as "objectId", format('%s holds under one key', count(*)) as detail
  from inventory.hold h where h.event_id = ${eventId}
  group by h.caller, h.key having count(*) > 1
  union all
  select min(o.order_id), format('%s orders of one hold', count(*))
  from orders.order o
  where o.event_id = ${eventId} and o.status not in ('failed', 'cancelled')
  group by o.hold_id having count(*) > 1`;

/** G16: no state was ever entered by an edge that the machines do not have. */
export const g16 = (eventId: EventId) => rows(found)`
  select c.object_id as "objectId",
    format('%s: %s to %s', c.machine, coalesce(c.from_state, '(new)'), c.to_state) as detail
  from kernel.state_change c
  where c.event_id = ${eventId} and c.from_state is distinct from c.to_state and not exists (
    select from kernel.transition t
    where t.machine = c.machine and t.from_state = coalesce(c.from_state, '')
      and t.to_state = c.to_state
  )
  union all
  select l.object_id, format('the log ends in %s, the row is %s', l.to_state, o.status)
  from (
    select distinct on (c.object_id) c.object_id, c.to_state from kernel.state_change c
    where c.event_id = ${eventId} and c.machine = 'order'
    order by c.object_id, c.seq desc
  ) l
  join orders.order o on o.event_id = ${eventId} and o.order_id = l.object_id
  where o.status <> l.to_state`;
