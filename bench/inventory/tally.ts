/** What callers count, the same for those in this process and those on sockets. */
import { type Histogram, newHistogram, note } from './histogram.ts';

/** What one request came to: the id of what was granted, or the code of a refusal. */
export type Outcome = { readonly id: string } | { readonly refused: string };

export const TENTHS_PER_SECOND = 10;

export type Tally = {
  /** From the first request to the last answer. */
  seconds: number;
  granted: number;
  /** Granted answers in each tenth of a second from the start. */
  readonly tenths: number[];
  /** Refusals by code; they are cheap, and never part of a rate. */
  readonly refusals: Record<string, number>;
  /** What was acknowledged. */
  readonly ids: string[];
  /** Of granted answers; under open load from the moment at which the request was due. */
  readonly latency: Histogram;
  /** Processor time of the callers' own thread; null where that cannot be told apart. */
  callersCpuSeconds: number | null;
  /** Under open load: requests that were due and not answered when the time was over. */
  unanswered: number;
};

export function newTally(): Tally {
  return {
    seconds: 0,
    granted: 0,
    tenths: [],
    refusals: {},
    ids: [],
    latency: newHistogram(),
    callersCpuSeconds: null,
    unanswered: 0,
  };
}

export type Moment = { readonly startedAt: number; readonly dueAt: number; readonly now: number };

export function count(tally: Tally, outcome: Outcome, { startedAt, dueAt, now }: Moment): void {
  if ('refused' in outcome) {
    tally.refusals[outcome.refused] = (tally.refusals[outcome.refused] ?? 0) + 1;
    return;
  }
  tally.granted += 1;
  if (outcome.id !== '') tally.ids.push(outcome.id);
  const tenth = Math.floor(((now - startedAt) * TENTHS_PER_SECOND) / 1_000);
  tally.tenths[tenth] = (tally.tenths[tenth] ?? 0) + 1;
  note(tally.latency, now - dueAt);
}

export function refusedIn(tally: Tally): number {
  return Object.values(tally.refusals).reduce((sum, n) => sum + n, 0);
}

/** Granted a second between two moments after the start, both in seconds. */
export function rateBetween(tally: Tally, from: number, to: number): number {
  const first = Math.round(from * TENTHS_PER_SECOND);
  const end = Math.round(to * TENTHS_PER_SECOND);
  let granted = 0;
  for (let tenth = first; tenth < end; tenth += 1) granted += tally.tenths[tenth] ?? 0;
  return granted / (to - from);
}
