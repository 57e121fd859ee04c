/** Which lists to look at, and what staff sees of what is reserved. */
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import { bool, int, rows, text, textAs } from '../../kernel/sql.ts';

/** Lists that somebody is on; due: their sale has changed or is gone, or their time has come. */
export const selectLive = (now: Date | null, most: number) => rows({
  eventId: textAs<EventId>(),
  isDue: bool,
})`
  select l.event_id as "eventId",
    s.version is distinct from l.seen_version or l.look_at <= kernel.instant(${now}) as "isDue"
  from waitlist.list l left join inventory.sale s on s.event_id = l.event_id
  where l.live > 0 order by 2 desc, l.look_at limit ${most}`;

/** Of each ticket type: who waits for it (perhaps for others too), and what is kept for them. */
export const selectByTicketType = (eventId: EventId) => rows({
  ticketTypeId: textAs<TicketTypeId>(),
  poolId: text,
  entries: int,
  places: int,
  reserved: int,
})`
  select t.ticket_type_id as "ticketTypeId", t.pool_id as "poolId",
    count(e.entry_id)::int as entries, coalesce(sum(e.quantity), 0)::int as places, p.reserved
  from inventory.ticket_type t
  join inventory.pool p on p.event_id = t.event_id and p.pool_id = t.pool_id
  left join waitlist.entry e on e.event_id = t.event_id and e.status = 'waiting'
    and t.pool_id = any (e.pool_ids)
    and (e.ticket_type_ids is null or t.ticket_type_id = any (e.ticket_type_ids))
  where t.event_id = ${eventId} and t.withdrawn_at is null
  group by t.ticket_type_id, t.pool_id, p.reserved order by t.ticket_type_id`;
