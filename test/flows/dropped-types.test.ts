/** B2, C9: what becomes of a pool whose last ticket type goes, and of a type that would move. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { releaseDue } from '../../server/modules/catalog/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, inDays, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

const typeIn = (category: string) => ({
  ...{ name: category, price: eur(1_000), seatCategories: [category] },
});
const typesOf = (eventId: string) => `/events/${eventId}/ticket-types`;

/** Two areas where people stand, each a category of the plan; the first has a ticket type. */
async function standing() {
  const venue = await app.admin.post('/venues', { name: 'Field', timezone: 'Europe/Berlin' });
  const area = (name: string) => ({ name, category: name, standing: { capacity: 50 } });
  const plan = await app.admin.post(`/venues/${venue.body.id}/configurations`, {
    ...{ name: 'Open air', validFrom: '2024-01-01T00:00:00Z' },
    sections: [area('Front'), area('Back')],
  });
  const made = await app.admin.post('/events', {
    ...{ name: 'Field day', startsAt: inDays(60), timezone: 'Europe/Berlin', currency: 'EUR' },
    configurationId: plan.body.id,
    ticketTypes: [typeIn('Front')],
  });
  expect(made.status).toBe(201);
  const [{ id: typeId, poolId }] = made.body.ticketTypes;
  return { eventId: made.body.id as string, typeId: typeId as string, poolId: poolId as string };
}

it('B2 a category of the plan can be sold again after its ticket type was deleted', async () => {
  const { eventId, typeId } = await standing();
  expect((await app.admin.delete(`${typesOf(eventId)}/${typeId}`)).status).toBe(204);
  const again = await app.admin.post(typesOf(eventId), typeIn('Front'));
  expect(again.body).toMatchObject({ name: 'Front', capacity: 50 });
});

it('B2 places that are kept for somebody go on sale at their hour, whatever was deleted', async () => {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
  const [{ poolId }] = (await app.admin.get(`/events/${eventId}`)).body.ticketTypes;
  const allocation = { name: 'Sponsors', poolId, quantity: 4, releaseAt: inDays(1) };
  expect((await app.admin.post(`/events/${eventId}/allocations`, allocation)).status).toBe(201);
  expect((await app.admin.delete(`${typesOf(eventId)}/${typeId}`)).status).toBe(204);
  app.clock.advance(2 * 86_400_000);
  expect(await releaseDue(app.ctx)).toBe(1);
  app.clock.advance(-2 * 86_400_000);
  expect((await app.admin.get(`/events/${eventId}/allocations`)).body.data).toEqual([]);
});

it('C9 a ticket type that was held stays in its pool, by category too', async () => {
  const { eventId, typeId, poolId } = await standing();
  const items = [{ ticketTypeId: typeId, quantity: 2 }];
  expect((await app.guest.post(`/events/${eventId}/holds`, { items }, newKey())).status).toBe(201);
  const moved = await app.admin.put(`${typesOf(eventId)}/${typeId}`, typeIn('Back'));
  expect(moved.body).toMatchObject({ status: 409, code: 'capacity_below_committed' });
  const { body } = await app.admin.get(`/events/${eventId}`);
  expect(body.ticketTypes[0]).toMatchObject({ name: 'Front', poolId });
});
