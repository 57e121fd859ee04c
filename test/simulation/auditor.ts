/**
 * The independent auditor: the guarantees as checks of one event's rows in one snapshot, and of
 * those rows against what clients were told. Pure: rows and history in, violations out; each check
 * is shown to fire in auditor.test.ts.
 */
import type { EventRows, HoldRow } from './auditor-rows.ts';
import { g3, MARGIN_MS, OCCUPIES, seatKeys } from './auditor-seats.ts';
import type { EventHistory, Line } from './history.ts';

export type Violation = {
  /** The guarantee, by its id in docs/guarantees.md. */
  readonly check: string;
  readonly eventId: string;
  readonly objectId: string;
  readonly detail: string;
};

type Found = Omit<Violation, 'eventId'>;

/** Shown as free within a second (p99); with killed and frozen sweepers this is the bound. */
const LAPSED_SHOWN_MAX_MS = 15_000;

/** A payment of which nothing more comes. */
const OVER = /^(captured|voided|failed)$/;
const LIVE_TICKET: ReadonlySet<string> = new Set(['valid', 'redeemed', 'listed']);

/** What may be asked of any snapshot, while everybody goes on. */
export function auditLive(
  rows: EventRows,
  history: EventHistory,
  startedAtMs: number,
  lapsedMaxMs = LAPSED_SHOWN_MAX_MS,
): readonly Violation[] {
  const found = [
    ...g1(rows),
    ...g2(rows),
    ...g3(rows),
    ...g4(rows),
    ...g5(rows, lapsedMaxMs),
    ...g6(rows, history, startedAtMs),
    ...g7(rows),
    ...g8(rows),
    ...g9(rows),
    ...g14(rows, history),
    ...acknowledgedHolds(rows, history, startedAtMs),
    ...acknowledgedOrders(rows, history, startedAtMs),
  ];
  return found.map((each) => ({ ...each, eventId: rows.eventId }));
}

/** What holds besides when an event is over and everything of it has settled. */
export function auditWhole(rows: EventRows, history: EventHistory): readonly Violation[] {
  const found = [
    ...everyKey(rows, history),
    ...books(rows),
    ...takenTooSoon(rows, history),
    ...severalIntents(rows),
    ...settled(rows),
    ...timeGoesOn(rows),
  ];
  const all = found.map((each) => ({ ...each, eventId: rows.eventId }));
  return [...auditLive(rows, history, Number.POSITIVE_INFINITY), ...all];
}

/** G1: held + claimed + sold + reserved ≤ capacity, by counters and by rows that are alive. */
function g1(rows: EventRows): Found[] {
  const alive = new Map<string, number>();
  for (const hold of rows.holds) {
    if (!OCCUPIES.has(hold.status)) continue;
    if (hold.status === 'active' && hold.expiresAtMs <= rows.atMs) continue;
    for (const line of hold.lines) {
      alive.set(line.poolId, (alive.get(line.poolId) ?? 0) + line.quantity - line.returned);
    }
  }
  const found: Found[] = [];
  for (const pool of rows.pools) {
    const counted = pool.held + pool.claimed + pool.sold + pool.reserved + pool.blocked;
    const given = Math.max(counted, (alive.get(pool.poolId) ?? 0) + pool.reserved + pool.blocked);
    if (given <= pool.capacity) continue;
    found.push({ check: 'G1', objectId: pool.poolId, detail: `${given} of ${pool.capacity}` });
  }
  const total = rows.pools.reduce((sum, pool) => sum + pool.capacity, 0);
  if (rows.totalCapacity !== null && total > rows.totalCapacity) {
    const detail = `pools of ${total}, ${rows.totalCapacity} in all`;
    found.push({ check: 'G1', objectId: rows.eventId, detail });
  }
  return found;
}

/** G2: counters equal the rows that they count. */
function g2(rows: EventRows): Found[] {
  return rows.pools.flatMap((pool) => {
    const sum = (status: string) =>
      rows.holds
        .filter((hold) => hold.status === status)
        .flatMap((hold) => hold.lines)
        .filter((line) => line.poolId === pool.poolId)
        .reduce((count, line) => count + line.quantity - line.returned, 0);
    const counters = [pool.held, pool.claimed, pool.sold];
    const counted = [sum('active'), sum('claimed'), sum('sold')];
    if (counters.every((counter, i) => counter === counted[i])) return [];
    const detail = `counters ${counters.join('/')}, rows ${counted.join('/')}`;
    return [{ check: 'G2', objectId: pool.poolId, detail }];
  });
}

/** G4: places are conserved: live tickets of an order are the places that its hold has sold. */
function g4(rows: EventRows): Found[] {
  const holdOf = new Map(rows.orders.map((order) => [order.orderId, order.holdId]));
  const tickets = new Map<string, number>();
  for (const ticket of rows.tickets) {
    if (ticket.status === 'void') continue;
    const holdId = holdOf.get(ticket.orderId) ?? '';
    tickets.set(holdId, (tickets.get(holdId) ?? 0) + 1);
  }
  const places = new Map(
    rows.holds
      .filter(({ status }) => status === 'claimed' || status === 'sold')
      .map(({ holdId, lines }) => [holdId, left(lines)]),
  );
  return [...new Set([...tickets.keys(), ...places.keys()])].flatMap((holdId) => {
    const [live, sold] = [tickets.get(holdId) ?? 0, places.get(holdId) ?? 0];
    if (live === sold) return [];
    return [{ check: 'G4', objectId: holdId, detail: `${live} live tickets, ${sold} places` }];
  });
}

const left = (lines: HoldRow['lines']) =>
  lines.reduce((sum, line) => sum + line.quantity - line.returned, 0);

/** G5: what has lapsed is shown as free soon. That it can be had at once, "sold out" tells. */
function g5(rows: EventRows, lapsedMaxMs: number): Found[] {
  return rows.holds
    .filter(({ status }) => status === 'active')
    .filter(({ expiresAtMs }) => rows.atMs - expiresAtMs > lapsedMaxMs)
    .map(({ holdId, expiresAtMs }) => {
      const detail = `lapsed ${Math.round(rows.atMs - expiresAtMs)} ms ago, still held`;
      return { check: 'G5', objectId: holdId, detail };
    });
}

/** G6: nobody has more than the cap, by the keys that the clients know of each person. */
function g6(rows: EventRows, { plan, asks }: EventHistory, startedAtMs: number): Found[] {
  const limit = plan.personLimit;
  if (limit === null) return [];
  const used = new Map<string, number>();
  for (const hold of rows.holds) {
    if (!OCCUPIES.has(hold.status)) continue;
    if (hold.status === 'active' && hold.expiresAtMs <= rows.atMs) continue;
    const ask = asks.get(hold.key);
    // Whoever has booked another one's hold since the snapshot may have given up one of their own.
    const known = [...(ask?.hold?.people ?? [])].filter(([, sinceMs]) => sinceMs < startedAtMs);
    for (const person of ask?.hold ? known.map(([person]) => person) : (ask?.people ?? [])) {
      used.set(person, (used.get(person) ?? 0) + left(hold.lines));
    }
  }
  return [...used]
    .filter(([, quantity]) => quantity > limit)
    .map(([person, quantity]) => {
      return { check: 'G6', objectId: person, detail: `${quantity} places, the cap is ${limit}` };
    });
}

/** G7: per order, captured = live tickets + refunds, owed or done. */
function g7(rows: EventRows): Found[] {
  const money = new Map<string, { captured: number; refunded: number; worth: number }>();
  const of = (orderId: string) => {
    const known = money.get(orderId) ?? { captured: 0, refunded: 0, worth: 0 };
    money.set(orderId, known);
    return known;
  };
  const orderOf = new Map(rows.payments.map((p) => [p.paymentId, p.orderId]));
  for (const payment of rows.payments) of(payment.orderId).captured += payment.capturedMinor;
  for (const refund of rows.refunds) {
    of(orderOf.get(refund.paymentId) ?? refund.paymentId).refunded += refund.amountMinor;
  }
  for (const ticket of rows.tickets) {
    if (ticket.complimentary || !LIVE_TICKET.has(ticket.status)) continue;
    of(ticket.orderId).worth += ticket.priceMinor;
  }
  return [...money]
    .filter(([, { captured, refunded, worth }]) => captured !== refunded + worth)
    .map(([orderId, { captured, refunded, worth }]) => {
      const detail = `captured ${captured}, tickets ${worth}, refunds ${refunded}`;
      return { check: 'G7', objectId: orderId, detail };
    });
}

/** G9: no valid ticket without its order confirmed. */
/** G8: what is claimed waits for a payment that can still be taken, and that somebody looks at. */
function g8(rows: EventRows): Found[] {
  const open = rows.payments.filter(({ status }) => !OVER.test(status));
  const paying = new Set(open.map(({ orderId }) => orderId));
  const awaited = rows.orders.filter(({ orderId }) => paying.has(orderId));
  const holds = new Set(awaited.map(({ holdId }) => holdId));
  return rows.holds
    .filter(({ status, holdId }) => status === 'claimed' && !holds.has(holdId))
    .map(({ holdId }) => {
      return { check: 'G8', objectId: holdId, detail: 'is claimed, and no payment of it is open' };
    });
}

function g9(rows: EventRows): Found[] {
  const statusOf = new Map(rows.orders.map((order) => [order.orderId, order.status]));
  return rows.tickets
    .filter(({ complimentary, status }) => !complimentary && LIVE_TICKET.has(status))
    .filter(({ orderId }) => !/^(confirmed|partially_refunded)$/.test(statusOf.get(orderId) ?? ''))
    .map(({ ticketId, orderId }) => {
      const detail = `valid, its order is ${statusOf.get(orderId) ?? 'not there'}`;
      return { check: 'G9', objectId: ticketId, detail };
    });
}

/** G14: one key, one hold, one order; and they are what was asked for under it. */
function g14(rows: EventRows, { asks }: EventHistory): Found[] {
  const found: Found[] = [];
  for (const list of [rows.holds, rows.orders]) {
    const seen = new Set<string>();
    for (const { key } of list) {
      if (seen.has(key)) found.push({ check: 'G14', objectId: key, detail: 'two under one key' });
      seen.add(key);
    }
  }
  for (const hold of rows.holds) {
    const ask = asks.get(hold.key);
    if (!ask) found.push({ check: 'G14', objectId: hold.holdId, detail: 'nobody asked for it' });
    const told = ask?.hold?.holdId ?? hold.holdId;
    if (told === hold.holdId) continue;
    found.push({ check: 'G14', objectId: hold.holdId, detail: `the answer was ${told}` });
  }
  return found;
}

/** G15: a hold that was acknowledged is there, for as long as nobody has touched it. */
function acknowledgedHolds(rows: EventRows, history: EventHistory, startedAtMs: number): Found[] {
  const byKey = new Map(rows.holds.map((row) => [row.key, row]));
  return history.holds.flatMap((hold) => {
    const row = byKey.get(hold.ask.key);
    const { releasedAtMs } = hold;
    const objectId = hold.holdId ?? hold.ask.key;
    if (releasedAtMs !== null && releasedAtMs < startedAtMs && row && OCCUPIES.has(row.status)) {
      return [{ check: 'G15', objectId, detail: `released, and ${row.status} again` }];
    }
    if (hold.ask.lastAtMs >= startedAtMs || hold.touched) return [];
    if (hold.expiresAtMs <= rows.atMs + MARGIN_MS) return [];
    if (history.cancelTried && hold.order) return [];
    if (row?.status !== 'active') {
      return [{ check: 'G15', objectId, detail: `acknowledged, and ${row?.status ?? 'gone'}` }];
    }
    const keys = seatKeys(rows, row);
    if (hold.selections.some((each) => isSame(each, row.lines, keys))) return [];
    return [{ check: 'G15', objectId, detail: 'holds something else than was acknowledged' }];
  });
}

function isSame(
  { lines, seats }: { readonly lines: readonly Line[]; readonly seats: readonly string[] | null },
  row: HoldRow['lines'],
  keys: ReadonlySet<string>,
): boolean {
  return (
    (seats === null || (seats.length === keys.size && seats.every((seat) => keys.has(seat)))) &&
    lines.length === row.length &&
    lines.every(({ typeId, quantity }) =>
      row.some((line) => line.typeId === typeId && line.quantity === quantity),
    )
  );
}

/** G15, for orders: what was acknowledged exists, and what was confirmed stays so. */
function acknowledgedOrders(rows: EventRows, history: EventHistory, startedAtMs: number): Found[] {
  const byId = new Map(rows.orders.map((row) => [row.orderId, row]));
  const tickets = new Map<string, number>();
  for (const { orderId, status } of rows.tickets) {
    if (LIVE_TICKET.has(status)) tickets.set(orderId, (tickets.get(orderId) ?? 0) + 1);
  }
  return history.orders.flatMap((order) => {
    if (order.ask.lastAtMs >= startedAtMs) return [];
    const objectId = order.orderId;
    const status = byId.get(objectId)?.status;
    if (status === undefined) return [{ check: 'G15', objectId, detail: 'the order is gone' }];
    if (order.confirmedAtMs === null || order.confirmedAtMs >= startedAtMs) return [];
    if (status === 'pending' || status === 'failed') {
      return [{ check: 'G15', objectId, detail: `was confirmed, and is ${status}` }];
    }
    if (order.endTried || history.cancelTried) return [];
    const [live, bought] = [tickets.get(objectId) ?? 0, order.places];
    if (live === bought && status === 'confirmed') return [];
    return [{ check: 'G15', objectId, detail: `${status}: ${live} of ${bought} tickets live` }];
  });
}

/** G14 and G15 at the end: every granted key has its row, every refused one has none. */
function everyKey(rows: EventRows, history: EventHistory): Found[] {
  const holds = new Map(rows.holds.map((row) => [row.key, row]));
  const orders = new Map(rows.orders.map((row) => [row.key, row]));
  return [...history.asks.values()].flatMap((ask) => {
    const objectId = ask.hold?.holdId ?? ask.key;
    const isThere = ask.kind === 'hold' ? holds.has(ask.key) : orders.has(ask.key);
    if (ask.state === 'granted' && !isThere) {
      return [{ check: 'G15', objectId, detail: `acknowledged under ${ask.key}, and gone` }];
    }
    if (ask.state === 'refused' && ask.kind === 'hold' && isThere) {
      return [{ check: 'G14', objectId, detail: 'refused, and yet it took effect' }];
    }
    return [];
  });
}

/** G7 against the provider: its ledger is the oracle of what was taken and given back. */
export function books(rows: EventRows): Found[] {
  const orderOf = new Map(rows.payments.map((p) => [p.paymentId, p.orderId]));
  const ours = new Map<string, { captured: number; refunded: number }>();
  const of = (orderId: string) => {
    const known = ours.get(orderId) ?? { captured: 0, refunded: 0 };
    ours.set(orderId, known);
    return known;
  };
  for (const payment of rows.payments) of(payment.orderId).captured += payment.capturedMinor;
  for (const refund of rows.refunds) {
    if (refund.status !== 'succeeded') continue;
    of(orderOf.get(refund.paymentId) ?? '').refunded += refund.amountMinor;
  }
  const theirs = new Map(rows.ledger.map((row) => [row.orderId, row]));
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((orderId) => {
    const { captured, refunded } = of(orderId);
    const { capturedMinor = 0, refundedMinor = 0 } = theirs.get(orderId) ?? {};
    if (captured === capturedMinor && refunded === refundedMinor) return [];
    const detail =
      `our books: ${captured} taken, ${refunded} given back; ` +
      `the provider's: ${capturedMinor}, ${refundedMinor}`;
    return [{ check: 'G7', objectId: orderId, detail }];
  });
}

/**
 * G8: money is taken when there is something to sell, and not before: of what came too late only an
 * authorisation is there, unless somebody took it by hand, or the event was cancelled meanwhile.
 */
function takenTooSoon(rows: EventRows, { orders, cancelTried }: EventHistory): Found[] {
  if (cancelTried) return [];
  const orderOf = new Map(rows.payments.map((p) => [p.paymentId, p.orderId]));
  const byHand = new Set(orders.filter((each) => each.takenByHand).map((each) => each.orderId));
  return rows.refunds
    .filter(({ reason }) => reason === 'late_payment')
    .filter(({ paymentId }) => !byHand.has(orderOf.get(paymentId) ?? ''))
    .map(({ refundId }) => {
      return { check: 'G8', objectId: refundId, detail: 'taken although nothing was left to sell' };
    });
}

/** G10: one payment, one intent, however often the provider was asked for it. */
function severalIntents(rows: EventRows): Found[] {
  return rows.intents.flatMap(({ orderId, intents }) => {
    const payments = rows.payments.filter((each) => each.orderId === orderId).length;
    if (intents <= payments) return [];
    const detail = `${intents} intents at the provider, ${payments} payments`;
    return [{ check: 'G10', objectId: orderId, detail }];
  });
}

/** G8: everything has come to an end: no claim, no pending order, no open payment or refund. */
export function settled(rows: EventRows): Found[] {
  const open = [
    ...rows.holds.filter(({ status }) => status === 'claimed').map(({ holdId }) => holdId),
    ...rows.orders.filter(({ status }) => status === 'pending').map(({ orderId }) => orderId),
    ...rows.payments.filter(({ status }) => !OVER.test(status)).map(({ paymentId }) => paymentId),
    ...rows.refunds.filter(({ status }) => status !== 'succeeded').map(({ refundId }) => refundId),
  ];
  return open.map((objectId) => ({ check: 'G8', objectId, detail: 'has not come to an end' }));
}

/**
 * G5: each decision reads the time after it got the event's lock, so that in the order in which
 * holds were granted their times never go back. A time from before the wait decides on the past.
 */
function timeGoesOn(rows: EventRows): Found[] {
  return rows.grants.flatMap(({ holdId, decidedAtMs }, i) => {
    const before = rows.grants[i - 1]?.decidedAtMs ?? 0;
    if (decidedAtMs >= before) return [];
    const detail = `decided ${(before - decidedAtMs).toFixed(1)} ms before the one before it`;
    return [{ check: 'G5', objectId: holdId, detail }];
  });
}

/** The rows behind a violation, for whoever has to find out why. */
export function rowsBehind(rows: EventRows, { objectId }: Violation): readonly object[] {
  const lists: readonly (readonly object[])[] = [
    rows.pools,
    rows.seats,
    rows.holds,
    rows.orders,
    rows.tickets,
    rows.payments,
    rows.refunds,
    rows.ledger,
  ];
  return lists.flat().filter((row) => Object.values(row).includes(objectId));
}
