/**
 * G5: while the waitlist has takers, what is freed is theirs, from the statement that frees it on.
 * The waitlist itself is a stand-in: it says how many it waits for, and takes up offers.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import {
  callLane,
  holdRequest,
  type Line,
  pooledSale,
  poolsOf,
  purchaseOf,
  race,
  wordOf,
} from '../kit/lane-calls.ts';
import { seatedSale } from '../kit/seated.ts';
import { installVariant, type Session } from '../kit/variants.ts';

let app: TestApp;
let url: string;
let organizerId: string;
beforeAll(async () => {
  app = await startApp();
  url = app.database.url;
  // What is freed is free for everybody.
  await installVariant(url, '_free_for_all', (text) =>
    text.replace('select least(v_pool.quantity, greatest(0, p.waiting - p.reserved))', 'select 0'),
  );
  await installVariant(url, '_no_lock', (text) =>
    text.replaceAll(/\s+for no key update( skip locked)?/g, ''),
  );
  const { rows } = await app.ctx.db.pool.query('select organizer_id as id from identity.organizer');
  organizerId = rows[0].id;
});
afterEach(() => expectAuditClean(app));
afterAll(() => app.close());

const real = functionSuffix();
const soon = new Date(Date.now() + 60_000);
const late = new Date(Date.now() + 3_600_000);
type On = { readonly query: Session['query'] };

function saleOf(eventId: string, poolId: string) {
  const call =
    (name: string, request: object, now: Date | null = soon, suffix = real) =>
    async (on: On) =>
      wordOf((await callLane(on, name + suffix, eventId, [request], now))[0] ?? null);
  const now = (name: string, request: object, at: Date = soon) =>
    call(name, request, at)(app.ctx.db.pool);
  const hold = async (line: Line, more: object = {}) => {
    const request = holdRequest(eventId, [line], more);
    return { ...request, word: await now('inventory.hold_batch', request) };
  };
  return {
    eventId,
    poolId,
    call,
    now,
    hold,
    wait: (waiting: number) => now('inventory.wait_batch', { poolId, waiting }),
    pool: async () => (await poolsOf(app, eventId))[0],
    seats: async () => {
      const { rows } = await app.ctx.db.pool.query<{ status: string }>(
        'select status from inventory.seat where event_id = $1 order by seat_no',
        [eventId],
      );
      return rows.map((row) => row.status).join(' ');
    },
  };
}

/** Three counted places, all held, and takers for two. */
async function soldOut() {
  const { eventId, types, pools } = await pooledSale(app, [3]);
  const type = types[0] ?? '';
  const sale = saleOf(eventId, pools[0] ?? '');
  const held = [];
  for (let i = 0; i < 3; i++) held.push(await sale.hold({ type, quantity: 1 }));
  expect(await sale.wait(2)).toBe('0');
  return { ...sale, type, held };
}

/** Four seats in a row, of which the first two are held, and takers for one. */
async function seated() {
  const { eventId, poolId, typeId: type } = await seatedSale(app, { rows: 1, places: 4 });
  const sale = saleOf(eventId, poolId);
  const held = await sale.hold({ type, quantity: 2 }, { seatNos: [0, 1] });
  expect(await sale.wait(1)).toBe('0');
  return { ...sale, type, held };
}

describe('a place that is freed while somebody waits', () => {
  it('is anybody’s where it becomes free first, and the waitlist’s where it does not', async () => {
    for (const [suffix, word] of [
      ['_free_for_all', 'granted'],
      [real, 'sold_out'],
    ] as const) {
      const { call, held, eventId, type } = await soldOut();
      const { first, second } = await race(url, {
        first: call('inventory.release_batch', { holdId: held[0]?.holdId }, soon, suffix),
        second: call('inventory.hold_batch', holdRequest(eventId, [{ type, quantity: 1 }])),
      });
      expect([first, second]).toEqual(['released', word]);
    }
  });

  it('is there for an offer that waited for the lock meanwhile', async () => {
    const { call, held, eventId, type, pool } = await soldOut();
    const offer = holdRequest(eventId, [{ type, quantity: 1 }], { offered: true });
    const { first, second, waits } = await race(url, {
      first: call('inventory.release_batch', { holdId: held[0]?.holdId }),
      second: call('inventory.hold_batch', offer),
    });
    expect([first, second, waits]).toEqual(['released', 'granted', true]);
    expect(await pool()).toMatchObject({ held: 3, reserved: 0 });
  });

  it.each([
    ['_no_lock', null],
    [real, ['granted', 'sold_out']],
  ])('is taken up once, under %s', async (suffix, words) => {
    const { call, now, held, eventId, type, pool } = await soldOut();
    await now('inventory.release_batch', { holdId: held[0]?.holdId });
    expect(await pool()).toMatchObject({ held: 2, reserved: 1 });
    const offer = () => holdRequest(eventId, [{ type, quantity: 1 }], { offered: true });
    const raced = race(url, {
      first: call('inventory.hold_batch', offer(), soon, suffix),
      second: call('inventory.hold_batch', offer(), soon, suffix),
    });
    if (!words) return expect(raced).rejects.toMatchObject({ code: '23514' });
    const { first, second } = await raced;
    expect([first, second]).toEqual(words);
  });

  it('is the waitlist’s too where a hold lapses in the very batch that is short', async () => {
    const { now, eventId, type, pool } = await soldOut();
    const request = holdRequest(eventId, [{ type, quantity: 1 }]);
    const offer = holdRequest(eventId, [{ type, quantity: 2 }], { offered: true });
    // Three lapse: two are reserved, one is free.
    expect(await now('inventory.hold_batch', request, late)).toBe('granted');
    expect(await pool()).toMatchObject({ held: 1, reserved: 2 });
    const more = holdRequest(eventId, [{ type, quantity: 1 }]);
    expect(await now('inventory.hold_batch', more, late)).toBe('sold_out');
    expect(await now('inventory.hold_batch', offer, late)).toBe('granted');
    expect(await pool()).toMatchObject({ held: 3, reserved: 0 });
  });

  it('is one that was added, too', async () => {
    const { hold, type, eventId, poolId, pool } = await soldOut();
    await app.ctx.db.pool.query(`select inventory.set_pool${real}($1, $2, 'Larger', 6)`, [
      eventId,
      poolId,
    ]);
    expect(await pool()).toMatchObject({ capacity: 6, reserved: 2 });
    expect((await hold({ type, quantity: 2 })).word).toBe('sold_out');
    expect((await hold({ type, quantity: 1 })).word).toBe('granted');
  });

  it('is free again where its taker has left', async () => {
    const { now, wait, held, type, hold, pool } = await soldOut();
    await now('inventory.release_batch', { holdId: held[0]?.holdId });
    expect(await wait(0)).toBe('0');
    expect(await pool()).toMatchObject({ held: 2, reserved: 0 });
    expect((await hold({ type, quantity: 1 })).word).toBe('granted');
  });

  it('is the waitlist’s where a hold gives it back in a swap', async () => {
    const { eventId, types, pools } = await pooledSale(app, [3]);
    const type = types[0] ?? '';
    const { now, wait, hold, pool } = saleOf(eventId, pools[0] ?? '');
    const mine = await hold({ type, quantity: 3 });
    await wait(1);
    const swap = (quantity: number) => ({
      holdId: mine.holdId,
      ticketTypeIds: [type],
      quantities: [quantity],
      seatNos: null,
    });
    expect(await now('inventory.change_batch', swap(1))).toBe('granted');
    expect(await pool()).toMatchObject({ held: 1, reserved: 1 });
    expect(await now('inventory.change_batch', swap(3))).toBe('sold_out');
    expect(await now('inventory.change_batch', swap(2))).toBe('granted');
  });
});

describe('a seat that is freed while somebody waits', () => {
  it('is reserved as a seat, and only an offer gets it', async () => {
    const { now, held, hold, type, seats } = await seated();
    await now('inventory.release_batch', { holdId: held.holdId });
    expect(await seats()).toBe('reserved free free free');
    expect((await hold({ type, quantity: 1 }, { seatNos: [0] })).word).toBe('seat_taken');
    const offered = { seatNos: [0], offered: true };
    expect((await hold({ type, quantity: 1 }, offered)).word).toBe('granted');
    const free = { seatNos: [2], offered: true };
    expect((await hold({ type, quantity: 1 }, free)).word).toBe('seat_taken');
    expect(await seats()).toBe('held free free free');
  });

  it('is not a swap’s, where a hold on it lapses in that swap', async () => {
    const sale = await seated();
    const { now, hold, type, eventId, seats, pool } = sale;
    const later = new Date(late.getTime() - 60_000);
    const mine = holdRequest(eventId, [{ type, quantity: 1 }], { seatNos: [3] });
    expect(await now('inventory.hold_batch', mine, later)).toBe('granted');
    // The holder of the first two has lapsed by now; nobody has looked yet.
    const swap = (seatNo: number) => ({
      holdId: mine.holdId,
      ticketTypeIds: [type],
      quantities: [1],
      seatNos: [seatNo],
    });
    expect(await now('inventory.change_batch', swap(0), late)).toBe('seat_taken');
    expect(await seats()).toBe('reserved free free held');
    await app.ctx.db.pool.query(`select inventory.block_seats${real}($1, $2, '{2}') as verdict`, [
      eventId,
      sale.poolId,
    ]);
    expect(await now('inventory.change_batch', swap(2), late)).toBe('seat_taken');
    expect(await now('inventory.change_batch', swap(1), late)).toBe('granted');
    expect(await pool()).toMatchObject({ held: 1, reserved: 1 });
    expect((await hold({ type, quantity: 1 }, { seatNos: [0] })).word).toBe('seat_taken');
  });

  it('is reserved once, where tickets of two types of one pool come back together', async () => {
    const { eventId, poolId, typeId } = await seatedSale(app, { rows: 1, places: 4 });
    const made = await app.admin.post(`/events/${eventId}/ticket-types`, {
      name: 'Child',
      price: { amount: 500, currency: 'EUR' },
      poolId,
    });
    const { now, wait, pool, seats } = saleOf(eventId, poolId);
    const lines = [typeId, made.body.id].map((type) => ({ type, quantity: 1 }));
    const hold = holdRequest(eventId, lines, { seatNos: [0, 1] });
    const purchase = purchaseOf(eventId, hold.holdId, 2, organizerId);
    expect(await now('inventory.hold_batch', hold)).toBe('granted');
    expect(await now('shopping.book_batch', purchase.book)).toBe('placed');
    expect(await now('shopping.claim_batch', purchase.claim)).toBe('claimed');
    expect(await now('shopping.confirm_batch', purchase.confirm(3_000))).toBe('confirmed');
    // Whoever composes it wrongly is stopped: a seat too many, or one that is not the hold’s.
    const giveBack = (seatNos: number[]) =>
      app.ctx.db.pool.query(`select inventory.return_places${real}($1, $2, $3, '{1}', $4)`, [
        eventId,
        hold.holdId,
        [typeId],
        seatNos,
      ]);
    await expect(giveBack([1, 3])).rejects.toThrow(/these seats/);
    await expect(giveBack([3])).rejects.toThrow(/these seats/);
    await wait(2);
    expect(await now('orders.refund_tickets', purchase.refund())).toBe('refunded');
    expect(await pool()).toMatchObject({ sold: 0, reserved: 2 });
    expect(await seats()).toBe('reserved reserved free free');
  });
});
