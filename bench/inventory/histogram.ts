/**
 * Latencies in buckets: exact below 128 µs, then 64 buckets for each doubling, so that a percentile
 * is at most 1.6 % too high. A plain typed array: it crosses between threads as it is.
 */
const EXACT = 128;
const PER_DOUBLING = 64;
/** 2^31 µs is 36 minutes; nothing here waits longer. */
const DOUBLINGS = 24;

export type Histogram = Uint32Array;

export function newHistogram(): Histogram {
  return new Uint32Array(EXACT + DOUBLINGS * PER_DOUBLING);
}

export function note(histogram: Histogram, ms: number): void {
  const micros = Math.min(Math.max(0, Math.round(ms * 1_000)), 0x7fff_ffff);
  const at = bucketOf(micros);
  histogram[at] = (histogram[at] ?? 0) + 1;
}

function bucketOf(micros: number): number {
  if (micros < EXACT) return micros;
  const doubling = 31 - Math.clz32(micros);
  const within = (micros >> (doubling - 6)) - PER_DOUBLING;
  return EXACT + (doubling - 7) * PER_DOUBLING + within;
}

/** The largest value of a bucket, in microseconds. */
function topOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const doubling = Math.floor((bucket - EXACT) / PER_DOUBLING) + 7;
  const within = (bucket - EXACT) % PER_DOUBLING;
  return (within + PER_DOUBLING + 1) * 2 ** (doubling - 6) - 1;
}

/** Milliseconds below which a share of the values lies; NaN without values. */
export function percentile(histogram: Histogram, share: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return Number.NaN;
  let left = Math.ceil(total * share);
  for (let bucket = 0; bucket < histogram.length; bucket += 1) {
    left -= histogram[bucket] ?? 0;
    if (left <= 0) return topOf(bucket) / 1_000;
  }
  return Number.NaN;
}
