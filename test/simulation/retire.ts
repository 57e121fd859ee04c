/** The end of an event: nobody asks any more, everything settles, all of it is audited. */
import type pg from 'pg';
import { codeOf, complain, noteAnswer, pause, type Run, send } from './asking.ts';
import { auditWhole, rowsBehind } from './auditor.ts';
import { type EventRows, readEvents, readReached, readUnsettled } from './auditor-rows.ts';
import { hurry, setHoldMs } from './by-hand.ts';
import { addAsk, type EventHistory } from './history.ts';
import { availability, resumeSale } from './organizers.ts';
import { endWaiting } from './waitlist.ts';

/** However busy the machine is, something comes to its end within this; and all of it later. */
const NOTHING_SETTLES_MS = 30_000;
const SETTLED_MAX_MS = 90_000;
const LOOK_MS = 150;
/** From then on whoever has a job and has not finished it is taken for dead. */
const LEASES_KEPT_MS = 10_000;
const PROBED_MS = 60_000;
/** Availability may be shown a second late. */
const SHOWN_MAX_MS = 3_000;

export type Ending = {
  /** False where nothing runs that brings orders and payments to their ends. */
  readonly settles: boolean;
  /** Since when nothing is being killed: before, nobody can say how long an end may take. */
  readonly calmSinceMs?: () => number;
};

export async function retire(
  run: Run,
  pool: pg.Pool,
  event: EventHistory,
  options: Ending,
): Promise<void> {
  for (const { poolId } of await endWaiting(run, event)) {
    complain(run, event, 'G8', poolId, 'not settled: nobody answers that nobody waits any more');
  }
  const isSettled = !options.settles || (await settle(run, pool, event, options));
  const rows = await readWhole(pool, event);
  for (const violation of auditWhole(rows, event)) {
    // Without jobs nothing comes to its end; the rest must hold all the same.
    if (options.settles || violation.check !== 'G8') {
      run.report(violation, rowsBehind(rows, violation));
    }
  }
  // What is open has been told; what else would be counted, is counted at the wrong time.
  if (!isSettled) return;
  if (event.plan.probed && event.plan.ends === 'open') await probe(run, pool, event);
  if (options.settles) await compareShown(run, pool, event);
  countReached(run, event, await readWhole(pool, event));
  const reached = await readReached(pool, event.eventId);
  run.counters.count('hold_lapsed_reclaimed_by_demand', reached.lapsedByDemand);
  run.counters.count('hold_lapsed_swept', reached.lapsed - reached.lapsedByDemand);
  run.counters.count('claim_ended_without_a_sale', reached.claimsEnded);
  run.counters.count('capture_after_the_order_ended_refunded', reached.lateRefunds);
  run.counters.count('late_payment_honoured', reached.revived);
  run.counters.count('refund_bounced', reached.bounced);
  run.counters.count('hold_extended', reached.extended);
  run.counters.count('event_audited_whole');
}

async function readWhole(pool: pg.Pool, event: EventHistory): Promise<EventRows> {
  const [rows] = await readEvents(pool, [event.eventId], 'whole');
  if (!rows) throw new Error(`no rows of ${event.eventId}`);
  return rows;
}

/**
 * What waits for a later time is called now, again and again, until nothing is left to come. False
 * where something does not come to its end.
 */
async function settle(
  run: Run,
  pool: pg.Pool,
  event: EventHistory,
  { calmSinceMs = () => 0 }: Ending,
): Promise<boolean> {
  const startedAtMs = Date.now();
  let least = Number.POSITIVE_INFINITY;
  let leastAtMs = startedAtMs;
  for (let looks = 1; ; looks++) {
    const nowMs = Date.now();
    const tookMs = nowMs - startedAtMs;
    const left = await readUnsettled(pool, event.eventId);
    const open = left.orders + left.payments + left.refunds + left.jobs;
    if (open === 0) return true;
    if (open < least) {
      least = open;
      leastAtMs = nowMs;
    }
    const calmMs = nowMs - calmSinceMs();
    if (
      Math.min(calmMs, nowMs - leastAtMs) > NOTHING_SETTLES_MS ||
      Math.min(calmMs, tookMs) > SETTLED_MAX_MS
    ) {
      const after = `not settled after ${Math.round(tookMs / 1_000)} s`;
      complain(run, event, 'G8', event.eventId, `${after}: ${JSON.stringify(left)}`);
      return false;
    }
    if (run.over.aborted) return false;
    await hurry(pool, event.eventId, tookMs > LEASES_KEPT_MS && looks % 20 === 0);
    await pause(LOOK_MS);
  }
}

/** G5: whatever nobody has is there for whoever asks, at once; and not one place more. */
async function probe(run: Run, pool: pg.Pool, event: EventHistory): Promise<void> {
  const before = await readWhole(pool, event);
  const active = before.holds.filter(({ status }) => status === 'active');
  const last = Math.max(0, ...active.map(({ expiresAtMs }) => expiresAtMs));
  if (last - Date.now() > NOTHING_SETTLES_MS) {
    const detail = `a hold that nobody can use any more lasts until ${new Date(last).toISOString()}`;
    complain(run, event, 'G5', event.eventId, detail);
    return;
  }
  await pause(Math.max(0, last + 50 - Date.now()));
  const rows = await readWhole(pool, event);
  if (rows.holds.some(({ status }) => status === 'claimed')) return;
  // What is taken now must not lapse while the rest is being asked for.
  await setHoldMs(pool, event.eventId, PROBED_MS);
  await resumeSale(run, event);
  for (const [n, { poolId, capacity, sold, reserved, blocked }] of rows.pools.entries()) {
    const taken = await holdAll(run, event, n, poolId, capacity);
    const free = capacity - sold - reserved - blocked;
    if (taken === null || taken === free) continue;
    const check = taken < free ? 'G5' : 'G1';
    complain(run, event, check, poolId, `${free} places were free, ${taken} were to be had`);
  }
}

/**
 * One at a time by ever new people, until there is nothing left, or more than can be. Null where
 * nobody can tell.
 */
async function holdAll(
  run: Run,
  event: EventHistory,
  n: number,
  poolId: string,
  capacity: number,
): Promise<number | null> {
  const type = event.types.find((each) => each.poolId === poolId);
  const seated = event.pools.some((each) => each.poolId === poolId && each.seated);
  const lines = [{ typeId: type?.typeId ?? '', quantity: 1 }];
  const wanted = seated ? { bestAvailable: { quantity: 1 } } : { quantity: 1 };
  for (let taken = 0; ; taken++) {
    const key = `probe${event.plan.ordinal}.${n}.${taken}`;
    const email = `${key}@example.org`;
    const nowMs = Date.now();
    const ask = {
      kind: 'hold' as const,
      key,
      path: `/api/v1/events/${event.eventId}/holds`,
      body: { items: [{ ticketTypeId: lines[0]?.typeId, ...wanted }], buyer: { email } },
      headers: { 'idempotency-key': key },
      people: [email],
      lines,
      askedAtMs: nowMs,
      state: 'open' as const,
      lastAtMs: nowMs,
      answer: null,
      grantedAtMs: null,
      hold: null,
      order: null,
    };
    addAsk(event, ask);
    const heard = await send(run, taken, {
      method: 'POST',
      path: ask.path,
      headers: ask.headers,
      body: ask.body,
    });
    if (noteAnswer(run, event, ask, heard)) {
      if (taken < capacity) continue;
      return taken + 1;
    }
    // A pause that was asked for long ago may have come only now.
    if (/^sale_(paused|closed)$/.test(codeOf(heard.answer))) return null;
    return heard.answer?.status === 409 && heard.lost === 0 ? taken : null;
  }
}

/** G4: what is shown as available is what is not given out, a moment later at most. */
async function compareShown(run: Run, pool: pg.Pool, event: EventHistory): Promise<void> {
  const until = Date.now() + event.plan.holdMs + SHOWN_MAX_MS;
  for (;;) {
    const rows = await readWhole(pool, event);
    const shown = await availability(run, event, event.plan.ordinal);
    const free = freeOf(rows, Date.now());
    const wrong = event.types.find(({ typeId, poolId }) => {
      const { least = 0, most = 0 } = free.get(poolId) ?? {};
      const each = shown.get(typeId);
      return each !== undefined && (each < least || each > most);
    });
    if (!wrong) return;
    if (Date.now() > until) {
      const { least, most } = free.get(wrong.poolId) ?? {};
      const detail = `${shown.get(wrong.typeId)} shown, ${least} to ${most} free`;
      complain(run, event, 'G4', wrong.typeId, detail);
      return;
    }
    await pause(LOOK_MS);
  }
}

/** By pool: free by the counters, and free with all that has lapsed and is not reclaimed yet. */
function freeOf({ pools, holds }: EventRows, nowMs: number) {
  const lapsed = holds.filter((hold) => hold.status === 'active' && hold.expiresAtMs <= nowMs);
  return new Map(
    pools.map((each) => {
      const given = each.held + each.claimed + each.sold + each.reserved + each.blocked;
      const least = each.capacity - given;
      const back = lapsed
        .flatMap(({ lines }) => lines)
        .filter(({ poolId }) => poolId === each.poolId)
        .reduce((sum, { quantity }) => sum + quantity, 0);
      return [each.poolId, { least, most: least + back }] as const;
    }),
  );
}

/** The ends that orders came to. */
function countReached({ counters }: Run, event: EventHistory, rows: EventRows): void {
  const known = new Map(event.orders.map((order) => [order.orderId, order]));
  for (const { orderId, status, totalMinor } of rows.orders) {
    const order = known.get(orderId);
    const sold = /^(confirmed|partially_refunded|refunded)$/.test(status);
    if (sold) counters.count(totalMinor > 0 ? 'order_confirmed_paid' : 'order_confirmed_free');
    if (status === 'failed') counters.count('order_declined');
    if (status === 'cancelled' && order && !order.payTried && !order.endTried) {
      counters.count('order_never_paid');
    }
  }
  const there = new Set([...rows.holds, ...rows.orders].map(({ key }) => key));
  for (const ask of event.asks.values()) {
    if (ask.state !== 'unknown') continue;
    counters.count(there.has(ask.key) ? 'answer_lost_but_done' : 'answer_lost_and_not_done');
  }
}
