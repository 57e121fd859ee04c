/** B13, C9, E3: an event moves to another version of its floor plan while people are buying. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eventually, inDays, newKey } from '../kit/given.ts';
import { addVersion, type Hall, hall, keys, planOf, type Row } from '../kit/hall.ts';

let one: TestApp;
let two: TestApp;
beforeAll(async () => {
  one = await startApp();
  two = await startApp({ database: one.database });
});
afterAll(async () => {
  await two.close();
  await one.close();
});

const hold = (app: TestApp, { eventId, line }: Hall, what: object) =>
  app.guest.post(`/events/${eventId}/holds`, { items: [line('Best', what)] }, newKey());

const shown = async (app: TestApp, eventId: string): Promise<{ id: string; status: string }[]> =>
  (await app.guest.get(`/events/${eventId}/seats`, { accept: 'application/json' })).body.seats;

const move = (app: TestApp, { eventId }: Hall, configurationId: string) =>
  app.admin.post(`/events/${eventId}/configuration`, { configurationId });

describe('a floor plan that changes while it is sold', () => {
  it('is sold rightly by a server that has not heard of it', async () => {
    const before: readonly Row[] = [
      ['A', 'Best', '1-4'],
      ['B', 'Best', '1-4'],
    ];
    // What was the first row is behind a new one, and what was the second is gone.
    const after: readonly Row[] = [
      ['Z', 'Best', '1-4'],
      ['A', 'Best', '1-4'],
    ];
    const there = await hall(one, before);
    expect(await shown(two, there.eventId)).toHaveLength(8);
    const v2 = await addVersion(one, there.venueId, inDays(30), planOf(after));
    expect((await move(one, there, v2)).status).toBe(200);
    const stale = await hold(two, there, { seatIds: keys('A', 2, 3) });
    expect(stale.body.items[0].seats).toEqual(keys('A', 2, 3));
    const gone = await hold(two, there, { seatIds: keys('B', 1) });
    expect(gone.status).toBeGreaterThanOrEqual(400);
    const states = await shown(one, there.eventId);
    expect(states.map(({ id }) => id)).toEqual([
      ...keys('Z', 1, 2, 3, 4),
      ...keys('A', 1, 2, 3, 4),
    ]);
    expect(states.filter(({ status }) => status === 'held').map(({ id }) => id)).toEqual(
      keys('A', 2, 3),
    );
    const rest = await Promise.all(
      Array.from({ length: 8 }, () => hold(two, there, { bestAvailable: { quantity: 1 } })),
    );
    expect(rest.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(6);
    const full = (seats: readonly { status: string }[]) =>
      seats.every(({ status }) => status === 'held');
    for (const app of [one, two]) await eventually(() => shown(app, there.eventId), full);
    await expectAuditClean(one);
  });

  it('gives no seat twice, and leaves nobody on a seat that is gone', async () => {
    const row = (label: string, seats: string): Row => [label, 'Best', seats];
    const labels = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
    const there = await hall(
      one,
      labels.map((label) => row(label, '1-10')),
    );
    const v2 = await addVersion(
      one,
      there.venueId,
      inDays(30),
      planOf(labels.map((label, i) => row(label, i % 2 ? '1-10' : '4-12'))),
    );
    const asked = Array.from({ length: 60 }, (_, i) => {
      const app = i % 2 ? one : two;
      if (i === 20) return move(one, there, v2);
      const seat = keys(labels[i % 8] ?? 'A', 1 + ((i * 7) % 10));
      return hold(
        app,
        there,
        i % 3 ? { bestAvailable: { quantity: 1 + (i % 3) } } : { seatIds: seat },
      );
    });
    const answers = await Promise.all(asked);
    expect(answers[20]?.status).toBe(200);
    const states = await shown(one, there.eventId);
    expect(states).toHaveLength(4 * 10 + 4 * 9);
    const ids = answers.flatMap(({ status, body }, i) =>
      status === 201 && i !== 20 ? [body.id] : [],
    );
    expect(ids.length).toBeGreaterThan(10);
    const holds = await Promise.all(ids.map((id) => one.guest.get(`/holds/${id}`)));
    const live = holds.filter(({ body }) => body.status === 'active');
    const seats = live.flatMap(({ body }) =>
      body.items.flatMap((item: { seats: string[] }) => item.seats),
    );
    expect(new Set(seats).size).toBe(seats.length);
    const heldNow = states.filter(({ status }) => status === 'held').map(({ id }) => id);
    expect(new Set(seats)).toEqual(new Set(heldNow));
    await expectAuditClean(one);
  });
});
