import { run } from '../../kernel/db.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import { deleteOldSignIns } from './sign-in.sql.ts';

const EVERY_MS = 60_000;
const AT_ONCE = 5_000;

/** Attempts are kept as long as they are counted. */
export const forgetSignInsRecurring: Recurring = {
  name: 'forget_sign_ins',
  everyMs: EVERY_MS,
  run: async (ctx) => {
    while ((await run(ctx.db, deleteOldSignIns(ctx.clock.now(), AT_ONCE))) > 0);
  },
};
