import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, type Queryable, run, type Tx } from '../../kernel/db.ts';
import { cachePerOwner } from '../../kernel/fresh-cache.ts';
import { newRootId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { type Issue, ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import {
  type ConfigurationId,
  type ConfigurationRow,
  deleteConfiguration,
  insertConfiguration,
  selectConfiguration,
  selectConfigurations,
  selectPlan,
  setPublished,
  setUsed,
  setValidTo,
} from './configuration.sql.ts';
import { type ConfigurationView, configurationView, type SavedView } from './configuration-view.ts';
import type { FloorPlan, PlanFinding } from './floor-plan.ts';
import { layOut } from './lay-out.ts';
import { focalPointOf, type Survey, survey } from './survey.ts';
import { selectVenue, type VenueId, type VenueRow } from './venue.sql.ts';
import { findVenue, lockOwnVenue } from './venues.ts';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** A plan of 40,000 seats takes some 20 MB in memory. */
const PLANS_KEPT_MAX = 8;
const ISSUES_MAX = 100;

export type Surveyed = { readonly plan: FloorPlan; readonly survey: Survey };

type Wanted = {
  readonly name: string;
  /** Default: now. */
  readonly validFrom: Date | undefined;
  readonly validTo: Date | null;
  readonly draft: boolean;
};

type PlanRefusal =
  | RefusalOf<'not_found' | 'plan_not_valid' | 'overlapping_validity' | 'validation_failed'>
  | Busy;

/**
 * Keeps a floor plan as a new version of its name: laid out where it has no positions, checked as a
 * whole. A plan with errors is `plan_not_valid` and nothing of it is kept; a draft may have them.
 */
export async function addConfiguration(
  ctx: Ctx,
  staff: Key,
  venueId: VenueId,
  wanted: Wanted,
  drawn: FloorPlan,
  noted: readonly PlanFinding[] = [],
): Promise<Result<SavedView, PlanRefusal>> {
  const { validTo } = wanted;
  const validFrom = wanted.validFrom ?? (await readNow(ctx.db, ctx.clock));
  if (validTo !== null && validTo <= validFrom) {
    const message = 'must be after validFrom';
    const issue = { path: 'validTo', code: 'ends_before_it_starts', message };
    return refused('validation_failed', { issues: [issue] });
  }
  const venue = await findVenue(ctx, staff, venueId);
  if (!venue) return refused('not_found');
  const plan = layOut(drawn, focalPointOf(drawn));
  const found = survey(plan);
  const { capacity, legal } = measure(plan, found, venue);
  const findings = [...noted, ...found.findings, ...legal];
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 && !wanted.draft) return notValid(errors);
  const text = JSON.stringify(plan);
  const packed = await pack(text);
  return inTx(ctx, async (tx) => {
    if (!(await lockOwnVenue(tx, staff, venueId))) return refused('not_found');
    const versions = await versionsLike(tx, { venueId, name: wanted.name });
    if (!wanted.draft) {
      const closed = await closeBefore(tx, versions, validFrom);
      if (!closed.ok) return closed;
    }
    const configurationId = newRootId(ctx.ids, 'cfg');
    await run(
      tx,
      insertConfiguration({
        ...{ configurationId, venueId, name: wanted.name },
        version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
        status: wanted.draft ? 'draft' : 'published',
        ...{ validFrom, validTo },
        ...{ seats: found.seats.length, capacity, plan: packed },
        planHash: createHash('sha256').update(text).digest(),
      }),
    );
    const made = await one(tx, selectConfiguration(configurationId));
    return ok({ ...configurationView(made), findings: [...findings] });
  });
}

/** How many people it holds, and what the authorities would say of that. */
function measure(
  plan: FloorPlan,
  found: Survey,
  { legalCapacity }: VenueRow,
): { readonly capacity: number; readonly legal: readonly PlanFinding[] } {
  const { least, most } = capacities(plan, found);
  if (legalCapacity === null || most <= legalCapacity) return { capacity: most, legal: [] };
  // With another choice of sections it may still fit: that is an event's to decide.
  const severity = least > legalCapacity ? 'error' : 'warning';
  const message = `holds up to ${most} people, the venue ${legalCapacity}`;
  const legal = { code: 'over_legal_capacity', severity, path: 'sections', message } as const;
  return { capacity: most, legal: [legal] };
}

/** How many people there are at least and at most, by what is chosen where there is a choice. */
function capacities(plan: FloorPlan, found: Survey): { least: number; most: number } {
  const people = new Map<string, number>();
  for (const { section } of found.seats) people.set(section, (people.get(section) ?? 0) + 1);
  for (const { section, capacity } of found.standing) people.set(section, capacity);
  let [least, most] = [0, 0];
  const slots = new Map<string, Map<string, number>>();
  for (const { name, slot } of plan.sections) {
    const count = people.get(name) ?? 0;
    if (!slot) {
      least += count;
      most += count;
      continue;
    }
    const options = slots.get(slot.name) ?? new Map<string, number>();
    slots.set(slot.name, options.set(slot.option, (options.get(slot.option) ?? 0) + count));
  }
  for (const options of slots.values()) {
    least += Math.min(...options.values());
    most += Math.max(...options.values());
  }
  return { least, most };
}

function notValid(errors: readonly PlanFinding[]): Result<never, RefusalOf<'plan_not_valid'>> {
  const issues: Issue[] = errors
    .slice(0, ISSUES_MAX)
    .map(({ path, code, message }) => ({ path, code, message }));
  return refused('plan_not_valid', { issues });
}

/** The version before ends where this one begins; one that begins no earlier stands in its way. */
async function closeBefore(
  tx: Tx,
  versions: readonly ConfigurationRow[],
  validFrom: Date,
): Promise<Result<null, RefusalOf<'overlapping_validity'>>> {
  const published = versions.filter(({ status }) => status === 'published');
  const later = published.find((one) => one.validFrom >= validFrom);
  if (later) {
    const detail = `Version ${later.version} is valid from ${later.validFrom.toISOString()} on.`;
    return refused('overlapping_validity', { detail });
  }
  for (const { configurationId, validTo } of published) {
    if (validTo !== null && validTo <= validFrom) continue;
    await run(tx, setValidTo(configurationId, validFrom));
  }
  return ok(null);
}

/** The configuration, where it is this actor's own. */
export async function findConfiguration(
  ctx: Ctx,
  staff: Key,
  configurationId: ConfigurationId,
): Promise<ConfigurationRow | null> {
  const row = await maybe(ctx.db, selectConfiguration(configurationId));
  return row && isStaffOf(staff, row.organizerId, 'venues:read') ? row : null;
}

/** All of a venue's, by name, the newest version first; null where the venue is not theirs. */
export async function listConfigurations(ctx: Ctx, staff: Key, venueId: VenueId) {
  const venue = await findVenue(ctx, staff, venueId);
  return venue ? all(ctx.db, selectConfigurations(venueId)) : null;
}

/** All versions of that floor plan, the newest first. */
export async function versionsLike(
  on: Queryable,
  { venueId, name }: Pick<ConfigurationRow, 'venueId' | 'name'>,
): Promise<readonly ConfigurationRow[]> {
  return (await all(on, selectConfigurations(venueId))).filter((one) => one.name === name);
}

/** Makes a draft the version that events take; `plan_not_valid` where it still has errors. */
export function publishConfiguration(
  ctx: Ctx,
  staff: Key,
  configurationId: ConfigurationId,
): Promise<Result<ConfigurationView, PlanRefusal>> {
  return inTx(ctx, async (tx) => {
    const row = await maybe(tx, selectConfiguration(configurationId));
    const venue = row && (await lockOwnVenue(tx, staff, row.venueId));
    if (!row || !venue) return refused('not_found');
    if (row.status === 'published') return ok(configurationView(row));
    const { plan, survey: found } = await loadPlan(tx, configurationId);
    const { legal } = measure(plan, found, venue);
    const errors = [...found.findings, ...legal].filter(({ severity }) => severity === 'error');
    if (errors.length > 0) return notValid(errors);
    const closed = await closeBefore(tx, await versionsLike(tx, row), row.validFrom);
    if (!closed.ok) return closed;
    await run(tx, setPublished(configurationId));
    return ok(configurationView(await one(tx, selectConfiguration(configurationId))));
  });
}

/** From then on the building does not look like this any more; null: without end. */
export function endConfiguration(
  ctx: Ctx,
  staff: Key,
  configurationId: ConfigurationId,
  validTo: Date | null,
): Promise<Result<ConfigurationView, PlanRefusal>> {
  return inTx(ctx, async (tx) => {
    const row = await maybe(tx, selectConfiguration(configurationId));
    if (!row || !(await lockOwnVenue(tx, staff, row.venueId))) return refused('not_found');
    const next = (await versionsLike(tx, row))
      .filter(({ status }) => status === 'published')
      .map((one) => one.validFrom)
      .filter((from) => from > row.validFrom && (validTo === null || from < validTo));
    if (next.length > 0) return refused('overlapping_validity');
    if (validTo !== null && validTo <= row.validFrom) {
      const message = 'must be after validFrom';
      const issue = { path: 'validTo', code: 'ends_before_it_starts', message };
      return refused('validation_failed', { issues: [issue] });
    }
    await run(tx, setValidTo(configurationId, validTo));
    return ok(configurationView(await one(tx, selectConfiguration(configurationId))));
  });
}

/** Deletes what no event has taken; `configuration_in_use` otherwise. */
export function removeConfiguration(
  ctx: Ctx,
  staff: Key,
  configurationId: ConfigurationId,
): Promise<Result<null, RefusalOf<'not_found' | 'configuration_in_use'> | Busy>> {
  return inTx(ctx, async (tx) => {
    const row = await maybe(tx, selectConfiguration(configurationId));
    if (!row || !(await lockOwnVenue(tx, staff, row.venueId))) return refused('not_found');
    const deleted = await run(tx, deleteConfiguration(configurationId));
    return deleted === 1 ? ok(null) : refused('configuration_in_use');
  });
}

/**
 * Before an event takes it: from now on it stays. In a transaction of its own, and idempotent.
 * False where it has been deleted meanwhile.
 */
export async function takeConfiguration(
  ctx: Ctx,
  configurationId: ConfigurationId,
): Promise<boolean> {
  return (await run(ctx.db, setUsed(configurationId))) === 1;
}

export type Building = { readonly configuration: ConfigurationRow; readonly venue: VenueRow };

/** A published configuration with its venue, or a draft where `drafts` are meant too; else null. */
export async function readBuilding(
  on: Queryable,
  configurationId: ConfigurationId,
  { drafts = false } = {},
): Promise<Building | null> {
  const configuration = await maybe(on, selectConfiguration(configurationId));
  if (!configuration || (configuration.status === 'draft' && !drafts)) return null;
  return { configuration, venue: await one(on, selectVenue(configuration.venueId)) };
}

/** A plan never changes: only room in memory ends its stay. */
const plans = cachePerOwner<ConfigurationId, Surveyed>({
  staleMaxMs: Number.POSITIVE_INFINITY,
  entriesMax: PLANS_KEPT_MAX,
});

/** A configuration that is there: its plan, and what it comes to. */
export function readPlan(ctx: Ctx, configurationId: ConfigurationId): Promise<Surveyed> {
  return plans(ctx.lanes).read(configurationId, () => loadPlan(ctx.db, configurationId));
}

async function loadPlan(on: Queryable, id: ConfigurationId): Promise<Surveyed> {
  const { plan } = await one(on, selectPlan(id));
  // Written by `addConfiguration`, from a plan that had been parsed.
  const document = JSON.parse((await unpack(plan)).toString('utf8')) as FloorPlan;
  return { plan: document, survey: survey(document) };
}
