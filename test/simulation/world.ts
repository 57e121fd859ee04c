/**
 * The events that are on sale, what clients do on them, and the audits: after every step all live
 * events in one snapshot, and each event whole when it is over.
 */
import type pg from 'pg';
import { complain, pause, type Run } from './asking.ts';
import { auditLive, rowsBehind, type Violation } from './auditor.ts';
import { type EventRows, readEvents } from './auditor-rows.ts';
import { auditWaiting } from './auditor-seats.ts';
import * as buyers from './buyers.ts';
import type { EventHistory } from './history.ts';
import { endSale, moveCapacity, moveSale, putOnSale, readAvailability } from './organizers.ts';
import { cancelOrder, look, payAtOnce, payOrder, refund } from './payers.ts';
import type { Operation, OperationKind, Plan } from './plan.ts';
import { block, offer, wait } from './waitlist.ts';

const OPERATE: Readonly<
  Record<OperationKind, (run: Run, event: EventHistory, operation: Operation) => Promise<void>>
> = {
  hold: buyers.hold,
  double_click: buyers.doubleClick,
  replay: buyers.replay,
  reuse: buyers.reuse,
  change: buyers.change,
  release: buyers.release,
  book: async (run, event, operation) => {
    await buyers.book(run, event, operation);
    await payAtOnce(run, event, operation);
  },
  book_held: async (run, event, operation) => {
    await buyers.bookHeld(run, event, operation);
    await payAtOnce(run, event, operation);
  },
  pay: payOrder,
  look,
  cancel_order: cancelOrder,
  refund,
  availability: readAvailability,
  move_sale: moveSale,
  move_capacity: moveCapacity,
  block,
  wait,
  offer,
};

/** Longer than all attempts of a request together. */
const NOBODY_ENDS_MS = 60_000;

export type World = ReturnType<typeof createWorld>;

/** The events that are on sale, by their ordinals, and those that are being retired. */
export function createWorld(run: Run, pool: pg.Pool, plan: Plan) {
  const events = new Map<number, Promise<EventHistory>>();
  const live = new Map<number, EventHistory>();
  const retiring = new Set<Promise<void>>();
  const ending = new Set<number>();
  /** What the last audit saw of each event. */
  const seen = new Map<string, { readonly rows: EventRows; readonly startedAtMs: number }>();
  const failures: unknown[] = [];
  let started = 0;
  let retired = 0;
  const open = (ordinal: number) => {
    const known = events.get(ordinal);
    if (known) return known;
    const made = putOnSale(run, pool, plan.event(ordinal));
    events.set(ordinal, made);
    made.then(
      (event) => live.set(ordinal, event),
      // Whoever wants it hears of it.
      () => {},
    );
    return made;
  };
  return {
    pool,
    counters: run.counters,
    seen,
    live: () => [...live.values()],
    started: () => started,
    retired: () => retired,
    retiring: () => [...retiring],
    /** Until all that retire have done so; fails with what one of them failed with. */
    allRetired: async () => {
      while (retiring.size > 0 && failures.length === 0) await Promise.all(retiring);
      if (failures.length > 0) throw failures[0];
    },
    hasFailed: () => failures.length > 0,
    isRetiring: (ordinal: number) => ending.has(ordinal),
    next: () => {
      started += 1;
      return plan.next();
    },
    open,
    /** Its last operation has begun: it is over when those under way are. */
    retire: (ordinal: number, over: (event: EventHistory) => Promise<void>) => {
      ending.add(ordinal);
      const going = open(ordinal)
        .then(async (event) => {
          await allAnswered(run, event);
          await over(event);
          live.delete(ordinal);
          events.delete(ordinal);
          seen.delete(event.eventId);
          ending.delete(ordinal);
          retired += 1;
        })
        .catch((error: unknown) => {
          // A run that is over takes away what it works with.
          if (!run.over.aborted) throw error;
        })
        .finally(() => void retiring.delete(going));
      // Whoever waits for all of them hears of it, however late.
      going.catch((error: unknown) => void failures.push(error));
      retiring.add(going);
    },
  };
}

/** Every operation ends, if only because whoever asks gives up. */
async function allAnswered(run: Run, event: EventHistory): Promise<void> {
  let least = event.inFlight;
  let leastAtMs = Date.now();
  while (event.inFlight > 0 && !run.over.aborted) {
    await pause(10);
    if (event.inFlight < least) {
      least = event.inFlight;
      leastAtMs = Date.now();
    }
    if (Date.now() - leastAtMs <= NOBODY_ENDS_MS) continue;
    complain(run, event, 'G8', event.eventId, `not settled: ${least} operations do not end`);
    return;
  }
}

export async function perform(
  run: Run,
  world: World,
  operation: Operation,
  over: (event: EventHistory) => Promise<void>,
): Promise<void> {
  const event = await world.open(operation.event);
  event.inFlight += 1;
  event.begun += 1;
  const isLast = event.begun === event.plan.operations;
  try {
    if (event.begun === Math.floor(event.plan.operations * 0.93)) {
      await endSale(run, event, operation);
    }
    await OPERATE[operation.kind](run, event, operation);
  } finally {
    event.inFlight -= 1;
  }
  if (isLast) world.retire(operation.event, over);
}

export type Found = Violation & { readonly step: number; readonly rows: readonly object[] };

const VIOLATIONS_MAX = 20;

/** All live events in one snapshot; nobody is held up for it. */
export async function auditStep(
  world: World,
  step: number,
  lapsedMaxMs?: number,
): Promise<readonly Found[]> {
  const live = world.live();
  const startedAtMs = Date.now();
  const eventIds = live.map(({ eventId }) => eventId);
  const snapshot = await readEvents(world.pool, eventIds, 'live');
  return snapshot.flatMap((rows, i) => {
    const event = live[i];
    if (!event) return [];
    const before = world.seen.get(rows.eventId);
    const violations = [
      ...auditLive(rows, event, startedAtMs, lapsedMaxMs),
      ...(before ? auditWaiting(before, rows, event) : []),
    ].slice(0, VIOLATIONS_MAX);
    world.seen.set(rows.eventId, { rows, startedAtMs });
    const kept = rows.pools.reduce((sum, { reserved }) => sum + reserved, 0);
    if (kept > 0) world.counters.count('places_reserved_for_the_waitlist');
    return violations.map((each) => ({ ...each, step, rows: rowsBehind(rows, each) }));
  });
}
