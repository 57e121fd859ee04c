/**
 * G1–G4, G8: what ends a hold meets what keeps it. Each pair runs by hand, the second while the
 * first is open: without the lock it goes wrong, with it the second sees what the first has done.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import {
  callLane,
  holdRequest,
  pooledSale,
  poolsOf,
  purchaseOf,
  race,
  wordOf,
} from '../kit/lane-calls.ts';
import { installVariant, type Session } from '../kit/variants.ts';

let app: TestApp;
let url: string;
let organizerId: string;
beforeAll(async () => {
  app = await startApp();
  url = app.database.url;
  await installVariant(url, '_no_lock', (text) =>
    text.replaceAll(/\s+for no key update( skip locked)?/g, ''),
  );
  const { rows } = await app.ctx.db.pool.query('select organizer_id as id from identity.organizer');
  organizerId = rows[0].id;
});
afterAll(() => app.close());

const real = functionSuffix();
const soon = new Date(Date.now() + 60_000);
const late = new Date(Date.now() + 3_600_000);

/** Lane functions by hand: `call('inventory.release_batch', request)` in a session. */
const calls = (eventId: string, suffix: string) => ({
  call:
    (name: string, request: object, now: Date | null = null) =>
    async (session: { readonly query: Session['query'] }) =>
      wordOf((await callLane(session, name + suffix, eventId, [request], now))[0] ?? null),
});
const pool = () => app.ctx.db.pool;

type Given = Awaited<ReturnType<typeof given>>;

/** An event with a hold of 1 of 3 places, and its purchase as far as is said. */
async function given(upTo: 'held' | 'booked' | 'claimed' | 'confirmed') {
  const { eventId, types, pools } = await pooledSale(app, [3]);
  const lines = [{ type: types[0] ?? '', quantity: 1 }];
  const hold = holdRequest(eventId, lines);
  const purchase = purchaseOf(eventId, hold.holdId, 1, organizerId);
  const { call } = calls(eventId, real);
  expect(await call('inventory.hold_batch', hold, soon)(pool())).toBe('granted');
  const beats = [
    ['booked', 'shopping.book_batch', purchase.book, 'placed'],
    ['claimed', 'shopping.claim_batch', purchase.claim, 'claimed'],
    ['confirmed', 'shopping.confirm_batch', purchase.confirm(1_000), 'confirmed'],
  ] as const;
  for (const [, name, request, word] of upTo === 'held'
    ? []
    : beats.slice(0, beats.findIndex(([state]) => state === upTo) + 1)) {
    expect(await call(name, request, soon)(pool())).toBe(word);
  }
  return { eventId, type: types[0] ?? '', poolId: pools[0] ?? '', hold, purchase };
}

type Pair = {
  readonly what: string;
  readonly from: Parameters<typeof given>[0];
  readonly first: (g: Given) => [string, object, Date | null];
  readonly second: (g: Given) => [string, object, Date | null];
  /** What both are told, and what is on the counter then: held, claimed, sold. */
  readonly words: readonly [string, string];
  readonly counters: readonly [number, number, number];
};

const swap = (g: Given, quantity: number) => ({
  holdId: g.hold.holdId,
  ticketTypeIds: [g.type],
  quantities: [quantity],
  seatNos: null,
});

const pairs: readonly Pair[] = [
  {
    what: 'a claim, and a sweep that comes after the hold’s time',
    from: 'booked',
    first: (g) => ['shopping.claim_batch', g.purchase.claim, soon],
    second: () => ['inventory.sweep_batch', { most: 10 }, late],
    words: ['claimed', '0'],
    counters: [0, 1, 0],
  },
  {
    what: 'a sweep, and a claim: it is late, and takes the places again',
    from: 'booked',
    first: () => ['inventory.sweep_batch', { most: 10 }, late],
    second: (g) => ['shopping.claim_batch', g.purchase.claim, late],
    words: ['1', 'claimed'],
    counters: [0, 1, 0],
  },
  {
    what: 'a claim that is late, and a sweep',
    from: 'booked',
    first: (g) => ['shopping.claim_batch', g.purchase.claim, late],
    second: () => ['inventory.sweep_batch', { most: 10 }, late],
    words: ['claimed', '0'],
    counters: [0, 1, 0],
  },
  {
    what: 'a claim that is late, and its order being cancelled by time',
    from: 'booked',
    first: (g) => ['shopping.claim_batch', g.purchase.claim, late],
    second: (g) => ['orders.end_batch', g.purchase.end, late],
    words: ['claimed', 'claimed'],
    counters: [0, 1, 0],
  },
  {
    what: 'an order cancelled by time, and its claim that is late',
    from: 'booked',
    first: (g) => ['orders.end_batch', g.purchase.end, late],
    second: (g) => ['shopping.claim_batch', g.purchase.claim, late],
    words: ['ended', 'claimed'],
    counters: [0, 1, 0],
  },
  {
    what: 'a claim that is late, and a buyer who wants the last place',
    from: 'booked',
    first: (g) => ['shopping.claim_batch', g.purchase.claim, late],
    second: (g) => [
      'inventory.hold_batch',
      holdRequest(g.eventId, [{ type: g.type, quantity: 3 }]),
      late,
    ],
    words: ['claimed', 'sold_out'],
    counters: [0, 1, 0],
  },
  {
    what: 'a buyer who takes the last place, and a claim that is late',
    from: 'booked',
    first: (g) => [
      'inventory.hold_batch',
      holdRequest(g.eventId, [{ type: g.type, quantity: 3 }]),
      late,
    ],
    second: (g) => ['shopping.claim_batch', g.purchase.claim, late],
    words: ['granted', 'sold_out'],
    counters: [3, 0, 0],
  },
  {
    what: 'a claim, and its order being given up',
    from: 'booked',
    first: (g) => ['shopping.claim_batch', g.purchase.claim, soon],
    second: (g) => ['orders.end_batch', g.purchase.end, soon],
    words: ['claimed', 'claimed'],
    counters: [0, 1, 0],
  },
  {
    what: 'an order given up, and its claim',
    from: 'booked',
    first: (g) => ['orders.end_batch', { ...g.purchase.end, reason: 'cancelled_by_buyer' }, soon],
    second: (g) => ['shopping.claim_batch', g.purchase.claim, soon],
    words: ['ended', 'ended'],
    counters: [0, 0, 0],
  },
  {
    what: 'a release, and a booking',
    from: 'held',
    first: (g) => ['inventory.release_batch', { holdId: g.hold.holdId }, soon],
    second: (g) => ['shopping.book_batch', g.purchase.book, soon],
    words: ['released', 'hold_ended'],
    counters: [0, 0, 0],
  },
  {
    what: 'a confirmation, and its order being given up with its claim',
    from: 'claimed',
    first: (g) => ['shopping.confirm_batch', g.purchase.confirm(1_000), soon],
    second: (g) => ['orders.end_batch', { ...g.purchase.end, endClaim: true }, soon],
    words: ['confirmed', 'confirmed'],
    counters: [0, 0, 1],
  },
  {
    what: 'a claim given up, and its confirmation: the money goes back',
    from: 'claimed',
    first: (g) => ['orders.end_batch', { ...g.purchase.end, endClaim: true }, soon],
    second: (g) => ['shopping.confirm_batch', g.purchase.confirm(1_000), soon],
    words: ['ended', 'refund_owed'],
    counters: [0, 0, 0],
  },
  {
    what: 'a change, and a sweep that comes after the hold’s time',
    from: 'held',
    first: (g) => ['inventory.change_batch', swap(g, 3), soon],
    second: () => ['inventory.sweep_batch', { most: 10 }, late],
    words: ['granted', '1'],
    counters: [0, 0, 0],
  },
  {
    what: 'two changes of one hold',
    from: 'held',
    first: (g) => ['inventory.change_batch', swap(g, 2), soon],
    second: (g) => ['inventory.change_batch', swap(g, 3), soon],
    words: ['granted', 'granted'],
    counters: [3, 0, 0],
  },
  {
    what: 'a hold, and another’s change that wants the same places',
    from: 'held',
    first: (g) => [
      'inventory.hold_batch',
      holdRequest(g.eventId, [{ type: g.type, quantity: 2 }]),
      soon,
    ],
    second: (g) => ['inventory.change_batch', swap(g, 2), soon],
    words: ['granted', 'sold_out'],
    counters: [3, 0, 0],
  },
  {
    what: 'two refunds of one order',
    from: 'confirmed',
    first: (g) => ['orders.refund_tickets', g.purchase.refund(), soon],
    second: (g) => ['orders.refund_tickets', g.purchase.refund(), soon],
    words: ['refunded', 'ended'],
    counters: [0, 0, 0],
  },
];

async function run(pair: Pair, suffix: string) {
  const g = await given(pair.from);
  const { call } = calls(g.eventId, suffix);
  const { first, second } = await race(url, {
    first: call(...pair.first(g)),
    second: call(...pair.second(g)),
  });
  const [now] = await poolsOf(app, g.eventId);
  return { words: [first, second], counters: [now?.held, now?.claimed, now?.sold] };
}

describe('one after the other', () => {
  it.each(pairs.map((pair) => [pair.what, pair] as const))('%s', async (_what, pair) => {
    expect(await run(pair, real)).toEqual({ words: pair.words, counters: pair.counters });
    await expectAuditClean(app);
  });
});

describe('without the lock', () => {
  it.each(pairs.map((pair) => [pair.what, pair] as const))(
    'goes wrong, or is stopped by a constraint: %s',
    async (_what, pair) => {
      const { words, counters } = pair;
      const wrong = await run(pair, '_no_lock').catch((error: { code?: string }) => error.code);
      expect(wrong).not.toEqual({ words, counters });
      if (typeof wrong === 'string') expect(wrong).toMatch(/^(23514|23505|40001)$/);
    },
  );
});

describe('a capacity that is lowered', () => {
  const lower = (eventId: string, poolId: string, suffix: string) => async (session: Session) => {
    const text = `select inventory.set_pool${suffix}($1, $2, 'Smaller', 1) as verdict`;
    return (await session.query(text, [eventId, poolId])).rows[0].verdict as string;
  };
  const two = (g: { eventId: string; type: string }) =>
    holdRequest(g.eventId, [{ type: g.type, quantity: 1 }]);

  it('while places are being held: without the lock only the table says no', async () => {
    const g = await given('held');
    const raced = race(url, {
      first: calls(g.eventId, '_no_lock').call('inventory.hold_batch', two(g), soon),
      second: lower(g.eventId, g.poolId, '_no_lock'),
    });
    await expect(raced).rejects.toThrow(/pool_never_oversold/);
  });

  it('while places are being held: with it nothing is below what is committed', async () => {
    const g = await given('held');
    const { first, second } = await race(url, {
      first: calls(g.eventId, real).call('inventory.hold_batch', two(g), soon),
      second: lower(g.eventId, g.poolId, real),
    });
    expect([first, second]).toEqual(['granted', 'capacity_below_committed']);
    expect(await poolsOf(app, g.eventId)).toMatchObject([{ capacity: 3, held: 2 }]);
  });

  it('before places are held: they are held of what is left', async () => {
    const g = await given('held');
    const { first, second } = await race(url, {
      first: lower(g.eventId, g.poolId, real),
      second: calls(g.eventId, real).call('inventory.hold_batch', two(g), soon),
    });
    expect([first, second]).toEqual(['done', 'sold_out']);
    expect(await poolsOf(app, g.eventId)).toMatchObject([{ capacity: 1, held: 1 }]);
  });
});
