import type { Ctx } from '../../kernel/context.ts';
import { run } from '../../kernel/db.ts';
import { type EventId, newScopedId, type PoolId, type TicketTypeId } from '../../kernel/ids.ts';
import type { Turn } from '../../kernel/lanes.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type PoolRefusal, setPool, setTicketType } from '../inventory/index.ts';
import { upsertTicketTypeText } from './event.sql.ts';
import type { TicketTypeInputParsed } from './event-input.ts';
import { MAX_PER_ORDER_DEFAULT } from './rules.ts';

export type SupplyRefusal = RefusalOf<PoolRefusal | 'unknown_pool'>;

/**
 * Writes one ticket type: its words here, its terms in inventory. With `capacity` it gets a pool
 * of its own (`ownPoolId`, or a new one); with `poolId` it shares one, with `seatCategories` that
 * of these categories (`categoryPools`). Answers with the pool that it draws on.
 */
export async function writeTicketType(
  ctx: Ctx,
  tx: Turn,
  eventId: EventId,
  ticketTypeId: TicketTypeId,
  input: TicketTypeInputParsed,
  ownPoolId: PoolId | null,
  categoryPools: ReadonlyMap<string, PoolId>,
): Promise<Result<{ readonly poolId: PoolId }, SupplyRefusal>> {
  let poolId = input.poolId ?? null;
  if (input.capacity !== undefined) {
    poolId = ownPoolId ?? newScopedId(ctx.ids, 'pool', eventId);
    const { name, capacity } = { ...input, capacity: input.capacity };
    const verdict = await setPool(tx, { eventId, poolId, name, capacity });
    if (verdict !== 'done') return refused(verdict);
  }
  if (input.seatCategories) {
    const pools = new Set(input.seatCategories.map((category) => categoryPools.get(category)));
    const [only = null] = pools;
    // The whole pool, or its other places would be sold under a name that is not theirs.
    const sharing = [...categoryPools].filter(([, each]) => each === only);
    poolId = pools.size === 1 && sharing.length === input.seatCategories.length ? only : null;
  }
  if (poolId === null) return refused('unknown_pool');
  const maxPerOrder = input.maxPerOrder ?? Math.max(MAX_PER_ORDER_DEFAULT, input.minPerOrder ?? 1);
  const verdict = await setTicketType(tx, {
    eventId,
    ticketTypeId,
    poolId,
    priceMinor: input.price.amount,
    minPerOrder: input.minPerOrder ?? 1,
    maxPerOrder,
    opensAt: input.salesOpenAt ?? null,
    closesAt: input.salesCloseAt ?? null,
    needsCode: input.visibility === 'code',
    listed: (input.visibility ?? 'public') === 'public',
  });
  if (verdict !== 'done') return refused(verdict);
  await run(
    tx,
    upsertTicketTypeText(eventId, {
      ticketTypeId,
      name: input.name,
      description: input.description ?? '',
      visibility: input.visibility ?? 'public',
    }),
  );
  return ok({ poolId });
}
