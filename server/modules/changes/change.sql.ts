import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import {
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  listOf,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import type { Remedy } from '../orders/index.ts';
import type { ChangeKind, RemediesPlanned } from './rules.ts';

const columns = {
  eventId: textAs<EventId>(),
  changeNo: int,
  kind: textAs<ChangeKind>(),
  remedies: listOf(textAs<Remedy>()),
  fallback: textAs<Remedy>(),
  chooseBy: instant,
  voucherEventId: textAsOrNull<EventId>(),
  // The application writes it, in this shape.
  ticketTypes: (raw: unknown) => raw as Readonly<Record<string, TicketTypeId>>,
  madeAt: instant,
  /** Who bought later has bought the new date; null: whoever has bought is concerned. */
  placedUpTo: textOrNull,
  position: text,
  offeredAt: instantOrNull,
  settledAt: instantOrNull,
  supersededAt: instantOrNull,
};

const changeSelect = fragment`c.event_id as "eventId", c.change_no as "changeNo", c.kind, c.remedies,
    c.fallback, c.choose_by as "chooseBy", c.voucher_event_id as "voucherEventId",
    c.ticket_types as "ticketTypes", c.made_at as "madeAt",
    case when c.kind = 'reschedule' then c.made_at::text end as "placedUpTo", c.position,
    c.offered_at as "offeredAt", c.settled_at as "settledAt", c.superseded_at as "supersededAt"`;

export type ChangeRow = ReturnType<ReturnType<typeof selectChange>['decode']>;

/** The latest of an event. */
export const selectChange = (eventId: EventId) => rows(columns)`
  select ${changeSelect} from changes.change c
  where c.event_id = ${eventId} order by c.change_no desc limit 1`;

/** Those before it are over, but for what was chosen and is not done yet. */
export const supersedeChanges = (eventId: EventId) => command`
  update changes.change set superseded_at = kernel.instant(null), next_at = kernel.instant(null)
  where event_id = ${eventId} and settled_at is null and superseded_at is null`;

/**
 * After the event's row is locked: made_at is compared with the orders', which are placed under the
 * same lock. So it is taken here, and never is a JavaScript date, which drops its microseconds.
 */
export const insertChange = (
  eventId: EventId,
  kind: ChangeKind,
  planned: RemediesPlanned,
  voucher: {
    readonly eventId: EventId | null;
    readonly types: Readonly<Record<string, TicketTypeId>>;
  },
  now: Date | null,
) => rows({ changeNo: int })`
  insert into changes.change (event_id, change_no, kind, remedies, fallback, choose_by,
    voucher_event_id, ticket_types, made_at)
  select ${eventId}, coalesce(max(c.change_no), 0) + 1, ${kind}, ${planned.remedies}::text[],
    ${planned.fallback}, ${planned.chooseBy}, ${voucher.eventId},
    ${JSON.stringify(voucher.types)}::jsonb, kernel.instant(${now})
  from changes.change c where c.event_id = ${eventId}
  returning change_no as "changeNo"`;

/** Somebody chose: what is left to do is looked at now. */
export const wakeChange = (eventId: EventId, changeNo: number) => command`
  update changes.change set next_at = kernel.instant(null)
  where event_id = ${eventId} and change_no = ${changeNo}`;

/**
 * The work of this change for a while, unless somebody has it. The lease is the time that it ends,
 * as text: a JavaScript date would drop its microseconds.
 */
export const takeChange = (eventId: EventId, leaseSeconds: number) => rows({
  ...columns,
  lease: text,
})`
  update changes.change c
  set leased_until = kernel.instant(null) + make_interval(secs => ${leaseSeconds}), next_at = null
  from (
    select d.event_id, d.change_no from changes.change d
    where d.event_id = ${eventId} and d.settled_at is null and d.leased_until <= kernel.instant(null)
    order by d.change_no for no key update skip locked limit 1
  ) due
  where c.event_id = due.event_id and c.change_no = due.change_no
  returning ${changeSelect}, c.leased_until::text as lease`;

/** Goes on with it, after this order; no row where somebody else took it over. */
export const renewChange = (
  { eventId, changeNo, lease }: ChangeRow & { readonly lease: string },
  position: string,
  leaseSeconds: number,
) => rows({ lease: text })`
  update changes.change
  set position = ${position},
    leased_until = kernel.instant(null) + make_interval(secs => ${leaseSeconds})
  where event_id = ${eventId} and change_no = ${changeNo} and leased_until = ${lease}::timestamptz
  returning leased_until::text as lease`;

/** Gives it back. Who has been woken meanwhile is not put to sleep again. */
export const leaveChange = (
  { eventId, changeNo, lease }: ChangeRow & { readonly lease: string },
  left: {
    readonly isOffered: boolean;
    readonly isSettled: boolean;
    /** Null: nothing is to be done before the time to choose is over. */
    readonly againSeconds: number | null;
  },
) => command`
  update changes.change
  set position = '', leased_until = '-infinity',
    offered_at = coalesce(offered_at, case when ${left.isOffered} then kernel.instant(null) end),
    settled_at = case when ${left.isSettled} and next_at is null then kernel.instant(null) end,
    next_at = coalesce(next_at,
      kernel.instant(null) + make_interval(secs => ${left.againSeconds}::double precision))
  where event_id = ${eventId} and change_no = ${changeNo} and leased_until = ${lease}::timestamptz`;

/** Changes with something to do, and nobody who does it (any more). */
export const selectDueChanges = (now: Date | null, most: number) => rows({
  eventId: textAs<EventId>(),
})`
  select distinct c.event_id as "eventId" from changes.change c
  where c.settled_at is null and c.leased_until <= kernel.instant(null)
    and (c.next_at <= kernel.instant(null) or c.leased_until > '-infinity'
      or (c.next_at is null and c.choose_by <= kernel.instant(${now})))
  limit ${most}`;

/** Vouchers that were chosen become orders of the other event, which is this statement's event. */
export const callRedeemBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(text),
})`
  select changes.redeem_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;
