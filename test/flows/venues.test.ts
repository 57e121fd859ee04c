/** B12, B13: a venue manager describes a building and its floor plans. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const hall = { name: 'Halle Nord', timezone: 'Europe/Berlin' };
const stalls = { name: 'Stalls', category: 'Stalls', rows: [{ label: 'A', seats: '1-10,12-16' }] };
const floor = { name: 'Floor', category: 'Floor', standing: { capacity: 400 } };

async function makeVenue(more: Record<string, unknown> = {}): Promise<string> {
  const made = await app.admin.post('/venues', { ...hall, ...more });
  expect(made.status).toBe(201);
  return made.body.id;
}

const addPlan = (venueId: string, more: Record<string, unknown> = {}) =>
  app.admin.post(`/venues/${venueId}/configurations`, {
    name: 'End stage',
    validFrom: '2035-01-01T00:00:00Z',
    sections: [stalls, floor],
    ...more,
  });

describe('B12 a venue', () => {
  it('is described, replaced and deleted', async () => {
    const made = await app.admin.post('/venues', { ...hall, legalCapacity: 1_200 });
    expect(made.body).toMatchObject({ ...hall, address: null, legalCapacity: 1_200, version: 1 });
    const { id } = made.body;
    const replaced = await app.admin.put(`/venues/${id}`, { ...made.body, name: 'Halle Süd' });
    expect(replaced.body).toMatchObject({ name: 'Halle Süd', version: 2 });
    const stale = await app.admin.put(`/venues/${id}`, made.body);
    expect(stale.body).toMatchObject({ status: 409, code: 'version_conflict', version: 2 });
    const listed = await app.admin.get('/venues');
    expect(listed.body.data.map((venue: { id: string }) => venue.id)).toContain(id);
    expect((await app.admin.delete(`/venues/${id}`)).status).toBe(204);
    expect((await app.admin.get(`/venues/${id}`)).status).toBe(404);
  });
});

describe('B14 the schedule of a venue', () => {
  it('says what is in it when, what clashes, and when it is free', async () => {
    const venueId = await makeVenue();
    const plan = await addPlan(venueId, { validFrom: '2030-01-01T00:00:00Z' });
    const day = (hour: number) => `2035-03-01T${String(hour).padStart(2, '0')}:00:00.000Z`;
    const event = async (from: number, to: number) => {
      const made = await app.admin.post('/events', {
        ...{ name: `At ${from}`, startsAt: day(from), endsAt: day(to), timezone: 'UTC' },
        ...{ currency: 'EUR', configurationId: plan.body.id, ticketTypes: [] },
      });
      expect(made.status).toBe(201);
      return made.body.id as string;
    };
    const ids = [await event(4, 6), await event(10, 12), await event(12, 14)];
    const path = `/venues/${venueId}/schedule?from=${day(0)}&to=${day(20)}`;
    const plain = await app.admin.get(path);
    expect(plain.body).toMatchObject({
      clashes: [],
      events: [{ id: ids[0], capacity: 415 }, {}, {}],
    });
    expect(plain.body.gaps).toEqual([
      { from: day(0), to: day(4) },
      { from: day(6), to: day(10) },
      { from: day(14), to: day(20) },
    ]);
    const tight = await app.admin.get(`${path}&setUpMinutes=60&tearDownMinutes=120`);
    expect(tight.body.clashes).toEqual([
      { eventIds: [ids[1], ids[2]], from: day(11), to: day(14) },
    ]);
    expect(tight.body.gaps).toEqual([
      { from: day(0), to: day(3) },
      { from: day(8), to: day(9) },
      { from: day(16), to: day(20) },
    ]);
    const backwards = await app.admin.get(
      `/venues/${venueId}/schedule?from=${day(2)}&to=${day(1)}`,
    );
    expect(backwards.body.issues).toMatchObject([{ code: 'wrong_span' }]);
  });
});

describe('B13 a floor plan', () => {
  it('comes to sections, categories and seats that are laid out', async () => {
    const made = await addPlan(await makeVenue());
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ version: 1, seats: 15, capacity: 415, findings: [] });
    const details = await app.admin.get(`/configurations/${made.body.id}`);
    expect(details.body).toMatchObject({
      status: 'published',
      used: false,
      sections: [
        { name: 'Stalls', seats: 15, standing: 0, categories: ['Stalls'] },
        { name: 'Floor', seats: 0, standing: 400 },
      ],
      categories: [
        { name: 'Stalls', seats: 15 },
        { name: 'Floor', standing: 400 },
      ],
      slots: [],
    });
    const plan = await app.admin.get(`/configurations/${made.body.id}/plan`);
    const [first, second] = plan.body.sections[0].rows[0].seats;
    expect(second.position.x - first.position.x).toBeGreaterThan(0);
  });

  it('is taken whole or not at all, and every error names its place', async () => {
    const venueId = await makeVenue();
    const rows = [
      { label: 'A', seats: '1-3' },
      { label: 'A', seats: [{ number: '2' }, { number: '4' }] },
    ];
    const sections = [{ name: 'Stalls', rows }];
    const refused = await addPlan(venueId, { sections });
    expect(refused.body).toMatchObject({ status: 422, code: 'plan_not_valid' });
    const twice = await addPlan(venueId, { sections: [{ ...sections[0], category: 'Any' }] });
    expect(twice.body.issues).toMatchObject([
      { code: 'duplicate_seat', path: 'sections.0.rows.1.seats.0' },
    ]);
    expect((await app.admin.get(`/venues/${venueId}/configurations`)).body.data).toEqual([]);
  });

  it('may be a draft with errors, which cannot be published', async () => {
    const venueId = await makeVenue();
    const bare = { name: 'Stalls', rows: [{ label: 'A', seats: '1-3' }] };
    const draft = await addPlan(venueId, { draft: true, sections: [bare] });
    expect(draft.body).toMatchObject({
      status: 'draft',
      findings: [{ code: 'no_category' }],
    });
    const refused = await app.admin.post(`/configurations/${draft.body.id}/publish`);
    expect(refused.body).toMatchObject({ status: 422, code: 'plan_not_valid' });
    const fine = await addPlan(venueId, { draft: true });
    const published = await app.admin.post(`/configurations/${fine.body.id}/publish`);
    expect(published.body).toMatchObject({ status: 'published', version: 2 });
  });

  it('has versions, of which the next ends the one before', async () => {
    const venueId = await makeVenue();
    const first = await addPlan(venueId);
    const second = await addPlan(venueId, { validFrom: '2036-01-01T00:00:00Z' });
    expect(second.body).toMatchObject({ version: 2, validTo: null });
    const ended = await app.admin.get(`/configurations/${first.body.id}`);
    expect(ended.body.validTo).toBe('2036-01-01T00:00:00.000Z');
    const between = await addPlan(venueId, { validFrom: '2035-06-01T00:00:00Z' });
    expect(between.body).toMatchObject({ status: 409, code: 'overlapping_validity' });
    const other = await addPlan(venueId, { name: 'In the round' });
    expect(other.body).toMatchObject({ version: 1 });
    const end = { validTo: '2037-01-01T00:00:00Z' };
    const over = await app.admin.put(`/configurations/${second.body.id}`, end);
    expect(over.body.validTo).toBe('2037-01-01T00:00:00.000Z');
    const late = await app.admin.put(`/configurations/${first.body.id}`, end);
    expect(late.body).toMatchObject({ status: 409, code: 'overlapping_validity' });
  });

  it('does not hold more people than the venue may', async () => {
    const venueId = await makeVenue({ legalCapacity: 410 });
    const refused = await addPlan(venueId);
    expect(refused.body.issues).toMatchObject([{ code: 'over_legal_capacity' }]);
    const slot = (option: string) => ({ slot: { name: 'Floor', option } });
    const pit = { ...floor, name: 'Pit', standing: { capacity: 300 }, ...slot('Pit') };
    const choice = await addPlan(venueId, {
      sections: [stalls, { ...floor, ...slot('Open floor') }, pit],
    });
    expect(choice.body).toMatchObject({
      capacity: 415,
      findings: [{ code: 'over_legal_capacity', severity: 'warning' }],
    });
  });

  it('comes in as CSV and as a seating plan of pretix, and goes out as either', async () => {
    const venueId = await makeVenue();
    const csv = 'section,row,seat,category\nStalls,A,1,Best\nStalls,A,2,Best\n';
    const path = `/venues/${venueId}/configurations/import?name=Imported`;
    const headers = { 'content-type': 'text/csv' };
    const made = await app.admin.post(path, csv, headers);
    expect(made.body).toMatchObject({ seats: 2, version: 1 });
    const plan = `/configurations/${made.body.id}/plan`;
    const pretix = await app.admin.get(`${plan}?form=pretix`);
    const draft = await app.admin.post(`${path}&draft=true`, pretix.body);
    expect(draft.body).toMatchObject({ seats: 2, version: 2, status: 'draft' });
    const out = await app.admin.get(`/configurations/${draft.body.id}/plan?form=pretix`);
    expect(out.body).toEqual(pretix.body);
    const bad = await app.admin.post(path, 'seat\n=1+1\n', headers);
    expect(bad.body).toMatchObject({ status: 422, code: 'plan_not_readable' });
    const elsewhere = await app.admin.post('/venues', csv, headers);
    expect(elsewhere.status).toBe(415);
  });
});
