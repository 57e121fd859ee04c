import { z } from 'zod';
import { isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, run, type Tx } from '../../kernel/db.ts';
import { newRootId } from '../../kernel/ids.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { line, timeOut, timezone } from '../../kernel/schemas.ts';
import { deleteUnused } from './configuration.sql.ts';
import {
  deleteVenue,
  insertVenue,
  lockVenue,
  selectVenue,
  selectVenues,
  updateVenue,
  type VenueFields,
  type VenueId,
  type VenueRow,
} from './venue.sql.ts';

const LEGAL_CAPACITY_MAX = 1_000_000;

const fields = {
  name: line(200),
  timezone,
  address: line(500).nullable().optional(),
  legalCapacity: z
    .int()
    .min(1)
    .max(LEGAL_CAPACITY_MAX)
    .nullable()
    .optional()
    .describe('How many people the authorities let in at once'),
};

export const venueIn = z.strictObject(fields).meta({ id: 'VenueInput' });
export const venueReplacement = z
  .strictObject({
    ...fields,
    id: z.unknown().optional().describe('Ignored: not changed here'),
    organizerId: z.unknown().optional().describe('Ignored: not changed here'),
    createdAt: z.unknown().optional().describe('Ignored: not changed here'),
    version: z.int().min(1),
  })
  .meta({ id: 'VenueReplacement' });

export const venueSchema = z
  .object({
    id: z.string(),
    organizerId: z.string(),
    name: z.string(),
    timezone: z.string(),
    address: z.string().nullable(),
    legalCapacity: z.int().nullable(),
    version: z.int(),
    createdAt: timeOut,
  })
  .meta({ id: 'Venue' });

export type VenueView = z.input<typeof venueSchema>;

export const venueView = (row: VenueRow): VenueView => ({
  id: row.venueId,
  organizerId: row.organizerId,
  name: row.name,
  timezone: row.timezone,
  address: row.address,
  legalCapacity: row.legalCapacity,
  version: row.version,
  createdAt: row.madeAt.toISOString(),
});

const fieldsOf = (input: z.output<typeof venueIn>): VenueFields => ({
  name: input.name,
  timezone: input.timezone,
  address: input.address ?? null,
  legalCapacity: input.legalCapacity ?? null,
});

export function createVenue(
  ctx: Ctx,
  staff: Key,
  input: z.output<typeof venueIn>,
): Promise<Result<VenueView, Busy>> {
  return inTx(ctx, async (tx) => {
    const venueId = newRootId(ctx.ids, 'ven');
    return ok(venueView(await one(tx, insertVenue(venueId, staff.organizerId, fieldsOf(input)))));
  });
}

/** A page of the organizer's own; of all for the platform's staff. */
export async function listVenues(
  ctx: Ctx,
  staff: Key,
  page: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const cursor = readCursor(ctx.secrets, 'venues', page.cursor);
  if (!cursor.ok) return cursor;
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const organizerId = staff.platform ? null : staff.organizerId;
  const found = await all(ctx.db, selectVenues(organizerId, after, page.limit + 1));
  return ok(
    toPage(ctx.secrets, 'venues', found, page.limit, {
      view: venueView,
      key: (row) => [row.venueId],
    }),
  );
}

/** The venue, where it is this actor's own. */
export async function findVenue(ctx: Ctx, staff: Key, venueId: VenueId): Promise<VenueRow | null> {
  const row = await maybe(ctx.db, selectVenue(venueId));
  return row && isStaffOf(staff, row.organizerId, 'venues:read') ? row : null;
}

/** The same, locked, where this actor may change it. */
export async function lockOwnVenue(tx: Tx, staff: Key, venueId: VenueId): Promise<VenueRow | null> {
  const row = await maybe(tx, lockVenue(venueId));
  return row && isStaffOf(staff, row.organizerId, 'venues:write') ? row : null;
}

/** Replaces a venue's own fields; `version_conflict` where somebody else changed it since. */
export function replaceVenue(
  ctx: Ctx,
  staff: Key,
  venueId: VenueId,
  input: z.output<typeof venueReplacement>,
): Promise<Result<VenueView, RefusalOf<'not_found' | 'version_conflict'> | Busy>> {
  return inTx(ctx, async (tx) => {
    const row = await lockOwnVenue(tx, staff, venueId);
    if (!row) return refused('not_found');
    if (row.version !== input.version) {
      return refused('version_conflict', { extra: { version: row.version } });
    }
    return ok(venueView(await one(tx, updateVenue(venueId, fieldsOf(input)))));
  });
}

/** Deletes a venue with its floor plans; `venue_in_use` where an event has taken one of them. */
export function removeVenue(
  ctx: Ctx,
  staff: Key,
  venueId: VenueId,
): Promise<Result<null, RefusalOf<'not_found' | 'venue_in_use'> | Busy>> {
  return inTx(ctx, async (tx) => {
    const row = await lockOwnVenue(tx, staff, venueId);
    if (!row) return refused('not_found');
    await run(tx, deleteUnused(venueId));
    // An event may be taking a plan in this moment: what is in use is seen by what is left.
    return (await run(tx, deleteVenue(venueId))) === 1 ? ok(null) : refused('venue_in_use');
  });
}
