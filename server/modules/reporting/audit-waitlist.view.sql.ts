/** What the audit asks about waitlists. */
import type { EventId } from '../../kernel/ids.ts';
import { rows } from '../../kernel/sql.ts';
import { found } from './audit.view.sql.ts';

/**
 * G24: places are kept for exactly those who wait; each open offer is a live hold until the same
 * instant; and once a list was looked at, nobody on it waits who could use what is kept.
 */
export const g24 = (eventId: EventId, now: Date | null) => rows(found)`
  with waiting as (
    select u.pool_id, sum(u.weight) as places
    from waitlist.entry e cross join lateral unnest(e.pool_ids, e.weights) as u(pool_id, weight)
    where e.event_id = ${eventId} and e.status = 'waiting' group by u.pool_id
  ), runs as (
    select s.pool_id, s.section, count(*) as longest
    from (
      select x.pool_id, x.section, x.row_no,
        x.place - row_number() over (partition by x.pool_id, x.row_no order by x.place) as run
      from inventory.seat x where x.event_id = ${eventId} and x.status = 'reserved'
    ) s group by s.pool_id, s.section, s.row_no, s.run
  ), kept as (
    select p.pool_id, '' as section, p.reserved as places
    from inventory.pool p where p.event_id = ${eventId} and not p.seated and p.reserved > 0
    union all
    select r.pool_id, x.section, r.longest
    from runs r cross join lateral (values (''), (r.section)) as x(section)
  )
  select p.pool_id as "objectId",
    format('%s have takers, %s are waited for', p.waiting, coalesce(w.places, 0)) as detail
  from waitlist.list l
  join inventory.pool p on p.event_id = l.event_id
  left join waiting w on w.pool_id = p.pool_id
  where l.event_id = ${eventId} and p.waiting <> coalesce(w.places, 0)
  union all
  select o.offer_id, format('open until %s, its hold %s until %s', o.expires_at,
    coalesce(h.status, 'is missing'), h.expires_at)
  from waitlist.offer o
  left join inventory.hold h on h.event_id = o.event_id and h.hold_id = o.hold_id
  where o.event_id = ${eventId} and o.status = 'open' and case
    when o.expires_at > kernel.instant(${now})
      then h.status is distinct from 'active' or h.expires_at <> o.expires_at
    else o.expires_at < kernel.instant(${now}) - interval '1 minute' end
  union all
  select e.entry_id, format('%s, and wants %s', e.status, count(w.rank))
  from waitlist.entry e
  left join waitlist.want w on w.event_id = e.event_id and w.entry_id = e.entry_id
  where e.event_id = ${eventId}
  group by e.entry_id, e.status
  having (e.status = 'waiting') <> (count(w.rank) > 0)
  union all
  select distinct e.entry_id, format('waits for %s, and %s are kept', e.quantity, k.places)
  from waitlist.list l
  join inventory.sale s on s.event_id = l.event_id and s.version = l.seen_version
  join kept k on true
  join waitlist.want w on w.event_id = l.event_id and w.pool_id = k.pool_id
    and w.section = k.section and w.fewest <= k.places
  join waitlist.entry e on e.event_id = l.event_id and e.entry_id = w.entry_id
    and not e.accepts_fewer
  join inventory.ticket_type t on t.event_id = l.event_id and t.pool_id = k.pool_id
    and not t.needs_code and case when e.ticket_type_ids is null then t.listed
      else t.ticket_type_id = any (e.ticket_type_ids) end
  where l.event_id = ${eventId} and l.was_offering and s.state = 'open'
    and t.withdrawn_at is null and e.quantity between t.min_per_order and t.max_per_order
    and coalesce(t.opens_at, '-infinity') <= kernel.instant(${now}) - interval '1 minute'
    and coalesce(t.closes_at, 'infinity') > kernel.instant(${now})
    -- Who may not have so many more at the moment is passed over.
    and not exists (
      select from waitlist.person n
      join inventory.person_use u on u.event_id = n.event_id and u.person_key = n.person_key
      join inventory.hold h on h.event_id = u.event_id and h.hold_id = u.hold_id
        and h.status in ('active', 'claimed', 'sold')
      where n.event_id = ${eventId} and n.entry_id = e.entry_id
      group by n.person_key having sum(u.quantity) + e.quantity > s.person_limit)`;
