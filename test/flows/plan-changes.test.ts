/** B13: a new version of a floor plan tells what it means for events, and moves them with all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { inDays, newKey, somebody } from '../kit/given.ts';
import {
  addVersion,
  type Hall,
  hall,
  keys,
  oldRows,
  planOf,
  type Row,
  typeOf,
} from '../kit/hall.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

/** A camera takes the right of the first row, there are four more of the best behind, less rear. */
const second: readonly Row[] = [
  ['A', 'Best', '1-3'],
  ['B', 'Stalls', '1-5'],
  ['C', 'Rear', '1-4'],
  ['D', 'Best', '1-4'],
];

async function buy({ eventId, line }: Hall, category: string, what: object) {
  const request = {
    items: [line(category, what)],
    buyer: somebody(),
    payment: { method: 'simulated' },
  };
  const booked = await app.guest.post(`/events/${eventId}/bookings`, request, newKey());
  expect(booked.status).toBe(201);
  await app.database.open(null).pool.query('update kernel.job set run_at = clock_timestamp()');
  await app.drainJobs();
  const order = await app.admin.get(`/orders/${booked.body.order.id}`);
  expect(order.body.status).toBe('confirmed');
  return order.body.id as string;
}

const hold = ({ eventId, line }: Hall, category: string, seatIds: readonly string[]) =>
  app.guest.post(`/events/${eventId}/holds`, { items: [line(category, { seatIds })] }, newKey());

const conflicts = async (configurationId: string) =>
  (await app.admin.get(`/configurations/${configurationId}/conflicts`)).body.data;

const move = (eventId: string, configurationId: string, more: object = {}) =>
  app.admin.post(`/events/${eventId}/configuration`, { configurationId, ...more });

async function seatsOf(orderId: string): Promise<string[]> {
  const { body } = await app.admin.get(`/orders/${orderId}`);
  return body.tickets.map((ticket: { seat: string }) => ticket.seat).sort();
}

async function statesOf(eventId: string): Promise<Record<string, string>> {
  const { body } = await app.guest.get(`/events/${eventId}/seats`, { accept: 'application/json' });
  return Object.fromEntries(
    body.seats.map((seat: { id: string; status: string }) => [seat.id, seat.status]),
  );
}

/** The second version as it is shown, with these seats sold and one kept. */
async function expectSecond(eventId: string, sold: readonly string[]) {
  const states = await statesOf(eventId);
  expect(Object.keys(states)).toEqual([
    ...keys('A', 1, 2, 3),
    ...keys('B', 1, 2, 3, 4, 5),
    ...keys('C', 1, 2, 3, 4),
    ...keys('D', 1, 2, 3, 4),
  ]);
  for (const [key, state] of Object.entries(states)) {
    expect([key, state]).toEqual([
      key,
      sold.includes(key) ? 'sold' : key === 'Stalls-B-5' ? 'blocked' : 'free',
    ]);
  }
}

/** A seat that was given in exchange comes back like any other. */
async function giveBack(there: Hall, order: string, [seat = '']: readonly string[]) {
  const refund = await app.admin.post(`/orders/${order}/refunds`, { reason: 'ill' }, newKey());
  expect(refund.status).toBe(201);
  expect((await statesOf(there.eventId))[seat]).toBe('free');
  expect((await hold(there, 'Best', [seat])).status).toBe(201);
  await expectAuditClean(app);
}

describe('another version of a floor plan', () => {
  it('F11 reports whom it concerns and proposes seats; accepted, everybody has one', async () => {
    const there = await hall(app);
    const { eventId, venueId, v1 } = there;
    const pair = await buy(there, 'Best', { seatIds: keys('A', 5, 6) });
    const split = await buy(there, 'Best', { seatIds: keys('A', 3, 4) });
    const rear = await buy(there, 'Rear', { seatIds: keys('C', 6) });
    const untouched = await buy(there, 'Stalls', { seatIds: keys('B', 1, 2) });
    const standing = await buy(there, 'Floor', { quantity: 4 });
    const shopping = await hold(there, 'Rear', keys('C', 5));
    expect(shopping.status).toBe(201);
    const kept = { name: 'Sponsors', seatIds: keys('B', 5, 6) };
    expect((await app.admin.post(`/events/${eventId}/allocations`, kept)).status).toBe(201);

    const draft = await addVersion(app, venueId, inDays(30), planOf(second, 250), { draft: true });
    const told = await conflicts(draft);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      ...{ eventId, reason: 'replaced', configurationId: v1, version: 1, moveTo: draft },
      issues: [],
      seats: { same: 12, gone: 6, added: 4, moved: 0, recategorised: 0 },
      standing: { same: 0, smaller: 1 },
      holdsEnding: 1,
    });
    expect(told[0].affected).toEqual(
      [
        ...keys('A', 4).map((seatId) => ({ seatId, status: 'sold', orderId: split })),
        ...keys('A', 5, 6).map((seatId) => ({ seatId, status: 'sold', orderId: pair })),
        ...keys('B', 6).map((seatId) => ({ seatId, status: 'blocked', orderId: null })),
        ...keys('C', 5).map((seatId) => ({ seatId, status: 'held', orderId: null })),
        ...keys('C', 6).map((seatId) => ({ seatId, status: 'sold', orderId: rear })),
      ].map((seat) => expect.objectContaining({ ...seat, change: 'gone', newCategory: null })),
    );
    const byOrder = new Map<string, string[]>(
      told[0].reseated.map((party: { orderId: string; to: string[] }) => [party.orderId, party.to]),
    );
    expect(new Set(byOrder.keys())).toEqual(new Set([pair, split, rear]));
    const refusedDraft = await move(eventId, draft, { proposal: told[0].proposal });
    expect(refusedDraft.body).toMatchObject({ code: 'validation_failed' });

    await app.admin.post(`/configurations/${draft}/publish`);
    const [{ proposal }] = await conflicts(draft);
    expect(proposal).toBe(told[0].proposal);
    const without = await move(eventId, draft);
    expect(without.body).toMatchObject({ status: 409, code: 'proposal_outdated', proposal });
    const moved = await move(eventId, draft, { proposal });
    expect(moved.body).toMatchObject({ configurationId: draft, status: 'published' });

    for (const order of [pair, split, rear]) {
      expect(await seatsOf(order)).toEqual([...(byOrder.get(order) ?? [])].sort());
    }
    expect(await seatsOf(untouched)).toEqual(keys('B', 1, 2));
    expect(await seatsOf(standing)).toHaveLength(4);
    const sold = [...byOrder.values()].flat().concat(keys('B', 1, 2));
    await expectSecond(eventId, sold);
    expect((await app.guest.get(`/holds/${shopping.body.id}`)).body.status).toBe('released');
    expect(await conflicts(draft)).toEqual([]);
    const gone = await hold(there, 'Best', keys('A', 6));
    expect(gone.body).toMatchObject({ code: 'unknown_seat' });
    const shown = await app.guest.get(`/events/${eventId}/seat-map`);
    expect(shown.headers.get('x-seat-count')).toBe('16');
    await expectAuditClean(app);
    await giveBack(there, pair, byOrder.get(pair) ?? []);
  });

  it('moves nobody where a party cannot be given seats like theirs', async () => {
    const there = await hall(app);
    const all = await buy(there, 'Rear', { seatIds: keys('C', 1, 2, 3, 4, 5, 6) });
    const v2 = await addVersion(app, there.venueId, inDays(30), planOf(second));
    const [told] = await conflicts(v2);
    expect(told).toMatchObject({
      proposal: null,
      reseated: [
        { orderId: all, to: [], reason: { code: 'not_enough_seats', wanted: 6, left: 4 } },
      ],
    });
    const refused = await move(there.eventId, v2);
    expect(refused.body).toMatchObject({
      ...{ status: 409, code: 'not_enough_seats' },
      issues: [{ code: 'not_enough_seats', message: expect.stringContaining(all) }],
    });
    expect(await seatsOf(all)).toEqual(keys('C', 1, 2, 3, 4, 5, 6));
    const read = await app.admin.get(`/events/${there.eventId}`);
    expect(read.body.configurationId).toBe(there.v1);
    // It stays what it is, though its version has ended; only when it takes place cannot change.
    const { id: _, ...same } = read.body;
    const renamed = await app.admin.put(`/events/${there.eventId}`, { ...same, name: 'Later' });
    expect(renamed.body).toMatchObject({ name: 'Later' });
    await expectAuditClean(app);
  });

  it('moves nobody where people would stand where there is no room', async () => {
    const there = await hall(app);
    await buy(there, 'Floor', { quantity: 20 });
    const v2 = await addVersion(app, there.venueId, inDays(30), planOf(oldRows, 19));
    const refused = await move(there.eventId, v2);
    expect(refused.body).toMatchObject({ status: 409, code: 'capacity_below_committed' });
    const v3 = await addVersion(app, there.venueId, inDays(31), planOf(oldRows, 20));
    expect((await move(there.eventId, v3)).status).toBe(200);
    const using = await app.admin.get(`/events?configuration=${v3}`);
    expect(using.body.data).toMatchObject([{ id: there.eventId }]);
    expect((await app.admin.get(`/events?configuration=${there.v1}`)).body.data).toEqual([]);
    const full = await app.guest.post(
      `/events/${there.eventId}/holds`,
      { items: [there.line('Floor', { quantity: 1 })] },
      newKey(),
    );
    expect(full.body.code).toBe('sold_out');
    await expectAuditClean(app);
  });

  it('moves nobody into a plan of more people than the venue may hold by now', async () => {
    const there = await hall(app);
    const wide = { name: 'Wide', slot: { name: 'Wing', option: 'open' } };
    const wing = { ...wide, category: 'Wing', standing: { capacity: 60 } };
    const shut = { ...wing, name: 'Shut', slot: { name: 'Wing', option: 'shut' } };
    const { sections } = planOf(oldRows);
    const plan = { sections: [...sections, { ...shut, standing: { capacity: 1 } }, wing] };
    const v2 = await addVersion(app, there.venueId, inDays(30), plan);
    const { body: venue } = await app.admin.get(`/venues/${there.venueId}`);
    const { id: _, ...same } = venue;
    const less = await app.admin.put(`/venues/${there.venueId}`, { ...same, legalCapacity: 350 });
    expect(less.status).toBe(200);
    const open = await move(there.eventId, v2, { sectionChoices: { Wing: 'open' } });
    expect(open.body).toMatchObject({ issues: [{ code: 'over_legal_capacity' }] });
    const fits = await move(there.eventId, v2, { sectionChoices: { Wing: 'shut' } });
    expect(fits.status).toBe(200);
  });

  it('names its proposal, which is outdated when somebody has bought what it gave', async () => {
    const there = await hall(app);
    const pair = await buy(there, 'Best', { seatIds: keys('A', 5, 6) });
    const v2 = await addVersion(app, there.venueId, inDays(30), planOf([['A', 'Best', '1-4']]));
    const [{ proposal, reseated }] = await conflicts(v2);
    await buy(there, 'Best', { seatIds: reseated[0].to });
    const late = await move(there.eventId, v2, { proposal });
    expect(late.body).toMatchObject({ status: 409, code: 'proposal_outdated' });
    const again = await move(there.eventId, v2, { proposal: late.body.proposal });
    expect(again.status).toBe(200);
    const others = keys('A', 1, 2, 3, 4).filter((key) => !reseated[0].to.includes(key));
    expect(await seatsOf(pair)).toEqual(others);
    await expectAuditClean(app);
  });

  it('gives whoever needs an accessible seat such a one, and nobody else', async () => {
    const special = (label: string, numbers: readonly number[]): Row => [
      label,
      'Best',
      numbers.map((n) => ({
        number: `${n}`,
        ...(n === 1 ? { features: ['accessible'] } : n === 2 ? { features: ['companion'] } : {}),
      })),
    ];
    const there = await hall(app, [special('A', [1, 2, 3, 4]), ['B', 'Best', '3-4']]);
    const pair = await buy(there, 'Best', { bestAvailable: { quantity: 2, accessible: 1 } });
    const others = await buy(there, 'Best', { seatIds: keys('A', 3, 4) });
    expect(await seatsOf(pair)).toEqual(keys('A', 1, 2));
    const rows: readonly Row[] = [special('C', [1, 2]), ['B', 'Best', '3-4']];
    const v2 = await addVersion(app, there.venueId, inDays(30), planOf(rows));
    const [{ proposal }] = await conflicts(v2);
    expect((await move(there.eventId, v2, { proposal })).status).toBe(200);
    expect(await seatsOf(pair)).toEqual(keys('C', 1, 2));
    expect(await seatsOf(others)).toEqual(keys('B', 3, 4));
    await expectAuditClean(app);
  });

  it('goes back to where it was: seats that were gone are there again', async () => {
    const there = await hall(app);
    const { eventId, v1, venueId } = there;
    const v2 = await addVersion(app, venueId, inDays(70), planOf(second));
    // Not when the event is.
    expect((await move(eventId, v2)).body).toMatchObject({ code: 'validation_failed' });
    const other = await addVersion(app, venueId, inDays(1), planOf(second), {
      name: 'In the round',
    });
    expect((await move(eventId, other)).status).toBe(200);
    const both = await buy(there, 'Best', { seatIds: keys('D', 2, 3) });
    const [told] = await conflicts(other);
    expect(told).toBeUndefined();
    const back = await move(eventId, v1);
    expect(back.body).toMatchObject({ code: 'proposal_outdated' });
    expect((await move(eventId, v1, { proposal: back.body.proposal })).status).toBe(200);
    expect(await seatsOf(both)).toEqual(keys('A', 1, 2));
    expect((await hold(there, 'Best', keys('A', 5, 6))).status).toBe(201);
    expect((await hold(there, 'Best', keys('D', 1))).body.code).toBe('unknown_seat');
    const clone = await app.admin.post(`/events/${eventId}/clone`, { startsAt: inDays(65) });
    expect(clone.body).toMatchObject({ configurationId: v1 });
    await expectAuditClean(app);
  });

  it('keeps people in a seat of another category that is sold as one with theirs', async () => {
    const there = await hall(app);
    const { body } = await app.admin.post('/events', {
      name: 'Second night',
      startsAt: inDays(61),
      timezone: 'Europe/Berlin',
      currency: 'EUR',
      configurationId: there.v1,
      ticketTypes: [{ ...typeOf('Both'), seatCategories: ['Best', 'Stalls'] }],
    });
    const line = (_: string, what: object) => ({ ticketTypeId: body.ticketTypes[0].id, ...what });
    const night = { ...there, eventId: body.id as string, line };
    const order = await buy(night, 'Both', { seatIds: keys('A', 1, 2) });
    const rows: readonly Row[] = [
      ['A', 'Stalls', '1-6'],
      ['B', 'Best', '1-6'],
      ['E', 'Box', '1-2'],
    ];
    const v2 = await addVersion(app, there.venueId, inDays(30), planOf(rows));
    const told = (await conflicts(v2)).find((one: { eventId: string }) => one.eventId === body.id);
    expect(told).toMatchObject({ reseated: [], holdsEnding: 0 });
    expect(told.affected).toEqual(
      keys('A', 1, 2).map((seatId) => ({
        ...{ seatId, change: 'recategorised', status: 'sold', orderId: order },
        ...{ category: 'Best', newCategory: 'Stalls' },
      })),
    );
    expect((await move(night.eventId, v2)).status).toBe(200);
    expect(await seatsOf(order)).toEqual(keys('A', 1, 2));
    const box = await app.admin.post(`/events/${night.eventId}/ticket-types`, typeOf('Box'));
    expect(box.body).toMatchObject({ capacity: 2 });
    await expectAuditClean(app);
  });

  it('tells what a version changes', async () => {
    const { venueId, v1 } = await hall(app);
    const v2 = await addVersion(app, venueId, inDays(30), planOf(second, 250));
    const read = (id: string) => app.admin.get(`/configurations/${id}/difference`);
    expect((await read(v2)).body).toEqual({
      ...{ from: v1, to: v2 },
      seats: {
        same: 12,
        gone: [...keys('A', 4, 5, 6), ...keys('B', 6), ...keys('C', 5, 6)],
        added: keys('D', 1, 2, 3, 4),
        ...{ moved: [], recategorised: [] },
      },
      standing: {
        ...{ same: 0, gone: [], added: [], recategorised: [] },
        resized: [{ name: 'Floor', from: 300, to: 250 }],
      },
    });
    expect((await read(v1)).body).toMatchObject({ status: 409, code: 'no_version_before' });
    const back = await app.admin.get(`/configurations/${v1}/difference?from=${v2}`);
    expect(back.body.seats).toMatchObject({ gone: keys('D', 1, 2, 3, 4) });
  });

  it('tells whom the end of a floor plan leaves without one', async () => {
    const there = await hall(app);
    const ended = await app.admin.put(`/configurations/${there.v1}`, { validTo: inDays(50) });
    expect(ended.status).toBe(200);
    expect(await conflicts(there.v1)).toMatchObject([
      { eventId: there.eventId, reason: 'not_valid_then', moveTo: null, proposal: null },
    ]);
    const v2 = await addVersion(app, there.venueId, inDays(50), planOf(oldRows));
    expect(await conflicts(there.v1)).toMatchObject([
      { reason: 'not_valid_then', moveTo: v2, seats: { same: 18, gone: 0 }, affected: [] },
    ]);
  });

  it('is moved by its own staff alone', async () => {
    const there = await hall(app);
    const v2 = await addVersion(app, there.venueId, inDays(30), planOf(oldRows));
    const path = `/events/${there.eventId}/configuration`;
    expect((await app.guest.post(path, { configurationId: v2 })).status).toBe(401);
    const unknown = await move(there.eventId, 'cfg_2mxbf38s2vw9h');
    expect(unknown.body).toMatchObject({ code: 'validation_failed' });
    const elsewhere = await hall(app);
    const foreign = await move(there.eventId, elsewhere.v1);
    expect(foreign.body).toMatchObject({ issues: [{ code: 'another_venue' }] });
  });
});
