/** C7: places that are seats, over HTTP: chosen by the buyer, or the best that are left. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventId } from '../../server/kernel/ids.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, eventually, newKey, onSale, payWith, somebody } from '../kit/given.ts';
import { openGrid, seatedSale } from '../kit/seated.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const hold = (eventId: string, item: object, headers: Record<string, string> = newKey()) =>
  app.guest.post(`/events/${eventId}/holds`, { items: [item] }, headers);

const states = async (eventId: string) => {
  const { body } = await app.guest.get(`/events/${eventId}/seats`, { accept: 'application/json' });
  return Object.fromEntries(
    body.seats.map((seat: { id: string; status: string }) => [seat.id, seat.status]),
  ) as Record<string, string>;
};

describe('seats that the buyer names', () => {
  it('are theirs, and nobody else’s', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 2, places: 4 });
    const mine = await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-1', 'A-1-2'] });
    expect(mine).toMatchObject({ status: 201, body: { items: [{ quantity: 2 }] } });
    expect(mine.body.items[0].seats).toEqual(['A-1-1', 'A-1-2']);
    const yours = await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-2', 'A-1-3'] });
    expect(yours.body).toMatchObject({ status: 409, code: 'seat_taken', seatIds: ['A-1-2'] });
    // All or nothing: the free one of the two is still free.
    const other = await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-3'] });
    expect(other.status).toBe(201);
    await expectAuditClean(app);
  });

  it('must be there, once, and of that ticket type', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 4 });
    const nowhere = await hold(eventId, { ticketTypeId: typeId, seatIds: ['Z-9-9'] });
    expect(nowhere.body).toMatchObject({ status: 422, code: 'unknown_seat' });
    const twice = await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-1', 'A-1-1'] });
    expect(twice.body.issues).toMatchObject([
      { path: 'items.0.seatIds.1', code: 'duplicate_item' },
    ]);
    const none = await hold(eventId, { ticketTypeId: typeId, quantity: 1 });
    expect(none.body).toMatchObject({ status: 422, code: 'seats_required' });
    const counted = await onSale(app.admin);
    const standing = { ticketTypeId: counted.typeId, seatIds: ['A-1-1'] };
    expect((await hold(counted.eventId, standing)).body.code).toBe('unknown_seat');
    const both = await hold(eventId, { ticketTypeId: typeId, quantity: 1, seatIds: ['A-1-1'] });
    expect(both.body.issues).toMatchObject([{ code: 'quantity_or_seats' }]);
  });

  it('come back when the hold is given up, changed or over', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 6 });
    const held = await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-1', 'A-1-2'] });
    const changed = await app.guest.put(`/holds/${held.body.id}`, {
      items: [{ ticketTypeId: typeId, seatIds: ['A-1-2', 'A-1-3'] }],
    });
    expect(changed.body.items[0].seats).toEqual(['A-1-2', 'A-1-3']);
    const first = await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-1'] });
    expect(first.status).toBe(201);
    // A change that is refused names what stood in its way; its own seats do not.
    const refused = await app.guest.put(`/holds/${held.body.id}`, {
      items: [{ ticketTypeId: typeId, seatIds: ['A-1-1', 'A-1-2'] }],
    });
    expect(refused.body).toMatchObject({ status: 409, code: 'seat_taken', seatIds: ['A-1-1'] });
    expect((await app.guest.delete(`/holds/${held.body.id}`)).status).toBe(204);
    const freed = { ticketTypeId: typeId, seatIds: ['A-1-2', 'A-1-3'] };
    expect((await hold(eventId, freed)).status).toBe(201);
    await expectAuditClean(app);
  });

  it('give the same answer to the same request', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 6 });
    const key = { 'idempotency-key': 'same', 'x-device-token': 'device-0123456789abcdef' };
    const item = { ticketTypeId: typeId, seatIds: ['A-1-5'] };
    const first = await hold(eventId, item, key);
    const second = await hold(eventId, item, key);
    expect(second).toMatchObject({ status: 201, body: first.body });
  });
});

describe('the best available', () => {
  it('are side by side, leave nobody alone, and are as near as can be', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 2, places: 7 });
    const best = (quantity: number) => ({ ticketTypeId: typeId, bestAvailable: { quantity } });
    const first = await hold(eventId, best(3));
    expect(first.body.items[0].seats).toEqual(['A-1-3', 'A-1-4', 'A-1-5']);
    const second = await hold(eventId, best(2));
    expect(second.body.items[0].seats).toEqual(['A-1-1', 'A-1-2']);
    await expectAuditClean(app);
  });

  it('give parties that ask at once different seats, down to the last', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 4, places: 10 });
    const asked = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        hold(eventId, { ticketTypeId: typeId, bestAvailable: { quantity: 1 + (i % 3) } }),
      ),
    );
    const seats = asked.flatMap(({ body }) => body.items?.[0].seats ?? []);
    expect(new Set(seats).size).toBe(seats.length);
    const refusals = asked.filter(({ status }) => status !== 201).map(({ body }) => body.code);
    expect(new Set(refusals)).toEqual(new Set(['sold_out']));
    // A party that fits is never refused: the rest are fewer than the smallest that was.
    for (let left = 40 - seats.length; left > 0; left--) {
      const one = await hold(eventId, { ticketTypeId: typeId, bestAvailable: { quantity: 1 } });
      expect(one.status).toBe(201);
    }
    const none = await hold(eventId, { ticketTypeId: typeId, bestAvailable: { quantity: 1 } });
    expect(none.body.code).toBe('sold_out');
    await expectAuditClean(app);
  });

  it('are single seats where no block is left', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 5 });
    await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-2'] });
    await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-4'] });
    const party = { ticketTypeId: typeId, bestAvailable: { quantity: 3 } };
    const scattered = await hold(eventId, party);
    expect(scattered.body.items[0].seats).toEqual(['A-1-1', 'A-1-3', 'A-1-5']);
  });
});

describe('accessible and companion seats', () => {
  const specials = { 'A-1-1': 'accessible', 'A-1-2': 'companion', 'A-2-4': 'accessible' } as const;
  const hall = () => seatedSale(app, { rows: 2, places: 4, specials });
  const seatsOf = (answer: Awaited<ReturnType<typeof hold>>) => answer.body.items?.[0].seats;

  it('C9 go to whoever does not need them when the others are gone, not before', async () => {
    const { eventId, typeId } = await hall();
    const best = (quantity: number) => ({ ticketTypeId: typeId, bestAvailable: { quantity } });
    expect(seatsOf(await hold(eventId, best(2)))).toEqual(['A-1-3', 'A-1-4']);
    // Plain seats apart, where special ones would do side by side.
    await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-2-2'] });
    expect(seatsOf(await hold(eventId, best(2)))).toEqual(['A-2-1', 'A-2-3']);
    expect(seatsOf(await hold(eventId, best(2)))).toEqual(['A-1-1', 'A-1-2']);
    expect(seatsOf(await hold(eventId, best(1)))).toEqual(['A-2-4']);
    expect((await hold(eventId, best(1))).body).toMatchObject({ code: 'sold_out' });
    await expectAuditClean(app);
  });

  it('C9 are found side by side for whoever asks, or refused: nothing else instead', async () => {
    const { eventId, typeId } = await hall();
    const party = (quantity: number, accessible: number) => ({
      ...{ ticketTypeId: typeId, bestAvailable: { quantity, accessible } },
    });
    const both = await hold(eventId, party(2, 2));
    expect(both.body).toMatchObject({ status: 409, code: 'sold_out' });
    expect(both.body.detail).toContain('2 accessible');
    const first = await hold(eventId, party(2, 1));
    expect(seatsOf(first)).toEqual(['A-1-1', 'A-1-2']);
    expect(seatsOf(await hold(eventId, party(3, 1)))).toEqual(['A-2-2', 'A-2-3', 'A-2-4']);
    expect((await hold(eventId, party(1, 1))).body.code).toBe('sold_out');
    // By a swap too, where one's own seats count as free.
    const changed = await app.guest.put(`/holds/${first.body.id}`, { items: [party(3, 1)] });
    expect(changed.body.items[0].seats).toEqual(['A-1-1', 'A-1-2', 'A-1-3']);
    const refused = await app.guest.put(`/holds/${first.body.id}`, { items: [party(3, 2)] });
    expect(refused.body).toMatchObject({ code: 'sold_out', detail: both.body.detail });
    // Who names a seat gets it, whatever it is.
    expect((await app.guest.delete(`/holds/${first.body.id}`)).status).toBe(204);
    const named = { ticketTypeId: typeId, seatIds: ['A-1-1'] };
    expect((await hold(eventId, named)).status).toBe(201);
    await expectAuditClean(app);
  });

  it('C9 are never places that are only counted', async () => {
    const counted = await onSale(app.admin);
    const party = {
      ticketTypeId: counted.typeId,
      bestAvailable: { quantity: 2, accessible: 1 },
    };
    expect((await hold(counted.eventId, party)).body).toMatchObject({ code: 'sold_out' });
    const plain = { ticketTypeId: counted.typeId, bestAvailable: { quantity: 2 } };
    const held = await hold(counted.eventId, plain);
    expect(held.status).toBe(201);
    const path = `/holds/${held.body.id}`;
    expect((await app.guest.put(path, { items: [party] })).body.code).toBe('sold_out');
    const most = { ...party, bestAvailable: { quantity: 2, accessible: 3 } };
    expect((await hold(counted.eventId, most)).body.issues).toMatchObject([
      { path: 'items.0.bestAvailable.accessible', code: 'over_quantity' },
    ]);
  });
});

describe('a request of several lines', () => {
  const other = { name: 'Other', price: eur(1_000), maxPerOrder: 20 };

  it('never gets the same seat for a line that names it and one that leaves it to us', async () => {
    const { eventId, typeId, poolId } = await seatedSale(app, { rows: 1, places: 5 });
    const path = `/events/${eventId}/ticket-types`;
    const second = (await app.admin.post(path, { ...other, poolId })).body.id;
    const lines = [
      // It is the best of this row, too.
      { ticketTypeId: typeId, seatIds: ['A-1-3'] },
      { ticketTypeId: second, bestAvailable: { quantity: 1 } },
    ];
    for (const items of [lines, lines.toReversed()]) {
      const held = await app.guest.post(`/events/${eventId}/holds`, { items }, newKey());
      expect(held.status).toBe(201);
      const seats = held.body.items.flatMap((item: { seats: string[] }) => item.seats);
      expect(new Set(seats).size).toBe(2);
      expect((await app.guest.put(`/holds/${held.body.id}`, { items })).status).toBe(200);
      await expectAuditClean(app);
      await app.guest.delete(`/holds/${held.body.id}`);
    }
  });

  it('is searched for beside places that are only counted', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 2, places: 3 });
    const path = `/events/${eventId}/ticket-types`;
    const counted = (await app.admin.post(path, { ...other, capacity: 5 })).body.id;
    const held = await hold(eventId, { ticketTypeId: counted, quantity: 1 });
    const items = [
      { ticketTypeId: counted, quantity: 1 },
      // More than a row has: memory knows of no such block.
      { ticketTypeId: typeId, bestAvailable: { quantity: 4 } },
    ];
    const changed = await app.guest.put(`/holds/${held.body.id}`, { items });
    expect(changed.status).toBe(200);
    expect(changed.body.items[1].seats).toHaveLength(4);
    await expectAuditClean(app);
  });
});

describe('a seat that is paid for', () => {
  it('stands on its ticket, and is free again after a refund', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 4 });
    const booked = await app.guest.post(
      `/events/${eventId}/bookings`,
      {
        items: [{ ticketTypeId: typeId, seatIds: ['A-1-1', 'A-1-2'] }],
        buyer: somebody(),
        payment: { method: 'payment_intent' },
      },
      newKey(),
    );
    await payWith(app, booked.body.payment.clientSecret);
    const buyer = app.as(booked.body.accessToken);
    const path = `/orders/${booked.body.order.id}`;
    await app.drainJobs();
    const paid = await eventually(
      async () => {
        await app.drainJobs();
        return buyer.get(path);
      },
      ({ body }) => body.status === 'confirmed',
    );
    expect(paid.body.tickets.map((ticket: { seat: string }) => ticket.seat).sort()).toEqual([
      'A-1-1',
      'A-1-2',
    ]);
    await eventually(
      () => states(eventId),
      (now) => now['A-1-1'] === 'sold',
    );
    const [ticket] = paid.body.tickets;
    const refund = { ticketIds: [ticket.id], reason: 'cannot come' };
    expect((await app.admin.post(`${path}/refunds`, refund, newKey())).status).toBe(201);
    await eventually(
      () => states(eventId),
      (now) => now[ticket.seat] === 'free',
    );
    await expectAuditClean(app);
  });
});

describe('what is shown of the seats', () => {
  it('follows what is opened later, here or in another process', async () => {
    const { eventId } = await onSale(app.admin, { price: eur(1).amount });
    const count = async () => Object.keys(await states(eventId)).length;
    const before = await app.guest.get(`/events/${eventId}/seats`);
    expect(before.status).toBe(404);
    await openGrid(app, eventId, { rows: 1, places: 3 });
    expect(await count()).toBe(3);
    const other = await startApp({ database: app.database });
    await openGrid(other, eventId, { rows: 1, places: 2, behind: 1 });
    await other.close();
    expect(await eventually(count, (now) => now === 5, 5_000)).toBe(5);
  });

  it('is two bits a seat, the same as the readable form, with a tag', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 5 });
    await hold(eventId, { ticketTypeId: typeId, seatIds: ['A-1-2'] });
    const response = await fetch(`${app.origin}/api/v1/events/${eventId}/seats`);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('x-seat-count')).toBe('5');
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0b0100, 0]);
    expect(Object.values(await states(eventId))).toEqual(['free', 'held', 'free', 'free', 'free']);
    const again = await fetch(`${app.origin}/api/v1/events/${eventId}/seats`, {
      headers: { 'if-none-match': response.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    const counted = await onSale(app.admin, { price: eur(1).amount });
    expect((await app.guest.get(`/events/${counted.eventId}/seats`)).status).toBe(404);
    // Their numbers are those of the database.
    const { rows } = await app.ctx.db.pool.query(
      'select seat_key from inventory.seat where event_id = $1 order by seat_no',
      [eventId as EventId],
    );
    expect(rows.map((row) => row.seat_key)).toEqual(Object.keys(await states(eventId)));
  });
});
