import { z } from 'zod';
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, isAway, maybe, one, run } from '../../kernel/db.ts';
import { type EventId, newScopedId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { id, instant, line, timeOut } from '../../kernel/schemas.ts';
import { blockPlaces, blockSeats, unblockSeats } from '../inventory/index.ts';
import {
  type AllocationId,
  type AllocationRow,
  deleteAllocation,
  insertAllocation,
  insertSeats,
  selectAllocations,
  selectToRelease,
  sumOfPool,
} from './allocation.sql.ts';
import { lockOwn } from './edit-event.ts';
import { selectEvent } from './event.sql.ts';

const SEATS_MAX = 20_000;
const QUANTITY_MAX = 1_000_000;
const RELEASED_PER_RUN = 100;

export const allocationIn = z
  .strictObject({
    name: line(100).describe('For whom: Production, Sponsors, Box office'),
    reason: line(500, 0).optional(),
    seatIds: z.array(line(64)).min(1).max(SEATS_MAX).optional(),
    poolId: id('pool').optional().describe('Of a counted pool, with `quantity`'),
    quantity: z.int().min(1).max(QUANTITY_MAX).optional(),
    releaseAt: instant.nullable().optional().describe('When they go on sale by themselves'),
  })
  .meta({ id: 'AllocationInput' });

export const allocationSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    reason: z.string(),
    seatIds: z.array(z.string()),
    poolId: z.string().nullable(),
    quantity: z.int().describe('How many places'),
    releaseAt: timeOut.nullable(),
    createdAt: timeOut,
  })
  .meta({ id: 'Allocation' });

type View = z.input<typeof allocationSchema>;
type Refused =
  | RefusalOf<'not_found' | 'unknown_seat' | 'unknown_pool' | 'not_free'>
  | RefusalOf<'validation_failed'>
  | Busy;

const view = (row: AllocationRow): View => ({
  id: row.allocationId,
  name: row.name,
  reason: row.reason,
  seatIds: [...row.seatKeys],
  poolId: row.poolId,
  quantity: row.quantity ?? row.seatKeys.length,
  releaseAt: row.releaseAt?.toISOString() ?? null,
  createdAt: row.madeAt.toISOString(),
});

/** Takes free places off sale; what somebody holds or has bought is `not_free`. */
export function allocate(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  input: z.output<typeof allocationIn>,
): Promise<Result<View, Refused>> {
  return inTurn(ctx, eventId, async (tx): Promise<Result<View, Refused>> => {
    if (!(await lockOwn(tx, actor, eventId))) return refused('not_found');
    const { seatIds, poolId, quantity } = input;
    const isCounted = poolId !== undefined && quantity !== undefined;
    if (
      (seatIds === undefined) !== isCounted ||
      (poolId === undefined) !== (quantity === undefined)
    ) {
      const message = 'either seatIds, or poolId and quantity';
      return refused('validation_failed', {
        issues: [{ path: 'seatIds', code: 'seats_or_quantity', message }],
      });
    }
    const allocationId = newScopedId(ctx.ids, 'alc', eventId);
    await run(
      tx,
      insertAllocation(eventId, {
        ...{ allocationId, name: input.name, reason: input.reason ?? '' },
        ...{ poolId: poolId ?? null, quantity: quantity ?? null },
        releaseAt: input.releaseAt ?? null,
      }),
    );
    const taken = seatIds
      ? await takeSeats(tx, ctx, allocationId, seatIds)
      : await countPool(tx, ctx, poolId);
    if (!taken.ok) return taken;
    return ok(view(await one(tx, selectAllocations(eventId, allocationId))));
  });
}

async function takeSeats(
  tx: Turn,
  ctx: Ctx,
  allocationId: AllocationId,
  seatIds: readonly string[],
): Promise<Result<null, Refused>> {
  const keys = [...new Set(seatIds)];
  const inserted = await run(tx, insertSeats(tx.eventId, allocationId, keys));
  if (inserted < keys.length) {
    return refused('not_free', { detail: 'A seat is in another allocation.' });
  }
  const verdict = await blockSeats(tx, ctx.clock.now(), keys);
  if (verdict === 'unknown_seat') return refused('unknown_seat');
  return verdict === 'done' ? ok(null) : refused('not_free');
}

/** Inventory is told how many of the pool are off sale in all. */
async function countPool(
  tx: Turn,
  ctx: Ctx,
  poolId: AllocationRow['poolId'] | undefined,
): Promise<Result<null, Refused>> {
  if (!poolId) return ok(null);
  const { quantity } = await one(tx, sumOfPool(tx.eventId, poolId));
  const verdict = await blockPlaces(tx, ctx.clock.now(), poolId, quantity);
  if (verdict === 'unknown_pool') return refused('unknown_pool');
  return verdict === 'done' ? ok(null) : refused('not_free');
}

/** Puts what is left of an allocation on sale again. */
export function deallocate(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  allocationId: AllocationId,
): Promise<Result<null, Refused>> {
  return inTurn(ctx, eventId, async (tx): Promise<Result<null, Refused>> => {
    if (!(await lockOwn(tx, actor, eventId))) return refused('not_found');
    return release(tx, ctx, allocationId);
  });
}

async function release(
  tx: Turn,
  ctx: Ctx,
  allocationId: AllocationId,
): Promise<Result<null, Refused>> {
  const row = await maybe(tx, selectAllocations(tx.eventId, allocationId));
  if (!row) return refused('not_found');
  await run(tx, deleteAllocation(tx.eventId, allocationId));
  if (row.seatKeys.length > 0) await unblockSeats(tx, ctx.clock.now(), row.seatKeys);
  const counted = await countPool(tx, ctx, row.poolId);
  // Of a pool that is gone there is nothing to put on sale.
  return !counted.ok && counted.refusal.code === 'unknown_pool' ? ok(null) : counted;
}

/** All of an event, the oldest first; null where it is not theirs to see. */
export async function listAllocations(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<{ data: View[] } | null> {
  const event = await maybe(ctx.db, selectEvent(eventId));
  if (!event || !isStaffOf(actor, event.organizerId, 'events:read')) return null;
  return { data: (await all(ctx.db, selectAllocations(eventId, null))).map(view) };
}

/** Puts on sale what was kept until now. Returns how many allocations ended. */
export async function releaseDue(ctx: Ctx): Promise<number> {
  const due = await all(ctx.db, selectToRelease(ctx.clock.now(), RELEASED_PER_RUN));
  let ended = 0;
  for (const { eventId, allocationId } of due) {
    try {
      const done = await inTurn(ctx, eventId, (tx) => release(tx, ctx, allocationId));
      if (done.ok) ended += 1;
    } catch (error) {
      // One that cannot end must not keep those behind it; nothing else can be done either while
      // the database is away.
      if (isAway(error)) throw error;
      ctx.log.error({ err: error, allocationId }, 'an allocation could not be released');
    }
  }
  return ended;
}
