import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe } from '../../kernel/db.ts';
import type { OrderId, OrganizerId } from '../../kernel/ids.ts';
import { type CursorRefusal, readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { organizerExists } from '../identity/index.ts';
import { findOrder } from '../orders/index.ts';
import { selectDocumentByName, selectDocuments, selectDocumentsOf } from './document.sql.ts';
import { documentView } from './document-view.ts';
import { type Document, type DocumentName, nameText } from './rules-document.ts';

type Page = { readonly limit: number; readonly cursor?: string | undefined };
type Listed = Result<
  { readonly data: ReturnType<typeof documentView>[]; readonly nextCursor: string | null },
  RefusalOf<'not_found'> | CursorRefusal
>;

/** The documents of an order, the oldest first. */
export async function documentsOfOrder(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  page: Page,
): Promise<Listed> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const list = `documents of ${orderId}`;
  const cursor = readCursor(ctx.secrets, list, page.cursor);
  if (!cursor.ok) return cursor;
  const { organizerId } = found.order;
  const after = afterOf(cursor.value);
  const rows = await all(ctx.db, selectDocumentsOf(organizerId, orderId, after, page.limit + 1));
  return ok(toPage(ctx.secrets, list, rows, page.limit, shape));
}

/** One of the order's documents. */
export async function findDocument(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  name: DocumentName,
): Promise<Document | null> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return null;
  const document = await maybe(ctx.db, selectDocumentByName(found.order.organizerId, name));
  return document?.orderId === orderId ? document : null;
}

/** The documents of an organizer in the order of their numbers: `from` counts, `to` does not. */
export async function documentsOfOrganizer(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  query: Page & { readonly from?: Date | undefined; readonly to?: Date | undefined },
): Promise<Listed> {
  if (!isStaffOf(actor, organizerId, 'orders:read')) return refused('not_found');
  if (!(await organizerExists(ctx.db, organizerId))) return refused('not_found');
  const list = `documents of ${organizerId}`;
  const cursor = readCursor(ctx.secrets, list, query.cursor);
  if (!cursor.ok) return cursor;
  const within = { from: query.from ?? null, to: query.to ?? null, after: afterOf(cursor.value) };
  const rows = await all(ctx.db, selectDocuments(organizerId, within, query.limit + 1));
  return ok(toPage(ctx.secrets, list, rows, query.limit, shape));
}

const shape = {
  view: documentView,
  key: ({ seq }: Document) => [String(seq)],
};

function afterOf(cursor: readonly string[] | null): number {
  return cursor ? Number(present(cursor[0], 'cursor value')) : 0;
}

export const fileNameOf = (document: Document): string => `${nameText(document)}.pdf`;
