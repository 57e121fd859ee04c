import type { DeliveryId, EndpointId, EventId } from '../../kernel/ids.ts';
import {
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  intOrNull,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import type { SendError } from './port.ts';

export type DeliveryStatus = 'waiting' | 'delivered' | 'failed';

/** Shown of one delivery. */
const ATTEMPTS_SHOWN = 20;
/** How long a worker may be silent before another one sends what it has claimed. */
const CLAIM_SECONDS = 60;

const columns = {
  endpointId: textAs<EndpointId>(),
  deliveryId: textAs<DeliveryId>(),
  eventId: textAsOrNull<EventId>(),
  seq: intOrNull,
  kind: text,
  status: textAs<DeliveryStatus>(),
  nextAt: instantOrNull,
  madeAt: instant,
  deliveredAt: instantOrNull,
  attempts: listOf(
    objectOf({
      number: int,
      at: text,
      statusCode: intOrNull,
      latencyMs: int,
      error: textAsOrNull<SendError>(),
      response: text,
    }),
  ),
};

const deliverySelect = fragment`d.endpoint_id as "endpointId", d.delivery_id as "deliveryId",
    d.event_id as "eventId", d.seq, d.kind, d.status, d.next_at as "nextAt",
    d.made_at as "madeAt", d.delivered_at as "deliveredAt"`;

export type DeliveryRow = ReturnType<ReturnType<typeof selectDelivery>['decode']>;

export const selectDelivery = (endpointId: EndpointId, deliveryId: DeliveryId) => rows(columns)`
  select ${deliverySelect}, coalesce((
      select json_agg(json_build_object('number', a.number, 'at', a.at,
        'statusCode', a.status_code, 'latencyMs', a.latency_ms, 'error', a.error,
        'response', a.response) order by a.number)
      from webhooks.attempt a
      where a.endpoint_id = d.endpoint_id and a.delivery_id = d.delivery_id
        and a.number > d.attempts - ${ATTEMPTS_SHOWN}
    ), '[]') as attempts
  from webhooks.delivery d
  where d.endpoint_id = ${endpointId} and d.delivery_id = ${deliveryId}`;

/** The latest first. */
export const selectDeliveries = (
  endpointId: EndpointId,
  f: { readonly status: string | null; readonly before: string | null },
  most: number,
) => rows(columns)`
  select ${deliverySelect}, coalesce((
      select json_agg(json_build_object('number', a.number, 'at', a.at,
        'statusCode', a.status_code, 'latencyMs', a.latency_ms, 'error', a.error,
        'response', a.response) order by a.number)
      from webhooks.attempt a
      where a.endpoint_id = d.endpoint_id and a.delivery_id = d.delivery_id
        and a.number > d.attempts - ${ATTEMPTS_SHOWN}
    ), '[]') as attempts
  from webhooks.delivery d
  where d.endpoint_id = ${endpointId} and (${f.status}::text is null or d.status = ${f.status})
    and (${f.before}::text is null or d.delivery_id < ${f.before})
  order by d.delivery_id desc limit ${most}`;

/**
 * One fact for several endpoints. Who is known to have it gets it no second time. The row of the
 * stream is locked: whoever is just taking the last message away is waited for, or waits.
 */
export const insertDeliveries = (
  fact: {
    readonly eventId: EventId;
    readonly seq: number;
    readonly kind: string;
    readonly body: string;
  },
  to: readonly { readonly endpointId: EndpointId; readonly deliveryId: DeliveryId }[],
  now: Date | null,
) => command`
  with made as (
    insert into webhooks.delivery
      (endpoint_id, delivery_id, event_id, seq, kind, body, status, made_at)
    select t.endpoint_id, t.delivery_id, ${fact.eventId}, ${fact.seq}::bigint, ${fact.kind},
      ${fact.body}, 'waiting', kernel.instant(${now})
    from unnest(${to.map((t) => t.endpointId)}::text[], ${to.map((t) => t.deliveryId)}::text[])
      as t(endpoint_id, delivery_id)
    join webhooks.endpoint e on e.endpoint_id = t.endpoint_id and e.status <> 'disabled'
    on conflict (endpoint_id, event_id, seq) do nothing
    returning endpoint_id
  )
  insert into webhooks.stream as s (endpoint_id, event_id, next_at)
  select m.endpoint_id, ${fact.eventId}, kernel.instant(${now}) from made m order by m.endpoint_id
  on conflict (endpoint_id, event_id) do update set token = s.token`;

export const insertTest = (
  t: {
    readonly endpointId: EndpointId;
    readonly deliveryId: DeliveryId;
    readonly kind: string;
    readonly body: string;
  },
  now: Date,
) => command`
  insert into webhooks.delivery
    (endpoint_id, delivery_id, kind, body, status, asked_at, made_at)
  values (${t.endpointId}, ${t.deliveryId}, ${t.kind}, ${t.body}, 'waiting', ${now}, ${now})`;

export const askAgain = (
  endpointId: EndpointId,
  deliveryId: DeliveryId,
  now: Date | null,
) => command`
  update webhooks.delivery set asked_at = kernel.instant(${now})
  where endpoint_id = ${endpointId} and delivery_id = ${deliveryId}`;

const takenColumns = {
  /** Null: it was asked for by hand, and stands in no order. */
  token: intOrNull,
  eventId: textAsOrNull<EventId>(),
  deliveryId: textAsOrNull<DeliveryId>(),
  body: textOrNull,
  step: intOrNull,
};

/** What was asked for by hand: also for an endpoint that is paused. */
export const takeAsked = (endpointId: EndpointId, now: Date | null) => rows(takenColumns)`
  update webhooks.delivery d
  set asked_at = kernel.instant(${now}) + make_interval(secs => ${CLAIM_SECONDS})
  where d.endpoint_id = ${endpointId} and d.delivery_id = (
      select o.delivery_id from webhooks.delivery o
      where o.endpoint_id = ${endpointId} and o.asked_at <= kernel.instant(${now})
      order by o.asked_at limit 1
      for no key update skip locked
    )
  returning null::bigint as token, d.event_id as "eventId", d.delivery_id as "deliveryId", d.body,
    d.step`;

/**
 * Claims one event's stream that is due, with the first message that waits in it; without a message
 * where none does any more.
 */
export const takeDue = (endpointId: EndpointId, now: Date | null) => rows(takenColumns)`
  with due as (
    select s.endpoint_id, s.event_id
    from webhooks.stream s join webhooks.endpoint e on e.endpoint_id = s.endpoint_id
    where s.endpoint_id = ${endpointId} and s.next_at <= kernel.instant(${now})
      and s.claimed_until <= kernel.instant(${now}) and e.status = 'active'
      and (e.quiet_until is null or e.quiet_until <= kernel.instant(${now}))
    order by s.next_at limit 1
    for no key update of s skip locked
  ), claimed as (
    update webhooks.stream s
    set claimed_until = kernel.instant(${now}) + make_interval(secs => ${CLAIM_SECONDS}),
        token = s.token + 1
    from due where s.endpoint_id = due.endpoint_id and s.event_id = due.event_id
    returning s.endpoint_id, s.event_id, s.token
  )
  select c.token, c.event_id as "eventId", d.delivery_id as "deliveryId", d.body, d.step
  from claimed c left join lateral (
    select w.delivery_id, w.body, w.step from webhooks.delivery w
    where w.endpoint_id = c.endpoint_id and w.event_id = c.event_id and w.status = 'waiting'
    order by w.seq limit 1
  ) d on true`;

/** Whether the claim still is this one's. */
export const lockStream = (endpointId: EndpointId, eventId: string, token: number) => rows({
  token: int,
})`
  select token from webhooks.stream
  where endpoint_id = ${endpointId} and event_id = ${eventId} and token = ${token}
  for update`;

export const postponeStream = (endpointId: EndpointId, eventId: string, nextAt: Date) => command`
  update webhooks.stream set next_at = ${nextAt}, claimed_until = '-infinity'
  where endpoint_id = ${endpointId} and event_id = ${eventId}`;

/** The next message is due now, once nobody is at the one before. */
export const hastenStream = (endpointId: EndpointId, eventId: string, now: Date) => command`
  update webhooks.stream set next_at = least(next_at, ${now})
  where endpoint_id = ${endpointId} and event_id = ${eventId}`;

/** On to the next message, or none is left. The row was locked by a statement before. */
export const endStream = (endpointId: EndpointId, eventId: string) => command`
  delete from webhooks.stream s
  where s.endpoint_id = ${endpointId} and s.event_id = ${eventId} and not exists (
      select from webhooks.delivery d
      where d.endpoint_id = s.endpoint_id and d.event_id = s.event_id and d.status = 'waiting'
    )`;

export type Attempt = {
  readonly at: Date;
  readonly statusCode: number | null;
  readonly latencyMs: number;
  readonly error: SendError | null;
  readonly response: string;
};

/**
 * Null leaves what is as it is. One that has been delivered stays so, whatever comes of a further
 * attempt; `status` is that of afterwards.
 */
export const noteAttempt = (
  endpointId: EndpointId,
  deliveryId: DeliveryId,
  a: Attempt,
  to: {
    readonly status: DeliveryStatus | null;
    readonly step: number | null;
    readonly nextAt: Date | null;
    readonly byHand: boolean;
  },
  now: Date,
) => rows({ status: textAs<DeliveryStatus>() })`
  with noted as (
    update webhooks.delivery d
    set attempts = d.attempts + 1, step = coalesce(${to.step}::int, d.step),
        asked_at = case when not ${to.byHand}::boolean then d.asked_at end,
        next_at = case
          when d.status = 'delivered' then null
          when ${to.status}::text is null then d.next_at
          else ${to.nextAt}::timestamptz
        end,
        status = case
          when d.status = 'delivered' then d.status else coalesce(${to.status}, d.status)
        end,
        delivered_at = case
          when ${to.status} = 'delivered' then coalesce(d.delivered_at, ${now})
          else d.delivered_at
        end
    where d.endpoint_id = ${endpointId} and d.delivery_id = ${deliveryId}
    returning d.endpoint_id, d.delivery_id, d.attempts, d.status
  ), logged as (
    insert into webhooks.attempt
      (endpoint_id, delivery_id, number, at, status_code, latency_ms, error, response)
    select n.endpoint_id, n.delivery_id, n.attempts, ${a.at}::timestamptz, ${a.statusCode}::int,
      ${a.latencyMs}::int, ${a.error}, ${a.response}
    from noted n
  )
  select status from noted`;

export const deleteOldDeliveries = (days: number, most: number, now: Date | null) => command`
  delete from webhooks.delivery d
  using (
    select o.endpoint_id, o.delivery_id from webhooks.delivery o
    where o.made_at < kernel.instant(${now}) - make_interval(days => ${days})
    order by o.made_at limit ${most}
  ) old
  where d.endpoint_id = old.endpoint_id and d.delivery_id = old.delivery_id`;

/** What was for an endpoint that is gone. */
export const deleteDeliveriesTo = (endpointId: EndpointId, most: number) => command`
  delete from webhooks.delivery d
  using (
    select o.delivery_id from webhooks.delivery o
    where o.endpoint_id = ${endpointId} limit ${most}
  ) old
  where d.endpoint_id = ${endpointId} and d.delivery_id = old.delivery_id`;

export const deleteLostStreams = () => command`
  delete from webhooks.stream s
  where not exists (select from webhooks.endpoint e where e.endpoint_id = s.endpoint_id)`;

const WAITING_COUNTED = 10_000;

export const countWaiting = () => rows({ waiting: int })`
  select count(*)::int as waiting
  from (select from webhooks.stream s limit ${WAITING_COUNTED}) w`;
