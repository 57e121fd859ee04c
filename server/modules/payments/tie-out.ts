/**
 * Once a day, and whenever it is asked for: our books against the provider's own, account by
 * account and object by object. What the provider took for itself is posted from there. What one of
 * the two does not have is listed with its age, and what we should have known is looked at: so a
 * dispute or a capture whose webhook was lost is found at the latest here.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, type Queryable, run } from '../../kernel/db.ts';
import { groupBy } from '../../kernel/group-by.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { present } from '../../kernel/result.ts';
import { defaultOrganizer } from '../identity/index.ts';
import { enqueueDisputes } from './disputes.ts';
import type { BalanceTransaction } from './provider.ts';
import { enqueueSettle } from './reconcile.ts';
import { type BookEntry, entryKindOf, type TieOut, tieOutDay } from './rules-tie-out.ts';
import {
  callPostFees,
  selectAccounts,
  selectByIntents,
  selectEntries,
  selectEntriesOfDay,
  selectOwner,
  selectUnderWay,
  type TieOutRow,
  upsertDay,
  upsertTieOut,
} from './tie-out.sql.ts';

const DAY_MS = 86_400_000;
const ENTRIES_AT_ONCE = 10_000;
/** Of an account in three days. */
const LINES_MAX = 1_000_000;
/** Kept with the row; all are counted. */
const ITEMS_KEPT = 1_000;

/** The provider did not show its books; nothing is known about the day. */
export class BooksUnread extends Error {
  override readonly name = 'BooksUnread';
  constructor(message: string) {
    super(`The provider’s books could not be read: ${message}`);
  }
}

type Payment = ReturnType<ReturnType<typeof selectByIntents>['decode']>;

/**
 * Ties out one day of every account; what it found, account by account. Throws `BooksUnread` where
 * one of them could not be read, after all the others.
 */
export async function tieOut(ctx: Ctx, day: string): Promise<readonly TieOutRow[]> {
  const now = await readNow(ctx.db, ctx.clock);
  const found: TieOutRow[] = [];
  let unread: BooksUnread | undefined;
  for (const account of await accountsOf(ctx, ctx.db, day)) {
    const of = dayOf(account, day, now);
    try {
      found.push(...(await tieOutAccount(ctx, of, await readLines(ctx, of))));
    } catch (error) {
      if (!(error instanceof BooksUnread)) throw error;
      unread ??= error;
    }
  }
  if (unread) throw unread;
  await endDay(ctx.db, day, now);
  return found;
}

/** The accounts in which anything can have happened on that day. */
export async function accountsOf(
  ctx: Ctx,
  on: Queryable,
  day: string,
): Promise<readonly (string | null)[]> {
  const { from, to } = boundsOf(day);
  const found = await all(on, selectAccounts(from, to, ctx.ports.payments.livemode));
  return found.map(({ account }) => account);
}

/** Its accounts are seen to. A day that is not over is tied out again when it is. */
export async function endDay(on: Queryable, day: string, now: Date): Promise<void> {
  if (boundsOf(day).to <= now) await run(on, upsertDay(day, now));
}

/** One day of one account. */
export type AccountDay = {
  readonly account: string | null;
  readonly day: string;
  readonly from: Date;
  readonly to: Date;
  readonly now: Date;
};

function boundsOf(day: string) {
  const from = new Date(`${day}T00:00:00Z`);
  return { from, to: new Date(from.getTime() + DAY_MS) };
}

export function dayOf(account: string | null, day: string, now: Date): AccountDay {
  return { account, day, now, ...boundsOf(day) };
}

/** `lines`: the provider's, of the day and of the days around it. */
export async function tieOutAccount(
  ctx: Ctx,
  of: AccountDay,
  lines: readonly BalanceTransaction[],
): Promise<readonly TieOutRow[]> {
  const { account, day, from, to, now } = of;
  const ofDay = lines.filter((line) => line.createdAt >= from && line.createdAt < to);
  const intentIds = [...new Set(ofDay.flatMap(({ intentId }) => intentId ?? []))];
  const payments = new Map<string, Payment>();
  for (const payment of await all(ctx.db, selectByIntents(intentIds, account))) {
    payments.set(payment.intentId, payment);
  }
  await postFees(ctx, ofDay, payments);
  const owner = await ownerOfAccount(ctx, account);
  const entries = await readEntries(ctx, of, ofDay, payments);
  const results = tieOutDay({
    ...{ from, to, now, entries, lines },
    ownerOf: ({ intentId }) => payments.get(intentId ?? '')?.organizerId ?? owner,
    underWay: await readUnderWay(ctx, [...payments.values()]),
  });
  await lookAtMissing(ctx, results, payments);
  const found: TieOutRow[] = [];
  for (const { items, ...result } of results) {
    const isEven = items.length === 0;
    const isPending = items.every(({ state }) => state === 'pending');
    const row = {
      ...result,
      ...{ account: account ?? '', day, madeAt: now, unmatched: items.length },
      outcome: isEven ? 'even' : isPending ? 'pending' : 'differs',
    } as const;
    await run(ctx.db, upsertTieOut(row, JSON.stringify(items.slice(0, ITEMS_KEPT))));
    if (row.outcome === 'differs') ctx.log.error({ ...row }, 'the books differ from the provider');
    found.push(row);
  }
  return found;
}

async function readLines(ctx: Ctx, of: AccountDay): Promise<BalanceTransaction[]> {
  const lines: BalanceTransaction[] = [];
  for (let after: string | null = null; ; ) {
    const page = await readPage(ctx, of, after);
    lines.push(...page.rows);
    refuseTooMany(lines.length);
    if (page.last === null) return lines;
    after = page.last;
  }
}

/** Beyond it somebody has to ask what that account is. */
export function refuseTooMany(lines: number): void {
  if (lines > LINES_MAX) throw new Error(`more than ${LINES_MAX} lines in three days`);
}

/**
 * A page of the provider's lines of the day, and of the days around it: midnight is not the same
 * moment for both. `last`: after which there are more.
 */
export async function readPage(
  ctx: Ctx,
  { account, from, to }: AccountDay,
  after: string | null,
): Promise<{ readonly rows: readonly BalanceTransaction[]; readonly last: string | null }> {
  const page = await ctx.ports.payments.of(account).balanceTransactions({
    createdFrom: new Date(from.getTime() - DAY_MS),
    createdTo: new Date(to.getTime() + DAY_MS),
    after,
  });
  // Half a list proves nothing.
  if (page.kind !== 'ok') throw new BooksUnread(page.message);
  const { rows, hasMore } = page.value;
  return { rows, last: hasMore ? (rows.at(-1)?.id ?? null) : null };
}

/** Ours of the day, and those of any time that the provider's lines of the day answer to. */
async function readEntries(
  ctx: Ctx,
  { account, from, to }: AccountDay,
  lines: readonly BalanceTransaction[],
  payments: ReadonlyMap<string, Payment>,
): Promise<readonly BookEntry[]> {
  const found = new Map<string, BookEntry>();
  const add = (entries: readonly BookEntry[]) => {
    for (const entry of entries) found.set(`${entry.eventId} ${entry.kind} ${entry.source}`, entry);
  };
  let slice = await all(ctx.db, selectEntriesOfDay({ account, from, to }, null, ENTRIES_AT_ONCE));
  while (slice.length > 0) {
    add(slice);
    const after = present(slice.at(-1), 'the last of a slice');
    slice = await all(ctx.db, selectEntriesOfDay({ account, from, to }, after, ENTRIES_AT_ONCE));
  }
  const keys = lines.flatMap((line) => {
    const payment = payments.get(line.intentId ?? '');
    const kind = entryKindOf(line.kind);
    const source = kind === 'capture' ? payment?.paymentId : line.sourceId;
    return payment && kind && source ? [{ eventId: payment.eventId, kind, source }] : [];
  });
  for (let at = 0; at < keys.length; at += ENTRIES_AT_ONCE) {
    const some = keys.slice(at, at + ENTRIES_AT_ONCE);
    const [eventIds, kinds, sources] = [
      some.map(({ eventId }) => eventId),
      some.map(({ kind }) => kind),
      some.map(({ source }) => source),
    ];
    add(await all(ctx.db, selectEntries({ eventIds, kinds, sources })));
  }
  return [...found.values()];
}

/** One call for each event: an entry belongs to one, and so does its transaction. */
async function postFees(
  ctx: Ctx,
  lines: readonly BalanceTransaction[],
  payments: ReadonlyMap<string, Payment>,
): Promise<void> {
  const fees = lines.flatMap(({ id, feeMinor, currency, createdAt, intentId }) => {
    const payment = payments.get(intentId ?? '');
    if (!payment || feeMinor === 0) return [];
    return [{ ...payment, transactionId: id, feeMinor, currency, at: createdAt }];
  });
  for (const [eventId, own] of groupBy(fees, (fee) => fee.eventId)) {
    await run(ctx.db, callPostFees(eventId, JSON.stringify(own)));
  }
}

async function readUnderWay(ctx: Ctx, payments: readonly Payment[]): Promise<ReadonlySet<string>> {
  const eventIds = payments.map(({ eventId }) => eventId);
  const paymentIds = payments.map(({ paymentId }) => paymentId);
  const found = await all(ctx.db, selectUnderWay({ eventIds, paymentIds }));
  return new Set(found.map(({ providerId }) => providerId));
}

/** Whose money it is where a line names no payment of ours. */
async function ownerOfAccount(ctx: Ctx, account: string | null): Promise<OrganizerId> {
  const set = await maybe(ctx.db, selectOwner(account, ctx.ports.payments.livemode));
  return set?.organizerId ?? present(await defaultOrganizer(ctx.db), 'the default organizer');
}

/** The provider knows what we do not: its webhook was lost. */
async function lookAtMissing(
  ctx: Ctx,
  results: readonly TieOut[],
  payments: ReadonlyMap<string, Payment>,
): Promise<void> {
  for (const item of results.flatMap(({ items }) => items)) {
    const payment = payments.get(item.intentId ?? '');
    if (item.side !== 'provider' || !payment) continue;
    if (item.kind.startsWith('dispute')) await enqueueDisputes(ctx.db, payment);
    else if (!payment.isCaptured) await enqueueSettle(ctx.db, payment);
  }
  ctx.wakeJobs();
}
