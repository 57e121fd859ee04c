/** What is stopped, in the memory of a process: what it was told, has read, what a file says. */
export type Stop = {
  /** `all`, the id of an organizer, or the id of an event. */
  readonly scope: StopScope;
  readonly since: Date;
  /** Who said so: an id, or `file`. */
  readonly actor: string;
  readonly reason: string | null;
};

export type StopScope = string;

export type StopBoard = {
  readonly inForce: (scope: StopScope) => Stop | null;
  readonly list: () => readonly Stop[];
  /** In force at once; the one that is in force already stays. */
  readonly stop: (stop: Stop) => Stop;
  readonly resume: (scope: StopScope) => void;
  /** What was said here and is not stored yet; null lifts the stop. */
  readonly unstored: () => readonly (readonly [StopScope, Stop | null])[];
  readonly wasStored: (scope: StopScope, wanted: Stop | null) => void;
  /** Counts what was said and stored here: what was read before does not count. */
  readonly changes: () => number;
  readonly wasRead: (stops: readonly Stop[], changesBefore: number) => void;
  readonly wasFiled: (stops: readonly Stop[]) => void;
};

const byScope = (stops: readonly Stop[]) => new Map(stops.map((stop) => [stop.scope, stop]));

export function createStopBoard(): StopBoard {
  let stored = byScope([]);
  let filed = byScope([]);
  const said = new Map<StopScope, Stop | null>();
  let changes = 0;
  const called = (scope: StopScope): Stop | null => {
    const own = said.get(scope);
    return own === undefined ? (stored.get(scope) ?? null) : own;
  };
  const inForce = (scope: StopScope) => filed.get(scope) ?? called(scope);
  const say = (scope: StopScope, wanted: Stop | null) => {
    changes += 1;
    said.set(scope, wanted);
  };
  return {
    inForce,
    list: () =>
      [...new Set([...filed.keys(), ...stored.keys(), ...said.keys()])].flatMap(
        (scope) => inForce(scope) ?? [],
      ),
    stop: (stop) => {
      const before = called(stop.scope);
      if (before) return before;
      say(stop.scope, stop);
      return stop;
    },
    // Also where nothing is known of it here: another process may have stopped it just now.
    resume: (scope) => say(scope, null),
    unstored: () => [...said],
    wasStored: (scope, wanted) => {
      changes += 1;
      const next = new Map(stored);
      if (wanted === null) next.delete(scope);
      else next.set(scope, wanted);
      stored = next;
      // Not where the contrary was said meanwhile.
      if (said.get(scope) === wanted) said.delete(scope);
    },
    changes: () => changes,
    wasRead: (stops, changesBefore) => {
      if (changesBefore === changes) stored = byScope(stops);
    },
    wasFiled: (stops) => {
      filed = byScope(stops);
    },
  };
}
