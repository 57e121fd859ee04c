/** A1, B1–B3, B5, C1, D6, E1, E5: an organizer sets up, changes, paces and reads their events. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, inDays, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const base = {
  name: 'Kammerkonzert',
  startsAt: '2027-06-12T19:30:00+02:00',
  endsAt: '2027-06-12T22:00:00+02:00',
  doorsAt: '2027-06-12T18:30:00+02:00',
  timezone: 'Europe/Berlin',
  currency: 'EUR',
  venueName: 'Kleine Kapelle',
};

describe('setting up', () => {
  it('A1 B1 B2 makes an event with its ticket types and reads it back', async () => {
    const made = await app.admin.post('/events', {
      ...base,
      description: 'Quartet by candlelight',
      maxTicketsPerPerson: 4,
      holdMinutes: 10,
      totalCapacity: 100,
      ticketTypes: [
        { name: 'Parkett', price: eur(4_500), capacity: 60, maxPerOrder: 4 },
        { name: 'Empore', price: eur(2_500), capacity: 40, salesCloseAt: '2027-06-12T12:00:00Z' },
      ],
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      status: 'published',
      version: 1,
      startsAt: '2027-06-12T19:30:00+02:00',
      maxTicketsPerPerson: 4,
      holdMinutes: 10,
      ticketTypes: [
        { name: 'Parkett', price: eur(4_500), capacity: 60, maxPerOrder: 4 },
        { name: 'Empore', capacity: 40, salesCloseAt: '2027-06-12T14:00:00+02:00' },
      ],
    });
    expect((await app.guest.get(`/events/${made.body.id}`)).body).toEqual(made.body);
  });

  it('E1 D6 takes the short form: one ticket type with its price and total', async () => {
    const { body, status } = await app.admin.post('/events', {
      ...base,
      totalTickets: 80,
      ticketPrice: 1_200,
    });
    expect(status).toBe(201);
    expect(body.ticketTypes).toMatchObject([{ price: eur(1_200), capacity: 80 }]);
    const half = await app.admin.post('/events', { ...base, totalTickets: 80 });
    expect(half.body.issues).toMatchObject([{ code: 'incomplete_short_form' }]);
  });

  it.each([
    ['endsAt', { endsAt: base.startsAt }, 'ends_before_start'],
    ['doorsAt', { doorsAt: '2027-06-12T20:00:00+02:00' }, 'doors_after_start'],
    ['salesCloseAt', { salesOpenAt: inDays(2), salesCloseAt: inDays(1) }, 'closes_before_open'],
    ['salesOpenAt', { salesOpenAt: '2027-06-13T00:00:00Z' }, 'sale_after_event'],
    ['publicAt', { visibility: 'scheduled' }, 'required'],
    ['publicAt', { publicAt: inDays(1) }, 'not_scheduled'],
    ['timezone', { timezone: 'Mars/Olympus' }, 'invalid_timezone'],
    ['currency', { currency: 'EURO' }, 'invalid_currency'],
    ['startsAt', { startsAt: '2027-02-30T20:00:00Z' }, 'invalid_time'],
    [
      'ticketTypes.0.price.currency',
      { ticketTypes: [{ name: 'A', price: { amount: 1, currency: 'USD' }, capacity: 1 }] },
      'wrong_currency',
    ],
    ['ticketTypes.0.capacity', { ticketTypes: [{ name: 'A', price: eur(1) }] }, 'capacity_or_pool'],
  ])('B1 refuses a wrong %s', async (path, wrong, code) => {
    const { status, body } = await app.admin.post('/events', { ...base, ...wrong });
    expect(status).toBe(422);
    expect(body.issues).toContainEqual(expect.objectContaining({ path, code }));
  });

  it('B2 lets ticket types share a pool, and pools never exceed the total', async () => {
    const { body: event } = await app.admin.post('/events', { ...base, totalCapacity: 10 });
    const pool = await app.admin.post(`/events/${event.id}/pools`, { name: 'Hall', capacity: 8 });
    expect(pool.status).toBe(201);
    const types = [];
    for (const [name, amount] of [
      ['Full', 1_000],
      ['Reduced', 600],
    ] as const) {
      const type = { name, price: eur(amount), poolId: pool.body.id };
      types.push((await app.admin.post(`/events/${event.id}/ticket-types`, type)).body);
    }
    const over = await app.admin.post(`/events/${event.id}/pools`, { name: 'Bar', capacity: 3 });
    expect(over.body).toMatchObject({ status: 422, code: 'capacity_over_total' });
    expect((await book(app.guest, event.id, types[0].id, { quantity: 5 })).status).toBe(201);
    expect((await book(app.guest, event.id, types[1].id, { quantity: 4 })).body.code).toBe(
      'sold_out',
    );
    expect((await book(app.guest, event.id, types[1].id, { quantity: 3 })).status).toBe(201);
    const lower = await app.admin.put(`/events/${event.id}/pools/${pool.body.id}`, {
      name: 'Hall',
      capacity: 7,
    });
    expect(lower.body).toMatchObject({ status: 409, code: 'capacity_below_committed' });
    await expectAuditClean(app);
  });
});

describe('changing', () => {
  it('replaces the whole object, with the version that was read', async () => {
    const { event } = await onSale(app.admin, { more: base });
    const change = { ...base, name: 'Renamed', version: event.version };
    const first = await app.admin.put(`/events/${event.id}`, change);
    expect(first.body).toMatchObject({ name: 'Renamed', version: 2 });
    const stale = await app.admin.put(`/events/${event.id}`, change);
    expect(stale.body).toMatchObject({ status: 409, code: 'version_conflict', version: 2 });
  });

  it('moves a date freely until somebody has a ticket', async () => {
    const { event, typeId } = await onSale(app.admin, { more: base });
    const moved = { ...base, startsAt: '2027-06-12T19:00:00+02:00' };
    const first = await app.admin.put(`/events/${event.id}`, { ...moved, version: 1 });
    expect(first.status).toBe(200);
    await book(app.guest, event.id, typeId);
    const second = await app.admin.put(`/events/${event.id}`, { ...base, version: 2 });
    expect(second.body).toMatchObject({ status: 409, code: 'use_reschedule' });
  });

  it('keeps the price that somebody holds', async () => {
    const { event, eventId, typeId } = await onSale(app.admin);
    const booked = await book(app.guest, eventId, typeId);
    const [type] = event.ticketTypes;
    const dearer = await app.admin.put(`/events/${eventId}/ticket-types/${typeId}`, {
      name: 'Standard',
      price: eur(9_900),
      poolId: type?.poolId,
    });
    expect(dearer.body.price).toEqual(eur(9_900));
    const order = await app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`);
    expect(order.body.total).toEqual(eur(2_500));
  });

  it('C1 deletes an event that nobody bought for, and no other', async () => {
    const { eventId } = await onSale(app.admin);
    expect((await app.admin.delete(`/events/${eventId}`)).status).toBe(204);
    expect((await app.admin.get(`/events/${eventId}`)).status).toBe(404);
    const sold = await onSale(app.admin);
    await book(app.guest, sold.eventId, sold.typeId);
    const refused = await app.admin.delete(`/events/${sold.eventId}`);
    expect(refused.body).toMatchObject({ status: 409, code: 'event_has_sales' });
  });

  it('takes a ticket type off sale without touching what was held', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    await book(app.guest, eventId, typeId);
    expect((await app.admin.delete(`/events/${eventId}/ticket-types/${typeId}`)).status).toBe(204);
    expect((await book(app.guest, eventId, typeId)).body.code).toBe('unknown_ticket_type');
    expect((await app.admin.get(`/events/${eventId}`)).body.ticketTypes).toEqual([]);
    await expectAuditClean(app);
  });

  it('B5 adds another concert in one step; doors stay at seven across a clock change', async () => {
    const { eventId } = await onSale(app.admin, {
      more: { ...base, totalCapacity: 50, salesOpenAt: '2027-03-01T10:00:00+01:00' },
    });
    const clone = await app.admin.post(`/events/${eventId}/clone`, {
      startsAt: '2027-11-20T19:30:00+01:00',
    });
    expect(clone.status).toBe(201);
    expect(clone.body).toMatchObject({
      name: base.name,
      series: base.name,
      doorsAt: '2027-11-20T18:30:00+01:00',
      endsAt: '2027-11-20T22:00:00+01:00',
      totalCapacity: 50,
      ticketTypes: [{ name: 'Standard', capacity: 10, price: eur(2_500) }],
    });
    expect(clone.body.id).not.toBe(eventId);
    expect(clone.body.ticketTypes[0].id).not.toBe(undefined);
  });
});

describe('visibility', () => {
  const listed = async (id: string) => {
    const { body } = await app.guest.get('/events?limit=200');
    return body.data.some((event: { id: string }) => event.id === id);
  };

  it('B1 shows a draft to its organizer only, until it is published', async () => {
    const { body: draft } = await app.admin.post('/events', {
      ...base,
      publish: false,
      totalTickets: 5,
      ticketPrice: 100,
    });
    expect(draft.status).toBe('draft');
    expect((await app.guest.get(`/events/${draft.id}`)).status).toBe(404);
    const early = await book(app.guest, draft.id, draft.ticketTypes[0].id);
    expect(early.status).toBe(404);
    const published = await app.admin.post(`/events/${draft.id}/publish`);
    expect(published.body.status).toBe('published');
    expect((await book(app.guest, draft.id, draft.ticketTypes[0].id)).status).toBe(201);
  });

  it('B1 lists a hidden event nowhere, and opens it to whoever has its address', async () => {
    const { eventId } = await onSale(app.admin, { more: { visibility: 'hidden' } });
    expect(await listed(eventId)).toBe(false);
    expect((await app.guest.get(`/events/${eventId}`)).status).toBe(200);
  });

  it('B1 shows a scheduled event from its hour on', async () => {
    const { eventId } = await onSale(app.admin, {
      more: { visibility: 'scheduled', publicAt: inDays(2), startsAt: inDays(30) },
    });
    expect((await app.guest.get(`/events/${eventId}`)).status).toBe(404);
    expect(await listed(eventId)).toBe(false);
    app.clock.advance(2 * 86_400_000 + 1_000);
    expect((await app.guest.get(`/events/${eventId}`)).status).toBe(200);
    expect(await listed(eventId)).toBe(true);
    app.clock.advance(-(2 * 86_400_000 + 1_000));
  });

  it('lists by time, text and place, page by page', async () => {
    const tag = `Lantern${Date.now()}`;
    for (let day = 1; day <= 3; day++) {
      await onSale(app.admin, {
        more: { name: `${tag} ${day}`, startsAt: inDays(100 + day), venueName: 'Seewiesen' },
      });
    }
    const first = await app.guest.get(`/events?q=${tag.toLowerCase()}&limit=2&venue=SEEWIESEN`);
    expect(first.body.data.map((e: { name: string }) => e.name)).toEqual([`${tag} 1`, `${tag} 2`]);
    const next = await app.guest.get(
      `/events?q=${tag}&limit=2&cursor=${encodeURIComponent(first.body.nextCursor)}`,
    );
    expect(next.body.data.map((e: { name: string }) => e.name)).toEqual([`${tag} 3`]);
    expect(next.body.nextCursor).toBeNull();
    const late = await app.guest.get(`/events?q=${tag}&from=${inDays(102.5)}`);
    expect(late.body.data).toHaveLength(1);
    expect((await app.guest.get('/events?q=%25')).body.data).toEqual([]);
  });
});

describe('pacing the sale', () => {
  it('B3 pauses, resumes, closes early and reopens', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const say = (move: string) => app.admin.post(`/events/${eventId}/sales/${move}`);
    const status = async () =>
      (await app.guest.get(`/events/${eventId}/availability`)).body.status as string;
    expect((await say('pause')).status).toBe(200);
    expect(await status()).toBe('paused');
    expect((await book(app.guest, eventId, typeId)).body.code).toBe('sale_paused');
    await say('resume');
    expect((await book(app.guest, eventId, typeId)).status).toBe(201);
    await say('close');
    expect(await status()).toBe('closed');
    expect((await book(app.guest, eventId, typeId)).body.code).toBe('sale_closed');
    expect((await say('pause')).body).toMatchObject({ status: 409, code: 'sale_state' });
    await say('resume');
    expect(await status()).toBe('on_sale');
  });

  it('A3 sells only inside the window of the event and of the ticket type', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { salesOpenAt: inDays(1) } });
    const early = await book(app.guest, eventId, typeId);
    expect(early.body).toMatchObject({ status: 409, code: 'sale_not_open' });
    expect(Date.parse(early.body.opensAt)).toBeGreaterThan(Date.now());
    app.clock.advance(86_400_000 + 1_000);
    expect((await book(app.guest, eventId, typeId)).status).toBe(201);
    app.clock.advance(30 * 86_400_000);
    expect((await book(app.guest, eventId, typeId)).body.code).toBe('sale_closed');
    const over = await app.guest.get(`/events/${eventId}/availability`);
    expect(over.body.status).toBe('past');
    app.clock.advance(-(31 * 86_400_000 + 1_000));
  });

  it('answers 304 while nothing has changed', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const path = `/events/${eventId}/availability`;
    const first = await app.guest.get(path);
    const etag = first.headers.get('etag') ?? '';
    expect((await app.guest.get(path, { 'if-none-match': etag })).status).toBe(304);
    await book(app.guest, eventId, typeId);
    const changed = await app.guest.get(path, { 'if-none-match': etag });
    expect(changed.status).toBe(200);
    expect(changed.body.version).toBeGreaterThan(first.body.version);
  });
});

describe('numbers', () => {
  it('E5 counts what is sold, held and free, and the money of confirmed orders', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const paid = await book(app.guest, eventId, typeId, { quantity: 2, method: 'simulated' });
    await app.database.open(null).pool.query('update kernel.job set run_at = clock_timestamp()');
    await app.drainJobs();
    expect(
      (await app.as(paid.body.accessToken).get(`/orders/${paid.body.order.id}`)).body.status,
    ).toBe('confirmed');
    await book(app.guest, eventId, typeId, { quantity: 3 });
    await app.guest.post(
      `/events/${eventId}/holds`,
      { items: [{ ticketTypeId: typeId, quantity: 1 }] },
      newKey(),
    );
    const { body } = await app.admin.get(`/events/${eventId}/statistics`);
    expect(body).toMatchObject({
      ticketsSold: 2,
      ticketsHeld: 4,
      ticketsAvailable: 4,
      capacity: 10,
      revenue: eur(5_000),
      orders: { pending: 1, confirmed: 1 },
      byTicketType: [{ ticketsSold: 2, ticketsHeld: 4, revenue: eur(5_000) }],
    });
    expect((await app.guest.get(`/events/${eventId}/statistics`)).status).toBe(401);
    await expectAuditClean(app);
  });
});
