/** D9, F10: the waitlist over HTTP, from joining a sold-out event to the tickets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitlistConsumer } from '../../server/modules/waitlist/index.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, inDays, newKey, onSale, somebody } from '../kit/given.ts';
import { poolsOf } from '../kit/lane-calls.ts';
import { codesOf, payFor } from '../kit/shopper.ts';
import { looks, seatedHall, soldOut } from '../kit/waiting.ts';

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

describe('joining', () => {
  it('D9 is possible where what is wanted is sold out, and says the position', async () => {
    const sale = await soldOut(app, [4], { hold: [3] });
    const early = await sale.join({ quantity: 1 });
    expect([early.answer.status, early.answer.body.code]).toEqual([409, 'still_available']);
    await sale.holdMore(0, 1);
    const first = await sale.join({ quantity: 2 });
    expect(first.answer.status).toBe(201);
    expect(first.answer.body).toMatchObject({
      status: 'waiting',
      quantity: 2,
      position: 1,
      odds: null,
      offer: null,
      accessToken: expect.stringMatching(/^at_/),
    });
    const second = await sale.join({ quantity: 1 });
    expect(second.answer.body.position).toBe(2);
    expect(await first.left()).toBe(204);
    expect(await first.left()).toBe(204);
    expect((await second.read()).position).toBe(1);
    expect((await first.read()).reason).toBe('left');
    expect((await app.guest.get(`/waitlist/${first.id}`)).status).toBe(401);
  });

  it('D9 is once for each person, within their cap, of what there is', async () => {
    const sale = await soldOut(app, [2], { more: { maxTicketsPerPerson: 3 } });
    const who = somebody();
    expect((await sale.join({ quantity: 2, ...who })).answer.status).toBe(201);
    const again = await sale.join({ quantity: 1, ...who });
    expect(again.answer.body.code).toBe('already_waiting');
    const many = await sale.join({ quantity: 4 });
    expect([many.answer.status, many.answer.body.code]).toEqual([409, 'per_person_limit']);
    const unknown = await sale.join({
      ticketTypeIds: ['tt_00000000000000000000000000000000000000'],
    });
    expect(unknown.answer.status).toBe(422);
    const elsewhere = await sale.join({ sections: ['Nowhere'] });
    expect(elsewhere.answer.body.code).toBe('unknown_ticket_type');
  });

  it('D9 asked again with its key is the same entry', async () => {
    const sale = await soldOut(app, [1]);
    const headers = { ...newKey(), 'x-device-token': 'a-device-of-my-own' };
    const body = { ...somebody(), quantity: 1 };
    const path = `/events/${sale.eventId}/waitlist`;
    const [one, two] = await Promise.all([
      app.guest.post(path, body, headers),
      app.guest.post(path, body, headers),
    ]);
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(two.body).toEqual(one.body);
    const other = await app.guest.post(path, { ...body, quantity: 2 }, headers);
    expect(other.body.code).toBe('idempotency_key_reused');
    const stranger = await app.guest.post(path, body, newKey());
    expect(stranger.body.code).toBe('already_waiting');
  });
});

describe('an offer', () => {
  it('D9 is a hold that becomes a session, and then tickets', async () => {
    const sale = await soldOut(app, [2]);
    const entry = await sale.join({ quantity: 2 });
    await sale.give(0, 0);
    expect(await looks(app)).toBe(1);
    const read = await entry.read();
    expect(read).toMatchObject({ status: 'offered', position: null, odds: 1, placesOffered: 2 });
    const offer = await entry.caller.get(`/offers/${read.offer.id}`);
    expect(offer.body).toMatchObject({
      status: 'open',
      quantity: 2,
      wanted: 2,
      ticketTypeId: sale.types[0],
      expiresAt: read.offer.expiresAt,
      apart: false,
    });
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 2, reserved: 0 }]);
    const accepted = await entry.caller.post(`/offers/${read.offer.id}/accept`);
    expect(accepted.status).toBe(200);
    expect(accepted.body).toMatchObject({
      status: 'open',
      selection: { items: [{ ticketTypeId: sale.types[0], quantity: 2 }] },
      buyer: { email: entry.email },
    });
    expect(Date.parse(accepted.body.expiresAt)).toBeGreaterThanOrEqual(
      Date.parse(read.offer.expiresAt),
    );
    expect(codesOf(accepted.body.issues)).toEqual(['payment_missing']);
    const again = await entry.caller.post(`/offers/${read.offer.id}/accept`);
    expect(again.body).toMatchObject({
      id: accepted.body.id,
      accessToken: accepted.body.accessToken,
    });
    const declined = await entry.caller.post(`/offers/${read.offer.id}/decline`);
    expect([declined.status, declined.body.code]).toEqual([409, 'offer_answered']);
    expect((await entry.caller.delete(`/waitlist/${entry.id}`)).body.code).toBe(
      'waitlist_entry_ended',
    );
    const buyer = app.as(accepted.body.accessToken);
    const at = `/shopping-sessions/${accepted.body.id}`;
    await buyer.put(`${at}/payment`, { method: 'payment_intent' });
    const bought = await buyer.post(`${at}/purchase`, {}, newKey());
    expect(bought.body.status).toBe('purchasing');
    await payFor(app, bought);
    expect((await buyer.get(at)).body).toMatchObject({ status: 'completed' });
    app.clock.advance(3_000);
    await looks(app);
    expect(await entry.read()).toMatchObject({ status: 'converted', reason: null });
    expect((await sale.list()).body).toMatchObject({
      entries: { converted: { entries: 1, places: 2 } },
      offers: { accepted: 1 },
      conversion: 1,
      medianSecondsToOffer: expect.any(Number),
    });
  });

  it('D9 that is declined or not answered goes to the next at once', async () => {
    const sale = await soldOut(app, [1]);
    const [first, second, third] = [await sale.join(), await sale.join(), await sale.join()];
    await sale.give(0, 0);
    await looks(app);
    const offerId = (await first.read()).offer.id;
    const no = await first.caller.post(`/offers/${offerId}/decline`);
    expect(no.body.status).toBe('declined');
    expect((await first.caller.post(`/offers/${offerId}/decline`)).status).toBe(200);
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 0, reserved: 1 }]);
    await looks(app);
    expect(await first.read()).toMatchObject({ status: 'left', reason: 'declined', offer: null });
    const next = (await second.read()).offer.id;
    app.clock.advance(30 * MINUTE_MS + 1);
    const late = await second.caller.post(`/offers/${next}/accept`);
    expect([late.status, late.body.code]).toEqual([409, 'offer_expired']);
    expect((await second.caller.get(`/offers/${next}`)).body.status).toBe('expired');
    expect(await looks(app)).toBe(1);
    expect(await second.read()).toMatchObject({ status: 'left', reason: 'expired' });
    expect((await third.read()).status).toBe('offered');
  });

  it('D9 has the minutes that staff has set, and late acceptance the shopping time', async () => {
    const sale = await soldOut(app, [1]);
    const set = await app.admin.put(`/events/${sale.eventId}/waitlist`, { offerMinutes: 45 });
    expect(set.body).toMatchObject({ open: true, offerMinutes: 45 });
    const entry = await sale.join();
    await sale.give(0, 0);
    await looks(app);
    const { offer } = await entry.read();
    const left = Date.parse(offer.expiresAt) - Date.now();
    expect(left).toBeGreaterThan(44 * MINUTE_MS);
    expect(left).toBeLessThanOrEqual(45 * MINUTE_MS);
    app.clock.advance(44 * MINUTE_MS);
    const accepted = await entry.caller.post(`/offers/${offer.id}/accept`);
    expect(accepted.body.secondsLeft).toBeGreaterThan(29 * 60);
    app.clock.advance(20 * MINUTE_MS);
    expect(
      (await app.as(accepted.body.accessToken).get(`/shopping-sessions/${accepted.body.id}`)).body,
    ).toMatchObject({ status: 'open', selection: { items: [{ quantity: 1 }] } });
    app.clock.advance(11 * MINUTE_MS);
    await looks(app);
    expect(await entry.read()).toMatchObject({ status: 'left', reason: 'unpaid' });
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 0, reserved: 0 }]);
  });

  it('D9 whose session is given up goes to the next, too', async () => {
    const sale = await soldOut(app, [1]);
    const [first, second] = [await sale.join(), await sale.join()];
    await sale.give(0, 0);
    await looks(app);
    const accepted = await first.caller.post(`/offers/${(await first.read()).offer.id}/accept`);
    await app.as(accepted.body.accessToken).delete(`/shopping-sessions/${accepted.body.id}`);
    await looks(app);
    expect((await second.read()).status).toBe('offered');
  });

  it('D9 is not made to whoever has all that one person may have by now', async () => {
    const sale = await soldOut(app, [2, 2], { more: { maxTicketsPerPerson: 2 }, hold: [2, 0] });
    const who = somebody();
    const greedy = await sale.join({ ...who, quantity: 2, ticketTypeIds: [sale.types[0]] });
    const next = await sale.join({ quantity: 2, ticketTypeIds: [sale.types[0]] });
    await sale.holdMore(1, 2, who);
    await sale.give(0, 0);
    await looks(app);
    await looks(app);
    expect(await greedy.read()).toMatchObject({ status: 'left', reason: 'over_limit' });
    expect((await next.read()).status).toBe('offered');
  });
});

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
