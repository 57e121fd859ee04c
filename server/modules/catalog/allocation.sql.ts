import type { EventId, Id, PoolId } from '../../kernel/ids.ts';
import {
  command,
  instant,
  instantOrNull,
  int,
  intOrNull,
  listOf,
  rows,
  text,
  textAs,
  textAsOrNull,
} from '../../kernel/sql.ts';

export type AllocationId = Id<'alc'>;

const columns = {
  allocationId: textAs<AllocationId>(),
  name: text,
  reason: text,
  poolId: textAsOrNull<PoolId>(),
  quantity: intOrNull,
  releaseAt: instantOrNull,
  seatKeys: listOf(text),
  madeAt: instant,
};

export type AllocationRow = ReturnType<ReturnType<typeof selectAllocations>['decode']>;

/** Of one event, or one of them, the oldest first. */
export const selectAllocations = (eventId: EventId, allocationId: AllocationId | null) => rows(
  columns,
)`
  select a.allocation_id as "allocationId", a.name, a.reason, a.pool_id as "poolId", a.quantity,
    a.release_at as "releaseAt", a.made_at as "madeAt",
    array(
      select s.seat_key from catalog.allocation_seat s
      where s.event_id = a.event_id and s.allocation_id = a.allocation_id order by s.seat_key
    ) as "seatKeys"
  from catalog.allocation a
  where a.event_id = ${eventId}
    and (${allocationId}::text is null or a.allocation_id = ${allocationId})
  order by a.made_at, a.allocation_id`;

export type NewAllocation = {
  readonly allocationId: AllocationId;
  readonly name: string;
  readonly reason: string;
  readonly poolId: PoolId | null;
  readonly quantity: number | null;
  readonly releaseAt: Date | null;
};

export const insertAllocation = (eventId: EventId, a: NewAllocation) => command`
  insert into catalog.allocation
    (event_id, allocation_id, name, reason, pool_id, quantity, release_at)
  values (${eventId}, ${a.allocationId}, ${a.name}, ${a.reason}, ${a.poolId}, ${a.quantity},
    ${a.releaseAt})`;

/** Those that are in another allocation already are left out. */
export const insertSeats = (
  eventId: EventId,
  allocationId: AllocationId,
  keys: readonly string[],
) => command`
  insert into catalog.allocation_seat (event_id, seat_key, allocation_id)
  select ${eventId}, k, ${allocationId} from unnest(${keys}::text[]) as k
  on conflict do nothing`;

export const deleteAllocation = (eventId: EventId, allocationId: AllocationId) => command`
  delete from catalog.allocation
  where event_id = ${eventId} and allocation_id = ${allocationId}`;

/** How many places of a counted pool are in allocations. */
export const sumOfPool = (eventId: EventId, poolId: PoolId) => rows({ quantity: int })`
  select coalesce(sum(quantity), 0)::int as quantity from catalog.allocation
  where event_id = ${eventId} and pool_id = ${poolId}`;

/** Those whose hour has come, the longest overdue first. */
export const selectToRelease = (now: Date | null, most: number) => rows({
  eventId: textAs<EventId>(),
  allocationId: textAs<AllocationId>(),
})`
  select event_id as "eventId", allocation_id as "allocationId" from catalog.allocation
  where release_at <= kernel.instant(${now}) order by release_at limit ${most}`;
