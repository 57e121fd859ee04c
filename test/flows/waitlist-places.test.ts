/** D9, F10: who is given which places, what nobody waits for, and how a waitlist ends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitlistConsumer, waitlistRecurring } from '../../server/modules/waitlist/index.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, inDays, onSale, somebody } from '../kit/given.ts';
import { poolsOf } from '../kit/lane-calls.ts';
import { joinMany, looks, seatedHall, soldOut } from '../kit/waiting.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterEach(async () => {
  await expectAuditClean(app);
  app.clock.advance(-app.clock.offsetMs());
});
afterAll(() => app.close());

const MINUTE_MS = 60_000;

describe('groups', () => {
  it('F10 are served whole: who fits is, who does not keeps the rank', async () => {
    const sale = await soldOut(app, [6], { each: 1 });
    const four = await sale.join({ quantity: 4 });
    const two = await sale.join({ quantity: 2 });
    const one = await sale.join({ quantity: 1 });
    await sale.give(0, 0);
    await looks(app);
    expect([(await four.read()).status, (await two.read()).status]).toEqual(['waiting', 'waiting']);
    expect((await one.read()).status).toBe('offered');
    await sale.give(0, 1);
    await looks(app);
    expect((await two.read()).status).toBe('waiting');
    await sale.give(0, 2);
    await looks(app);
    expect((await two.read()).status).toBe('offered');
    expect((await four.read()).position).toBe(1);
    for (const nth of [3, 4, 5]) await sale.give(0, nth);
    await looks(app);
    expect((await four.read()).status).toBe('waiting');
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 3, reserved: 3 }]);
    await one.caller.post(`/offers/${(await one.read()).offer.id}/decline`);
    await looks(app);
    expect((await four.read()).status).toBe('offered');
  });

  it('F10 may take fewer, and are told so', async () => {
    const sale = await soldOut(app, [3], { each: 1 });
    const group = await sale.join({ quantity: 3, acceptsFewer: true });
    await sale.give(0, 0);
    await sale.give(0, 1);
    await looks(app);
    const { offer } = await group.read();
    expect((await group.caller.get(`/offers/${offer.id}`)).body).toMatchObject({
      quantity: 2,
      wanted: 3,
    });
    await sale.give(0, 2);
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 2, reserved: 0 }]);
  });

  it('F10 get seats next to each other, the best of them, or wait', async () => {
    const hall = await seatedHall(app, { rows: 2, places: 6 });
    const pair = await hall.join({ quantity: 2 });
    await hall.free(['A-1-1', 'A-1-3', 'A-2-6']);
    await looks(app);
    expect((await pair.read()).status).toBe('waiting');
    // Two are kept for them, as many as they want; the third is on sale.
    const single = await hall.join({ quantity: 1 });
    expect(single.answer.body.code).toBe('still_available');
    await hall.free(['A-2-4', 'A-2-5']);
    await looks(app);
    expect(await hall.seatsOf(pair)).toEqual(['A-2-4', 'A-2-5']);
    expect(await poolsOf(app, hall.eventId)).toMatchObject([{ held: 2, reserved: 0 }]);
    const fewer = await hall.join({ quantity: 4, acceptsFewer: true });
    await hall.free(['A-1-5', 'A-1-6']);
    await looks(app);
    expect(await hall.seatsOf(fewer)).toEqual(['A-1-5', 'A-1-6']);
    expect((await hall.offerOf(fewer)).apart).toBe(false);
  });

  it('F10 that take fewer sit apart only where nobody could sit together', async () => {
    const hall = await seatedHall(app, { rows: 1, places: 6 });
    const group = await hall.join({ quantity: 3, acceptsFewer: true });
    await hall.free(['A-1-1', 'A-1-3', 'A-1-6']);
    await looks(app);
    expect(await hall.offerOf(group)).toMatchObject({ quantity: 3, apart: true });
  });
});

describe('what nobody waits for', () => {
  it('D9 is on sale again: others have left, or were served elsewhere', async () => {
    const sale = await soldOut(app, [2, 2]);
    const both = await sale.join({ quantity: 2 });
    await sale.give(0, 0);
    await sale.give(1, 0);
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ reserved: 2 }, { reserved: 2 }]);
    await looks(app);
    expect((await both.read()).status).toBe('offered');
    expect(await poolsOf(app, sale.eventId)).toMatchObject([
      { held: 2, reserved: 0 },
      { held: 0, reserved: 0 },
    ]);
  });

  it('F10 includes seats in sections that nobody wants', async () => {
    const hall = await seatedHall(app, { rows: 1, places: 2 });
    const entry = await hall.join({ quantity: 2, sections: ['A'] });
    expect(entry.answer.status).toBe(201);
    const unknown = await hall.join({ quantity: 2, sections: ['B'] });
    expect(unknown.answer.body.code).toBe('unknown_ticket_type');
    await hall.free(['A-1-1', 'A-1-2']);
    await looks(app);
    expect(await hall.seatsOf(entry)).toEqual(['A-1-1', 'A-1-2']);
  });

  it('D9 comes from added capacity and from places that were off sale, too', async () => {
    const sale = await soldOut(app, [1]);
    const [first, second] = [await sale.join(), await sale.join()];
    const larger = { name: 'Standard', capacity: 2 };
    const set = await app.admin.put(`/events/${sale.eventId}/pools/${sale.pools[0]}`, larger);
    expect(set.status).toBe(200);
    await looks(app);
    expect((await first.read()).status).toBe('offered');
    await app.admin.put(`/events/${sale.eventId}/pools/${sale.pools[0]}`, {
      ...larger,
      capacity: 4,
    });
    await looks(app);
    expect((await second.read()).status).toBe('offered');
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 3, reserved: 0 }]);
  });

  it('D9 follows ticket types that are withdrawn', async () => {
    const sale = await soldOut(app, [1, 1]);
    const only = await sale.join({ ticketTypeIds: [sale.types[0]] });
    const any = await sale.join();
    expect(
      (await app.admin.delete(`/events/${sale.eventId}/ticket-types/${sale.types[0]}`)).status,
    ).toBe(204);
    await sale.give(0, 0);
    await sale.give(1, 0);
    await looks(app);
    await looks(app);
    expect(await only.read()).toMatchObject({ status: 'closed', reason: 'nothing_left' });
    expect((await any.read()).status).toBe('offered');
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ reserved: 0 }, { held: 1 }]);
  });
});

describe('closing', () => {
  it('D9 before the doors: nobody joins, whoever waits is closed, places are on sale', async () => {
    const sale = await soldOut(app, [3], { each: 1, more: { startsAt: inDays(1) } });
    const pair = await sale.join({ quantity: 2 });
    await sale.give(0, 0);
    await looks(app);
    expect((await pair.read()).status).toBe('waiting');
    const closesAt = Date.parse((await sale.list()).body.closesAt);
    expect(closesAt).toBeLessThanOrEqual(Date.parse(inDays(1)) - 2 * 60 * MINUTE_MS);
    app.clock.advance(closesAt - Date.now() - 4 * MINUTE_MS);
    await looks(app);
    expect(await pair.read()).toMatchObject({ status: 'closed', reason: 'closed' });
    expect((await sale.join()).answer.body.code).toBe('waitlist_closed');
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ reserved: 0 }]);
  });

  it('D9 an offer ends with the list at the latest', async () => {
    const sale = await soldOut(app, [1], { more: { startsAt: inDays(1) } });
    const entry = await sale.join();
    const closesAt = (await sale.list()).body.closesAt;
    app.clock.advance(Date.parse(closesAt) - Date.now() - 10 * MINUTE_MS);
    await sale.give(0, 0);
    await looks(app);
    expect((await entry.read()).offer.expiresAt).toBe(closesAt);
  });

  it('D9 by staff, or with the sale; offers are withdrawn when nothing is sold', async () => {
    const sale = await soldOut(app, [2], { each: 1 });
    const [first, second] = [await sale.join(), await sale.join()];
    await sale.give(0, 0);
    await looks(app);
    const path = `/events/${sale.eventId}/waitlist`;
    expect((await app.admin.put(path, { open: false })).body.open).toBe(false);
    await looks(app);
    expect((await second.read()).status).toBe('closed');
    expect((await first.read()).status).toBe('offered');
    expect((await sale.join()).answer.body.code).toBe('waitlist_closed');
    expect((await app.admin.put(path, { open: true })).body.open).toBe(true);
    const offerId = (await first.read()).offer.id;
    await app.admin.post(`/events/${sale.eventId}/sales/close`);
    await looks(app);
    expect((await first.caller.get(`/offers/${offerId}`)).body.status).toBe('withdrawn');
    expect(await first.read()).toMatchObject({ status: 'closed', reason: 'withdrawn' });
    const late = { waitlistClosesAt: inDays(300) };
    expect((await app.admin.put(path, late)).body.code).toBe('closes_too_late');
  });

  it('D9 follows an event that is moved', async () => {
    const sale = await soldOut(app, [1]);
    await sale.join();
    await app.drainFacts();
    const before = Date.parse((await sale.list()).body.closesAt);
    const startsAt = inDays(60);
    const moved = await app.admin.post(`/events/${sale.eventId}/reschedule`, { startsAt });
    expect(moved.status).toBe(200);
    await app.drainFacts();
    const after = Date.parse((await sale.list()).body.closesAt);
    expect(after - before).toBeGreaterThan(29 * 24 * 60 * MINUTE_MS);
    expect(waitlistConsumer.kinds).toContain('event_rescheduled');
  });

  it('D9 follows doors that open earlier', async () => {
    const [startsAt, doorsAt] = [inDays(30), inDays(29)];
    const sale = await soldOut(app, [1], { more: { startsAt } });
    await sale.join();
    await app.drainFacts();
    const path = `/events/${sale.eventId}`;
    const { body } = await app.admin.get(path);
    const { name, timezone, version, maxTicketsPerPerson } = body;
    const edited = { name, timezone, version, maxTicketsPerPerson, startsAt, doorsAt };
    expect(await app.admin.put(path, edited)).toMatchObject({ status: 200 });
    await app.drainFacts();
    expect((await sale.list()).body.closesAt).toBe(doorsAt);
  });

  it('D9 makes no offers while the sale is paused, and goes on afterwards', async () => {
    const sale = await soldOut(app, [1]);
    const entry = await sale.join();
    await app.admin.post(`/events/${sale.eventId}/sales/pause`);
    await sale.give(0, 0);
    expect(await looks(app)).toBe(0);
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ reserved: 1 }]);
    await app.admin.post(`/events/${sale.eventId}/sales/resume`);
    expect(await looks(app)).toBe(1);
    expect((await entry.read()).status).toBe('offered');
  });
});

describe('an offer that would end while selling is stopped', () => {
  const selling = ({ eventId }: { eventId: string }, stopped: boolean) =>
    app.admin.put(`/events/${eventId}/selling`, { stopped, reason: 'test' });
  const passMinutes = async (minutes: number) => {
    for (let half = 0; half < 2 * minutes; half++) {
      app.clock.advance(MINUTE_MS / 2);
      await looks(app);
    }
  };

  it('D9 stays open, and goes on to the next afterwards', async () => {
    const sale = await soldOut(app, [2], { each: 1 });
    const [first, second, next] = [await sale.join(), await sale.join(), await sale.join()];
    await sale.give(0, 0);
    await sale.give(0, 1);
    expect(await looks(app)).toBe(2);
    expect((await selling(sale, true)).status).toBe(200);
    await passMinutes(45);
    expect((await selling(sale, false)).status).toBe(200);
    const { offer } = await first.read();
    expect((await first.caller.post(`/offers/${offer.id}/accept`)).status).toBe(200);
    app.clock.advance(6 * MINUTE_MS);
    expect(await looks(app)).toBe(1);
    expect(await second.read()).toMatchObject({ status: 'left', reason: 'expired' });
    expect((await next.read()).status).toBe('offered');
  });

  it('D9 stays open however many there are', async () => {
    const places = 450;
    const sale = await soldOut(app, [places]);
    await joinMany(app, sale.eventId, places);
    await sale.give(0, 0);
    expect(await looks(app)).toBe(places);
    await selling(sale, true);
    await passMinutes(31);
    const { rows } = await app.ctx.db.pool.query(
      `select status, count(*)::int as offers from waitlist.offer where event_id = $1
       group by status`,
      [sale.eventId],
    );
    await selling(sale, false);
    expect(rows).toEqual([{ status: 'open', offers: places }]);
  });

  it('D9 ends with the list all the same', async () => {
    const sale = await soldOut(app, [1]);
    const entry = await sale.join();
    const waitlistClosesAt = new Date(Date.now() + 40 * MINUTE_MS).toISOString();
    const terms = { offerMinutes: 30, waitlistClosesAt };
    expect((await app.admin.put(`/events/${sale.eventId}/waitlist`, terms)).status).toBe(200);
    await sale.give(0, 0);
    expect(await looks(app)).toBe(1);
    await selling(sale, true);
    await passMinutes(41);
    await selling(sale, false);
    expect(await entry.read()).toMatchObject({ status: 'left', reason: 'expired' });
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 0, reserved: 0 }]);
  });
});

describe('people', () => {
  it('D9 whose entry has ended are forgotten a week later', async () => {
    const sale = await soldOut(app, [1]);
    const [gone, still] = [await sale.join(), await sale.join()];
    await gone.left();
    const known = async () => {
      const { rows } = await app.ctx.db.pool.query(
        'select entry_id from waitlist.entry where event_id = $1 and person is not null',
        [sale.eventId],
      );
      return rows.map((row) => row.entry_id).sort();
    };
    await waitlistRecurring.run(app.ctx);
    expect(await known()).toEqual([gone.id, still.id].sort());
    app.clock.advance(8 * 24 * 60 * MINUTE_MS);
    await waitlistRecurring.run(app.ctx);
    app.clock.advance(-app.clock.offsetMs());
    expect(await known()).toEqual([still.id]);
  });
});

describe('by itself', () => {
  it('F10 offers what comes free within a second, in a server and in its neighbour', async () => {
    const working = await startApp({ worker: true, database: app.database });
    try {
      const sale = await soldOut(app, [2], { each: 1 });
      const [first, second] = [await sale.join(), await sale.join()];
      const beganAt = performance.now();
      await sale.give(0, 0);
      await first.untilOffered();
      expect(performance.now() - beganAt).toBeLessThan(1_000);
      const again = performance.now();
      await sale.give(0, 1, working);
      await second.untilOffered();
      expect(performance.now() - again).toBeLessThan(1_000);
      const metrics = await working.as(ADMIN_KEY).get('//metrics');
      expect(metrics.body).toMatch(/fanfare_waitlist_offers_total [1-9]/);
    } finally {
      await working.close();
    }
  });

  it('D9 an event that is on sale keeps what has room out of the list', async () => {
    const { eventId } = await onSale(app.admin, { capacity: 5, price: eur(10).amount });
    const joined = await app.guest.post(`/events/${eventId}/waitlist`, {
      ...somebody(),
      quantity: 2,
    });
    expect(joined.body.code).toBe('still_available');
  });
});
