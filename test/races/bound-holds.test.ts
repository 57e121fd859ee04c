/**
 * G6, D3: an order is made of its hold as it was looked at, and counted for its own buyer: a hold
 * that is swapped, or named for somebody else, while it is being bought is looked at once more.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, eur, newKey, onSale, somebody } from '../kit/given.ts';
import { codesOf, readyToBuy } from '../kit/shopper.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterEach(() => expectAuditClean(app));
afterAll(() => app.close());

const items = (typeId: string, quantity: number) => [{ ticketTypeId: typeId, quantity }];

async function heldBy(eventId: string, typeId: string, quantity: number, more: object = {}) {
  const body = { items: items(typeId, quantity), ...more };
  const held = await app.guest.post(`/events/${eventId}/holds`, body, newKey());
  expect(held.status, JSON.stringify(held.body)).toBe(201);
  return held.body.id as string;
}

const bookHold = (eventId: string, holdId: string, more: object = {}) =>
  app.guest.post(
    `/events/${eventId}/bookings`,
    { holdId, buyer: somebody(), payment: { method: 'payment_intent' }, ...more },
    newKey(),
  );

/** A sale with a free ticket type, of an organizer with an account of its own. */
async function ownSale() {
  const made = await app.admin.post('/organizers', { name: 'Another' });
  const organizerId = made.body.id as string;
  const key = await app.admin.post('/api-keys', { name: 'Admin', role: 'admin', organizerId });
  const admin = app.as(key.body.secret);
  const ticketTypes = [
    { name: 'Free', price: eur(0), capacity: 50 },
    { name: 'Standard', price: eur(2_500), capacity: 50 },
    { name: 'Cheap', price: eur(500), capacity: 50 },
  ];
  const { event, eventId } = await onSale(admin, { more: { ticketTypes } });
  const [free = '', standard = '', cheap = ''] = event.ticketTypes.map(({ id }) => id);
  const account = `acct_sandbox${organizerId.slice('org_'.length)}`;
  return { admin, organizerId, eventId, account, free, standard, cheap };
}

const paymentsOf = async (eventId: string) =>
  (
    await app.database
      .open(null)
      .pool.query('select account, amount_minor from payments.payment where event_id = $1', [
        eventId,
      ])
  ).rows;

/** Books (or purchases) and swaps the hold when its price is reckoned. */
async function swappedIn<T>(point: string, asked: () => Promise<T>, swap: () => Promise<unknown>) {
  const stop = gate.stopAt(point);
  const answer = asked();
  await stop.arrived;
  await swap();
  stop.go();
  return answer;
}

async function swapHold(holdId: string, change: object) {
  const changed = await app.guest.put(`/holds/${holdId}`, change);
  expect(changed.status, JSON.stringify(changed.body)).toBe(200);
}

describe('a hold that is swapped while it is booked', () => {
  it('A3: does not carry a code’s price over to places that it was not reckoned for', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 20 });
    const code = { code: 'GIFT', kind: 'percent', percent: 100, maxTickets: 1 };
    await app.admin.post(`/events/${eventId}/promo-codes`, code, newKey());
    const holdId = await heldBy(eventId, typeId, 1);
    const booked = await swappedIn(
      'book.before_order',
      () => bookHold(eventId, holdId, { promoCode: 'GIFT' }),
      () => swapHold(holdId, { items: items(typeId, 10), promoCode: null }),
    );
    expect(booked.body).toMatchObject({ status: 422, code: 'promo_code_over_limit' });
    expect((await bookHold(eventId, holdId)).body.order.total).toEqual(eur(25_000));
  });

  it('D3: costs what it has become, in the account of its organizer', async () => {
    const { eventId, account, free, standard } = await ownSale();
    const holdId = await heldBy(eventId, free, 1);
    const booked = await swappedIn(
      'book.before_order',
      () => bookHold(eventId, holdId),
      () => swapHold(holdId, { items: items(standard, 2) }),
    );
    expect(booked.body).toMatchObject({
      order: { total: eur(5_000), items: [{ quantity: 2 }] },
      payment: { account },
    });
    expect(await paymentsOf(eventId)).toEqual([{ account, amount_minor: 5_000 }]);
  });

  it('A10: takes no more credit than it costs by then', async () => {
    const { admin, eventId, organizerId, standard, cheap } = await ownSale();
    const credit = await admin.post(
      `/organizers/${organizerId}/credits`,
      { amount: eur(2_000) },
      newKey(),
    );
    expect(credit.status, JSON.stringify(credit.body)).toBe(201);
    const holdId = await heldBy(eventId, standard, 1);
    const booked = await swappedIn(
      'book.before_order',
      () => bookHold(eventId, holdId, { credit: { code: credit.body.secret } }),
      () => swapHold(holdId, { items: items(cheap, 1) }),
    );
    expect(booked.body).toMatchObject({ order: { total: eur(500), status: 'confirmed' } });
    expect(await paymentsOf(eventId)).toEqual([]);
  });

  it('is refused as busy where it never comes to rest', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 20 });
    const holdId = await heldBy(eventId, typeId, 1);
    let stop = gate.stopAt('book.before_order');
    const booked = bookHold(eventId, holdId);
    for (let quantity = 2; quantity <= 4; quantity++) {
      await stop.arrived;
      await swapHold(holdId, { items: items(typeId, quantity) });
      const last = stop;
      stop = gate.stopAt('book.before_order');
      last.go();
    }
    expect((await booked).body).toMatchObject({ status: 503, code: 'busy' });
    stop.go();
    const again = bookHold(eventId, holdId);
    expect((await again).body.order.items).toMatchObject([{ quantity: 4 }]);
  });
});

describe('a selection that is swapped while its session is purchased', () => {
  it('B10 D3: is looked at again: its issues, its price, its account', async () => {
    const { eventId, account, free, standard } = await ownSale();
    const shopper = await readyToBuy(app, eventId, free, { quantity: 1 });
    const purchased = await swappedIn(
      'session.before_purchase',
      () => shopper.purchase(),
      () => shopper.select(items(standard, 1)),
    );
    expect(purchased.body).toMatchObject({ order: { total: eur(2_500) }, payment: { account } });
    expect(await paymentsOf(eventId)).toEqual([{ account, amount_minor: 2_500 }]);
  });

  it('B10: is not bought with more attendees than places', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId, { quantity: 2 });
    await shopper.attendees([{ name: 'Ada' }, { name: 'Bob' }]);
    const purchased = await swappedIn(
      'session.before_purchase',
      () => shopper.purchase(),
      () => shopper.select(items(typeId, 1)),
    );
    expect(purchased.body.code).toBe('session_has_issues');
    expect(codesOf(purchased.body.issues)).toEqual(['attendees_too_many']);
  });
});

describe('whom a hold is counted for', () => {
  const keysOf = async (eventId: string) =>
    (
      await app.database.open(null).pool.query(
        `select person_key, quantity from inventory.person_use
         where event_id = $1 order by person_key`,
        [eventId],
      )
    ).rows;

  it('G6: nobody, by a booking that is refused', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const buyer = { email: 'own@example.org' };
    const holdId = await heldBy(eventId, typeId, 2, { buyer });
    const before = await keysOf(eventId);
    const victim = somebody();
    const credit = { code: 'x' };
    const refused = await bookHold(eventId, holdId, { buyer: victim, credit });
    expect(refused.status).toBe(422);
    expect(await keysOf(eventId)).toEqual(before);
    expect((await book(app.guest, eventId, typeId, { quantity: 2, buyer: victim })).status).toBe(
      201,
    );
  });

  it('G6: its buyer alone, once it is booked', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const holder = { name: 'Holder', email: 'holder@example.org' };
    const holdId = await heldBy(eventId, typeId, 2, { buyer: { email: holder.email } });
    const buyer = somebody();
    expect((await bookHold(eventId, holdId, { buyer })).status).toBe(201);
    const more = await book(app.guest, eventId, typeId, { buyer });
    expect(more.body).toMatchObject({ code: 'per_person_limit', limit: 2 });
    expect((await book(app.guest, eventId, typeId, { quantity: 2, buyer: holder })).status).toBe(
      201,
    );
  });

  it('G6: a buyer who has as many as they may cannot book what another holds', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const buyer = somebody();
    await book(app.guest, eventId, typeId, { quantity: 1, buyer });
    const holdId = await heldBy(eventId, typeId, 2, { buyer: { email: 'own@example.org' } });
    const refused = await bookHold(eventId, holdId, { buyer });
    expect(refused.body).toMatchObject({ status: 409, code: 'per_person_limit', limit: 2 });
    expect((await bookHold(eventId, holdId)).status).toBe(201);
  });

  it('B10 G6: the buyer that a session is purchased for, however late another is named', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const shopper = await readyToBuy(app, eventId, typeId, { quantity: 2 });
    const late = gate.stopAt('session.before_naming');
    const early = shopper.buyer({ name: 'Ann', email: 'ann@example.org' });
    await late.arrived;
    const bob = { name: 'Bob', email: 'bob@example.org' };
    expect((await shopper.buyer(bob)).status).toBe(200);
    const stop = gate.stopAt('session.before_purchase');
    const purchased = shopper.purchase();
    await stop.arrived;
    late.go();
    await early;
    stop.go();
    expect((await purchased).body).toMatchObject({ status: 'purchasing', buyer: bob });
    const more = await book(app.guest, eventId, typeId, { buyer: bob });
    expect(more.body.code).toBe('per_person_limit');
    const ann = { name: 'Ann', email: 'ann@example.org' };
    expect((await book(app.guest, eventId, typeId, { quantity: 2, buyer: ann })).status).toBe(201);
  });
});
