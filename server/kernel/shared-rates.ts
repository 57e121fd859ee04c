/**
 * Rate limits of several processes: each counts what it is asked, decides at once by what it knows,
 * and tells the others several times a second. What they have counted since is added to its own
 * windows. Where nobody answers, what is known here is what counts.
 */
import type { Told, Used } from './http-rates.ts';
import type { Shared } from './shared.ts';

/** How late what others have counted is known. */
const TELL_MS = 200;

export type SharedRates = {
  /** For each request, beside counting it here. */
  readonly counted: (name: string, used: Used) => void;
  /** Tells now; for tests. */
  readonly tell: () => Promise<void>;
  readonly stop: () => void;
};

export function shareRates(shared: Shared, windowMs: number): SharedRates {
  const untold = new Map<string, Used>();
  let telling: Promise<void> | undefined;
  const exchange = async (): Promise<void> => {
    const asked = [...untold].map(([name, used]) => ({ name, used, by: used.untold }));
    untold.clear();
    for (const { used } of asked) used.untold = 0;
    if (asked.length === 0) return;
    const sums = await shared.addUp(asked, windowMs);
    for (const [i, { used, by }] of asked.entries()) {
      const sum = sums?.[i];
      const { told } = used;
      // An answer that came too late says nothing, and its question has been counted.
      told.unanswered += by;
      if (sum === undefined) continue;
      used.count += countedElsewhere(told, sum, by);
      told.seen = sum;
      told.unanswered = 0;
    }
  };
  const tell = (): Promise<void> => {
    telling ??= exchange().finally(() => {
      telling = undefined;
    });
    return telling;
  };
  const timer = shared.isAlone ? undefined : setInterval(tell, TELL_MS).unref();
  return {
    counted: (name, used) => {
      if (shared.isAlone) return;
      used.untold += 1;
      untold.set(name, used);
    },
    tell,
    stop: () => clearInterval(timer),
  };
}

/** A sum that has become smaller began anew: its window was over, or somebody has emptied Redis. */
function countedElsewhere({ seen, unanswered }: Told, sum: number, by: number): number {
  const since = seen === null || sum < seen + by ? sum : sum - seen;
  return Math.max(0, since - unanswered);
}
