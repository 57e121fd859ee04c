/**
 * Every check is seen failing: rows that agree with each other and with what clients were told, and
 * then one thing in them that must not be.
 */
import { describe, expect, it } from 'vitest';
import { auditLive, auditWhole } from './auditor.ts';
import { given, lines, NOW } from './auditor-given.ts';
import type { EventRows } from './auditor-rows.ts';

type Given = ReturnType<typeof given>;
type Spoil = (given: Given) => Partial<EventRows> | undefined;

/** The first of a list, with some members changed. */
const first = <T extends object>(list: readonly T[], more: Partial<T>): T[] =>
  list.map((each, i) => (i === 0 ? { ...each, ...more } : each));

/** A seat of the pool, in a state and of a hold. */
const seatOf = (status: string, holdId: string | null, seatNo = 1) => ({
  ...{ seatNo, seatKey: `A-1-${seatNo}`, poolId: 'p' },
  ...{ status, holdId },
});

const spoils: readonly (readonly [string, string, Spoil])[] = [
  [
    'G1',
    'more is counted than there is',
    ({ rows }) => ({ pools: first(rows.pools, { blocked: 3 }) }),
  ],
  [
    'G1',
    'more is held than there is, whatever the counters say',
    ({ rows }) => ({
      pools: first(rows.pools, { capacity: 2, held: 0 }),
    }),
  ],
  ['G1', 'the pools exceed the total', () => ({ totalCapacity: 4 })],
  [
    'G2',
    'a counter that counts too much',
    ({ rows }) => ({ pools: first(rows.pools, { held: 3 }) }),
  ],
  [
    'G3',
    'a hold whose seat is not its own',
    ({ rows }) => ({ seats: [seatOf('free', null)], holds: first(rows.holds, { seatNos: [1] }) }),
  ],
  [
    'G3',
    'a seat of a hold that has another one',
    ({ rows }) => ({
      seats: [seatOf('held', 'h1', 1), seatOf('held', 'h1', 2)],
      holds: first(rows.holds, { seatNos: [1] }),
    }),
  ],
  [
    'G3',
    'a seat that is sold while its hold is active',
    ({ rows }) => ({
      seats: [seatOf('sold', 'h1')],
      holds: first(rows.holds, { seatNos: [1] }),
    }),
  ],
  [
    'G3',
    'two live tickets of one seat',
    ({ rows }) => ({
      seats: [seatOf('free', null)],
      tickets: rows.tickets.map((ticket) => ({ ...ticket, status: 'valid', seatKey: 'A-1-1' })),
    }),
  ],
  [
    'G2',
    'a counter that is not the number of its seats',
    ({ rows }) => ({
      seats: [seatOf('blocked', null)],
      pools: first(rows.pools, { seated: true }),
    }),
  ],
  [
    'G15',
    'a hold of other seats than were acknowledged',
    ({ rows, active }) => {
      active.selections = [{ lines, seats: ['A-1-2'], untilMs: NOW * 2 }];
      return { seats: [seatOf('held', 'h1')], holds: first(rows.holds, { seatNos: [1] }) };
    },
  ],
  [
    'G2',
    'a counter that counts too little',
    ({ rows }) => ({ pools: first(rows.pools, { sold: 0 }) }),
  ],
  [
    'G4',
    'a place that was sold without a ticket',
    ({ rows }) => ({
      tickets: first(rows.tickets, { status: 'void' }),
    }),
  ],
  [
    'G5',
    'a hold that lapsed long ago',
    ({ rows, active }) => {
      active.touched = true;
      return { holds: first(rows.holds, { expiresAtMs: NOW - 20_000 }) };
    },
  ],
  [
    'G6',
    'a person with more than the cap',
    ({ rows, active }) => {
      active.people.set('b@example.org', 0);
      return { holds: rows.holds };
    },
  ],
  ['G7', 'money without a ticket or a refund', () => ({ refunds: [] })],
  [
    'G8',
    'a claim that waits for no payment',
    ({ rows, active }) => {
      active.touched = true;
      return {
        holds: first(rows.holds, { status: 'claimed' }),
        pools: first(rows.pools, { held: 0, claimed: lines[0]?.quantity ?? 0 }),
      };
    },
  ],
  [
    'G9',
    'a ticket whose order is pending',
    ({ rows, order }) => {
      order.confirmedAtMs = null;
      return { orders: first(rows.orders, { status: 'pending' }) };
    },
  ],
  [
    'G14',
    'two holds under one key',
    ({ rows }) => ({
      holds: [...rows.holds, { ...rows.holds[0], holdId: 'h3', lines: [] } as never],
    }),
  ],
  [
    'G14',
    'a hold that nobody asked for',
    ({ history }) => {
      history.asks.delete('k1');
      return {};
    },
  ],
  [
    'G14',
    'another hold than the answer said',
    ({ rows }) => ({
      holds: first(rows.holds, { holdId: 'other' }),
    }),
  ],
  ['G15', 'a hold that is gone', ({ rows }) => ({ holds: rows.holds.slice(1) })],
  [
    'G15',
    'a hold that holds something else',
    ({ active }) => {
      active.selections = [
        { lines: [{ typeId: 'tt', quantity: 1 }], seats: null, untilMs: NOW * 2 },
      ];
      return {};
    },
  ],
  [
    'G15',
    'a hold that was released and is active',
    ({ active }) => {
      active.releasedAtMs = NOW - 100;
      return {};
    },
  ],
  ['G15', 'an order that is gone', () => ({ orders: [] })],
  [
    'G15',
    'an order that was confirmed and is pending',
    ({ rows }) => ({
      orders: first(rows.orders, { status: 'pending' }),
    }),
  ],
  [
    'G15',
    'an order that has lost a ticket',
    ({ order }) => {
      order.endTried = false;
      return {};
    },
  ],
];

const atTheEnd: readonly (readonly [string, string, Spoil])[] = [
  ['G15', 'a key that was granted and has nothing', ({ rows }) => ({ holds: rows.holds.slice(1) })],
  [
    'G14',
    'a key that was refused and has a hold',
    ({ active }) => {
      active.ask.state = 'refused';
      return {};
    },
  ],
  ['G7', 'a capture that the provider does not know', () => ({ ledger: [] })],
  [
    'G7',
    'a refund that the provider has not made',
    ({ rows }) => ({
      ledger: first(rows.ledger, { refundedMinor: 0 }),
    }),
  ],
  [
    'G8',
    'a refund that is not done',
    ({ rows }) => ({
      refunds: first(rows.refunds, { status: 'submitted' }),
    }),
  ],
  [
    'G8',
    'a claim that has not ended',
    ({ rows }) => ({
      holds: first(rows.holds, { status: 'claimed' }),
    }),
  ],
  [
    'G5',
    'a decision by a time from before it waited',
    ({ rows }) => ({
      grants: [...rows.grants, { holdId: 'h3', decidedAtMs: NOW - 900 }],
    }),
  ],
];

describe('the auditor', () => {
  it('finds nothing where everything agrees', () => {
    const { rows, history } = given();
    expect(auditLive(rows, history, NOW)).toEqual([]);
    expect(auditWhole(rows, history)).toEqual([]);
  });

  it.each(spoils)('%s finds %s', (check, _title, spoil) => {
    const story = given();
    const rows = { ...story.rows, ...spoil(story) };
    const found = auditLive(rows, story.history, NOW).map((violation) => violation.check);
    expect(found).toContain(check);
  });

  it.each(atTheEnd)('%s finds at the end %s', (check, _title, spoil) => {
    const story = given();
    const rows = { ...story.rows, ...spoil(story) };
    const found = auditWhole(rows, story.history).map((violation) => violation.check);
    expect(found).toContain(check);
  });

  it('does not ask for what was acknowledged after it began', () => {
    const { rows, history } = given();
    expect(auditLive({ ...rows, holds: [], orders: [] }, history, NOW - 450)).not.toContainEqual(
      expect.objectContaining({ check: 'G15' }),
    );
  });
});
