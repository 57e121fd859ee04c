/**
 * One clock: the database's. Statements that depend on time take the value of `now()` as a
 * parameter: null in production, where SQL reads `clock_timestamp()` itself, after its locks;
 * an instant where a test or the sandbox's test clock moves time.
 */
export type Clock = { readonly now: () => Date | null };

export const databaseClock: Clock = { now: () => null };

/** A clock that stands where it is put; for tests and the sandbox. */
export type TestClock = Clock & {
  /** Milliseconds added to real time; 0 gives the real time, not null. */
  offsetMs: () => number;
  advance: (byMs: number) => void;
};

export function testClock(initialOffsetMs = 0): TestClock {
  let offsetMs = initialOffsetMs;
  return {
    now: () => (offsetMs === 0 ? null : new Date(Date.now() + offsetMs)),
    offsetMs: () => offsetMs,
    advance: (byMs) => {
      offsetMs += byMs;
    },
  };
}
