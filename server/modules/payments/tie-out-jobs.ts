/**
 * The tie-out by itself: a job for each day makes one for each account, so that an account that
 * cannot be read keeps no other one back. Each reads a few pages at a time and is taken again for
 * the rest: a job has its lease for a minute only, and the books of a great day take longer.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, one, type Queryable, run } from '../../kernel/db.ts';
import {
  enqueue,
  type Job,
  type JobHandler,
  NotYet,
  type Recurring,
  renewLease,
} from '../../kernel/jobs.ts';
import { inTxOrNotNow } from '../../kernel/not-now.ts';
import { readNow } from '../../kernel/now.ts';

import type { BalanceTransaction } from './provider.ts';
import {
  countDifferences,
  countPages,
  deletePages,
  insertPage,
  selectDueDays,
  selectPages,
  selectUneven,
} from './tie-out.sql.ts';
import {
  type AccountDay,
  accountsOf,
  BooksUnread,
  dayOf,
  endDay,
  readPage,
  refuseTooMany,
  tieOutAccount,
} from './tie-out.ts';

const TIE_OUT_JOB = 'tie_out';
const ACCOUNT_JOB = 'tie_out_account';
/** After midnight, and between two looks at a day that is not even. */
const REST_SECONDS = 3_600;
const BACK_DAYS = 14;
const RECURRING_MS = 600_000;
const PAGES_AT_ONCE = 20;
/** Somebody else is at it by now, or the provider does not answer: what was read is kept. */
const AGAIN_SECONDS = 60;

type AccountJob = { readonly day: string; readonly account: string | null };

/** `onlyIfMissing`: one that is parked waits for a person. */
export async function enqueueTieOut(
  on: Queryable,
  day: string,
  onlyIfMissing = false,
): Promise<void> {
  await enqueue(on, { kind: TIE_OUT_JOB, key: day, data: { day }, onlyIfMissing });
}

async function enqueueAccount(
  on: Queryable,
  data: AccountJob,
  onlyIfMissing = false,
): Promise<void> {
  const key = `${data.day} ${data.account ?? ''}`;
  await enqueue(on, { kind: ACCOUNT_JOB, key, data, onlyIfMissing });
}

export const tieOutJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: TIE_OUT_JOB,
  handler: async (ctx, job) => {
    // Written above.
    const { day } = job.data as { readonly day: string };
    await inTxOrNotNow({ ...ctx, once: null }, async (tx) => {
      for (const account of await accountsOf(ctx, tx, day)) {
        await enqueueAccount(tx, { day, account });
      }
      // Each has its job from here on.
      await endDay(tx, day, await readNow(tx, ctx.clock));
    });
    ctx.wakeJobs();
  },
};

export const tieOutAccountJob: { readonly kind: string; readonly handler: JobHandler } = {
  kind: ACCOUNT_JOB,
  handler: async (ctx, job) => {
    // Written above.
    const { day, account } = job.data as AccountJob;
    const of = dayOf(account, day, await readNow(ctx.db, ctx.clock));
    const lines = await readOn(ctx, job, of);
    if (lines === null) throw new NotYet(0);
    await keepLease(ctx, job);
    await tieOutAccount(ctx, of, lines);
    await run(ctx.db, deletePages(of, null));
  },
};

/** Two that read the same account would take each other's pages away. */
async function keepLease(ctx: Ctx, job: Job): Promise<void> {
  if (!(await renewLease(ctx.db, job))) throw new NotYet(AGAIN_SECONDS);
}

/** Goes on after the pages that were read before; null where there are more than one run reads. */
async function readOn(
  ctx: Ctx,
  job: Job,
  of: AccountDay,
): Promise<readonly BalanceTransaction[] | null> {
  // What was read long ago is not what there is now.
  await run(ctx.db, deletePages(of, REST_SECONDS));
  let { pages, lines, after } = await one(ctx.db, countPages(of));
  for (let read = 0; read < PAGES_AT_ONCE; read += 1) {
    await keepLease(ctx, job);
    const { rows, last } = await readPage(ctx, of, after).catch((error: unknown) => {
      // A run that comes on a little is none that fails.
      throw error instanceof BooksUnread && read > 0 ? new NotYet(AGAIN_SECONDS) : error;
    });
    await keepLease(ctx, job);
    lines += rows.length;
    refuseTooMany(lines);
    if (rows.length > 0) await run(ctx.db, insertPage(of, pages, JSON.stringify(rows)));
    if (last === null) return (await all(ctx.db, selectPages(of))).flatMap((page) => page.lines);
    pages += 1;
    after = last;
  }
  return null;
}

export const tieOutRecurring: Recurring = {
  name: 'tie_out',
  everyMs: RECURRING_MS,
  run: async (ctx) => {
    const now = ctx.clock.now();
    for (const { day } of await all(ctx.db, selectDueDays(now, REST_SECONDS, BACK_DAYS))) {
      await enqueueTieOut(ctx.db, day, true);
    }
    for (const uneven of await all(ctx.db, selectUneven(now, REST_SECONDS, BACK_DAYS))) {
      await enqueueAccount(ctx.db, uneven, true);
    }
    const { differences } = await one(ctx.db, countDifferences());
    ctx.metrics.tieOutDifferences.set(differences);
  },
};
