import type { EndpointId, OrganizerId } from '../../kernel/ids.ts';
import {
  bool,
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
} from '../../kernel/sql.ts';

export type EndpointStatus = 'active' | 'paused' | 'disabled';
export type DisabledReason = 'by_hand' | 'gone' | 'failing';

const kindsOrNull = (raw: unknown) => (raw === null ? null : listOf(text)(raw));

const columns = {
  endpointId: textAs<EndpointId>(),
  organizerId: textAs<OrganizerId>(),
  url: text,
  kinds: kindsOrNull,
  description: text,
  status: textAs<EndpointStatus>(),
  disabledReason: textAsOrNull<DisabledReason>(),
  secretNo: int,
  previousUntil: instantOrNull,
  failingSince: instantOrNull,
  madeAt: instant,
};

const endpointSelect = fragment`endpoint_id as "endpointId", organizer_id as "organizerId", url,
    kinds, description, status, disabled_reason as "disabledReason", secret_no as "secretNo",
    previous_until as "previousUntil", failing_since as "failingSince", made_at as "madeAt"`;

export type EndpointRow = ReturnType<ReturnType<typeof selectEndpoint>['decode']>;

type Settings = Pick<EndpointRow, 'url' | 'kinds' | 'description' | 'status'>;

/** No row where the organizer has as many as it may. */
export const insertEndpoint = (
  e: Settings & Pick<EndpointRow, 'endpointId' | 'organizerId'>,
  most: number,
  now: Date | null,
) => rows(columns)`
  insert into webhooks.endpoint (endpoint_id, organizer_id, url, kinds, description, status,
    disabled_reason, made_at)
  select ${e.endpointId}, ${e.organizerId}, ${e.url}, ${e.kinds}::text[], ${e.description},
    ${e.status}, case when ${e.status} = 'disabled' then 'by_hand' end, kernel.instant(${now})
  where (select count(*) from webhooks.endpoint o where o.organizer_id = ${e.organizerId}) < ${most}
  returning ${endpointSelect}`;

export const selectEndpoint = (endpointId: EndpointId) => rows(columns)`
  select ${endpointSelect} from webhooks.endpoint where endpoint_id = ${endpointId}`;

export const lockEndpoint = (endpointId: EndpointId) => rows(columns)`
  select ${endpointSelect} from webhooks.endpoint where endpoint_id = ${endpointId}
  for no key update`;

export const selectEndpoints = (
  organizerId: OrganizerId,
  after: string | null,
  most: number,
) => rows(columns)`
  select ${endpointSelect}
  from webhooks.endpoint
  where organizer_id = ${organizerId} and (${after}::text is null or endpoint_id > ${after})
  order by endpoint_id limit ${most}`;

/** Facts are written down for those that are paused, too; they get them later. */
export const selectTakers = (organizerId: OrganizerId) => rows({
  endpointId: textAs<EndpointId>(),
  kinds: kindsOrNull,
  isActive: bool,
})`
  select endpoint_id as "endpointId", kinds, status = 'active' as "isActive"
  from webhooks.endpoint
  where organizer_id = ${organizerId} and status <> 'disabled'
  order by endpoint_id`;

/** Whoever sets it active again gives it a new start. */
export const updateEndpoint = (endpointId: EndpointId, s: Settings) => rows(columns)`
  update webhooks.endpoint
  set url = ${s.url}, kinds = ${s.kinds}::text[], description = ${s.description},
      disabled_reason = case
        when ${s.status}::text <> 'disabled' then null else coalesce(disabled_reason, 'by_hand')
      end,
      failing_since = case when ${s.status} = status then failing_since end,
      failures = case when ${s.status} = status then failures else 0 end,
      quiet_until = case when ${s.status} = status then quiet_until end,
      status = ${s.status}
  where endpoint_id = ${endpointId}
  returning ${endpointSelect}`;

export const rotateSecret = (endpointId: EndpointId, hours: number, now: Date | null) => rows(
  columns,
)`
  update webhooks.endpoint
  set secret_no = secret_no + 1,
      previous_until = kernel.instant(${now}) + make_interval(hours => ${hours})
  where endpoint_id = ${endpointId}
  returning ${endpointSelect}`;

export const deleteEndpoint = (endpointId: EndpointId) => command`
  delete from webhooks.endpoint where endpoint_id = ${endpointId}`;

/** Something has arrived. */
export const noteArrival = (endpointId: EndpointId) => command`
  update webhooks.endpoint
  set failing_since = null, failed_at = null, failures = 0, quiet_until = null
  where endpoint_id = ${endpointId} and failures > 0`;

/**
 * Nothing has arrived. Where the failure before it is long ago, nobody has tried since, and this
 * one begins to count anew.
 */
export const noteFailure = (endpointId: EndpointId, forgottenHours: number, now: Date) => rows({
  failures: int,
  failingSince: instant,
  organizerId: textAs<OrganizerId>(),
})`
  update webhooks.endpoint
  set failing_since = case
        when failing_since is null
          or failed_at < ${now}::timestamptz - make_interval(hours => ${forgottenHours})
          then ${now}
        else failing_since
      end,
      failed_at = ${now}, failures = failures + 1
  where endpoint_id = ${endpointId}
  returning failures, failing_since as "failingSince", organizer_id as "organizerId"`;

export const setQuiet = (endpointId: EndpointId, seconds: number, now: Date) => command`
  update webhooks.endpoint
  set quiet_until = greatest(quiet_until, ${now}::timestamptz + make_interval(secs => ${seconds}))
  where endpoint_id = ${endpointId}`;

export const disableEndpoint = (endpointId: EndpointId, reason: DisabledReason) => command`
  update webhooks.endpoint set status = 'disabled', disabled_reason = ${reason}
  where endpoint_id = ${endpointId} and status <> 'disabled'`;

/** Those that something is due for, and that may get it now. */
export const selectDueEndpoints = (now: Date | null, most: number) => rows({
  endpointId: textAs<EndpointId>(),
})`
  select e.endpoint_id as "endpointId"
  from webhooks.endpoint e cross join (select kernel.instant(${now}) as now) t
  where exists (
      select from webhooks.delivery d
      where d.endpoint_id = e.endpoint_id and d.asked_at <= t.now
    )
    or e.status = 'active' and (e.quiet_until is null or e.quiet_until <= t.now) and exists (
      select from webhooks.stream s
      where s.endpoint_id = e.endpoint_id and s.next_at <= t.now
        and s.claimed_until <= t.now
    )
  limit ${most}`;
