/** What the audit of a live database finds, where somebody has broken it by hand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const run = (text: string, eventId: string) => app.database.open(null).pool.query(text, [eventId]);

const findings = async (id: string) =>
  (await auditAll(app.ctx)).find((check) => check.id === id)?.findings ?? [];

describe('G14 in the audit', () => {
  it('finds a second order of one hold that has not failed', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const [one, two] = [
      await book(app.guest, eventId, typeId),
      await book(app.guest, eventId, typeId),
    ];
    const share = `update orders.order set hold_id = $2, purchase_no = 2
      where event_id = $1 and order_id = $3`;
    const { pool } = app.database.open(null);
    const holdOf = async (id: string) =>
      (await pool.query('select hold_id from orders.order where order_id = $1', [id])).rows[0]
        .hold_id as string;
    const [first, second] = [await holdOf(one.body.order.id), await holdOf(two.body.order.id)];
    await pool.query(share, [eventId, first, two.body.order.id]);
    expect(await findings('G14')).toMatchObject([{ eventId, detail: '2 orders of one hold' }]);
    await pool.query(share, [eventId, second, two.body.order.id]);
    await expectAuditClean(app);
  });
});

describe('G5 in the audit', () => {
  it('finds a hold that no sweep would come upon', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const items = { items: [{ ticketTypeId: typeId, quantity: 1 }] };
    const hold = await app.guest.post(`/events/${eventId}/holds`, items, newKey());
    const later = `update inventory.sale set oldest_expiry = oldest_expiry + interval '1 hour'
      where event_id = $1`;
    await run(later, eventId);
    expect(await findings('G5')).toMatchObject([{ eventId, objectId: hold.body.id }]);
    await run(later.replace('+', '-'), eventId);
    await expectAuditClean(app);
  });

  it('finds a pending order that nothing would end', async () => {
    const { eventId, typeId } = await onSale(app.admin, { price: eur(2_500).amount });
    const booked = await book(app.guest, eventId, typeId);
    const { id } = booked.body.order;
    const { rows } = await run('select * from orders.deadline where event_id = $1', eventId);
    expect(rows).toMatchObject([{ order_id: id }]);
    await run('delete from orders.deadline where event_id = $1', eventId);
    expect(await findings('G5')).toMatchObject([{ eventId, objectId: id }]);
    expect((await app.admin.post(`/orders/${id}/cancel`, {}, newKey())).status).toBe(200);
    await expectAuditClean(app);
  });
});

describe('G8 in the audit', () => {
  it('finds places that are claimed for a payment that is over', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    await book(app.guest, eventId, typeId);
    await run(`update inventory.hold set status = 'claimed' where event_id = $1`, eventId);
    expect(await findings('G8')).toEqual([]);
    await run(`update payments.payment set status = 'voided' where event_id = $1`, eventId);
    expect(await findings('G8')).toMatchObject([
      { eventId, detail: expect.stringContaining('claimed') },
    ]);
  });
});
