/**
 * Holds with an end of their own, which several may share, and orders that end without their hold:
 * what a shopping session stands on.
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
  wordOf,
} from '../kit/lane-calls.ts';
import { seatedSale } from '../kit/seated.ts';

let app: TestApp;
let organizerId: string;
beforeAll(async () => {
  app = await startApp();
  const { rows } = await app.ctx.db.pool.query('select organizer_id as id from identity.organizer');
  organizerId = rows[0].id;
});
afterAll(() => app.close());

const T = Date.now() + 60_000;
const at = (ms: number) => new Date(T + ms);
const MINUTE_MS = 60_000;

const call = (eventId: string, name: string, requests: readonly object[], now = at(0)) =>
  callLane(app.ctx.db.pool, name + functionSuffix(), eventId, requests, now);

async function holdsOf(eventId: string) {
  const { rows } = await app.ctx.db.pool.query(
    `select hold_id, status, bound, expires_at, granted_until from inventory.hold
     where event_id = $1 order by hold_id`,
    [eventId],
  );
  return new Map(rows.map((row) => [row.hold_id as string, row]));
}

describe('a hold with an end of its own', () => {
  it('B8: lasts until then, beside others in one batch that last as long as the event says', async () => {
    const { eventId, types } = await pooledSale(app, [10], { holdMinutes: 15 });
    const lines = [{ type: types[0] ?? '', quantity: 1 }];
    const ends = [at(2 * MINUTE_MS), null, at(40 * MINUTE_MS)];
    const requests = ends.map((expiresAt) => holdRequest(eventId, lines, { expiresAt }));
    const answers = (await call(eventId, 'inventory.hold_batch', requests)) as {
      expiresAt: string;
    }[];
    const expected = [at(2 * MINUTE_MS), at(15 * MINUTE_MS), at(40 * MINUTE_MS)];
    expect(answers.map(({ expiresAt }) => new Date(expiresAt))).toEqual(expected);
    const held = await holdsOf(eventId);
    expect(requests.map(({ holdId }) => held.get(holdId)?.expires_at)).toEqual(expected);
    // The sweeper begins with the first of them, not with the event's own hold time.
    expect(await call(eventId, 'inventory.sweep_batch', [{ most: 9 }], at(3 * MINUTE_MS))).toEqual([
      1,
    ]);
    expect(await call(eventId, 'inventory.sweep_batch', [{ most: 9 }], at(20 * MINUTE_MS))).toEqual(
      [1],
    );
    expect(await call(eventId, 'inventory.sweep_batch', [{ most: 9 }], at(41 * MINUTE_MS))).toEqual(
      [1],
    );
    expect(await poolsOf(app, eventId)).toMatchObject([{ held: 0 }]);
  });

  it('B8: one that is over is refused, and takes nothing', async () => {
    const { eventId, types } = await pooledSale(app, [10]);
    const lines = [{ type: types[0] ?? '', quantity: 1 }];
    const requests = [at(0), at(-1)].map((expiresAt) => holdRequest(eventId, lines, { expiresAt }));
    const answers = await call(eventId, 'inventory.hold_batch', requests);
    expect(answers.map(wordOf)).toEqual(['hold_ended', 'hold_ended']);
    expect(await poolsOf(app, eventId)).toMatchObject([{ held: 0 }]);
  });

  it('B9: its seats lapse with it, whoever chose them', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 6 });
    const lines = [{ type: typeId, quantity: 1 }];
    const until = at(2 * MINUTE_MS);
    const named = holdRequest(eventId, lines, { seatNos: [0], expiresAt: until });
    const other = holdRequest(eventId, lines, { seatNos: [1] });
    expect((await call(eventId, 'inventory.hold_batch', [named, other])).map(wordOf)).toEqual([
      'granted',
      'granted',
    ]);
    const sought = holdRequest(eventId, lines, {
      ...{ best: [true], sections: [null], accessible: [null], prices: [null] },
      ...{ seatNos: [null], expiresAt: until },
    });
    expect((await call(eventId, 'inventory.search_batch', [sought])).map(wordOf)).toEqual([
      'granted',
    ]);
    await expectAuditClean(app);
    const { rows } = await app.ctx.db.pool.query(
      'select hold_id, expires_at from inventory.seat where event_id = $1 and hold_id is not null',
      [eventId],
    );
    const ends = new Map(rows.map((row) => [row.hold_id, row.expires_at]));
    expect([named, sought].map(({ holdId }) => ends.get(holdId))).toEqual([until, until]);
    expect(ends.get(other.holdId)).not.toEqual(until);
  });
});

describe('an order that ends and keeps its hold', () => {
  it('B10: the places stay held for as long as they were, and the next order is made of them', async () => {
    const { eventId, types } = await pooledSale(app, [3]);
    const hold = holdRequest(eventId, [{ type: types[0] ?? '', quantity: 2 }], {
      expiresAt: at(30 * MINUTE_MS),
    });
    const [first, second] = [1, 2].map(() => purchaseOf(eventId, hold.holdId, 2, organizerId));
    if (!first || !second) throw new Error('two purchases');
    await call(eventId, 'inventory.hold_batch', [hold]);
    await call(eventId, 'shopping.book_batch', [first.book]);
    const failed = { ...first.end, to: 'failed', reason: 'card_declined', keepHold: true };
    expect(await call(eventId, 'orders.end_batch', [failed])).toEqual(['ended']);
    expect((await holdsOf(eventId)).get(hold.holdId)).toMatchObject({
      status: 'active',
      bound: false,
      expires_at: at(30 * MINUTE_MS),
    });
    expect(await poolsOf(app, eventId)).toMatchObject([{ held: 2, sold: 0 }]);
    // A capture of the order that failed finds nothing to sell: the hold is not its own any more.
    expect(await call(eventId, 'shopping.claim_batch', [first.claim])).toEqual(['ended']);
    expect((await call(eventId, 'shopping.book_batch', [second.book])).map(wordOf)).toEqual([
      'placed',
    ]);
    expect(await call(eventId, 'shopping.claim_batch', [second.claim])).toEqual(['claimed']);
    expect(await call(eventId, 'shopping.confirm_batch', [second.confirm(2_000)])).toEqual([
      'confirmed',
    ]);
    const { rows } = await app.ctx.db.pool.query(
      'select status, purchase_no from orders.order where event_id = $1 order by purchase_no',
      [eventId],
    );
    expect(rows).toEqual([
      { status: 'failed', purchase_no: 1 },
      { status: 'confirmed', purchase_no: 2 },
    ]);
    await expectAuditClean(app);
  });

  it('B10: a hold that a payment has claimed is not kept: it is freed with its order', async () => {
    const { eventId, types } = await pooledSale(app, [3]);
    const hold = holdRequest(eventId, [{ type: types[0] ?? '', quantity: 2 }]);
    const purchase = purchaseOf(eventId, hold.holdId, 2, organizerId);
    await call(eventId, 'inventory.hold_batch', [hold]);
    await call(eventId, 'shopping.book_batch', [purchase.book]);
    await call(eventId, 'shopping.claim_batch', [purchase.claim]);
    const failed = { ...purchase.end, to: 'failed', reason: 'capture_failed', keepHold: true };
    expect(await call(eventId, 'orders.end_batch', [failed])).toEqual(['claimed']);
    expect(await call(eventId, 'orders.end_batch', [{ ...failed, endClaim: true }])).toEqual([
      'ended',
    ]);
    expect(await poolsOf(app, eventId)).toMatchObject([{ held: 0, claimed: 0 }]);
    await expectAuditClean(app);
  });
});
