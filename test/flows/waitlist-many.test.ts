/** D9, F10: many who wait, many offers: each look does so much, and the next one goes on. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { joinMany, lookOnce, looks, soldOut } from '../kit/waiting.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterEach(async () => {
  await expectAuditClean(app);
  app.clock.advance(-app.clock.offsetMs());
});
afterAll(() => app.close());

const OFFERS_AT_ONCE = 200;
const ENTRIES_AT_ONCE = 1_000;

/** How many entries of an event there are in each state. */
async function entriesOf(eventId: string): Promise<Record<string, number>> {
  const { rows } = await app.ctx.db.pool.query(
    `select status, count(*)::int as entries from waitlist.entry where event_id = $1
     group by status`,
    [eventId],
  );
  return Object.fromEntries(rows.map(({ status, entries }) => [status, entries]));
}

describe('a look', () => {
  it('D9 ends so many at once, and asks for another, until all have ended', async () => {
    const places = OFFERS_AT_ONCE + 10;
    const sale = await soldOut(app, [places]);
    await joinMany(app, sale.eventId, places + ENTRIES_AT_ONCE + 10);
    await sale.give(0, 0);
    expect(await looks(app)).toBe(places);
    const last = await sale.join();
    expect(last.answer.body.position).toBe(ENTRIES_AT_ONCE + 11);
    expect(await last.left()).toBe(204);
    await app.admin.post(`/events/${sale.eventId}/sales/close`);
    expect(await lookOnce(app, sale.eventId, 1)).toMatchObject({ again: true });
    expect(await entriesOf(sale.eventId)).toEqual({
      ...{ offered: 10, waiting: 10, closed: OFFERS_AT_ONCE + ENTRIES_AT_ONCE, left: 1 },
    });
    await looks(app);
    expect(await entriesOf(sale.eventId)).toEqual({
      ...{ closed: places + ENTRIES_AT_ONCE + 10, left: 1 },
    });
  });

  it('F10 that had not room for all is followed by the next round at once', async () => {
    const sale = await soldOut(app, [5]);
    await joinMany(app, sale.eventId, 5);
    await sale.give(0, 0);
    expect(await lookOnce(app, sale.eventId, 2)).toMatchObject({ offers: 2, again: true });
    expect(await looks(app)).toBe(3);
    expect(await looks(app)).toBe(0);
  });

  it('D9 does not ask what became of accepted offers before their time is over', async () => {
    const sale = await soldOut(app, [3], { each: 1 });
    const entries = [await sale.join(), await sale.join(), await sale.join()];
    for (const nth of [0, 1, 2]) await sale.give(0, nth);
    await looks(app);
    for (const entry of entries) {
      const { offer } = await entry.read();
      expect((await entry.caller.post(`/offers/${offer.id}/accept`)).status).toBe(200);
    }
    const pending = async () => {
      const { rows } = await app.ctx.db.pool.query(
        `select offer_id, due_at, xmin::text from waitlist.pending_offer where event_id = $1
         order by offer_id`,
        [sale.eventId],
      );
      return rows;
    };
    const before = await pending();
    expect(before).toHaveLength(3);
    for (let step = 0; step < 6; step++) {
      app.clock.advance(10_000);
      await lookOnce(app, sale.eventId, 1);
    }
    expect(await pending()).toEqual(before);
    app.clock.advance(60 * 60_000);
    await looks(app);
    expect(await pending()).toEqual([]);
    expect(await entriesOf(sale.eventId)).toEqual({ left: 3 });
  });
});
