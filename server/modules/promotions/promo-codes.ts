/** Staff makes codes, one by one or thousands at once, changes them and takes them away. */
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, type Queryable } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { record } from '../../kernel/outbox.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import {
  type Issue,
  ok,
  present,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import { type EventRow, eventView, findEvent } from '../catalog/index.ts';
import {
  disableCode,
  insertCodes,
  type PromoCodeRow,
  selectCode,
  selectCodes,
  selectUses,
  updateCode,
} from './promo-code.sql.ts';
import { fieldsOf, type PromoView, promoView, type TermsInput, termsIssues } from './promo-view.ts';

const CODE_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
/** 60 bits: with ten thousand codes about, a guess is right once in 10^14. */
const CODE_CHARS = 12;
/** Of a list of all codes of an event, or of one batch. */
const EXPORTED_MAX = 100_000;

type Refused = RefusalOf<'not_found' | 'validation_failed'> | Busy;

/** The event, where this actor is staff that may change it. */
async function ownEvent(ctx: Ctx, actor: Actor, eventId: EventId): Promise<EventRow | null> {
  const seen = await findEvent(ctx, actor, eventId);
  return seen && isStaffOf(actor, seen.event.organizerId, 'events:write') ? seen.event : null;
}

async function issuesOf(
  on: Queryable,
  event: EventRow,
  terms: TermsInput,
): Promise<readonly Issue[]> {
  const { ticketTypes } = await eventView(on, event, 'staff');
  return termsIssues(terms, { ...event, ticketTypeIds: ticketTypes.map((type) => type.id) });
}

/** Refusals: `promo_code_exists`, also where it was disabled: that one is changed instead. */
export async function createCode(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  { code, ...terms }: TermsInput & { readonly code: string },
): Promise<Result<PromoView, Refused | RefusalOf<'promo_code_exists'>>> {
  const event = await ownEvent(ctx, actor, eventId);
  if (!event) return refused('not_found');
  const issues = await issuesOf(ctx.db, event, terms);
  if (issues.length > 0) return refused('validation_failed', { issues });
  return inTx(ctx, async (tx) => {
    const [made] = await all(tx, insertCodes(eventId, [code], fieldsOf(terms), null));
    if (!made) return refused('promo_code_exists');
    await record(tx, { kind: 'promo_codes_made', eventId, data: { quantity: 1 } });
    return ok(promoView(made, event.currency, { orders: 0, tickets: 0 }));
  });
}

export type Bulk = TermsInput & {
  readonly count: number;
  readonly batch: string;
  readonly prefix?: string | undefined;
};

/** Many codes of the same terms, each for one order unless `maxUses` says otherwise. */
export async function createCodes(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  { count, batch, prefix, ...terms }: Bulk,
): Promise<Result<{ batch: string; codes: string[] }, Refused>> {
  const event = await ownEvent(ctx, actor, eventId);
  if (!event) return refused('not_found');
  const issues = await issuesOf(ctx.db, event, terms);
  if (issues.length > 0) return refused('validation_failed', { issues });
  const fields = fieldsOf({ ...terms, maxUses: terms.maxUses === undefined ? 1 : terms.maxUses });
  return inTx(ctx, async (tx) => {
    const codes: string[] = [];
    while (codes.length < count) {
      const wanted = Array.from({ length: count - codes.length }, () => chanceCode(ctx, prefix));
      // One that is there already, or twice among them, is made up again.
      const made = await all(tx, insertCodes(eventId, [...new Set(wanted)], fields, batch));
      codes.push(...made.map(({ code }) => code));
    }
    await record(tx, { kind: 'promo_codes_made', eventId, data: { quantity: count } });
    return ok({ batch, codes });
  });
}

function chanceCode(ctx: Ctx, prefix: string | undefined): string {
  const chance = [...ctx.ids.bytes(CODE_CHARS)].map((byte) => CODE_ALPHABET.charAt(byte & 31));
  return [...(prefix === undefined ? [] : [prefix]), chance.join('')].join('-');
}

/** What is given replaces all that was said of the code; a disabled one is in use again. */
export async function replaceCode(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  code: string,
  terms: TermsInput,
): Promise<Result<PromoView, Refused | RefusalOf<'max_uses_below_used'>>> {
  const event = await ownEvent(ctx, actor, eventId);
  if (!event) return refused('not_found');
  const issues = await issuesOf(ctx.db, event, terms);
  if (issues.length > 0) return refused('validation_failed', { issues });
  return inTx(ctx, async (tx) => {
    const changed = await maybe(tx, updateCode(eventId, code, fieldsOf(terms)));
    if (!changed) {
      const known = await maybe(tx, selectCode(eventId, code));
      return refused(known ? 'max_uses_below_used' : 'not_found');
    }
    await record(tx, { kind: 'promo_code_changed', eventId, data: {} });
    return ok(await withUses(tx, event, changed));
  });
}

/** Nobody uses it from now on; orders that have keep their prices. */
export async function endCode(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  code: string,
): Promise<Result<null, Refused>> {
  if (!(await ownEvent(ctx, actor, eventId))) return refused('not_found');
  return inTx(ctx, async (tx) => {
    const ended = await maybe(tx, disableCode(eventId, code, ctx.clock.now()));
    if (!ended) return refused('not_found');
    await record(tx, { kind: 'promo_code_disabled', eventId, data: {} });
    return ok(null);
  });
}

async function withUses(on: Queryable, event: EventRow, row: PromoCodeRow): Promise<PromoView> {
  const [view] = await viewsOf(on, event, [row]);
  return present(view, 'the view of a code');
}

async function viewsOf(
  on: Queryable,
  { eventId, currency }: EventRow,
  rows: readonly PromoCodeRow[],
): Promise<PromoView[]> {
  const codes = rows.map(({ code }) => code);
  const uses = new Map((await all(on, selectUses(eventId, codes))).map((use) => [use.code, use]));
  return rows.map((row) => {
    const { orders, tickets } = uses.get(row.code) ?? { orders: 0, tickets: 0 };
    return promoView(row, currency, { orders, tickets });
  });
}

export type CodesQuery = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly batch?: string | undefined;
};

type CodesPage = { readonly data: PromoView[]; readonly nextCursor: string | null };

/** A page of the event's codes, with how often each was used. */
export async function listCodes(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  query: CodesQuery,
): Promise<Result<CodesPage, Refused>> {
  const event = await ownEvent(ctx, actor, eventId);
  if (!event) return refused('not_found');
  const list = `promo codes of ${eventId} in ${query.batch ?? ''}`;
  const cursor = readCursor(ctx.secrets, list, query.cursor);
  if (!cursor.ok) return cursor;
  const after = cursor.value?.[0] ?? null;
  const found = await all(
    ctx.db,
    selectCodes(eventId, query.batch ?? null, after, query.limit + 1),
  );
  const page = toPage(ctx.secrets, list, found, query.limit, {
    view: (row) => row,
    key: (row) => [row.code],
  });
  return ok({ data: await viewsOf(ctx.db, event, page.data), nextCursor: page.nextCursor });
}

/** All of them as a table: code, batch, uses, how many there may be, whether it is disabled. */
export async function exportCodes(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  batch: string | undefined,
): Promise<Result<string, RefusalOf<'not_found'>>> {
  const event = await ownEvent(ctx, actor, eventId);
  if (!event) return refused('not_found');
  const found = await all(ctx.db, selectCodes(eventId, batch ?? null, null, EXPORTED_MAX));
  const lines = found.map((row) =>
    [
      row.code,
      quoted(row.batch ?? ''),
      row.used,
      row.maxUses ?? '',
      row.disabledAt !== null,
    ].join(),
  );
  return ok(`${['code,batch,used,maxUses,disabled', ...lines].join('\r\n')}\r\n`);
}

/** A batch is named by people: a leading sign that a table would compute with is defused. */
function quoted(cell: string): string {
  const plain = /^[=+@\t-]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
