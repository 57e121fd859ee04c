/** C8: what is long past leaves the live tables, in slices, and nothing of it is lost. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archivePastEvents } from '../../server/modules/catalog/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, inDays, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const count = async (table: string, eventId: string) => {
  const { rows } = await app.database
    .open(null)
    .pool.query(`select count(*)::int as n from ${table} where event_id = $1`, [eventId]);
  return rows[0].n as number;
};

it('C8 archives an event after its windows, and keeps its orders and numbers', async () => {
  const { eventId, typeId } = await onSale(app.admin, { price: 0, more: { startsAt: inDays(1) } });
  const other = await onSale(app.admin, { more: { startsAt: inDays(60) } });
  const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
  const items = { items: [{ ticketTypeId: typeId, quantity: 1 }] };
  const hold = await app.guest.post(`/events/${eventId}/holds`, items, newKey());
  await app.guest.delete(`/holds/${hold.body.id}`);
  expect(await count('inventory.hold', eventId)).toBe(2);

  app.clock.advance(100 * 86_400_000);
  expect(await archivePastEvents(app.ctx)).toBe(0);
  app.clock.advance(30 * 86_400_000);
  expect(await archivePastEvents(app.ctx)).toBe(1);

  expect((await app.admin.get(`/events/${eventId}`)).body.status).toBe('archived');
  expect((await app.admin.get(`/events/${other.eventId}`)).body.status).toBe('published');
  for (const table of ['inventory.hold', 'inventory.person_use']) {
    expect(await count(table, eventId)).toBe(0);
  }
  expect(await count('inventory.hold_archive', eventId)).toBe(2);
  const order = await app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`);
  expect(order.body).toMatchObject({ status: 'confirmed', tickets: [{}, {}] });
  const numbers = await app.admin.get(`/events/${eventId}/statistics`);
  expect(numbers.body).toMatchObject({ ticketsSold: 2, orders: { confirmed: 1 } });
  const gone = await app.admin.delete(`/events/${eventId}`);
  expect(gone.body).toMatchObject({ status: 409, code: 'event_has_sales' });
  const path = `/orders/${booked.body.order.id}/refunds`;
  const late = await app.admin.post(path, { reason: 'late' }, newKey());
  expect(late.body).toMatchObject({ status: 409, code: 'order_archived' });
  expect(await archivePastEvents(app.ctx)).toBe(0);
  await expectAuditClean(app);
});
