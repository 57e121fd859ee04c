/** A hall in two versions: floor plans without a drawing, and an event that sells all of one. */
import { expect } from 'vitest';
import type { TestApp } from './app.ts';
import { eur, inDays } from './given.ts';

export type Row = readonly [label: string, category: string, seats: unknown];

export const planOf = (rows: readonly Row[], standing = 300) => ({
  sections: [
    {
      name: 'Stalls',
      rows: rows.map(([label, category, seats]) => ({ label, category, seats })),
    },
    { name: 'Floor', category: 'Floor', standing: { capacity: standing } },
  ],
});

export const oldRows: readonly Row[] = [
  ['A', 'Best', '1-6'],
  ['B', 'Stalls', '1-6'],
  ['C', 'Rear', '1-6'],
];

export async function addVersion(
  app: TestApp,
  venueId: string,
  validFrom: string,
  plan: object,
  more: object = {},
) {
  const wanted = { name: 'End stage', validFrom, ...plan, ...more };
  const made = await app.admin.post(`/venues/${venueId}/configurations`, wanted);
  expect(made.body).toMatchObject({ id: expect.stringMatching(/^cfg_/) });
  return made.body.id as string;
}

export const typeOf = (category: string) => ({
  name: category,
  price: eur(2_500),
  seatCategories: [category],
  maxPerOrder: 20,
});

/** A hall, its first floor plan, and an event in it that sells all four categories. */
export async function hall(app: TestApp, rows: readonly Row[] = oldRows) {
  const place = { name: 'Halle Nord', timezone: 'Europe/Berlin', legalCapacity: 400 };
  const venueId = (await app.admin.post('/venues', place)).body.id as string;
  const v1 = await addVersion(app, venueId, '2024-01-01T00:00:00Z', planOf(rows));
  const categories = [...new Set([...rows.map(([, category]) => category), 'Floor'])];
  const { body } = await app.admin.post('/events', {
    name: 'Night in the hall',
    startsAt: inDays(60),
    timezone: 'Europe/Berlin',
    currency: 'EUR',
    configurationId: v1,
    ticketTypes: categories.map(typeOf),
  });
  const types = new Map<string, string>(
    body.ticketTypes.map((one: { name: string; id: string }) => [one.name, one.id]),
  );
  const line = (category: string, what: object) => ({ ticketTypeId: types.get(category), ...what });
  return { venueId, v1, eventId: body.id as string, line };
}

export type Hall = Awaited<ReturnType<typeof hall>>;

export const keys = (row: string, ...numbers: readonly number[]) =>
  numbers.map((number) => `Stalls-${row}-${number}`);
