/** What the audit asks about promo codes and credit. */
import type { EventId } from '../../kernel/ids.ts';
import { rows } from '../../kernel/sql.ts';
import { found } from './audit.view.sql.ts';

/** G21: a code counts the orders that use it, and no order that came to nothing uses one. */
export const g21 = (eventId: EventId) => rows(found)`
  select c.code as "objectId", format('it counts %s uses of %s, there are %s', c.used,
    coalesce(c.max_uses::text, 'any number'), coalesce(u.uses, 0)) as detail
  from promotions.promo_code c
  left join (
    select x.code, count(*) as uses from promotions.code_use x
    where x.event_id = ${eventId} and not x.returned group by x.code
  ) u on u.code = c.code
  where c.event_id = ${eventId}
    and (c.used <> coalesce(u.uses, 0) or c.used > c.max_uses)
  union all
  select o.order_id, format('%s, and its use of %s is %s', o.status, o.promo_code,
    case when u.returned then 'returned' when u.order_id is null then 'missing' else 'kept' end)
  from orders.order o
  left join promotions.code_use u on u.event_id = ${eventId} and u.order_id = o.order_id
  where o.event_id = ${eventId} and o.promo_code is not null and u.returned is distinct from
    (o.status = 'failed' or (o.status = 'cancelled' and o.confirmed_at is null))`;

/** G22: the balance of a credit is the sum of its entries, and what is kept of it is in them. */
export const g22 = () => rows(found)`
  select c.credit_id as "objectId",
    format('its balance is %s, its entries are %s', c.balance_minor, coalesce(e.sum, 0)) as detail
  from promotions.credit c
  left join (
    select x.credit_id, sum(x.amount_minor) as sum from promotions.credit_entry x
    group by x.credit_id
  ) e on e.credit_id = c.credit_id
  where c.balance_minor <> coalesce(e.sum, 0) or c.balance_minor < 0
  union all
  select r.credit_id, format('%s is kept for bookings, its entries say %s', r.open, k.open)
  from (
    select x.credit_id, sum(x.open_minor) as open from promotions.credit_reservation x
    group by x.credit_id
  ) r
  left join (
    select x.credit_id, - sum(x.amount_minor) as open from promotions.credit_entry x
    where x.kind in ('reserved', 'released') group by x.credit_id
  ) k on k.credit_id = r.credit_id
  where r.open <> coalesce(k.open, 0)`;

/**
 * G23: the books owe buyers what the credits are worth: each entry of one has its counterpart in
 * the other within an hour, of the same amount. Credit that stood for a voucher which never became
 * an order was never owed.
 */
export const g23 = (now: Date | null) => rows(found)`
  with booked as (
    select case t.kind when 'credit_issued' then 'issued ' || t.reference
        when 'credit_returned' then 'returned ' || t.source else 'spent ' || t.source end as entry,
      sum(case when t.credit = 'credit_liability' then t.amount_minor else - t.amount_minor end)
        as amount, max(t.at) as at
    from payments.transfer t
    where t.kind in ('credit_issued', 'credit_spent', 'credit_returned') group by 1
  ), kept as (
    select case e.kind when 'issued' then 'issued ' || coalesce(c.source_order_id, c.credit_id)
        when 'expired' then 'spent expired:' || c.credit_id || ':' || e.source
        when 'lost' then 'spent lost:' || c.credit_id || ':' || e.source
        else e.kind || ' ' || e.source end as entry,
      sum(e.amount_minor) as amount, max(e.made_at) as at,
      bool_or(c.source_event_id is null
        or exists (
          select from payments.transfer t
          where t.event_id = c.source_event_id and t.kind = 'credit_issued'
            and t.reference = c.source_order_id)
        or exists (
          select from promotions.credit_entry x
          where x.credit_id = c.credit_id and x.kind = 'spent')) as owed
    from promotions.credit_entry e
    join promotions.credit c on c.credit_id = e.credit_id
    where e.kind in ('issued', 'spent', 'returned', 'expired', 'lost') group by 1
  )
  select coalesce(b.entry, k.entry) as "objectId",
    format('the books say %s, the credits %s', coalesce(b.amount, 0), coalesce(k.amount, 0))
      as detail
  from booked b full join kept k on k.entry = b.entry
  where coalesce(b.amount, 0) <> coalesce(k.amount, 0) and (b.entry is not null or k.owed)
    and greatest(b.at, k.at) + interval '1 hour' < kernel.instant(${now})`;
