/** Rows that agree with each other and with what clients were told, for the auditor's tests. */
import type { EventRows } from './auditor-rows.ts';
import type { Ask, EventHistory, Hold, Order } from './history.ts';
import { planEvent } from './plan.ts';

export const NOW = 1_000_000;
export const lines = [{ typeId: 'tt', quantity: 2 }];

export function askOf(kind: Ask['kind'], key: string, people: readonly string[]): Ask {
  return {
    kind,
    key,
    people,
    lines,
    path: '/',
    body: {},
    headers: {},
    askedAtMs: NOW - 500,
    state: 'granted',
    lastAtMs: NOW - 400,
    answer: 'said',
    grantedAtMs: NOW - 400,
    hold: null,
    order: null,
  };
}

export function holdOf(ask: Ask, holdId: string, more: Partial<Hold> = {}): Hold {
  const hold: Hold = {
    ask,
    holdId,
    expiresAtMs: NOW + 60_000,
    people: new Map(ask.people.map((person) => [person, 0])),
    selections: [{ lines, seats: null, untilMs: Number.POSITIVE_INFINITY }],
    touched: false,
    changing: false,
    mayOutlive: false,
    releasedAtMs: null,
    order: null,
    ...more,
  };
  ask.hold = hold;
  return hold;
}

export function givenRows(): EventRows {
  const line = { typeId: 'tt', poolId: 'p', quantity: 2, returned: 0 };
  const hold = { expiresAtMs: NOW + 60_000, lines: [line], seatNos: [] };
  return {
    eventId: 'e',
    atMs: NOW,
    totalCapacity: 5,
    pools: [
      {
        ...{ poolId: 'p', capacity: 5, held: 2, claimed: 0, sold: 1, reserved: 0, blocked: 0 },
        ...{ waiting: 0, seated: false },
      },
    ],
    seats: [],
    holds: [
      { ...hold, holdId: 'h1', status: 'active', key: 'k1' },
      { ...hold, holdId: 'h2', status: 'sold', key: 'k2', lines: [{ ...line, returned: 1 }] },
    ],
    orders: [
      { orderId: 'o1', holdId: 'h2', key: 'k2', status: 'partially_refunded', totalMinor: 2_000 },
    ],
    tickets: ['valid', 'void'].map((status, i) => ({
      ticketId: `t${i + 1}`,
      orderId: 'o1',
      priceMinor: 1_000,
      complimentary: false,
      seatKey: null,
      status,
    })),
    payments: [
      {
        paymentId: 'pay',
        orderId: 'o1',
        status: 'captured',
        amountMinor: 2_000,
        capturedMinor: 2_000,
      },
    ],
    refunds: [
      { refundId: 'r', paymentId: 'pay', amountMinor: 1_000, status: 'succeeded', reason: 'x' },
    ],
    ledger: [{ orderId: 'o1', capturedMinor: 2_000, refundedMinor: 1_000 }],
    intents: [{ orderId: 'o1', intents: 1 }],
    grants: [
      { holdId: 'h1', decidedAtMs: NOW - 450 },
      { holdId: 'h2', decidedAtMs: NOW - 450 },
    ],
  };
}

/** One hold that is active, one order of two tickets that was paid, one ticket given back. */
export function given() {
  const active = holdOf(askOf('hold', 'k1', ['a@example.org']), 'h1');
  const booking = askOf('booking', 'k2', ['b@example.org']);
  const sold = holdOf(booking, 'h2', { touched: true, mayOutlive: true });
  const order: Order = {
    ask: booking,
    orderId: 'o1',
    hold: sold,
    totalMinor: 2_000,
    places: 2,
    token: null,
    clientSecret: null,
    page: null,
    takenByHand: false,
    payTried: true,
    endTried: true,
    confirmedAtMs: NOW - 300,
    endedAtMs: null,
    ticketIds: ['t1', 't2'],
  };
  booking.order = order;
  sold.order = order;
  const history: EventHistory = {
    plan: { ...planEvent(1, 0), personLimit: 2 },
    eventId: 'e',
    types: [{ typeId: 'tt', poolId: 'p' }],
    pools: [
      {
        ...{ poolId: 'p', capacity: 5, seated: false, waiting: 0, blocked: 0 },
        ...{ everWaited: false, unsureUntilMs: 0 },
      },
    ],
    asks: new Map([active.ask, booking].map((ask) => [ask.key, ask])),
    unsure: new Set(),
    holds: [active, sold],
    occupying: [active, sold],
    orders: [order],
    offers: [],
    blockedSeats: new Set(),
    cancelTried: false,
    inFlight: 0,
    begun: 2,
  };
  return { rows: givenRows(), history, active, order };
}
