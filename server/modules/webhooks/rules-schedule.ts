/** When something is sent again, and when no more: the schedule of Standard Webhooks. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Seconds from a failure to the next attempt; the first attempt is made at once. */
export const WAITS_SECONDS: readonly number[] = [
  5,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
/** A wait is longer by up to this part of itself, so that what failed together comes apart. */
const JITTER = 0.1;
const RETRY_AFTER_MAX_SECONDS = 24 * HOUR;
/** An endpoint that asks for less, or fails so often in a row, is left alone for a while. */
const QUIET_FROM_FAILURES = 5;
const QUIET_BASE_SECONDS = 5;
const QUIET_MAX_SECONDS = 5 * MINUTE;
const QUIET_ASKED_MAX_SECONDS = HOUR;

const GONE = 410;
/** Answers that say: slower. */
const SLOW_DOWN = new Set([429, 502, 503, 504]);

export const isDelivered = (statusCode: number | null): boolean =>
  statusCode !== null && statusCode >= 200 && statusCode < 300;

export const isGone = (statusCode: number | null): boolean => statusCode === GONE;

/** Seconds that `Retry-After` asks for: a number of them, or a date; null where it says nothing. */
export function retryAfterSeconds(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim());
  const at = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now.getTime()) / 1_000));
}

/**
 * Seconds until the next attempt after `failed` have failed; null: that was the last. `chance` is
 * between 0 and 1.
 */
export function nextWaitSeconds(
  failed: number,
  askedSeconds: number | null,
  chance: number,
): number | null {
  const wait = WAITS_SECONDS[failed - 1];
  if (wait === undefined) return null;
  const asked = Math.min(askedSeconds ?? 0, RETRY_AFTER_MAX_SECONDS);
  return Math.max(wait * (1 + JITTER * chance), asked);
}

/** How long the whole endpoint is left alone after a failure, the last of `inARow`. */
export function quietSeconds(
  statusCode: number | null,
  askedSeconds: number | null,
  inARow: number,
): number {
  const isAsked = statusCode !== null && SLOW_DOWN.has(statusCode);
  const asked = isAsked ? Math.min(askedSeconds ?? QUIET_BASE_SECONDS, QUIET_ASKED_MAX_SECONDS) : 0;
  if (inARow < QUIET_FROM_FAILURES) return asked;
  const doubled = QUIET_BASE_SECONDS * 2 ** Math.min(10, inARow - QUIET_FROM_FAILURES);
  return Math.max(asked, Math.min(doubled, QUIET_MAX_SECONDS));
}
