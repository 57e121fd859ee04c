/**
 * Chance from a seed. Every planned thing has a sequence of its own, named by numbers, so that a
 * draw more or less in one place shifts nothing anywhere else.
 */
export type Chance = {
  /** From 0 to below 1. */
  readonly next: () => number;
  /** A whole number from 0 to below `below`. */
  readonly int: (below: number) => number;
  /** True with this probability. */
  readonly hit: (probability: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
  /** An index, as often as its weight says. */
  readonly weighted: (weights: readonly number[]) => number;
};

/** mulberry32 over a hash of the names: small, and even enough for choosing work. */
export function chance(...names: readonly number[]): Chance {
  let state = names.reduce((mixed, name) => mix(mixed ^ mix(name >>> 0)), 0x9e3779b9);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  return {
    next,
    int,
    hit: (probability) => next() < probability,
    pick: (list) => {
      const chosen = list[int(list.length)];
      if (chosen === undefined) throw new Error('nothing to pick from');
      return chosen;
    },
    weighted: (weights) => {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      for (const [i, weight] of weights.entries()) {
        left -= weight;
        if (left < 0) return i;
      }
      return weights.length - 1;
    },
  };
}

/** The finaliser of MurmurHash3. */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A short name of many values, to tell two plans apart. */
export function digest(values: Iterable<number>): string {
  let h = 0x811c9dc5;
  for (const value of values) h = mix(h ^ mix(value | 0));
  return h.toString(16).padStart(8, '0');
}
