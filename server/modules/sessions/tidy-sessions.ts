import { eachOf } from '../../kernel/concurrent.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, isAway, one, run } from '../../kernel/db.ts';
import type { SessionId } from '../../kernel/ids.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import { followSession } from './find-session.ts';
import { countOpenSessions, deleteSession, lookLater, selectDueSessions } from './session.sql.ts';

const AT_ONCE = 500;
const TOGETHER = 10;
const EVERY_MS = 5_000;

/**
 * Sessions whose time is over: what they are is written down, and after some days they are deleted
 * with what they know of people (the order, where there is one, has its own copy). Also counts
 * those that go on.
 */
async function tidySessions(ctx: Ctx): Promise<void> {
  const due = await all(ctx.db, selectDueSessions(ctx.clock.now(), AT_ONCE));
  await eachOf(due, TOGETHER, ({ sessionId }) => tidy(ctx, sessionId));
  const { open } = await one(ctx.db, countOpenSessions(ctx.clock.now()));
  ctx.metrics.openSessions.set(open);
}

async function tidy(ctx: Ctx, sessionId: SessionId): Promise<void> {
  try {
    const session = await followSession(ctx, sessionId);
    if (!session) return;
    const { row, standing } = session;
    const hasEnded = standing.status !== 'open' && standing.status !== 'purchasing';
    if (hasEnded && row.isOld) await run(ctx.db, deleteSession(row));
    else await run(ctx.db, lookLater(row, hasEnded, ctx.clock.now()));
  } catch (error) {
    // Nothing else can be done either while the database is away.
    if (isAway(error)) throw error;
    ctx.log.error({ err: error, sessionId }, 'a shopping session could not be tidied');
  }
}

export const sessionRecurring: Recurring = {
  name: 'sessions',
  everyMs: EVERY_MS,
  run: tidySessions,
};
