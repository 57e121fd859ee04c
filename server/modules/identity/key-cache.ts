/**
 * Keys that opened something a moment ago, in the memory of this process, so that a key in use is
 * looked up twice a second and not at every request. What it may do is known to be so at most
 * KEY_STALE_MAX_MS after it changed elsewhere, and at once where this process changed it. Nothing
 * is kept of a key that opens nothing: who guesses fills no memory.
 */
import type { Key } from '../../kernel/actor.ts';

/** How long another process may still let a revoked key in. */
export const KEY_STALE_MAX_MS = 1_000;
/** From this age on a key is read again, beside the requests that it is used for. */
const KEY_REFRESH_MS = 500;
/** Keys in use at once; then the one kept longest is read again when it comes. */
const KEYS_MAX = 10_000;

export type KnownKey = { readonly key: Key; readonly expiresAt: Date | null };

type Kept = KnownKey & { readonly readAtMs: number };

export type KeyCache = {
  /** At once where it is known; null for a key that opens nothing. */
  readonly find: (hash: string, nowMs: number) => Key | Promise<Key | null>;
  readonly forgetAll: () => void;
  /** This one opens nothing any more; the others stay known. */
  readonly forget: (keyId: string) => void;
  readonly size: () => number;
};

/** `read` asks the database; `failed` hears of a reading that nobody waited for. */
export function createKeyCache(
  read: (hash: string) => Promise<KnownKey | null>,
  failed: (error: unknown) => void,
  keysMax = KEYS_MAX,
): KeyCache {
  const kept = new Map<string, Kept>();
  let reading = new Map<string, Promise<KnownKey | null>>();

  /** One reading for all who ask meanwhile. */
  const readOnce = (hash: string, nowMs: number): Promise<KnownKey | null> => {
    const begun = reading.get(hash);
    if (begun) return begun;
    const mine = reading;
    const found = read(hash)
      .then((known) => {
        // What was forgotten meanwhile must not come back.
        if (mine === reading) keep(hash, known, nowMs);
        return known;
      })
      .finally(() => mine.delete(hash));
    mine.set(hash, found);
    return found;
  };

  const keep = (hash: string, known: KnownKey | null, readAtMs: number) => {
    kept.delete(hash);
    if (!known) return;
    const [oldest] = kept.size >= keysMax ? kept.keys() : [];
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(hash, { ...known, readAtMs });
  };

  return {
    find: (hash, nowMs) => {
      const known = kept.get(hash);
      const ageMs = known ? nowMs - known.readAtMs : Number.POSITIVE_INFINITY;
      const isLapsed = known?.expiresAt != null && known.expiresAt.getTime() <= nowMs;
      // A clock that was put back makes nothing younger.
      if (!known || ageMs < 0 || ageMs >= KEY_STALE_MAX_MS || isLapsed) {
        return readOnce(hash, nowMs).then((found) => found?.key ?? null);
      }
      if (ageMs >= KEY_REFRESH_MS) readOnce(hash, nowMs).catch(failed);
      return known.key;
    },
    forgetAll: () => {
      kept.clear();
      reading = new Map();
    },
    forget: (keyId) => {
      for (const [hash, { key }] of kept) if (key.keyId === keyId) kept.delete(hash);
      // It may be among those that are being read.
      reading = new Map();
    },
    size: () => kept.size,
  };
}
