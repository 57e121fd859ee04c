/** The first look at a seat map: what is free of each section, and from which price. */
import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import { cachePerOwner } from '../../kernel/fresh-cache.ts';
import type { EventId, PoolId } from '../../kernel/ids.ts';
import { moneyOut } from '../../kernel/schemas.ts';
import { showSections as freeSeats, readAvailability } from '../inventory/index.ts';
import { choicesOf, placesOf, readPlan } from '../venues/index.ts';
import { type EventRow, selectCategoryPools } from './event.sql.ts';
import { eventView } from './event-view.ts';

const STALE_MAX_MS = 1_000;
const EVENTS_MAX = 1_000;

const part = z.object({
  categories: z.array(z.string()),
  places: z.int(),
  free: z.int().describe('Of standing room that several sections share, of all of them'),
  from: moneyOut.nullable().describe('The lowest price; null where no ticket type sells them'),
});

export const sectionsSchema = z
  .object({
    eventId: z.string(),
    sections: z.array(
      z.object({ name: z.string(), gate: z.string().nullable(), parts: z.array(part) }),
    ),
  })
  .meta({ id: 'Sections' });

type Shown = z.input<typeof sectionsSchema>;
type Part = z.input<typeof part>;

const shown = cachePerOwner<EventId, Shown>({ staleMaxMs: STALE_MAX_MS, entriesMax: EVENTS_MAX });

/** Null for an event without a floor plan. */
export async function showSections(ctx: Ctx, event: EventRow): Promise<Shown | null> {
  if (event.configurationId === null) return null;
  return shown(ctx.lanes).read(event.eventId, () => gather(ctx, event));
}

async function gather(ctx: Ctx, event: EventRow): Promise<Shown> {
  const { eventId, configurationId } = event;
  const surveyed = configurationId && (await readPlan(ctx, configurationId));
  if (!surveyed) return { eventId, sections: [] };
  const { choices } = choicesOf(surveyed, event.sectionChoices);
  const parts = await partsOf(ctx, event, placesOf(surveyed, choices).standing);
  const sections = surveyed.plan.sections.flatMap(({ name, gate }) => {
    const own = parts.get(name);
    return own ? [{ name, gate: gate ?? null, parts: own }] : [];
  });
  return { eventId, sections };
}

async function partsOf(
  ctx: Ctx,
  event: EventRow,
  standing: ReturnType<typeof placesOf>['standing'],
): Promise<ReadonlyMap<string, Part[]>> {
  const { eventId } = event;
  const pools = await all(ctx.db, selectCategoryPools(eventId));
  const categoriesOf = (poolId: PoolId) =>
    pools.filter((one) => one.poolId === poolId).map(({ category }) => category);
  const { ticketTypes } = await eventView(ctx.db, event, 'public');
  const available = await readAvailability(ctx, eventId);
  const freeOf = new Map<string, number>(
    available?.ticketTypes.map((type) => [type.id, type.available]),
  );
  const fromOf = (poolId: PoolId) =>
    ticketTypes
      .filter((type) => type.poolId === poolId)
      .map(({ price }) => price)
      .reduce<Part['from']>(
        (least, price) => (least && least.amount <= price.amount ? least : price),
        null,
      );
  const parts = new Map<string, Part[]>();
  const add = (section: string, poolId: PoolId, places: number, free: number) => {
    const own = parts.get(section) ?? [];
    parts.set(section, own);
    own.push({ categories: categoriesOf(poolId), places, free, from: fromOf(poolId) });
  };
  for (const { section, poolId, seats, free } of (await freeSeats(ctx, eventId)) ?? []) {
    add(section, poolId, seats, free);
  }
  for (const { section, category, capacity } of standing) {
    const poolId = pools.find((one) => one.category === category)?.poolId;
    if (!poolId) continue;
    const type = ticketTypes.find((one) => one.poolId === poolId);
    const free = (type && freeOf.get(type.id)) ?? capacity;
    add(section, poolId, capacity, Math.min(capacity, free));
  }
  return parts;
}
