/**
 * C4, E6: a hall that is full costs its crowd next to nothing: no seat is looked at where counters
 * say that none is left, nor for a hold that has ended; and what it says to all is written once.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import { inTurn } from '../../server/kernel/lanes.ts';
import { ok } from '../../server/kernel/result.ts';
import { showSeatsInWords, sweepLapsed } from '../../server/modules/inventory/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, eventually, onSale } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';
import { callLane, holdRequest, wordOf } from '../kit/lane-calls.ts';
import { explainAll, readsOf } from '../kit/plans.ts';
import { seatedSale } from '../kit/seated.ts';

const ROWS = 20;
const PLACES = 20;
/** Of a type, a pool, a hold; the hall has twenty times as many seats. */
const FEW = 20;

let app: TestApp;
let client: pg.Client;
let hall: Awaited<ReturnType<typeof seatedSale>>;
beforeAll(async () => {
  app = await startApp();
  client = await connect(app.database.url);
  hall = await seatedSale(app, { rows: ROWS, places: PLACES });
  const all = Array.from({ length: ROWS * PLACES }, (_, seatNo) => seatNo);
  const holds = Array.from({ length: ROWS }, (_, row) =>
    holdRequest(hall.eventId, [{ type: hall.typeId, quantity: PLACES }], {
      seatNos: all.slice(row * PLACES, (row + 1) * PLACES),
    }),
  );
  expect((await call('inventory.hold_batch', holds)).map(wordOf)).toEqual(
    Array(ROWS).fill('granted'),
  );
  // Of a table that nothing is known of, the planner takes any index.
  await client.query('analyze inventory.seat');
  await explainAll(client);
});
afterAll(async () => {
  await client.end();
  await expectAuditClean(app);
  await app.close();
});

const call = (name: string, requests: readonly object[]) =>
  callLane(client, name + functionSuffix(), hall.eventId, requests);
const most = async (name: string, request: object) => {
  let word = '';
  const { reads } = await readsOf(client, async () => {
    word = wordOf((await call(name, [request]))[0]);
  });
  return { word, rows: Math.max(...reads.map(({ rows }) => rows)) };
};
const best = () => ({ seatNos: [null, null], best: [true], sections: [null] });

describe('a hall that is full', () => {
  it('is sold out without a look at its seats', async () => {
    const wanted = holdRequest(hall.eventId, [{ type: hall.typeId, quantity: 2 }], best());
    const { word, rows } = await most('inventory.search_batch', wanted);
    expect(word).toBe('sold_out');
    expect(rows).toBeLessThan(FEW);
  });

  it('is not searched for a hold that has ended', async () => {
    const swap = { holdId: 'hld_gone', ticketTypeIds: [hall.typeId], quantities: [2], ...best() };
    const { word, rows } = await most('inventory.change_batch', swap);
    expect(word).toBe('not_found');
    expect(rows).toBeLessThan(FEW);
  });

  it('is put into words once for all who ask', async () => {
    // An id that a test was given.
    const eventId = hall.eventId as EventId;
    const [one, two] = await Promise.all([
      showSeatsInWords(app.ctx, eventId),
      showSeatsInWords(app.ctx, eventId),
    ]);
    expect(one?.text).toBe(two?.text);
    expect((await showSeatsInWords(app.ctx, eventId))?.text).toBe(one?.text);
    const json = { accept: 'application/json' };
    const { body } = await app.guest.get(`/events/${eventId}/seats`, json);
    expect(body.seats).toHaveLength(ROWS * PLACES);
    expect(body.seats[0]).toEqual({ id: 'A-1-1', status: 'held' });
  });
});

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);

it('C4 a swap whose place lies behind a thousand lapsed holds is asked again', async () => {
  const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 4 });
  const typeOf = async (capacity: number) => {
    const more = { name: `Floor ${capacity}`, price: eur(1_000), capacity };
    return (await app.admin.post(`/events/${eventId}/ticket-types`, more)).body.id as string;
  };
  const [large, small] = [await typeOf(1_000), await typeOf(1)];
  const on = (name: string, requests: readonly object[], at?: Date) =>
    callLane(client, name + functionSuffix(), eventId, requests, at);
  const longAgo = hoursAgo(2);
  const place = (type: string) => holdRequest(eventId, [{ type, quantity: 1 }]);
  const mine = holdRequest(eventId, [{ type: typeId, quantity: 1 }], { seatNos: [0] });
  const older = Array.from({ length: 1_000 }, () => place(large));
  await on('inventory.hold_batch', older.slice(0, 500), longAgo);
  await on('inventory.hold_batch', older.slice(500), longAgo);
  // It lapses with them, and is the last to be reclaimed.
  await on('inventory.hold_batch', [place(small)], hoursAgo(1.95));
  await on('inventory.hold_batch', [mine]);
  const swap = {
    ...{ holdId: mine.holdId, ticketTypeIds: [small], quantities: [1] },
    ...{ seatNos: null, best: null },
  };
  const words = [];
  for (const nth of [1, 2])
    words.push([nth, ...(await on('inventory.change_batch', [swap])).map(wordOf)]);
  expect(words).toEqual([
    [1, 'again'],
    [2, 'granted'],
  ]);
});

it('G5 an event whose lane is busy keeps no other event from being swept', async () => {
  const [busy, free] = [await onSale(app.admin), await onSale(app.admin)];
  for (const { eventId, typeId } of [busy, free]) {
    const lapsed = holdRequest(eventId, [{ type: typeId, quantity: 1 }]);
    const name = `inventory.hold_batch${functionSuffix()}`;
    await callLane(client, name, eventId, [lapsed], hoursAgo(2));
  }
  let go = () => {};
  const until = new Promise<void>((resolve) => {
    go = resolve;
  });
  // As an id.
  const turn = inTurn(app.ctx, busy.eventId as EventId, async () => {
    await until;
    return ok(null);
  });
  const swept = await sweepLapsed(app.ctx, { waitMaxMs: 300 });
  expect(swept).toBeGreaterThanOrEqual(1);
  const heldOf = async (eventId: string) =>
    (
      await client.query('select sum(held)::int as n from inventory.pool where event_id = $1', [
        eventId,
      ])
    ).rows[0].n;
  expect([await heldOf(free.eventId), await heldOf(busy.eventId)]).toEqual([0, 1]);
  go();
  await turn;
  await eventually(
    () => heldOf(busy.eventId),
    (n) => n === 0,
  );
});
