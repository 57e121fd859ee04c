/**
 * Facts for whoever follows some events from now on, without a position in the database: a process
 * that dies loses its listeners too, and they come back with the last number that they have seen.
 */
import type { Ctx } from './context.ts';
import { all, maybe } from './db.ts';
import type { EventId } from './ids.ts';
import { factColumns, factSelect, type Relayed } from './relay.ts';
import { int, rows } from './sql.ts';

const selectFactsBetween = (
  after: number,
  upTo: number,
  eventIds: readonly EventId[],
  most: number,
) => rows(factColumns)`
  select ${factSelect} from kernel.fact f
  where f.n > ${after} and f.n <= ${upTo} and f.event_id = any (${eventIds}::text[])
  order by f.n limit ${most}`;

/** Those of these events with numbers above `after`, to `upTo`. */
export function readFacts(
  ctx: Ctx,
  range: { readonly after: number; readonly upTo: number; readonly most: number },
  eventIds: readonly EventId[],
): Promise<readonly Relayed[]> {
  return all(ctx.db, selectFactsBetween(range.after, range.upTo, eventIds, range.most));
}

const selectFactCount = (eventId: EventId) => rows({ facts: int })`
  select facts from kernel.fact_count where event_id = ${eventId}`;

/** The number of the event's latest fact among its own; 0 where it has none. */
export async function lastSeq(ctx: Ctx, eventId: EventId): Promise<number> {
  return (await maybe(ctx.db, selectFactCount(eventId)))?.facts ?? 0;
}
