/** Callers in this process: no sockets, no HTTP, the door of the engine alone. Closed load. */
import { count, newTally, type Outcome, type Tally } from './tally.ts';

export type InsideLoad = {
  readonly callers: number;
  readonly seconds: number;
  /** Ends earlier after so many; null for as many as there is time for. */
  readonly requests: number | null;
  readonly act: (n: number) => Promise<Outcome>;
};

export async function callInside(load: InsideLoad): Promise<Tally> {
  const tally = newTally();
  const startedAt = performance.now();
  const endsAt = startedAt + load.seconds * 1_000;
  const most = load.requests ?? Number.POSITIVE_INFINITY;
  let next = 0;
  const caller = async () => {
    for (;;) {
      const dueAt = performance.now();
      if (dueAt >= endsAt || next >= most) return;
      next += 1;
      const outcome = await load.act(next - 1);
      count(tally, outcome, { startedAt, dueAt, now: performance.now() });
    }
  };
  await Promise.all(Array.from({ length: load.callers }, caller));
  tally.seconds = (performance.now() - startedAt) / 1_000;
  return tally;
}
