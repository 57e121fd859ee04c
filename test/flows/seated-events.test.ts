/** B1, B12, C9: an event takes a version of a floor plan, and sells its seats and standing room. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releaseDue } from '../../server/modules/catalog/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, inDays, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const slot = (option: string) => ({ slot: { name: 'Floor', option } });
const sections = [
  {
    name: 'Stalls',
    rows: [
      { label: 'A', category: 'Best', seats: '1-6' },
      { label: 'B', category: 'Stalls', seats: '1-6' },
      { label: 'C', category: 'Rear', seats: '1-6' },
    ],
  },
  { name: 'Open floor', category: 'Floor', standing: { capacity: 300 }, ...slot('Standing') },
  {
    name: 'Floor seats',
    category: 'Floor',
    rows: [{ label: 'F', seats: '1-9' }],
    ...slot('Seated'),
  },
];

async function makePlan(more: Record<string, unknown> = {}) {
  const hall = { name: 'Halle Nord', timezone: 'Europe/Berlin', legalCapacity: 320 };
  const venue = await app.admin.post('/venues', hall);
  const made = await app.admin.post(`/venues/${venue.body.id}/configurations`, {
    name: 'End stage',
    validFrom: '2024-01-01T00:00:00Z',
    sections,
    ...more,
  });
  expect(made.status).toBe(201);
  return { venueId: venue.body.id as string, configurationId: made.body.id as string };
}

const type = (name: string, price: number, seatCategories: readonly string[]) => ({
  name,
  price: eur(price),
  seatCategories,
});

const makeEvent = (configurationId: string, more: Record<string, unknown> = {}) =>
  app.admin.post('/events', {
    name: 'Night in the hall',
    startsAt: inDays(60),
    timezone: 'Europe/Berlin',
    currency: 'EUR',
    configurationId,
    ticketTypes: [
      type('Stalls', 4_000, ['Best', 'Stalls']),
      type('Stalls, reduced', 3_000, ['Best', 'Stalls']),
      type('Floor', 2_500, ['Floor']),
    ],
    ...more,
  });

const hold = (eventId: string, ...items: unknown[]) =>
  app.guest.post(`/events/${eventId}/holds`, { items }, newKey());

const bare = async () => (await onSale(app.admin)).eventId;

describe('an event in a floor plan', () => {
  it('sells its seats by name and by the best, and its standing room by number', async () => {
    const { configurationId } = await makePlan();
    const made = await makeEvent(configurationId);
    expect(made.body).toMatchObject({
      configurationId,
      sectionChoices: { Floor: 'Standing' },
      venueName: 'Halle Nord',
      totalCapacity: 320,
    });
    const [stalls, reduced, floor] = made.body.ticketTypes;
    expect(stalls).toMatchObject({ capacity: 12, poolId: reduced.poolId });
    expect(floor).toMatchObject({ capacity: 300 });
    const { id: eventId } = made.body;
    const held = await hold(
      eventId,
      { ticketTypeId: stalls.id, seatIds: ['Stalls-B-1'] },
      { ticketTypeId: reduced.id, bestAvailable: { quantity: 2 } },
      { ticketTypeId: floor.id, quantity: 4 },
    );
    expect(held.status).toBe(201);
    const [named, best] = held.body.items;
    expect(named.seats).toEqual(['Stalls-B-1']);
    expect(best.seats).toEqual(['Stalls-A-3', 'Stalls-A-4']);
    const rear = await hold(eventId, { ticketTypeId: stalls.id, seatIds: ['Stalls-C-1'] });
    expect(rear.body).toMatchObject({ status: 422, code: 'unknown_seat' });
    const more = await app.admin.post(
      `/events/${eventId}/ticket-types`,
      type('Rear', 2_000, ['Rear']),
    );
    expect(
      (await hold(eventId, { ticketTypeId: more.body.id, seatIds: ['Stalls-C-1'] })).status,
    ).toBe(201);
    const half = type('Half', 2_000, ['Best']);
    const refused = await app.admin.post(`/events/${eventId}/ticket-types`, half);
    expect(refused.body).toMatchObject({ status: 422, code: 'unknown_pool' });
    await expectAuditClean(app);
  });

  it('chooses one option of each slot, and its clone the same', async () => {
    const { configurationId } = await makePlan();
    const made = await makeEvent(configurationId, { sectionChoices: { Floor: 'Seated' } });
    expect(made.body.ticketTypes[2]).toMatchObject({ capacity: 9 });
    const seats = await app.guest.get(`/events/${made.body.id}/seats`, {
      accept: 'application/json',
    });
    expect(seats.body.seats).toHaveLength(27);
    const clone = await app.admin.post(`/events/${made.body.id}/clone`, { startsAt: inDays(90) });
    expect(clone.body).toMatchObject({ configurationId, sectionChoices: { Floor: 'Seated' } });
    const [stalls] = clone.body.ticketTypes;
    const held = await hold(clone.body.id, { ticketTypeId: stalls.id, seatIds: ['Stalls-A-1'] });
    expect(held.status).toBe(201);
    await expectAuditClean(app);
  });

  it('draws its seats in the order of their states', async () => {
    const gates = [{ name: 'West', position: { x: -3.5, y: 40 } }, { name: 'East' }];
    const [stalls, ...others] = sections;
    const gated = [{ ...stalls, gate: 'West' }, ...others];
    const { configurationId } = await makePlan({ gates, sections: gated });
    const { body } = await makeEvent(configurationId);
    const map = await app.guest.get(`/events/${body.id}/seat-map`);
    expect(map.body.gates).toEqual([{ name: 'West', at: [-350, 4_000] }, { name: 'East' }]);
    expect(map.body.sections[0].gate).toBe('West');
    expect(map.headers.get('x-seat-count')).toBe('18');
    const rows = map.body.sections.flatMap((section: { rows?: unknown[] }) => section.rows ?? []);
    expect(rows.map((row: { numbers: string }) => row.numbers)).toEqual(['1-6', '1-6', '1-6']);
    const [first] = rows;
    expect(map.body.categories[first.category]).toMatchObject({ name: 'Best' });
    expect(first.x).toHaveLength(6);
    expect(map.body.sections[1]).toMatchObject({ name: 'Open floor', standing: 300 });
    const etag = map.headers.get('etag') ?? '';
    const again = await app.guest.get(`/events/${body.id}/seat-map`, { 'if-none-match': etag });
    expect(again.status).toBe(304);
    const plain = { 'accept-encoding': 'identity' };
    const unpacked = await app.guest.get(`/events/${body.id}/seat-map`, plain);
    expect(unpacked.body).toEqual(map.body);
    expect(unpacked.headers.get('etag')).not.toBe(etag);
    expect((await app.guest.get(`/events/${await bare()}/seat-map`)).status).toBe(404);
    const { headers } = await app.guest.get(`/events/${body.id}/seats`);
    const plan = Number(headers.get('x-plan-version'));
    const kept = async (who: TestApp['guest'], name: string | number) =>
      (await who.get(`/events/${body.id}/seat-map?plan=${name}`)).headers.get('cache-control');
    expect(await kept(app.guest, plan)).toBe('public, max-age=31536000, immutable');
    expect(await kept(app.admin, plan)).toBe('private, max-age=31536000, immutable');
    expect(await kept(app.guest, plan + 1)).toBe('public, max-age=300');
    expect((await app.guest.get(`/events/${body.id}/seat-map?plan=x`)).status).toBe(422);
  });

  it('tells of each section what is free, and from which price', async () => {
    const { configurationId } = await makePlan();
    const { body } = await makeEvent(configurationId);
    const [stalls] = body.ticketTypes;
    await hold(body.id, { ticketTypeId: stalls.id, seatIds: ['Stalls-A-1'] });
    const shown = await app.guest.get(`/events/${body.id}/sections`);
    expect(shown.body).toEqual({
      eventId: body.id,
      sections: [
        {
          name: 'Stalls',
          gate: null,
          parts: [
            { categories: ['Best', 'Stalls'], places: 12, free: 11, from: eur(3_000) },
            { categories: ['Rear'], places: 6, free: 6, from: null },
          ],
        },
        {
          name: 'Open floor',
          gate: null,
          parts: [{ categories: ['Floor'], places: 300, free: 300, from: eur(2_500) }],
        },
      ],
    });
  });

  it('C9 finds the best seats that cost no more, of any ticket type', async () => {
    const { configurationId } = await makePlan();
    const ticketTypes = [
      type('Best', 4_000, ['Best']),
      type('Stalls', 3_000, ['Stalls']),
      { ...type('Members', 2_000, ['Stalls']), visibility: 'code' },
      { ...type('Crew', 100, ['Best']), visibility: 'hidden' },
      type('Rear', 2_500, ['Rear']),
      { ...type('Later', 2_400, ['Rear']), salesOpenAt: inDays(50) },
      { ...type('Groups', 2_300, ['Rear']), minPerOrder: 5 },
    ];
    const { body: event } = await makeEvent(configurationId, { ticketTypes });
    const [best, stalls, members, , rear] = event.ticketTypes;
    const upTo = (amount: number, more: Record<string, unknown> = {}) => ({
      bestAvailable: { quantity: 2, priceMax: eur(amount), ...more },
    });
    const given = async (item: object, ...others: object[]) => {
      const { body } = await hold(event.id, item, ...others);
      return body.items?.map((one: { ticketTypeId: string; seats: string[] }) => [
        ...[one.ticketTypeId, one.seats.join(' ')],
      ]);
    };
    expect(await given(upTo(9_999))).toEqual([[best.id, 'Stalls-A-3 Stalls-A-4']]);
    expect(await given(upTo(3_999))).toEqual([[stalls.id, 'Stalls-B-3 Stalls-B-4']]);
    expect(await given(upTo(9_999, { priceMin: eur(2_500), quantity: 6 }))).toEqual([
      [rear.id, 'Stalls-C-1 Stalls-C-2 Stalls-C-3 Stalls-C-4 Stalls-C-5 Stalls-C-6'],
    ]);
    // Two lines never get one ticket type; a line that names one has it.
    const named = { ticketTypeId: best.id, bestAvailable: { quantity: 1 } };
    expect(await given(upTo(9_999, { quantity: 1 }), named)).toEqual([
      [stalls.id, expect.stringMatching(/^Stalls-B-/)],
      [best.id, expect.stringMatching(/^Stalls-A-/)],
    ]);
    // Three are left of each row, and nowhere side by side: the nearer ones, then the others.
    const three = upTo(4_000, { quantity: 3 });
    expect(await given(three)).toEqual([[best.id, expect.stringMatching(/^(Stalls-A-. ?){3}$/)]]);
    expect(await given(three)).toEqual([[stalls.id, expect.stringMatching(/^(Stalls-B-. ?){3}$/)]]);
    const gone = await hold(event.id, upTo(4_000));
    expect(gone.body).toMatchObject({ status: 409, code: 'sold_out' });
    // What is not listed, or not yet on sale, is given to nobody who has not named it.
    const none = await hold(event.id, upTo(2_000));
    expect(none.body).toMatchObject({ status: 422, code: 'unknown_ticket_type' });
    expect(none.body.issues).toMatchObject([{ path: 'items.0.bestAvailable.priceMax' }]);
    const closed = await hold(event.id, upTo(2_400, { priceMin: eur(2_400) }));
    expect(closed.body).toMatchObject({ status: 409, code: 'sale_not_open' });
    const few = await hold(event.id, upTo(2_300));
    expect(few.body).toMatchObject({ status: 422, code: 'below_order_minimum' });
    const foreign = { ...eur(9_999), currency: 'USD' };
    expect((await hold(event.id, upTo(0, { priceMax: foreign }))).body.code).toBe(
      'unknown_ticket_type',
    );
    expect(members).toBeDefined();
    await expectAuditClean(app);
  });

  it('C9 gives the first answer to a repeated request by price, and swaps by it', async () => {
    const { configurationId } = await makePlan();
    const { body: event } = await makeEvent(configurationId);
    const [stalls, reduced, floor] = event.ticketTypes;
    const wanted = { bestAvailable: { quantity: 2, priceMax: eur(4_000) } };
    const ask = (key: Record<string, string>, items: readonly object[] = [wanted]) =>
      app.guest.post(`/events/${event.id}/holds`, { items }, key);
    const key = { 'idempotency-key': 'by-price', 'x-device-token': 'device-0123456789abcdef' };
    const first = await ask(key);
    // Of the same seats, by the cheapest.
    expect(first.body.items).toMatchObject([{ ticketTypeId: reduced.id }]);
    const { id, name, ...terms } = reduced;
    const dearer = { name, price: eur(9_000), poolId: terms.poolId };
    const path = `/events/${event.id}/ticket-types/${id}`;
    expect((await app.admin.put(path, dearer)).status).toBe(200);
    expect(await ask(key)).toMatchObject({ status: 201, body: first.body });
    const other = { bestAvailable: { quantity: 2, priceMax: eur(4_001) } };
    expect((await ask(key, [other])).body.code).toBe('idempotency_key_reused');

    const device = { 'x-device-token': key['x-device-token'] };
    const swap = (...items: readonly object[]) =>
      app.guest.put(`/holds/${first.body.id}`, { items }, device);
    const swapped = await swap(wanted);
    expect(swapped.body.items).toMatchObject([{ ticketTypeId: stalls.id, quantity: 2 }]);
    const cheap = { bestAvailable: { quantity: 2, priceMax: eur(10) } };
    expect((await swap(cheap)).body).toMatchObject({ status: 422, code: 'unknown_ticket_type' });
    const all = { bestAvailable: { quantity: 13, priceMax: eur(4_000) } };
    expect((await swap(all)).body.code).toBe('above_order_maximum');

    for (const [item, code] of [
      [{ bestAvailable: { quantity: 1 } }, 'ticket_type_or_price'],
      [{ ...wanted, ticketTypeId: floor.id }, 'ticket_type_or_price'],
      [{ quantity: 1 }, 'ticket_type_or_price'],
      [{ bestAvailable: { quantity: 1, priceMin: eur(1) } }, 'needs_price_max'],
      [{ bestAvailable: { ...wanted.bestAvailable, priceMin: eur(5_000) } }, 'over_price_max'],
    ] as const) {
      const issues = (await ask(newKey(), [item])).body.issues;
      expect(issues).toContainEqual(expect.objectContaining({ code }));
    }
    await expectAuditClean(app);
  });

  it('keeps places off sale for somebody, until their hour', async () => {
    const { configurationId } = await makePlan();
    const { body } = await makeEvent(configurationId);
    const [stalls, , floor] = body.ticketTypes;
    const path = `/events/${body.id}/allocations`;
    const seatIds = ['Stalls-A-1', 'Stalls-C-6'];
    const sponsors = await app.admin.post(path, {
      name: 'Sponsors',
      seatIds,
      releaseAt: inDays(30),
    });
    expect(sponsors.body).toMatchObject({ name: 'Sponsors', seatIds, quantity: 2 });
    const counted = { name: 'Box office', poolId: floor.poolId, quantity: 290 };
    expect((await app.admin.post(path, counted)).status).toBe(201);
    const taken = await hold(body.id, { ticketTypeId: stalls.id, seatIds: ['Stalls-A-1'] });
    expect(taken.body).toMatchObject({ code: 'seat_taken', seatIds: ['Stalls-A-1'] });
    const full = await hold(body.id, { ticketTypeId: floor.id, quantity: 10 });
    expect(full.status).toBe(201);
    expect((await hold(body.id, { ticketTypeId: floor.id, quantity: 1 })).body.code).toBe(
      'sold_out',
    );
    const more = { ...counted, quantity: 1 };
    expect((await app.admin.post(path, more)).body.code).toBe('not_free');
    const twice = { name: 'Press', seatIds: ['Stalls-A-1', 'Stalls-B-1'] };
    expect((await app.admin.post(path, twice)).body.code).toBe('not_free');
    const nobody = { name: 'Press', seatIds: ['Balcony-A-1'] };
    expect((await app.admin.post(path, nobody)).body.code).toBe('unknown_seat');
    const both = { ...nobody, ...counted };
    expect((await app.admin.post(path, both)).body.code).toBe('validation_failed');

    const listed = await app.admin.get(path);
    expect(listed.body.data.map(({ name }: { name: string }) => name)).toEqual([
      'Sponsors',
      'Box office',
    ]);
    const boxOffice = listed.body.data[1].id;
    expect((await app.admin.delete(`${path}/${boxOffice}`)).status).toBe(204);
    expect((await hold(body.id, { ticketTypeId: floor.id, quantity: 1 })).status).toBe(201);
    expect(await releaseDue(app.ctx)).toBe(0);
    app.clock.advance(31 * 86_400_000);
    expect(await releaseDue(app.ctx)).toBe(1);
    app.clock.advance(-31 * 86_400_000);
    const free = await hold(body.id, { ticketTypeId: stalls.id, seatIds: ['Stalls-A-1'] });
    expect(free.status).toBe(201);
    await expectAuditClean(app);
  });

  it('is refused what the plan does not have', async () => {
    const { configurationId } = await makePlan({ validTo: inDays(70) });
    const refusals: readonly (readonly [Record<string, unknown>, string])[] = [
      [{ sectionChoices: { Floor: 'Pool party' } }, 'unknown_choice'],
      [{ ticketTypes: [type('Balcony', 1, ['Balcony'])] }, 'unknown_category'],
      [
        { ticketTypes: [type('A', 1, ['Best', 'Rear']), type('B', 1, ['Rear'])] },
        'categories_overlap',
      ],
      [{ ticketTypes: [type('All', 1, ['Best', 'Floor'])] }, 'seats_and_standing'],
      [{ startsAt: inDays(80) }, 'not_valid_then'],
      [{ totalCapacity: 100 }, 'capacity_over_total'],
      [{ configurationId: undefined }, 'no_configuration'],
      [{ configurationId: 'cfg_2mxbf38s2vw9h' }, 'unknown_configuration'],
    ];
    for (const [more, code] of refusals) {
      const made = await makeEvent(configurationId, more);
      expect(made.body.issues, code).toMatchObject([{ code }]);
    }
  });

  it('keeps its plan from being deleted, and never lets in more than the venue may hold', async () => {
    const { venueId, configurationId } = await makePlan();
    const crowded = [
      ...sections,
      { name: 'Gallery', category: 'Gallery', standing: { capacity: 100 } },
    ];
    const second = await app.admin.post(`/venues/${venueId}/configurations`, {
      name: 'With gallery',
      validFrom: '2024-01-01T00:00:00Z',
      sections: crowded,
    });
    expect(second.body.findings).toMatchObject([
      { code: 'over_legal_capacity', severity: 'warning' },
    ]);
    const over = await makeEvent(second.body.id);
    expect(over.body.issues).toMatchObject([{ code: 'over_legal_capacity' }]);
    expect((await makeEvent(configurationId)).status).toBe(201);
    const { body: event } = await makeEvent(configurationId, { totalCapacity: 10_000 });
    expect(event.totalCapacity).toBe(320);
    const wider = await app.admin.put(`/events/${event.id}`, { ...event, totalCapacity: null });
    expect(wider.body.totalCapacity).toBe(320);
    const before = { ...event, version: 2, startsAt: '2023-01-01T20:00:00Z' };
    const moved = await app.admin.put(`/events/${event.id}`, before);
    expect(moved.body.issues).toMatchObject([{ path: 'startsAt', code: 'not_valid_then' }]);
    const kept = await app.admin.delete(`/configurations/${configurationId}`);
    expect(kept.body).toMatchObject({ status: 409, code: 'configuration_in_use' });
    const venue = await app.admin.delete(`/venues/${venueId}`);
    expect(venue.body).toMatchObject({ status: 409, code: 'venue_in_use' });
    expect((await app.admin.delete(`/configurations/${second.body.id}`)).status).toBe(204);
  });
});
