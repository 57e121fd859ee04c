/**
 * A stand-in for the waitlist, and staff who take places off sale: they ask the lanes themselves,
 * in this process. For how many places people wait is said now and then; what is freed becomes
 * theirs, and offers alone draw on it.
 */
import { isAway, isBusy } from '../../server/kernel/db.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import type { LaneKind } from '../../server/kernel/lanes.ts';
import { blockKind, waitKind } from '../../server/modules/inventory/hold-kinds.ts';
import { complain, noteAnswer, pause, type Run, send } from './asking.ts';
import { hold, holdAskOf } from './buyers.ts';
import { readReservedSeats } from './by-hand.ts';
import type { EventHistory, PoolHistory } from './history.ts';
import type { Operation } from './plan.ts';

const WAITING_MAX = 10;
const BLOCKED_MAX = 8;
const SEATS_BLOCKED = 3;
/** Longer than any fault lasts. */
const ENDED_MAX_MS = 30_000;

const poolOf = (event: EventHistory, { target }: Operation) =>
  event.pools[Math.floor(target * event.pools.length)];

/** Null where nobody knows whether it was done; then the pool stays unsure. */
async function ask<Request, Answer>(
  run: Run,
  event: EventHistory,
  instance: number,
  kind: LaneKind<Request, Answer>,
  request: Request,
): Promise<Answer | null> {
  const door = run.doors[instance % run.doors.length];
  if (!door) return null;
  try {
    // An id that the product made.
    const asked = await door.ctx.lanes.ask(door.ctx, kind, event.eventId as EventId, request);
    return asked.ok ? asked.value : null;
  } catch (error) {
    // A server may be busy or cut off, never at a loss.
    if (!isAway(error) && !isBusy(error) && !run.over.aborted) {
      complain(run, event, 'ANSWER', event.eventId, `${kind.name}: ${String(error)}`);
    }
    return null;
  }
}

/** While it is under way nobody knows how much is on sale. */
async function moving<T>(pool: PoolHistory, work: () => Promise<T | null>): Promise<T | null> {
  pool.unsureUntilMs = Number.POSITIVE_INFINITY;
  const done = await work();
  if (done !== null) pool.unsureUntilMs = Date.now();
  return done;
}

const isMoving = (pool: PoolHistory) => pool.unsureUntilMs === Number.POSITIVE_INFINITY;

export async function wait(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const pool = poolOf(event, operation);
  if (!pool || isMoving(pool) || run.doors.length === 0) return hold(run, event, operation);
  const waiting = operation.way < 0.3 ? 0 : Math.ceil(operation.way * WAITING_MAX);
  pool.everWaited = true;
  await moving(pool, async () => {
    const request = { poolId: pool.poolId, waiting };
    const reserved = await ask(run, event, operation.instance, waitKind, request);
    if (reserved !== null) pool.waiting = waiting;
    return reserved;
  });
}

/**
 * Nobody waits any more: until it is done, for what is left is counted next. Answers the pools
 * where it could not be done.
 */
export async function endWaiting(run: Run, event: EventHistory): Promise<readonly PoolHistory[]> {
  const failed: PoolHistory[] = [];
  const untilMs = Date.now() + ENDED_MAX_MS;
  for (const pool of event.pools.filter(({ everWaited }) => everWaited)) {
    pool.unsureUntilMs = Number.POSITIVE_INFINITY;
    const request = { poolId: pool.poolId, waiting: 0 };
    let attempt = 0;
    let done = await ask(run, event, attempt, waitKind, request);
    while (done === null && Date.now() < untilMs && !run.over.aborted) {
      await pause(100);
      attempt += 1;
      done = await ask(run, event, attempt, waitKind, request);
    }
    if (done === null) {
      failed.push(pool);
      continue;
    }
    pool.waiting = 0;
    pool.unsureUntilMs = Date.now();
  }
  return failed;
}

/** One of those who wait gets what was kept for them. */
export async function offer(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const waitedFor = event.pools.filter(({ everWaited }) => everWaited);
  const pool = waitedFor[Math.floor(operation.target * waitedFor.length)];
  const type = event.types.find(({ poolId }) => poolId === pool?.poolId);
  if (!pool || !type || run.doors.length === 0) return hold(run, event, operation);
  const wanted = 1 + Math.floor(operation.way * 2);
  const seatIds = pool.seated
    ? await readReservedSeats(run.pool, event.eventId, pool.poolId, wanted)
    : [];
  if (pool.seated && seatIds.length === 0) return hold(run, event, operation);
  const quantity = pool.seated ? seatIds.length : wanted;
  const line = { typeId: type.typeId, quantity };
  const asked = holdAskOf(
    event,
    { ...operation, named: true },
    [pool.seated ? { ...line, seated: 'named' as const, seatIds } : line],
    true,
  );
  const made = { poolId: pool.poolId, quantity, untilMs: Number.POSITIVE_INFINITY };
  event.offers.push(made);
  const { path, headers, body } = asked;
  const request = { method: 'POST' as const, path, headers, body, offered: true };
  const heard = await send(run, operation.instance, request, run.doors);
  if (heard.answer !== null && heard.lost === 0) made.untilMs = heard.heardAtMs;
  noteAnswer(run, event, asked, heard);
}

/** Staff take places off sale, and put them back. */
export async function block(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const pool = poolOf(event, operation);
  if (!pool || isMoving(pool) || run.doors.length === 0) return hold(run, event, operation);
  const said = pool.seated
    ? await blockSeats(run, event, pool, operation)
    : await blockPlaces(run, event, pool, operation);
  if (said === 'not_free') run.counters.count('block_refused_not_free');
  if (said === 'done') run.counters.count('places_blocked');
}

function blockPlaces(run: Run, event: EventHistory, pool: PoolHistory, operation: Operation) {
  const quantity = operation.way < 0.4 ? 0 : Math.floor(operation.way * BLOCKED_MAX);
  return moving(pool, async () => {
    const request = { poolId: pool.poolId, quantity };
    const said = await ask(run, event, operation.instance, blockKind, request);
    if (said === 'done') pool.blocked = quantity;
    return said;
  });
}

function blockSeats(run: Run, event: EventHistory, pool: PoolHistory, operation: Operation) {
  const first = Math.floor(operation.seat * Math.max(1, pool.capacity - SEATS_BLOCKED));
  const free = operation.way < 0.5;
  const seatNos = free
    ? [...event.blockedSeats]
    : Array.from({ length: SEATS_BLOCKED }, (_, n) => first + n);
  if (seatNos.length === 0) return Promise.resolve(null);
  return moving(pool, async () => {
    const request = { poolId: pool.poolId, seatNos, free };
    const said = await ask(run, event, operation.instance, blockKind, request);
    if (said !== 'done') return said;
    for (const seatNo of seatNos) {
      if (free) event.blockedSeats.delete(seatNo);
      else event.blockedSeats.add(seatNo);
    }
    pool.blocked = event.blockedSeats.size;
    return said;
  });
}
