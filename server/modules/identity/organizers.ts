import type { Ctx } from '../../kernel/context.ts';
import { all, inTx, maybe, one, type Queryable } from '../../kernel/db.ts';
import { newRootId, type OrganizerId } from '../../kernel/ids.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import { ok, present } from '../../kernel/result.ts';
import {
  insertOrganizer,
  selectFirstOrganizer,
  selectOrganizer,
  selectOrganizers,
} from './organizer.sql.ts';

type Row = { organizerId: string; name: string; madeAt: Date };

const view = (row: Row) => ({
  id: row.organizerId,
  name: row.name,
  createdAt: row.madeAt.toISOString(),
});

export function createOrganizer(ctx: Ctx, name: string) {
  return inTx(ctx, async (tx) =>
    ok(view(await one(tx, insertOrganizer(newRootId(ctx.ids, 'org'), name)))),
  );
}

export async function listOrganizers(
  ctx: Ctx,
  page: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const cursor = readCursor(ctx.secrets, 'organizers', page.cursor);
  if (!cursor.ok) return cursor;
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const found = await all(ctx.db, selectOrganizers(after, page.limit + 1));
  return ok(
    toPage(ctx.secrets, 'organizers', found, page.limit, {
      view,
      key: (row) => [row.organizerId],
    }),
  );
}

export async function organizerExists(on: Queryable, organizerId: OrganizerId): Promise<boolean> {
  return (await maybe(on, selectOrganizer(organizerId))) !== null;
}

/** The first one: it is there from the first start, and the installation's own. */
export async function defaultOrganizer(on: Queryable): Promise<OrganizerId | null> {
  return (await maybe(on, selectFirstOrganizer()))?.organizerId ?? null;
}

/** What the organizer is called; null where there is none. */
export async function organizerName(
  on: Queryable,
  organizerId: OrganizerId,
): Promise<string | null> {
  return (await maybe(on, selectOrganizer(organizerId)))?.name ?? null;
}
