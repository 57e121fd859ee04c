/**
 * Events in a floor plan: its places become pools, one for each set of categories that a ticket
 * type sells together, and one for each category that none sells yet.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, type Queryable, run } from '../../kernel/db.ts';
import { newScopedId, type OrganizerId, type PoolId } from '../../kernel/ids.ts';
import type { Turn } from '../../kernel/lanes.ts';
import {
  type Issue,
  ok,
  present,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import {
  type NewSeat,
  openSeats,
  type PlannedPlaces,
  readSupply,
  setPool,
} from '../inventory/index.ts';
import {
  type ConfigurationId,
  choicesOf,
  type PlanPlaces,
  placesOf,
  readBuilding,
  readPlan,
  type SectionChoices,
  type Surveyed,
  specialOf,
  takeConfiguration,
} from '../venues/index.ts';
import {
  deleteAllocationSeats,
  type EventRow,
  insertCategoryPools,
  selectCategoryPools,
  setEventPlan,
} from './event.sql.ts';
import type { SupplyRefusal } from './write-ticket-type.ts';

export type EventPlaces = {
  readonly configurationId: ConfigurationId;
  readonly sectionChoices: SectionChoices;
  readonly venueName: string;
  /** How many people the venue may hold; null where nobody has said. */
  readonly legalCapacity: number | null;
  readonly pools: readonly PlannedPool[];
};

type PlannedPool = {
  readonly categories: readonly string[];
  readonly capacity: number;
  /** None where people stand. */
  readonly seats: readonly NewSeat[];
};

export type InPlan = {
  readonly configurationId?: ConfigurationId | undefined;
  readonly sectionChoices?: SectionChoices | undefined;
  readonly totalCapacity?: number | null | undefined;
  readonly startsAt: Date;
};

const issue = (path: string, code: string, message: string): Issue => ({ path, code, message });
const unknownPlan = issue('configurationId', 'unknown_configuration', 'is no published floor plan');

type Validity = { readonly validFrom: Date; readonly validTo: Date | null };

/** What is wrong with an event in this plan at that time; null where the building looks like it. */
function validityIssue({ validFrom, validTo }: Validity, at: Date, path: string): Issue | null {
  if (at >= validFrom && (validTo === null || at < validTo)) return null;
  const until = validTo ? ` until ${validTo.toISOString()}` : ' on';
  const message = `its floor plan is valid from ${validFrom.toISOString()}${until}`;
  return issue(path, 'not_valid_then', message);
}

/** What its floor plan lets an event become that is changed; `startsAt` null: not moved. */
export async function planLimits(
  on: Queryable,
  configurationId: ConfigurationId | null,
  startsAt: Date | null,
): Promise<{ readonly issues: readonly Issue[]; readonly legalCapacity: number | null }> {
  const building = configurationId && (await readBuilding(on, configurationId));
  if (!building) return { issues: [], legalCapacity: null };
  const outside = startsAt && validityIssue(building.configuration, startsAt, 'startsAt');
  return { issues: outside ? [outside] : [], legalCapacity: building.venue.legalCapacity };
}

/** No event has more places than the venue may hold people, whatever was asked for. */
export function withinLegal<T extends { readonly totalCapacity: number | null }>(
  terms: T,
  legalCapacity: number | null,
): T {
  if (legalCapacity === null) return terms;
  const totalCapacity = Math.min(terms.totalCapacity ?? legalCapacity, legalCapacity);
  return { ...terms, totalCapacity };
}

/**
 * Takes a floor plan for an event of this organizer: from then on the plan stays. `groups` are the
 * categories that are sold together. Null for an event without a plan.
 */
export async function takePlaces(
  ctx: Ctx,
  organizerId: OrganizerId,
  wanted: InPlan,
  groups: readonly (readonly string[])[],
): Promise<Result<EventPlaces | null, RefusalOf<'validation_failed'>>> {
  const { configurationId, startsAt } = wanted;
  if (configurationId === undefined) {
    const extra = [
      ...(wanted.sectionChoices ? ['sectionChoices'] : []),
      ...(groups.length > 0 ? ['ticketTypes'] : []),
    ];
    const issues = extra.map((path) => issue(path, 'no_configuration', 'needs a configurationId'));
    return issues.length > 0 ? refused('validation_failed', { issues }) : ok(null);
  }
  const chosen = await choosePlan(ctx, ctx.db, { organizerId, startsAt }, configurationId);
  if (!chosen.ok) return chosen;
  const { surveyed, venue } = chosen.value;
  const { choices, issues } = choicesOf(surveyed, wanted.sectionChoices ?? {});
  if (issues.length > 0) return invalid(...issues);
  const found = poolsOf(placesOf(surveyed, choices), groups);
  const people = found.pools.reduce((sum, pool) => sum + pool.capacity, 0);
  const { legalCapacity } = venue;
  const wrong = [...found.issues, ...overLegal(people, legalCapacity)];
  if (people > (wanted.totalCapacity ?? people)) {
    const message = `is less than the ${people} people that these sections have room for`;
    wrong.push(issue('totalCapacity', 'capacity_over_total', message));
  }
  if (wrong.length > 0) return invalid(...wrong);
  if (!(await takeConfiguration(ctx, configurationId))) return invalid(unknownPlan);
  const { pools } = found;
  return ok({
    ...{ configurationId, sectionChoices: choices, legalCapacity, pools },
    venueName: venue.name,
  });
}

function overLegal(people: number, legalCapacity: number | null): readonly Issue[] {
  if (legalCapacity === null || people <= legalCapacity) return [];
  const message = `has room for ${people} people, the venue may hold ${legalCapacity}`;
  return [issue('sectionChoices', 'over_legal_capacity', message)];
}

/** A floor plan of this organizer's, and its venue, where the building looks like that then. */
async function choosePlan(
  ctx: Ctx,
  on: Queryable,
  { organizerId, startsAt }: { readonly organizerId: OrganizerId; readonly startsAt: Date },
  configurationId: ConfigurationId,
  { drafts = false } = {},
) {
  const building = await readBuilding(on, configurationId, { drafts });
  if (building?.venue.organizerId !== organizerId) return invalid(unknownPlan);
  const outside = validityIssue(building.configuration, startsAt, 'configurationId');
  if (outside) return invalid(outside);
  return ok({ surveyed: await readPlan(ctx, configurationId), venue: building.venue });
}

function invalid(...issues: readonly Issue[]): Result<never, RefusalOf<'validation_failed'>> {
  return refused('validation_failed', { issues });
}

type Group = { readonly categories: readonly string[]; seats: NewSeat[]; standing: number };

function poolsOf(
  places: ReturnType<typeof placesOf>,
  groups: readonly (readonly string[])[],
): { readonly pools: readonly PlannedPool[]; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const byCategory = new Map<string, Group>();
  const all = new Set([...places.seats, ...places.standing].map(({ category }) => category));
  for (const categories of groups) {
    const path = 'ticketTypes';
    const unknown = categories.find((category) => !all.has(category));
    if (unknown !== undefined) {
      issues.push(issue(path, 'unknown_category', `there are no places of category ${unknown}`));
    }
    const known = categories.map((category) => byCategory.get(category)).find(Boolean);
    if (known && !isSame(known.categories, categories)) {
      const message = `${categories.join(', ')}: categories are sold together or apart, not both`;
      issues.push(issue(path, 'categories_overlap', message));
    }
    const group = known ?? { categories: [...new Set(categories)], seats: [], standing: 0 };
    for (const category of categories) byCategory.set(category, group);
  }
  for (const category of all) {
    if (byCategory.has(category)) continue;
    byCategory.set(category, { categories: [category], seats: [], standing: 0 });
  }
  for (const [seatNo, { category, features, ...seat }] of places.seats.entries()) {
    byCategory.get(category)?.seats.push({ ...seat, seatNo, special: specialOf(features) });
  }
  for (const { category, capacity } of places.standing) {
    const group = byCategory.get(category);
    if (group) group.standing += capacity;
  }
  const made = [...new Set(byCategory.values())];
  for (const { categories, seats, standing } of made) {
    if (seats.length === 0 || standing === 0) continue;
    const message = `${categories.join(', ')}: seats and standing room are not sold as one`;
    issues.push(issue('ticketTypes', 'seats_and_standing', message));
  }
  const pools = made.map(({ categories, seats, standing }) => ({
    ...{ categories, seats },
    capacity: seats.length + standing,
  }));
  return { pools, issues };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === new Set(b).size && a.every((one) => b.includes(one));
}

const POOL_NAME_MAX_CHARS = 100;

/** Opens the places of a new event; the pool of each category. */
export async function openPlaces(
  ctx: Ctx,
  tx: Turn,
  places: EventPlaces,
): Promise<Result<ReadonlyMap<string, PoolId>, SupplyRefusal>> {
  const { eventId } = tx;
  const pools = new Map<string, PoolId>();
  for (const { categories, capacity, seats } of places.pools) {
    const poolId = newScopedId(ctx.ids, 'pool', eventId);
    const name = categories.join(', ').slice(0, POOL_NAME_MAX_CHARS);
    if (seats.length > 0) {
      await openSeats(tx, { poolId, name, seats });
    } else {
      const verdict = await setPool(tx, { eventId, poolId, name, capacity });
      if (verdict !== 'done') return refused(verdict);
    }
    for (const category of categories) pools.set(category, poolId);
  }
  await run(tx, insertCategoryPools(eventId, [...pools.keys()], [...pools.values()]));
  return ok(pools);
}

/** What an event would sell in another floor plan. */
export type PlacesElsewhere = {
  readonly configurationId: ConfigurationId;
  readonly sectionChoices: SectionChoices;
  readonly surveyed: Surveyed;
  readonly places: PlanPlaces;
  /** By category: that of the event's where it sells the category, a new one where it does not. */
  readonly poolOf: ReadonlyMap<string, PoolId>;
  readonly onSale: PlannedPlaces;
};

export type PlanWanted = {
  readonly configurationId: ConfigurationId;
  /** Default: as the event has chosen before, where there still is such a choice. */
  readonly sectionChoices?: SectionChoices | undefined;
  /** Only to look at: a draft does as well. */
  readonly preview?: boolean;
};

/**
 * The places of an event in another floor plan of its building; `validation_failed` where it could
 * not take that one. Categories keep their pools, so whoever sells one sells it there too.
 */
export async function placesElsewhere(
  ctx: Ctx,
  on: Queryable,
  event: EventRow,
  { configurationId, sectionChoices, preview = false }: PlanWanted,
): Promise<Result<PlacesElsewhere, RefusalOf<'validation_failed'>>> {
  const { eventId } = event;
  const chosen = await choosePlan(ctx, on, event, configurationId, { drafts: preview });
  if (!chosen.ok) return chosen;
  const { surveyed, venue } = chosen.value;
  const now = event.configurationId && (await readBuilding(on, event.configurationId));
  if (!now || now.venue.venueId !== venue.venueId) {
    return invalid(issue('configurationId', 'another_venue', 'is of another venue'));
  }
  const before = choicesOf(surveyed, event.sectionChoices).choices;
  const { choices, issues } = choicesOf(surveyed, sectionChoices ?? before);
  if (issues.length > 0) return invalid(...issues);
  const places = placesOf(surveyed, choices);
  const standing = places.standing.reduce((sum, { capacity }) => sum + capacity, 0);
  const wrong = overLegal(places.seats.length + standing, venue.legalCapacity);
  if (wrong.length > 0) return invalid(...wrong);
  const known = await all(on, selectCategoryPools(eventId));
  const poolOf = new Map(known.map(({ category, poolId }) => [category, poolId]));
  for (const { category } of [...places.seats, ...places.standing]) {
    if (!poolOf.has(category)) poolOf.set(category, newScopedId(ctx.ids, 'pool', eventId));
  }
  const supply = await readSupply(on, eventId);
  const seated = new Map(supply?.pools.map((pool) => [pool.poolId, pool.seated]));
  const sold = onSale(places, poolOf, seated);
  if (!sold.ok) return sold;
  const there = { configurationId, sectionChoices: choices, surveyed, places, poolOf };
  return ok({ ...there, onSale: sold.value });
}

function onSale(
  { seats, standing }: PlanPlaces,
  poolOf: ReadonlyMap<string, PoolId>,
  seated: ReadonlyMap<PoolId, boolean>,
): Result<PlannedPlaces, RefusalOf<'validation_failed'>> {
  const poolFor = (category: string) => present(poolOf.get(category), 'the pool of a category');
  const withSeats = new Set(seats.map(({ category }) => poolFor(category)));
  const room = new Map<PoolId, number>();
  for (const { category, capacity } of standing) {
    const poolId = poolFor(category);
    room.set(poolId, (room.get(poolId) ?? 0) + capacity);
  }
  const names = new Map<PoolId, string[]>();
  for (const [category, poolId] of poolOf) {
    names.set(poolId, [...(names.get(poolId) ?? []), category]);
  }
  const issues: Issue[] = [];
  const pools = [...names].map(([id, categories]) => {
    const isSeated = seated.get(id) ?? withSeats.has(id);
    if (isSeated ? room.has(id) : withSeats.has(id)) {
      const message = `${categories.join(', ')}: seats and standing room are not sold as one`;
      issues.push(issue('configurationId', 'seats_and_standing', message));
    }
    const name = categories.join(', ').slice(0, POOL_NAME_MAX_CHARS);
    return { id, name, capacity: isSeated ? null : (room.get(id) ?? 0) };
  });
  if (issues.length > 0) return invalid(...issues);
  const seatsOnSale = seats.map(({ category, features, ...seat }) => ({
    ...seat,
    ...{ poolId: poolFor(category), special: specialOf(features) },
  }));
  return ok({ seats: seatsOnSale, pools });
}

/**
 * The event is in that floor plan from now on; its places have been moved already. Kept seats that
 * are gone are kept for nobody.
 */
export async function setPlaces(
  tx: Turn,
  { configurationId, sectionChoices, poolOf }: PlacesElsewhere,
  gone: readonly string[],
): Promise<void> {
  const { eventId } = tx;
  const known = new Set((await all(tx, selectCategoryPools(eventId))).map((one) => one.category));
  const added = [...poolOf].filter(([category]) => !known.has(category));
  const [categories, pools] = [added.map(([name]) => name), added.map(([, pool]) => pool)];
  await run(tx, insertCategoryPools(eventId, categories, pools));
  await run(tx, setEventPlan(eventId, configurationId, sectionChoices));
  await run(tx, deleteAllocationSeats(eventId, gone));
}
