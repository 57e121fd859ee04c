import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import {
  bool,
  instant,
  instantOrNull,
  int,
  listOf,
  objectOf,
  rows,
  textAs,
} from '../../kernel/sql.ts';

const typeColumns = objectOf({
  ticketTypeId: textAs<TicketTypeId>(),
  free: int,
  notOpen: bool,
  closed: bool,
});

/** One row: the event's sale and what is free of each ticket type at this instant. */
export const selectAvailability = (eventId: EventId, now: Date | null) => rows({
  state: textAs<'unpublished' | 'open' | 'paused' | 'closed' | 'cancelled'>(),
  version: int,
  now: instant,
  opensAt: instantOrNull,
  closesAt: instantOrNull,
  endsAt: instant,
  ticketTypes: listOf(typeColumns),
})`
  with clock as materialized (select kernel.instant(${now}) as t)
  select s.state, s.version, c.t as now, s.opens_at as "opensAt", s.closes_at as "closesAt",
    s.ends_at as "endsAt",
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'ticketTypeId', t.ticket_type_id,
        'free', p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked,
        'notOpen', coalesce(t.opens_at > c.t, false),
        'closed', coalesce(t.closes_at <= c.t, false)) order by t.ticket_type_id)
      from inventory.ticket_type t
      join inventory.pool p on p.event_id = t.event_id and p.pool_id = t.pool_id
      where t.event_id = s.event_id and t.withdrawn_at is null
    ), '[]') as "ticketTypes"
  from inventory.sale s cross join clock c
  where s.event_id = ${eventId}`;
