/** D9, F10: the waitlist over HTTP, from joining a sold-out event to the tickets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eventually, newKey, somebody } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';
import { poolsOf } from '../kit/lane-calls.ts';
import { deliver, mailbox } from '../kit/mailbox.ts';
import { codesOf, payFor } from '../kit/shopper.ts';
import { looks, soldOut } from '../kit/waiting.ts';

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
    const { body } = await app.admin.get(`/events/${sale.eventId}/statistics`);
    expect(body.waitlist).toBe(2);
    expect(await first.left()).toBe(204);
    expect(await first.left()).toBe(204);
    expect((await second.read()).position).toBe(1);
    expect((await first.read()).reason).toBe('left');
    expect((await app.guest.get(`/waitlist/${first.id}`)).status).toBe(401);
  });

  it('D9 is once for each person, within their cap, of what there is', async () => {
    const sale = await soldOut(app, [5], { each: 1, more: { maxTicketsPerPerson: 3 } });
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
    expect(await first.read()).toMatchObject({ status: 'left', reason: 'unpaid' });
    expect((await second.read()).status).toBe('offered');
  });
});

describe('whoever is offered something', () => {
  it('D8 D9 is told once, with a link that opens it', async () => {
    const sale = await soldOut(app, [2]);
    // A consumer hears what comes from its beginning on.
    await deliver(app);
    const waiting = await sale.join({ quantity: 2 });
    await sale.give(0, 0);
    await looks(app);
    await deliver(app);
    await deliver(app);
    const told = await mailbox(app, waiting.email);
    expect(told.map(({ subject }) => subject)).toEqual([
      expect.stringContaining('Tickets have come free'),
    ]);
    const [, path = ''] = /https?:\/\/[^/]+\/api\/v1(\S+)/.exec(told[0]?.text ?? '') ?? [];
    const { offer } = await waiting.read();
    expect((await app.guest.get(path)).body).toMatchObject({ id: offer.id, status: 'open' });
    await app.as(waiting.answer.body.accessToken).post(`/offers/${offer.id}/decline`);
  });

  it('D8 D9 is told however busy the database is at that moment', async () => {
    const sale = await soldOut(app, [1]);
    await deliver(app);
    const waiting = await sale.join();
    await sale.give(0, 0);
    await looks(app);
    // Somebody else sends so much that nobody gets a place for a message within three seconds.
    const busy = await connect(app.database.url);
    await busy.query(`begin; select from notifications.pace where lane = 'soon' for update`);
    const hearing = app.drainFacts();
    const waits = new Set<string>();
    const isRefusedOnce = async () => {
      const { rows } = await app.database.open(null).pool.query(WAITING_FOR_PACE);
      for (const { tx } of rows) waits.add(tx);
      return waits.size;
    };
    const isHeard = hearing.then(() => 'heard');
    await Promise.race([isHeard, eventually(isRefusedOnce, (those) => those > 1)]);
    await busy.query('commit');
    await busy.end();
    await hearing;
    await deliver(app);
    expect(await mailbox(app, waiting.email)).toHaveLength(1);
    await waiting.caller.post(`/offers/${(await waiting.read()).offer.id}/decline`);
  });
});

const WAITING_FOR_PACE = `
  select pid || ' ' || query_start as tx from pg_stat_activity
  where wait_event_type = 'Lock' and query like '%notifications.pace%'`;
