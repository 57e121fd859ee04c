/**
 * C3, C4, E3, F4: two servers on one database, each with lanes of its own. What is promised holds
 * by the functions and their lock, not by who batches whom.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EventId, HoldId, TicketTypeId } from '../../server/kernel/ids.ts';
import { holdPlaces, nameHolder, releaseHold } from '../../server/modules/inventory/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, newKey } from '../kit/given.ts';
import { pooledSale, poolsOf } from '../kit/lane-calls.ts';
import { seatedSale } from '../kit/seated.ts';

let one: TestApp;
let two: TestApp;
beforeAll(async () => {
  one = await startApp();
  two = await startApp({ database: one.database });
});
afterEach(() => expectAuditClean(one));
afterAll(async () => {
  await two.close();
  await one.close();
});

const apps = () => [one, two] as const;
const times = <T>(n: number, work: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));
const count = (words: readonly string[], word: string) => words.filter((w) => w === word).length;

/** Through the door of inventory, in one process or the other. */
async function hold(
  app: TestApp,
  eventId: string,
  typeId: string,
  more: { quantity?: number; people?: readonly string[]; caller?: string; key: string },
) {
  const answer = await holdPlaces(app.ctx, {
    // Ids from answers are text.
    eventId: eventId as EventId,
    // As above.
    items: [{ ticketTypeId: typeId as TicketTypeId, quantity: more.quantity ?? 1 }],
    personKeys: more.people ?? [],
    caller: more.caller ?? 'anybody',
    key: more.key,
    bodyHash: Buffer.from('same'),
    guarded: false,
    sees: null,
  });
  return answer.ok
    ? { word: 'held', id: answer.value.id, answer: answer.value }
    : { word: answer.refusal.code as string, id: null, answer: null };
}

describe('two servers and one event', () => {
  it('C3 give out as many places as there are', async () => {
    const { eventId, types } = await pooledSale(one, [50, 7]);
    const [wide = '', narrow = ''] = types;
    const words = await Promise.all(
      apps().flatMap((app, which) => [
        ...Array.from({ length: 60 }, (_, i) => hold(app, eventId, wide, { key: `w${which}${i}` })),
        ...Array.from({ length: 20 }, (_, i) =>
          hold(app, eventId, narrow, { key: `n${which}${i}`, quantity: 2 }),
        ),
      ]),
    ).then((answers) => answers.map((answer) => answer.word));
    expect(count(words, 'held')).toBe(53);
    expect(count(words, 'sold_out')).toBe(160 - 53);
    expect(await poolsOf(one, eventId)).toMatchObject(
      [50, 6].map((held) => expect.objectContaining({ held })),
    );
  });

  it('F4 keep the cap of a person, by every key, whichever server they ask', async () => {
    const { eventId, types } = await pooledSale(one, [100], { maxTicketsPerPerson: 4 });
    const ask = (i: number) =>
      hold(i % 2 ? one : two, eventId, types[0] ?? '', {
        key: `cap ${i}`,
        // One mailbox, one telephone; together, or one of them.
        people: i % 3 === 0 ? ['mail', 'phone'] : [i % 3 === 1 ? 'mail' : 'phone'],
      });
    const words = (await times(40, ask)).map((answer) => answer.word);
    const { rows } = await one.ctx.db.pool.query<{ key: string; used: number }>(
      `select person_key as key, sum(quantity)::int as used from inventory.person_use
       where event_id = $1 group by person_key order by person_key`,
      [eventId],
    );
    expect(rows).toEqual([
      { key: 'mail', used: 4 },
      { key: 'phone', used: 4 },
    ]);
    expect(new Set(words)).toEqual(new Set(['held', 'per_person_limit']));
  });

  it('F4 keep it too where a hold is named only later', async () => {
    const { eventId, types } = await pooledSale(one, [100], { maxTicketsPerPerson: 2 });
    const holds = await times(12, (i) =>
      hold(i % 2 ? one : two, eventId, types[0] ?? '', { key: `name ${i}`, people: [`own ${i}`] }),
    );
    const named = await Promise.all(
      // All were held: nobody had a place before.
      holds.map(({ id }, i) => nameHolder((i % 2 ? one : two).ctx, id as HoldId, ['mailbox'])),
    );
    expect(named.filter((answer) => answer.ok)).toHaveLength(2);
  });

  it('G14 give one hold to one key that comes to both at once', async () => {
    const { eventId, types } = await pooledSale(one, [100]);
    const answers = await times(30, (i) =>
      hold(i % 2 ? one : two, eventId, types[0] ?? '', { key: 'double-click', quantity: 2 }),
    );
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.answer?.replayed === false)).toHaveLength(1);
    expect(await poolsOf(one, eventId)).toMatchObject([{ held: 2 }]);
  });

  it('G14 answer over HTTP with one order to one booking that comes to both at once', async () => {
    const { eventId, types } = await pooledSale(one, [100]);
    const headers = { ...newKey(), 'x-device-token': 'device-0123456789abcdef' };
    const body = {
      items: [{ ticketTypeId: types[0], quantity: 1 }],
      buyer: { name: 'Ann', email: 'ann@example.org' },
      payment: { method: 'payment_intent' },
    };
    const answers = await times(8, (i) =>
      (i % 2 ? one : two).guest.post(`/events/${eventId}/bookings`, body, headers),
    );
    const orders = answers.filter(({ status }) => status === 201).map((a) => a.body.order.id);
    expect(orders.length).toBeGreaterThan(0);
    expect(new Set(orders).size).toBe(1);
    const others = answers.filter(({ status }) => status !== 201).map(({ status }) => status);
    // Somebody may be told that the same request is still under way.
    expect(others.every((status) => status === 409 || status === 503)).toBe(true);
    expect(await poolsOf(one, eventId)).toMatchObject([{ held: 1 }]);
  });

  it('C7 give a seat to one', async () => {
    const { eventId, typeId } = await seatedSale(one, { rows: 4, places: 10 });
    const ask = (i: number) => {
      const seatIds = [`A-${1 + (i % 4)}-${1 + (i % 9)}`, `A-${1 + (i % 4)}-${2 + (i % 9)}`];
      return (i % 2 ? one : two).guest.post(
        `/events/${eventId}/holds`,
        { items: [{ ticketTypeId: typeId, seatIds }] },
        newKey(),
      );
    };
    const answers = await times(72, ask);
    const given = answers
      .filter(({ status }) => status === 201)
      .flatMap(({ body }) => body.items[0].seats as string[]);
    expect(given.length).toBeGreaterThan(20);
    expect(new Set(given).size).toBe(given.length);
    expect(await poolsOf(one, eventId)).toMatchObject([{ held: given.length }]);
  });

  it('C7 seat every party that fits, the best first, until the hall is full', async () => {
    const { eventId, typeId } = await seatedSale(one, { rows: 5, places: 8 });
    const answers = await times(30, (i) =>
      (i % 2 ? one : two).guest.post(
        `/events/${eventId}/holds`,
        { items: [{ ticketTypeId: typeId, bestAvailable: { quantity: 2 } }] },
        newKey(),
      ),
    );
    const given = answers
      .filter(({ status }) => status === 201)
      .flatMap(({ body }) => body.items[0].seats as string[]);
    expect(new Set(given).size).toBe(40);
    expect(given).toHaveLength(40);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(['sold_out']));
  });

  it('C9 give accessible seats to those who need them, while there are others', async () => {
    const accessible = { 'A-1-1': 'accessible', 'A-3-8': 'accessible' } as const;
    const specials = { ...accessible, 'A-1-2': 'companion', 'A-3-7': 'companion' } as const;
    const { eventId, typeId } = await seatedSale(one, { rows: 3, places: 8, specials });
    const ask = (i: number, more: object) =>
      (i % 2 ? one : two).guest.post(
        `/events/${eventId}/holds`,
        { items: [{ ticketTypeId: typeId, bestAvailable: { quantity: 2, ...more } }] },
        newKey(),
      );
    const answers = await times(20, (i) => ask(i >> 1, i % 2 ? { accessible: 1 } : {}));
    const seatsOf = (of: 0 | 1) =>
      answers
        .filter(({ status }, i) => status === 201 && i % 2 === of)
        .map(({ body }) => body.items[0].seats as string[]);
    expect(seatsOf(1).sort()).toEqual([
      ['A-1-1', 'A-1-2'],
      ['A-3-7', 'A-3-8'],
    ]);
    const others = seatsOf(0).flat();
    expect(others.filter((seat) => seat in specials)).toEqual([]);
    // All of the plain seats, each once.
    expect(others).toHaveLength(20);
    expect(new Set(others).size).toBe(20);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.map(({ body }) => body.code)).toEqual(Array(8).fill('sold_out'));
  });

  it('C9 never give dearer seats than were asked for, also where a price has just risen', async () => {
    const { eventId, typeId, poolId } = await seatedSale(one, { rows: 1, places: 8 });
    const item = { bestAvailable: { quantity: 2, priceMax: eur(2_500) } };
    const ask = () => one.guest.post(`/events/${eventId}/holds`, { items: [item] }, newKey());
    const first = await ask();
    expect(first.body.items).toMatchObject([{ ticketTypeId: typeId, unitPrice: eur(2_500) }]);
    const path = `/events/${eventId}/ticket-types/${typeId}`;
    const dearer = { name: 'Seat', price: eur(2_600), poolId };
    expect((await two.admin.put(path, dearer)).status).toBe(200);
    expect((await ask()).body).toMatchObject({ status: 422, code: 'unknown_ticket_type' });
    const swap = await one.guest.put(`/holds/${first.body.id}`, { items: [item] });
    expect(swap.body).toMatchObject({ status: 422, code: 'unknown_ticket_type' });
    expect(await poolsOf(one, eventId)).toMatchObject([{ held: 2 }]);
  });

  it('see each other’s releases at once', async () => {
    const { eventId, types } = await pooledSale(one, [1]);
    const seen: string[] = [];
    for (let i = 0; i < 10; i++) {
      const held = await hold(apps()[i % 2] ?? one, eventId, types[0] ?? '', { key: `turn ${i}` });
      seen.push(held.word);
      const other = apps()[(i + 1) % 2] ?? two;
      // It was held, as is asserted below.
      expect((await releaseHold(other.ctx, held.id as HoldId)).ok).toBe(true);
    }
    expect(new Set(seen)).toEqual(new Set(['held']));
  });
});
