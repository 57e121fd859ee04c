/**
 * What is read far more often than it changes, kept in memory. A value is given out as long as
 * nothing is known to have changed it and it is younger than `staleMaxMs`, which bounds what
 * other processes, and time itself, may have changed unheard. Many who ask at once share one
 * load; whoever asks after a change gets a load that began after it. Where changes never end,
 * there is one load in each `restMs`, and what was there before is given out meanwhile.
 */
export type FreshCache<K, V> = {
  readonly read: (key: K, load: () => Promise<V>) => Promise<V>;
  /** Something changed: what was read before is not given out any more. */
  readonly touch: (key: K) => void;
};

/** So many loads may be made at once; then one more in each rest. Few changes never meet a rest. */
const LOADS_SAVED_MAX = 8;

type Entry<V> = {
  /** Loads that may begin without a rest; grows by one in each. */
  saved: number;
  value: { readonly of: V; readonly beganAt: number } | null;
  touchedAt: number;
  loading: { readonly promise: Promise<V>; readonly beganAt: number } | null;
};

export function createFreshCache<K, V>(bounds: {
  readonly staleMaxMs: number;
  /** Under changes that never end, what is shown may be so much older; 0 unless said. */
  readonly restMs?: number;
  readonly entriesMax: number;
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs?: () => number;
}): FreshCache<K, V> {
  const { nowMs = () => performance.now(), restMs = 0 } = bounds;
  const entries = new Map<K, Entry<V>>();
  const entryOf = (key: K): Entry<V> => {
    const known = entries.get(key);
    if (known) {
      // What nobody has asked for the longest goes first.
      entries.delete(key);
      entries.set(key, known);
      return known;
    }
    for (const oldest of entries.keys()) {
      if (entries.size < bounds.entriesMax) break;
      entries.delete(oldest);
    }
    const entry: Entry<V> = {
      saved: LOADS_SAVED_MAX,
      value: null,
      touchedAt: Number.NEGATIVE_INFINITY,
      loading: null,
    };
    entries.set(key, entry);
    return entry;
  };
  return {
    read: async (key, load) => {
      const entry = entryOf(key);
      const { value } = entry;
      const ageMs = value === null ? Number.POSITIVE_INFINITY : nowMs() - value.beganAt;
      const isKnown =
        value !== null && value.beganAt > entry.touchedAt && ageMs < bounds.staleMaxMs;
      const saved = Math.min(LOADS_SAVED_MAX, entry.saved + (restMs > 0 ? ageMs / restMs : 1));
      const isResting = ageMs < restMs && saved < 1;
      if (value !== null && (isKnown || isResting)) return value.of;
      // One that began before the change may have missed it: the next one has not.
      while (entry.loading && entry.loading.beganAt <= entry.touchedAt) {
        await entry.loading.promise.catch(() => {});
      }
      if (!entry.loading) {
        entry.saved = saved - 1;
        entry.loading = start(entry, load, nowMs());
      }
      return entry.loading.promise;
    },
    touch: (key) => {
      const entry = entries.get(key);
      if (entry) entry.touchedAt = nowMs();
    },
  };
}

/** A cache for each owner (one process's context has one), made when it is first asked for. */
export function cachePerOwner<K, V>(
  bounds: Parameters<typeof createFreshCache>[0],
): (owner: object) => FreshCache<K, V> {
  const caches = new WeakMap<object, FreshCache<K, V>>();
  return (owner) => {
    const cache = caches.get(owner) ?? createFreshCache<K, V>(bounds);
    caches.set(owner, cache);
    return cache;
  };
}

function start<V>(
  entry: Entry<V>,
  load: () => Promise<V>,
  beganAt: number,
): { readonly promise: Promise<V>; readonly beganAt: number } {
  const promise = load().then(
    (of) => {
      entry.value = { of, beganAt };
      entry.loading = null;
      return of;
    },
    (error: unknown) => {
      entry.loading = null;
      throw error;
    },
  );
  return { promise, beganAt };
}
