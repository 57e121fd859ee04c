import type { EventId } from '../../kernel/ids.ts';
import { int, rows, textAs, textAsOrNull } from '../../kernel/sql.ts';
import type { Remedy } from '../orders/index.ts';
import type { ChangeRow } from './change.sql.ts';

/** Remedies of a change by what was chosen and how far that is. */
export const countRemedies = (eventId: EventId, changeNo: number) => rows({
  status: textAs<'offered' | 'chosen' | 'done' | 'withdrawn'>(),
  chosen: textAsOrNull<Remedy>(),
  orders: int,
  valueMinor: int,
})`
  select m.status, m.chosen, count(*)::int as orders,
    coalesce(sum(m.value_minor), 0)::bigint as "valueMinor"
  from orders.remedy m
  where m.event_id = ${eventId} and m.change_no = ${changeNo}
  group by m.status, m.chosen order by m.chosen nulls first, m.status`;

/** The money that goes back for a change, by how far it is. */
export const sumRefunds = (eventId: EventId, changeNo: number) => rows({
  status: textAs<'owed' | 'submitted' | 'pending' | 'succeeded' | 'failed'>(),
  refunds: int,
  amountMinor: int,
})`
  select r.status, count(*)::int as refunds, sum(r.amount_minor)::bigint as "amountMinor"
  from orders.remedy m
  join payments.refund r on r.event_id = m.event_id and r.refund_id = m.refund_id
  where m.event_id = ${eventId} and m.change_no = ${changeNo}
  group by r.status`;

/** Orders that are concerned and have not been seen yet. */
export const countWithoutOffer = ({
  eventId,
  changeNo,
  placedUpTo,
}: Pick<ChangeRow, 'eventId' | 'changeNo' | 'placedUpTo'>) => rows({ orders: int })`
  select count(*)::int as orders from orders.order o
  where o.event_id = ${eventId} and o.status in ('pending', 'confirmed', 'partially_refunded')
    and (${placedUpTo}::timestamptz is null or o.made_at <= ${placedUpTo}::timestamptz)
    and not exists (
      select from orders.remedy m
      where m.event_id = o.event_id and m.order_id = o.order_id and m.change_no = ${changeNo})`;
