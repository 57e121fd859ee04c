import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import { chargesAgain } from '../../kernel/charges.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, maybe, one, run } from '../../kernel/db.ts';
import { groupBy } from '../../kernel/group-by.ts';
import { type EventId, newRootId, newScopedId, type PoolId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { assert, ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { keepWallClockDistance } from '../../kernel/time.ts';
import { readSupply, type Supply, setPool, setTicketType } from '../inventory/index.ts';
import { placesOf, readPlan } from '../venues/index.ts';
import { createEventIn } from './create-event.ts';
import { lockOwn } from './edit-event.ts';
import {
  type EventRow,
  selectCategoryPools,
  selectEvent,
  selectTicketTypeTexts,
  upsertTicketTypeText,
} from './event.sql.ts';
import type { EventCommon } from './event-input.ts';
import { takePlaces } from './event-places.ts';
import { type EventView, eventView } from './event-view.ts';
import { clonedTimes } from './rules.ts';
import type { SupplyRefusal } from './write-ticket-type.ts';

type Overrides = { readonly [K in keyof EventCommon]?: EventCommon[K] | undefined } & {
  readonly startsAt: Date;
  readonly publish?: boolean | undefined;
};

/** Another event of the same kind on a new date; every time keeps its wall-clock distance. */
export async function cloneEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  overrides: Overrides,
): Promise<Result<EventView, RefusalOf<'not_found' | 'validation_failed'> | Busy | SupplyRefusal>> {
  const original = await maybe(ctx.db, selectEvent(eventId));
  if (!original || !isStaffOf(actor, original.organizerId, 'events:write')) {
    return refused('not_found');
  }
  const places = await placesLike(ctx, original, overrides);
  if (!places.ok) return places;
  return inTurn(ctx, newRootId(ctx.ids, 'evt'), async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    const supply = present(await readSupply(tx, eventId), 'the sale of an event');
    const input = clonedInput(event, supply, overrides);
    const made = await createEventIn(ctx, tx, event.organizerId, input, { places: places.value });
    if (!made.ok) return made;
    await copySupply(ctx, tx, { event, supply, startsAt: overrides.startsAt }, made.value);
    return ok(await eventView(tx, await one(tx, selectEvent(made.value)), 'staff'));
  });
}

/** The same floor plan, as it is chosen and sold there. */
async function placesLike(
  ctx: Ctx,
  original: EventRow,
  { startsAt, totalCapacity }: Pick<Overrides, 'startsAt' | 'totalCapacity'>,
) {
  const { configurationId, eventId } = original;
  if (configurationId === null) return ok(null);
  const { organizerId, sectionChoices } = original;
  const { seats, standing } = placesOf(await readPlan(ctx, configurationId), sectionChoices);
  // An event that was moved may sell categories that its floor plan has no more.
  const there = new Set([...seats, ...standing].map(({ category }) => category));
  const known = await all(ctx.db, selectCategoryPools(eventId));
  const byPool = groupBy(
    known.filter(({ category }) => there.has(category)),
    ({ poolId }) => poolId,
  );
  const groups = [...byPool.values()].map((pool) => pool.map(({ category }) => category));
  const wanted = { configurationId, sectionChoices, startsAt, totalCapacity };
  return takePlaces(ctx, organizerId, wanted, groups);
}

function clonedInput(event: EventRow, supply: Supply, overrides: Overrides) {
  const times = clonedTimes(
    { ...event, salesOpenAt: supply.sale.opensAt, salesCloseAt: supply.sale.closesAt },
    overrides.startsAt,
    (time, from, to) => keepWallClockDistance(time, from, to, event.timezone),
  );
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  // What was not given is not there any more, so no `undefined` overwrites the original.
  const named = Object.fromEntries(given) as Partial<EventCommon> & { publish?: boolean };
  const visibility = named.visibility ?? event.visibility;
  return {
    name: event.name,
    description: event.description,
    timezone: event.timezone,
    venueName: event.venueName,
    series: event.series ?? event.name,
    currency: event.currency,
    totalCapacity: supply.sale.totalCapacity,
    maxTicketsPerPerson: supply.sale.personLimit ?? undefined,
    holdMinutes: supply.sale.holdMs / 60_000,
    charges: event.charges && chargesAgain(event.charges, event.currency),
    shoppingMinutes: event.shoppingMinutes,
    ...times,
    ...named,
    visibility,
    publicAt: visibility === 'scheduled' ? (named.publicAt ?? times.publicAt) : null,
    publish: named.publish ?? event.status === 'published',
  };
}

/** By the original's pools of the floor plan, those of the same categories in the clone. */
async function samePools(tx: Turn, from: EventId, to: EventId): Promise<Map<string, PoolId>> {
  const there = await all(tx, selectCategoryPools(to));
  const poolOf = new Map(there.map(({ category, poolId }) => [category, poolId]));
  const pairs = (await all(tx, selectCategoryPools(from))).flatMap(({ category, poolId }) => {
    const same = poolOf.get(category);
    return same ? [[poolId, same] as const] : [];
  });
  return new Map<string, PoolId>(pairs);
}

async function copySupply(
  ctx: Ctx,
  tx: Turn,
  original: { event: EventRow; supply: Supply; startsAt: Date },
  eventId: EventId,
): Promise<void> {
  const { event, supply, startsAt } = original;
  const pools = await samePools(tx, event.eventId, eventId);
  for (const pool of supply.pools) {
    if (pools.has(pool.poolId)) continue;
    const poolId = newScopedId(ctx.ids, 'pool', eventId);
    const { name, capacity } = pool;
    const verdict = await setPool(tx, { eventId, poolId, name, capacity });
    assert(verdict === 'done', `a cloned pool was refused: ${verdict}`);
    pools.set(pool.poolId, poolId);
  }
  const moved = (at: Date | null) =>
    at ? keepWallClockDistance(at, event.startsAt, startsAt, event.timezone) : null;
  const terms = new Map(supply.ticketTypes.map((type) => [type.ticketTypeId, type]));
  for (const text of await all(tx, selectTicketTypeTexts([event.eventId]))) {
    const term = present(terms.get(text.ticketTypeId), 'the terms of a ticket type');
    if (term.withdrawn) continue;
    const ticketTypeId = newScopedId(ctx.ids, 'tt', eventId);
    const verdict = await setTicketType(tx, {
      ...term,
      eventId,
      ticketTypeId,
      poolId: present(pools.get(term.poolId), 'the pool of a ticket type'),
      opensAt: moved(term.opensAt),
      closesAt: moved(term.closesAt),
    });
    assert(verdict === 'done', `a cloned ticket type was refused: ${verdict}`);
    await run(tx, upsertTicketTypeText(eventId, { ...text, ticketTypeId }));
  }
}
