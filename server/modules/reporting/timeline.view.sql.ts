import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import { int, rows, text, textAs } from '../../kernel/sql.ts';

export const selectTimelineOwner = (eventId: EventId) => rows({
  organizerId: textAs<OrganizerId>(),
  currency: text,
})`
  select organizer_id as "organizerId", currency from catalog.event where event_id = ${eventId}`;

/** Lines that must be in the chain by now, and those that are; one snapshot. */
export const selectSealedCounts = (eventId: EventId) => rows({ written: int, chained: int })`
  select (
      select count(*)::int from kernel.state_change c cross join kernel.sealing s
      where c.event_id = ${eventId}
        and (c.seq <= s.floor_seq or (c.xid, c.seq) <= (s.sealed_xid, s.sealed_seq))
    ) as written,
    (
      select coalesce(sum(cardinality(t.seqs)), 0)::int from kernel.timeline t
      where t.event_id = ${eventId}
    ) as chained`;

/** Lines that should be in the chain and are not. */
export const selectUnchained = (eventId: EventId, most: number) => rows({
  objectId: text,
  seq: int,
})`
  select c.object_id as "objectId", c.seq
  from kernel.state_change c cross join kernel.sealing s
  where c.event_id = ${eventId}
    and (c.seq <= s.floor_seq or (c.xid, c.seq) <= (s.sealed_xid, s.sealed_seq))
    and not exists (
      select from kernel.timeline t
      where t.event_id = ${eventId} and c.seq = any (t.seqs)
    )
  order by c.seq limit ${most}`;
