import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, one, run } from '../../kernel/db.ts';
import { type EventId, newScopedId, type PoolId, type TicketTypeId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { record } from '../../kernel/outbox.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { dropTicketType, readSupply, setPool } from '../inventory/index.ts';
import { sumOfPool } from './allocation.sql.ts';
import { lockOwn } from './edit-event.ts';
import { deleteTicketTypeText, selectCategoryPools, selectEvent, touchEvent } from './event.sql.ts';
import type { TicketTypeInputParsed } from './event-input.ts';
import { type EventView, eventView } from './event-view.ts';
import { endOf, ticketTypeIssues } from './rules.ts';
import { type SupplyRefusal, writeTicketType } from './write-ticket-type.ts';

type Refused = RefusalOf<'not_found' | 'validation_failed' | 'event_over'> | SupplyRefusal | Busy;
type TicketTypeView = EventView['ticketTypes'][number];
type PoolView = EventView['pools'][number];

/** Adds a ticket type, or with `ticketTypeId` replaces one. Prices of what is held stay frozen. */
export function saveTicketType(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  input: TicketTypeInputParsed,
  ticketTypeId?: TicketTypeId,
): Promise<Result<TicketTypeView, Refused>> {
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    if (event.status === 'cancelled' || event.status === 'archived') return refused('event_over');
    const issues = ticketTypeIssues(input, { ...event, endsAt: endOf(event) }, '');
    if (issues.length > 0) return refused('validation_failed', { issues });
    const supply = present(await readSupply(tx, eventId), 'the sale of an event');
    const known = supply.ticketTypes.find((type) => type.ticketTypeId === ticketTypeId);
    if (ticketTypeId !== undefined && (!known || known.withdrawn)) return refused('not_found');
    const id = ticketTypeId ?? newScopedId(ctx.ids, 'tt', eventId);
    const isShared = supply.ticketTypes.some(
      (type) => type.poolId === known?.poolId && type.ticketTypeId !== id && !type.withdrawn,
    );
    // A capacity is of its own pool: it never resizes one that others draw on.
    const leaves = isShared && input.capacity !== undefined;
    const own = leaves ? null : (known?.poolId ?? null);
    const categories = await all(tx, selectCategoryPools(eventId));
    const categoryPools = new Map(categories.map((one) => [one.category, one.poolId]));
    const written = await writeTicketType(ctx, tx, eventId, id, input, own, categoryPools);
    if (!written.ok) return written;
    // What is held was counted in the old pool, and would be given back to it.
    const moves = known !== undefined && written.value.poolId !== known.poolId;
    if (moves && known.everHeld) return refused('capacity_below_committed');
    await run(tx, touchEvent(eventId));
    await record(tx, { kind: 'ticket_type_changed', eventId, data: { ticketTypeId: id } });
    const view = await eventView(tx, await one(tx, selectEvent(eventId)), 'staff');
    return ok(
      present(
        view.ticketTypes.find((type) => type.id === id),
        'the ticket type',
      ),
    );
  });
}

/** Takes a ticket type off sale; one that was never held is gone for good. */
export function removeTicketType(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  ticketTypeId: TicketTypeId,
): Promise<Result<null, RefusalOf<'not_found'> | Busy>> {
  return inTurn(ctx, eventId, async (tx) => {
    if (!(await lockOwn(tx, actor, eventId))) return refused('not_found');
    const keepPool = await isPoolNamed(tx, eventId, ticketTypeId);
    const dropped = await dropTicketType(tx, eventId, ticketTypeId, { keepPool });
    if (dropped === 'not_found') return refused('not_found');
    if (dropped === 'deleted') await run(tx, deleteTicketTypeText(eventId, ticketTypeId));
    await run(tx, touchEvent(eventId));
    await record(tx, { kind: 'ticket_type_withdrawn', eventId, data: { ticketTypeId } });
    return ok(null);
  });
}

/** A category of the floor plan is sold through its pool, and an allocation is of one. */
async function isPoolNamed(
  tx: Turn,
  eventId: EventId,
  ticketTypeId: TicketTypeId,
): Promise<boolean> {
  const { ticketTypes } = present(await readSupply(tx, eventId), 'the sale of an event');
  const poolId = ticketTypes.find((type) => type.ticketTypeId === ticketTypeId)?.poolId;
  if (!poolId) return false;
  const categories = await all(tx, selectCategoryPools(eventId));
  if (categories.some((category) => category.poolId === poolId)) return true;
  return (await one(tx, sumOfPool(eventId, poolId))).quantity > 0;
}

/** Adds a pool that ticket types may share, or with `poolId` renames or resizes one. */
export function savePool(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  input: { readonly name: string; readonly capacity: number },
  poolId?: PoolId,
): Promise<Result<PoolView, Refused>> {
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    if (event.status === 'cancelled' || event.status === 'archived') return refused('event_over');
    if (poolId !== undefined) {
      const supply = present(await readSupply(tx, eventId), 'the sale of an event');
      if (!supply.pools.some((pool) => pool.poolId === poolId)) return refused('not_found');
    }
    const id = poolId ?? newScopedId(ctx.ids, 'pool', eventId);
    const verdict = await setPool(tx, { eventId, poolId: id, ...input });
    if (verdict !== 'done') return refused(verdict);
    await run(tx, touchEvent(eventId));
    return ok({ id, ...input });
  });
}
