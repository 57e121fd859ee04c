import type { EventId, Id, OrderId, OrganizerId } from '../../kernel/ids.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  intOrNull,
  json,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import type { ApprovalState } from './states.ts';

export type ApprovalId = Id<'apr'>;
export type ApprovalKind = 'refund' | 'complimentary';

export const selectThresholds = (organizerId: OrganizerId) => rows({
  version: int,
  refundAboveMinor: intOrNull,
  complimentaryAbove: intOrNull,
})`
  select version, refund_above_minor as "refundAboveMinor",
    complimentary_above as "complimentaryAbove"
  from approvals.threshold where organizer_id = ${organizerId} order by version desc limit 1`;

export const insertThresholds = (
  organizerId: OrganizerId,
  t: { readonly refundAboveMinor: number | null; readonly complimentaryAbove: number | null },
  setBy: string,
  now: Date | null,
) => command`
  insert into approvals.threshold
    (organizer_id, version, refund_above_minor, complimentary_above, set_by, set_at)
  select ${organizerId}, coalesce(max(version), 0) + 1, ${t.refundAboveMinor}::int,
    ${t.complimentaryAbove}::int, ${setBy}, kernel.instant(${now})
  from approvals.threshold where organizer_id = ${organizerId}`;

const columns = {
  eventId: textAs<EventId>(),
  approvalId: textAs<ApprovalId>(),
  organizerId: textAs<OrganizerId>(),
  kind: textAs<ApprovalKind>(),
  status: textAs<ApprovalState>(),
  intent: json,
  orderId: textAsOrNull<OrderId>(),
  amountMinor: intOrNull,
  currency: textAsOrNull<Currency>(),
  places: int,
  reason: text,
  requestedBy: text,
  decidedBy: textOrNull,
  failureCode: textOrNull,
  madeAt: instant,
  expiresAt: instant,
  decidedAt: instantOrNull,
  endedAt: instantOrNull,
};

const approvalSelect = fragment`event_id as "eventId", approval_id as "approvalId",
    organizer_id as "organizerId", kind, status, intent, order_id as "orderId",
    amount_minor as "amountMinor", currency, places, reason, requested_by as "requestedBy",
    decided_by as "decidedBy", failure_code as "failureCode", made_at as "madeAt",
    expires_at as "expiresAt", decided_at as "decidedAt", ended_at as "endedAt"`;

export type ApprovalRow = ReturnType<ReturnType<typeof selectApproval>['decode']>;

export const insertApproval = (
  a: Pick<
    ApprovalRow,
    | 'eventId'
    | 'approvalId'
    | 'organizerId'
    | 'kind'
    | 'intent'
    | 'orderId'
    | 'amountMinor'
    | 'currency'
    | 'places'
    | 'reason'
    | 'requestedBy'
  >,
  hours: number,
  now: Date | null,
) => rows(columns)`
  insert into approvals.approval (event_id, approval_id, organizer_id, kind, intent, order_id,
    amount_minor, currency, places, reason, requested_by, made_at, expires_at)
  select ${a.eventId}, ${a.approvalId}, ${a.organizerId}, ${a.kind},
    ${JSON.stringify(a.intent)}::jsonb, ${a.orderId}, ${a.amountMinor}::int, ${a.currency},
    ${a.places}::int, ${a.reason}, ${a.requestedBy}, t.now, t.now + make_interval(hours => ${hours})
  from (select kernel.instant(${now}) as now) t
  returning ${approvalSelect}`;

export const selectApproval = (eventId: EventId, approvalId: ApprovalId) => rows(columns)`
  select ${approvalSelect}
  from approvals.approval where event_id = ${eventId} and approval_id = ${approvalId}`;

export const lockApproval = (eventId: EventId, approvalId: ApprovalId) => rows(columns)`
  select ${approvalSelect}
  from approvals.approval where event_id = ${eventId} and approval_id = ${approvalId}
  for no key update`;

/** Of an organizer, or (null) of all. */
export const selectApprovals = (
  f: {
    readonly organizerId: OrganizerId | null;
    readonly status: string | null;
    readonly after: string | null;
  },
  most: number,
) => rows(columns)`
  select ${approvalSelect}
  from approvals.approval
  where (${f.organizerId}::text is null or organizer_id = ${f.organizerId})
    and (${f.status}::text is null or status = ${f.status})
    and (${f.after}::text is null or approval_id > ${f.after})
  order by approval_id limit ${most}`;

export const decideApproval = (
  eventId: EventId,
  approvalId: ApprovalId,
  to: 'approved' | 'rejected',
  decidedBy: string,
  now: Date,
) => rows(columns)`
  update approvals.approval
  set status = ${to}, decided_by = ${decidedBy}, decided_at = ${now},
      ended_at = case when ${to}::text = 'rejected' then ${now}::timestamptz end
  where event_id = ${eventId} and approval_id = ${approvalId} and status = 'requested'
  returning ${approvalSelect}`;

export const endApproved = (
  eventId: EventId,
  approvalId: ApprovalId,
  end: {
    readonly to: 'executed' | 'failed';
    readonly orderId: OrderId | null;
    readonly failureCode: string | null;
  },
  now: Date | null,
) => command`
  update approvals.approval
  set status = ${end.to}, order_id = coalesce(${end.orderId}, order_id),
      failure_code = ${end.failureCode}, ended_at = kernel.instant(${now})
  where event_id = ${eventId} and approval_id = ${approvalId} and status = 'approved'`;

export const expireApprovals = (now: Date | null) => command`
  update approvals.approval
  set status = 'expired', ended_at = kernel.instant(${now})
  where status = 'requested' and expires_at <= kernel.instant(${now})`;
