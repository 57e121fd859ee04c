/** D8: letters are in the language of whoever reads them, also where they have no account. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { newKey, onSale, payWith, somebody } from '../kit/given.ts';
import { deliver, mailbox } from '../kit/mailbox.ts';
import { looks, soldOut } from '../kit/waiting.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  await app.drainFacts();
});
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

const GERMAN = { 'accept-language': 'de-AT,de;q=0.9,en;q=0.8' };

async function subjectsTo(email: string): Promise<readonly string[]> {
  await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
  await deliver(app);
  return (await mailbox(app, email)).map(({ subject }) => subject);
}

describe('a guest', () => {
  it.each([
    ['what their browser asks for', {}, GERMAN, 'de', 'Ihre Tickets'],
    ['what they say themselves', { language: 'de' }, {}, 'de', 'Ihre Tickets'],
    ['what they say, whatever their browser asks for', { language: 'en' }, GERMAN, 'en', 'Your t'],
    ['the organizer’s, where nobody has asked', {}, {}, null, 'Your tickets'],
  ])('D8 is written to in %s', async (_what, said, headers, shown, begins) => {
    const { eventId, typeId } = await onSale(app.admin);
    const buyer = { ...somebody(), ...said };
    const { status, body } = await app.guest.post(
      `/events/${eventId}/bookings`,
      {
        ...{ items: [{ ticketTypeId: typeId, quantity: 1 }], buyer },
        payment: { method: 'simulated' },
      },
      { ...newKey(), ...headers },
    );
    expect(status).toBe(201);
    expect(body.order.buyer.language).toBe(shown);
    const [subject] = await subjectsTo(buyer.email);
    expect(subject).toMatch(new RegExp(`^${begins}`));
  });

  it('D8 whom staff buys for is not written to in what staff reads', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const body = {
      ...{ items: [{ ticketTypeId: typeId, quantity: 1 }], buyer: somebody() },
      payment: { method: 'simulated' },
    };
    const booked = await app.admin.post(`/events/${eventId}/bookings`, body, {
      ...newKey(),
      ...GERMAN,
    });
    expect(booked.body.order.buyer.language).toBe(null);
  });

  it('D8 is asked for a language that letters are written in', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { status, body } = await app.guest.post(
      `/events/${eventId}/bookings`,
      {
        items: [{ ticketTypeId: typeId, quantity: 1 }],
        ...{ buyer: { ...somebody(), language: 'fr' }, payment: { method: 'simulated' } },
      },
      newKey(),
    );
    expect(status).toBe(422);
    expect(body.issues).toMatchObject([{ path: 'buyer.language' }]);
  });

  it('D8 who buys in a session is written to in what their browser asked for', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const begun = await app.guest.post(`/events/${eventId}/shopping-sessions`, {}, newKey());
    const by = app.as(begun.body.accessToken);
    const at = `/shopping-sessions/${begun.body.id}`;
    const buyer = somebody();
    await by.put(`${at}/selection`, { items: [{ ticketTypeId: typeId, quantity: 1 }] });
    expect((await by.put(`${at}/buyer`, buyer, GERMAN)).body.buyer.language).toBe('de');
    await by.put(`${at}/payment`, { method: 'payment_intent' });
    const purchased = await by.post(`${at}/purchase`, undefined, newKey());
    await payWith(app, purchased.body.payment.clientSecret);
    expect(await subjectsTo(buyer.email)).toEqual([expect.stringMatching(/^Ihre Tickets/)]);
  });

  it('D8 who waits is offered places in it, and buys them in it', async () => {
    const sale = await soldOut(app, [1]);
    const who = somebody();
    const wish = { quantity: 1, ...who };
    const joined = await app.guest.post(`/events/${sale.eventId}/waitlist`, wish, GERMAN);
    expect(joined.status).toBe(201);
    await sale.give(0, 0);
    await looks(app);
    expect(await subjectsTo(who.email)).toEqual([
      expect.stringMatching(/^Tickets sind frei geworden/),
    ]);
    const by = app.as(joined.body.accessToken);
    const { offer } = (await by.get(`/waitlist/${joined.body.id}`)).body;
    const { body } = await by.post(`/offers/${offer.id}/accept`);
    expect(body.buyer).toMatchObject({ language: 'de' });
  });
});
