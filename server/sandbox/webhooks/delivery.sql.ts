import { int, json, real, rows, text } from '../../kernel/sql.ts';

/**
 * Takes what is due, each for `leaseMs`: nobody else takes it meanwhile, and it comes back if we
 * die. Everything here runs on real time, `kernel.instant(null)`: leases compare machines, and a
 * receiver that failed is not back any sooner because a test clock was moved.
 */
export const leaseDeliveries = (limit: number, leaseMs: number) =>
  rows({ id: int, attempts: int, endpointId: text, url: text, body: json })`
  with due as (
    select d.id from sandbox.delivery d
    where d.delivered_at is null and d.given_up_at is null
      and d.due_at <= kernel.instant(null)
      and (d.leased_until is null or d.leased_until <= kernel.instant(null))
    order by d.due_at
    limit ${limit}
    for update of d skip locked
  )
  update sandbox.delivery d
  set attempts = d.attempts + 1,
    leased_until = kernel.instant(null) + ${leaseMs} * interval '1 millisecond'
  from due, sandbox.event e, sandbox.object o
  where d.id = due.id and e.id = d.event_id and o.id = d.endpoint_id
  returning d.id, d.attempts, d.endpoint_id as "endpointId", o.data ->> 'url' as url, e.body`;

/** The attempt is the lease's token: after a newer attempt has begun, an older one says nothing. */
export const markDelivered = (id: number, attempt: number, outcome: string) => rows({ id: int })`
  update sandbox.delivery
  set delivered_at = kernel.instant(null), leased_until = null, last_outcome = ${outcome}
  where id = ${id} and attempts = ${attempt} and delivered_at is null
  returning id`;

/** `retryMs` null: it is given up. */
export const markFailed = (id: number, attempt: number, outcome: string, retryMs: number | null) =>
  rows({ id: int })`
  update sandbox.delivery
  set leased_until = null, last_outcome = ${outcome},
    due_at = kernel.instant(null) + coalesce(${retryMs}::bigint, 0) * interval '1 millisecond',
    given_up_at = case when ${retryMs}::bigint is null then kernel.instant(null) end
  where id = ${id} and attempts = ${attempt} and delivered_at is null
  returning id`;

/** Real milliseconds until the next attempt is due; a lease that runs counts as due at its end. */
export const nextDelivery = () => rows({ waitMs: real })`
  select coalesce(extract(epoch from
    min(greatest(d.due_at, coalesce(d.leased_until, d.due_at))) - kernel.instant(null)) * 1000,
    'infinity')::float8 as "waitMs"
  from sandbox.delivery d
  where d.delivered_at is null and d.given_up_at is null`;
