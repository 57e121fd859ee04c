/** D9, F10: who cannot be served stands in nobody's way, and keeps nothing off sale. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { sweepLapsed } from '../../server/modules/inventory/index.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { waitlistRecurring } from '../../server/modules/waitlist/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, payWith, somebody } from '../kit/given.ts';
import { poolsOf } from '../kit/lane-calls.ts';
import { installVariant } from '../kit/variants.ts';
import { lookOnce, looks, seatedHall, soldOut } from '../kit/waiting.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  await installVariant(app.database.url, '_locked_too', (text) =>
    text.replaceAll('and not t.needs_code', ''),
  );
});
afterEach(async () => {
  await expectAuditClean(app);
  app.clock.advance(-app.clock.offsetMs());
});
afterAll(() => app.close());

type Sale = Awaited<ReturnType<typeof soldOut>>;

/** Another ticket type of the first pool. */
async function addType(sale: Sale, more: Record<string, unknown>) {
  const made = await app.admin.post(`/events/${sale.eventId}/ticket-types`, {
    ...{ name: 'Another', price: eur(900), poolId: sale.pools[0] },
    ...more,
  });
  expect(made.status).toBe(201);
  return made.body.id as string;
}

async function lock({ eventId, pools: [poolId] }: Sale, typeId: string) {
  const path = `/events/${eventId}/ticket-types/${typeId}`;
  const changed = { name: 'Another', price: eur(900), poolId, visibility: 'code' };
  expect((await app.admin.put(path, changed)).status).toBe(200);
}

describe('a ticket type that needs a code', () => {
  it('D9 is not waited for, and nobody who asks for it stops the list', async () => {
    const sale = await soldOut(app, [1]);
    const locked = await addType(sale, { visibility: 'code' });
    const refused = await sale.join({ ticketTypeIds: [locked] });
    expect([refused.answer.status, refused.answer.body.code]).toEqual([422, 'unknown_ticket_type']);
    const either = await sale.join({ ticketTypeIds: [locked, sale.types[0]] });
    await sale.give(0, 0);
    await looks(app);
    const { offer } = await either.read();
    expect((await either.caller.get(`/offers/${offer.id}`)).body.ticketTypeId).toBe(sale.types[0]);
  });

  it('D9 that comes to need one is waited for no more', async () => {
    const sale = await soldOut(app, [1]);
    const other = await addType(sale, { visibility: 'hidden' });
    const only = await sale.join({ ticketTypeIds: [other] });
    const next = await sale.join();
    await lock(sale, other);
    await sale.give(0, 0);
    await looks(app);
    expect(await only.read()).toMatchObject({ status: 'closed', reason: 'nothing_left' });
    expect((await next.read()).status).toBe('offered');
  });

  it('D9 F10 whoever is refused places keeps none from those behind, in the same look', async () => {
    const sale = await soldOut(app, [1]);
    const other = await addType(sale, { visibility: 'hidden' });
    const refused = await sale.join({ ticketTypeIds: [other] });
    const next = await sale.join();
    await lock(sale, other);
    await sale.give(0, 0);
    const looked = await lookOnce(app, sale.eventId, 2, '_locked_too');
    expect(looked).toMatchObject({ offers: 1, again: false });
    expect((await next.read()).status).toBe('offered');
    expect((await refused.read()).status).toBe('waiting');
  });
});

describe('a group that is larger than what there is', () => {
  it('D9 F10 does not wait for it', async () => {
    const sale = await soldOut(app, [2], { each: 1 });
    const group = await sale.join({ quantity: 4 });
    expect([group.answer.status, group.answer.body.code]).toEqual([422, 'unknown_ticket_type']);
    expect((await sale.join({ quantity: 4, acceptsFewer: true })).answer.status).toBe(201);
    const hall = await seatedHall(app, { rows: 3, places: 4 });
    const row = await hall.join({ quantity: 5 });
    expect([row.answer.status, row.answer.body.code]).toEqual([422, 'unknown_ticket_type']);
    expect((await hall.join({ quantity: 5, sections: ['A'] })).answer.status).toBe(422);
    expect((await hall.join({ quantity: 4, sections: ['A'] })).answer.status).toBe(201);
  });

  it('D9 F10 waits no more once there are fewer, and what comes back is on sale', async () => {
    const sale = await soldOut(app, [4], { each: 1, hold: [2] });
    const group = await sale.join({ quantity: 4 });
    expect(group.answer.status).toBe(201);
    const path = `/events/${sale.eventId}/pools/${sale.pools[0]}`;
    expect((await app.admin.put(path, { name: 'Smaller', capacity: 2 })).status).toBe(200);
    await sale.give(0, 0);
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 1, reserved: 1 }]);
    await looks(app);
    expect(await group.read()).toMatchObject({ status: 'closed', reason: 'nothing_left' });
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 1, reserved: 0 }]);
  });
});

describe('an event that is deleted', () => {
  it('D9 is waited for by nobody, and keeps no address of whoever did', async () => {
    const sale = await soldOut(app, [2], { each: 1 });
    for (const quantity of [1, 2]) await sale.join({ quantity });
    await sale.give(0, 0);
    await looks(app);
    await sale.give(0, 1);
    const { rows: offered } = await app.ctx.db.pool.query(
      `select status from waitlist.entry where event_id = $1 order by rank`,
      [sale.eventId],
    );
    expect(offered).toEqual([{ status: 'offered' }, { status: 'waiting' }]);
    const deleted = () => app.admin.delete(`/events/${sale.eventId}`);
    expect((await deleted()).body.code).toBe('event_has_sales');
    // The offer lapses, and whoever would be next has not been looked for.
    app.clock.advance(24 * 3_600_000);
    await sweepLapsed(app.ctx);
    expect((await deleted()).status).toBe(204);
    await looks(app);
    app.clock.advance(8 * 24 * 3_600_000);
    await waitlistRecurring.run(app.ctx);
    const { rows } = await app.ctx.db.pool.query(
      `select status, ended_as as reason, person from waitlist.entry where event_id = $1
       order by rank`,
      [sale.eventId],
    );
    expect(rows).toEqual([
      { status: 'left', reason: 'expired', person: null },
      { status: 'closed', reason: 'closed', person: null },
    ]);
  });
});

describe('whoever has as many as one person may', () => {
  const limited = (most: number) =>
    soldOut(app, [2, 8], { each: 1, hold: [2, 0], more: { maxTicketsPerPerson: most } });

  it('D9 only in a cart is passed over, and served when it has lapsed', async () => {
    const sale = await limited(4);
    const ada = somebody();
    const first = await sale.join({ ...ada, quantity: 2, ticketTypeIds: [sale.types[0]] });
    const next = await sale.join({ quantity: 1, ticketTypeIds: [sale.types[0]] });
    await sale.holdMore(1, 3, ada);
    await sale.give(0, 0);
    await sale.give(0, 1);
    expect(await looks(app)).toBe(1);
    expect((await next.read()).status).toBe('offered');
    expect(await first.read()).toMatchObject({ status: 'waiting', position: 1 });
    await sale.give(1, 0);
    expect(await next.left()).toBe(204);
    expect(await looks(app)).toBe(1);
    expect((await first.read()).status).toBe('offered');
  });

  it('D9 F10 is offered what they may still have, where they take fewer', async () => {
    const sale = await limited(4);
    const ada = somebody();
    const wish = { quantity: 2, ticketTypeIds: [sale.types[0]], acceptsFewer: true };
    const entry = await sale.join({ ...ada, ...wish });
    await sale.holdMore(1, 3, ada);
    await sale.give(0, 0);
    await sale.give(0, 1);
    expect(await looks(app)).toBe(1);
    const { offer } = await entry.read();
    expect((await entry.caller.get(`/offers/${offer.id}`)).body).toMatchObject({
      ...{ quantity: 1, wanted: 2 },
    });
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 1, reserved: 0 }, { held: 3 }]);
  });

  it('D9 F10 is not waited for who takes fewer, but fewer than are sold together', async () => {
    const sale = await soldOut(app, [2, 8], {
      ...{ each: 1, hold: [2, 0], more: { maxTicketsPerPerson: 3 } },
    });
    const pairs = await addType(sale, { minPerOrder: 2 });
    const ada = somebody();
    const entry = await sale.join({
      ...{ ...ada, quantity: 2, ticketTypeIds: [pairs], acceptsFewer: true },
    });
    const booked = await book(app.guest, sale.eventId, sale.types[1] ?? '', {
      ...{ buyer: ada, quantity: 2 },
    });
    await payWith(app, booked.body.payment.clientSecret);
    const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
    await settlePayment(app.ctx, eventOf(paymentId), paymentId);
    await sale.give(0, 0);
    await sale.give(0, 1);
    await looks(app);
    expect(await entry.read()).toMatchObject({ status: 'left', reason: 'over_limit' });
    expect((await poolsOf(app, sale.eventId))[0]).toMatchObject({ held: 0, reserved: 0 });
  });

  it('D9 as tickets is not offered anything, and the next one is', async () => {
    const sale = await limited(2);
    const greedy = somebody();
    const wish = { quantity: 2, ticketTypeIds: [sale.types[0]] };
    const first = await sale.join({ ...greedy, ...wish });
    const next = await sale.join(wish);
    const booked = await book(app.guest, sale.eventId, sale.types[1] ?? '', { buyer: greedy });
    await payWith(app, booked.body.payment.clientSecret);
    const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
    await settlePayment(app.ctx, eventOf(paymentId), paymentId);
    await sale.give(0, 0);
    await sale.give(0, 1);
    expect(await looks(app)).toBe(1);
    expect(await first.read()).toMatchObject({ status: 'left', reason: 'over_limit' });
    expect((await next.read()).status).toBe('offered');
  });
});
