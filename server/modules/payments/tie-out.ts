/**
 * Once a day, and whenever it is asked for: our books against the provider's own, account by
 * account and object by object. What the provider took for itself is posted from there. What one of
 * the two does not have is listed with its age, and what we should have known is looked at: so a
 * dispute or a capture whose webhook was lost is found at the latest here.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, one, run } from '../../kernel/db.ts';
import { groupBy } from '../../kernel/group-by.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, type Recurring } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import { present } from '../../kernel/result.ts';
import { defaultOrganizer } from '../identity/index.ts';
import { enqueueDisputes } from './disputes.ts';
import type { BalanceTransaction } from './provider.ts';
import { enqueueSettle } from './reconcile.ts';
import { type BookEntry, entryKindOf, type TieOut, tieOutDay } from './rules-tie-out.ts';
import {
  callPostFees,
  countDifferences,
  selectAccounts,
  selectByIntents,
  selectDueDays,
  selectEntries,
  selectEntriesOfDay,
  selectOwner,
  selectUnderWay,
  type TieOutRow,
  upsertDay,
  upsertTieOut,
} from './tie-out.sql.ts';

export const TIE_OUT_JOB = 'tie_out';
const DAY_MS = 86_400_000;
/** After midnight, and between two looks at a day that is not even. */
const REST_SECONDS = 3_600;
const BACK_DAYS = 14;
const RECURRING_MS = 600_000;
const ENTRIES_AT_ONCE = 10_000;
/** Of an account in three days; beyond it somebody has to ask what that account is. */
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

/** Ties out one day of every account; what it found, account by account. */
export async function tieOut(ctx: Ctx, day: string): Promise<readonly TieOutRow[]> {
  const from = new Date(`${day}T00:00:00Z`);
  const to = new Date(from.getTime() + DAY_MS);
  const now = await readNow(ctx.db, ctx.clock);
  const { livemode } = ctx.ports.payments;
  const found: TieOutRow[] = [];
  for (const { account } of await all(ctx.db, selectAccounts(from, to, livemode))) {
    found.push(...(await tieOutAccount(ctx, { account, day, from, to, now })));
  }
  // A day that is not over is tied out again when it is.
  if (to <= now) await run(ctx.db, upsertDay(day, now));
  return found;
}

type Day = {
  readonly account: string | null;
  readonly day: string;
  readonly from: Date;
  readonly to: Date;
  readonly now: Date;
};

async function tieOutAccount(ctx: Ctx, of: Day): Promise<readonly TieOutRow[]> {
  const { account, day, from, to, now } = of;
  const lines = await readLines(ctx, of);
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

/** The provider's lines of the day, and of the days around it: midnight is not the same moment. */
async function readLines(ctx: Ctx, { account, from, to }: Day): Promise<BalanceTransaction[]> {
  const provider = ctx.ports.payments.of(account);
  const window = {
    createdFrom: new Date(from.getTime() - DAY_MS),
    createdTo: new Date(to.getTime() + DAY_MS),
  };
  const lines: BalanceTransaction[] = [];
  for (let after: string | null = null; ; ) {
    const page = await provider.balanceTransactions({ ...window, after });
    // The job comes again: half a list proves nothing.
    if (page.kind !== 'ok') throw new BooksUnread(page.message);
    lines.push(...page.value.rows);
    if (lines.length > LINES_MAX) throw new Error(`more than ${LINES_MAX} lines in three days`);
    const last = page.value.rows.at(-1);
    if (!last || !page.value.hasMore) return lines;
    after = last.id;
  }
}

/** Ours of the day, and those of any time that the provider's lines of the day answer to. */
async function readEntries(
  ctx: Ctx,
  { account, from, to }: Day,
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

export const tieOutJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: TIE_OUT_JOB,
  handler: async (ctx, job) => {
    // Written below, and by the route.
    await tieOut(ctx, (job.data as { day: string }).day);
  },
};

export const tieOutRecurring: Recurring = {
  name: 'tie_out',
  everyMs: RECURRING_MS,
  run: async (ctx) => {
    for (const { day } of await all(
      ctx.db,
      selectDueDays(ctx.clock.now(), REST_SECONDS, BACK_DAYS),
    )) {
      await enqueue(ctx.db, { kind: TIE_OUT_JOB, key: day, data: { day }, onlyIfMissing: true });
    }
    const { differences } = await one(ctx.db, countDifferences());
    ctx.metrics.tieOutDifferences.set(differences);
  },
};
