import { bool, int, json, rows, text } from '../../kernel/sql.ts';
import type { Cursor } from '../store.sql.ts';

export const selectEndpoints = () =>
  rows({ id: text, owner: text, connect: bool, events: json })`
  select id, owner, coalesce((hidden ->> 'connect')::boolean, false) as connect,
    data -> 'enabled_events' as events from sandbox.object
  where type = 'webhook_endpoint' and data ->> 'status' = 'enabled'
  order by seq`;

export const insertEvents = (events: string) => rows({ id: text })`
  insert into sandbox.event (id, owner, type, created_s, body)
  select e ->> 'id', coalesce(e ->> 'account', ''), e ->> 'type', (e ->> 'created')::bigint, e
  from jsonb_array_elements(${events}::jsonb) e
  returning id`;

/**
 * `holdsMs`: how long the first attempt is held back, from one instant for all. A dropped one is
 * given up at once.
 */
export const insertDeliveries = (
  eventIds: readonly string[],
  endpointIds: readonly string[],
  holdsMs: readonly number[],
  dropped: readonly boolean[],
) => rows({ id: int })`
  insert into sandbox.delivery (event_id, endpoint_id, due_at, given_up_at, last_outcome)
  select d.event_id, d.endpoint_id, t.instant + d.hold_ms * interval '1 millisecond',
    case when d.dropped then t.instant end,
    case when d.dropped then 'dropped by a fault' end
  from unnest(${eventIds}::text[], ${endpointIds}::text[], ${holdsMs}::bigint[],
    ${dropped}::boolean[]) as d (event_id, endpoint_id, hold_ms, dropped)
  cross join (select kernel.instant(null) as instant) t
  returning id`;

const shown = { body: json, pending: int };

export const selectEvent = (owner: string, id: string) => rows(shown)`
  select e.body, (
    select count(*) from sandbox.delivery d
    where d.event_id = e.id and d.delivered_at is null and d.given_up_at is null
  ) as pending
  from sandbox.event e where e.id = ${id} and e.owner = ${owner}`;

export const cursorOfEvent = (owner: string, id: string) => rows({ createdS: int, seq: int })`
  select created_s as "createdS", seq from sandbox.event where id = ${id} and owner = ${owner}`;

export type EventFilter = {
  readonly owner: string;
  /** A type may end in `*`. */
  readonly types: readonly string[] | null;
  readonly createdFromS: number;
  readonly createdToS: number;
  readonly before: Cursor;
  readonly limit: number;
};

/** Newest first. `delivered`: only those that every endpoint has, or all. */
export const listEvents = (f: EventFilter, delivered: boolean) => rows(shown)`
  select e.body, (
    select count(*) from sandbox.delivery d
    where d.event_id = e.id and d.delivered_at is null and d.given_up_at is null
  ) as pending
  from sandbox.event e
  where e.owner = ${f.owner}
    and e.created_s between ${f.createdFromS} and ${f.createdToS}
    and (e.created_s, e.seq) < (${f.before.createdS}::bigint, ${f.before.seq}::bigint)
    and (${f.types}::text[] is null
      or e.type like any (select replace(replace(t, '_', '\\_'), '*', '%')
        from unnest(${f.types}::text[]) t))
    and (not ${delivered}::boolean or not exists (
      select from sandbox.delivery d where d.event_id = e.id and d.delivered_at is null))
  order by e.created_s desc, e.seq desc
  limit ${f.limit}`;

/** Those that some endpoint has not: still waiting, or given up. Few, and found by that. */
export const listUndelivered = (f: EventFilter) => rows(shown)`
  select e.body, (
    select count(*) from sandbox.delivery d
    where d.event_id = e.id and d.delivered_at is null and d.given_up_at is null
  ) as pending
  from (select distinct d.event_id from sandbox.delivery d where d.delivered_at is null) open
  join sandbox.event e on e.id = open.event_id
  where e.owner = ${f.owner}
    and e.created_s between ${f.createdFromS} and ${f.createdToS}
    and (e.created_s, e.seq) < (${f.before.createdS}::bigint, ${f.before.seq}::bigint)
    and (${f.types}::text[] is null
      or e.type like any (select replace(replace(t, '_', '\\_'), '*', '%')
        from unnest(${f.types}::text[]) t))
  order by e.created_s desc, e.seq desc
  limit ${f.limit}`;
