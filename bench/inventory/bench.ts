/** What every section gets: the databases, how much to do, and where to write. */
import type { Databases } from './databases.ts';
import type { Redis } from './redis.ts';
import type { Report } from './report.ts';

export type Options = {
  /** Names of sections; empty for all. */
  readonly only: readonly string[];
  /** Times and counts are multiplied by it. */
  readonly scale: number;
  /** Tiny counts: shows that everything runs and holds, measures nothing. */
  readonly smoke: boolean;
  /** Of blocks; each section's own number where it is null. */
  readonly rounds: number | null;
};

export type Bench = {
  readonly options: Options;
  readonly databases: Databases;
  readonly redis: Redis | null;
  readonly report: Report;
  /** As performance.now() counts. */
  readonly startedAt: number;
};

export type Section = {
  readonly name: string;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<void>;
};

const SMOKE_SECONDS = 0.1;
const SMOKE_CALLERS = 8;
const SMOKE_COUNT_MAX = 100;
const SECONDS_MIN = 0.3;

/** The time of one block. */
export function seconds({ options }: Bench, wanted: number): number {
  return options.smoke ? SMOKE_SECONDS : Math.max(SECONDS_MIN, wanted * options.scale);
}

/** How many things to make or to ask for. */
export function howMany({ options }: Bench, wanted: number): number {
  if (options.smoke) return Math.min(wanted, SMOKE_COUNT_MAX);
  return Math.max(1, Math.round(wanted * options.scale));
}

export function rounds({ options }: Bench, wanted: number): number {
  if (options.smoke) return 1;
  return options.rounds ?? wanted;
}

export function callers({ options }: Bench, wanted: number): number {
  return options.smoke ? Math.min(wanted, SMOKE_CALLERS) : wanted;
}

export const HOT_CALLERS = 256;
/** The most that an event may have: no block sells out by accident. */
export const CAPACITY_MAX = 1_000_000;
