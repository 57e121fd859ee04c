/**
 * How fast refunds go out. A cancelled event owes tens of thousands of them at once, and a provider
 * answers only so many calls a second, of all that an account asks. So the jobs of a mass refund
 * are laid out over the time that they will take, and others' work is not behind them; and where
 * many are due together all the same (after a stop of the server), each that is too many waits.
 */
import type { Ctx } from '../../kernel/context.ts';

/** Half of what Stripe allows an account in live mode: buyers who pay need the rest. */
const SUBMISSIONS_PER_SECOND = 50;
/** So many may go out at once after a rest. */
const SUBMISSIONS_AT_ONCE = 100;
const ACCOUNTS_MAX = 10_000;

export type Pace = {
  /** Takes the next place in the row; the seconds until its time has come. */
  readonly reserve: (account: string) => number;
  /** Seconds to wait before asking again; 0: go, and this one is counted. */
  readonly admit: (account: string) => number;
};

/** `nowMs` is of a steady clock. */
export function createPace(
  perSecond = SUBMISSIONS_PER_SECOND,
  atOnce = SUBMISSIONS_AT_ONCE,
  nowMs = () => performance.now(),
): Pace {
  const everyMs = 1_000 / perSecond;
  /** When the row of an account ends. */
  const ends = new Map<string, number>();
  const waitOf = (account: string) => {
    const end = Math.max(ends.get(account) ?? 0, nowMs());
    return { end, waitMs: end - nowMs() - (atOnce - 1) * everyMs };
  };
  const take = (account: string, end: number) => {
    // The one that was used longest ago is let go: it has had its rest.
    ends.delete(account);
    for (const oldest of ends.keys()) {
      if (ends.size < ACCOUNTS_MAX) break;
      ends.delete(oldest);
    }
    ends.set(account, end + everyMs);
  };
  return {
    reserve: (account) => {
      const { end, waitMs } = waitOf(account);
      take(account, end);
      return Math.max(0, waitMs) / 1_000;
    },
    admit: (account) => {
      const { end, waitMs } = waitOf(account);
      if (waitMs > 0) return Math.ceil(waitMs / 1_000);
      take(account, end);
      return 0;
    },
  };
}

type Paces = { readonly layOut: Pace; readonly submit: Pace };

/** Of each process; the lanes are its one object that lives as long as it does. */
const known = new WeakMap<Ctx['lanes'], Paces>();

export function pacesOf(ctx: Ctx): Paces {
  const found = known.get(ctx.lanes) ?? { layOut: createPace(), submit: createPace() };
  known.set(ctx.lanes, found);
  return found;
}
