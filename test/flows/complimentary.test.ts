/** G9: places that are given away: sold, worth nothing, above a threshold by two people. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberDocuments } from '../../server/modules/papers/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, eur, newKey, onSale } from '../kit/given.ts';
import { newOrganizer } from '../kit/staff.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

const recipient = { name: 'Ada Lovelace', email: 'ada@example.org' };

async function house(complimentaryAbove: number | null = null, more = {}) {
  const { organizerId, staff, keyOf } = await newOrganizer(app);
  const limits = { refundAboveMinor: null, complimentaryAbove };
  await staff.put(`/organizers/${organizerId}/approvals`, limits);
  const { eventId, typeId } = await onSale(staff, { capacity: 10, more });
  const give = (quantity: number, key = newKey(), by = staff) =>
    by.post(
      `/events/${eventId}/complimentary`,
      { items: [{ ticketTypeId: typeId, quantity }], recipient, reason: 'Guests of the band' },
      key,
    );
  const statistics = async () => (await staff.get(`/events/${eventId}/statistics`)).body;
  return { organizerId, staff, keyOf, eventId, typeId, give, statistics };
}

/** Jobs that wait for their next attempt are due at once. */
async function drainAll() {
  await app.database.open(null).pool.query('update kernel.job set run_at = clock_timestamp()');
  await app.drainJobs();
}

describe('complimentary tickets', () => {
  it('G9 are valid at once, count as sold and never as revenue, and come back', async () => {
    const { staff, eventId, typeId, give, statistics } = await house();
    const paid = await book(app.guest, eventId, typeId, { method: 'simulated' });
    expect(paid.status).toBe(201);
    await drainAll();
    const given = await give(3);
    expect(given.status).toBe(201);
    expect(given.body).toMatchObject({
      status: 'confirmed',
      buyer: recipient,
      total: eur(0),
      payments: [],
      items: [{ quantity: 3, unitPrice: eur(0) }],
    });
    const [ticket, ...others] = given.body.tickets;
    expect(others).toHaveLength(2);
    expect(ticket).toMatchObject({ status: 'valid', complimentary: true, price: eur(0) });
    expect(ticket.code).not.toBeNull();
    const after = await statistics();
    expect(after).toMatchObject({ ticketsSold: 4, revenue: eur(2_500) });
    expect(after.byTicketType[0]).toMatchObject({ ticketsSold: 4, revenue: eur(2_500) });
    await numberDocuments(app.ctx);
    const documents = await staff.get(`/orders/${given.body.id}/documents`);
    expect(documents.body.data).toMatchObject([{ kind: 'receipt', total: eur(0) }]);
    const back = await staff.post(`/orders/${given.body.id}/cancel`);
    expect(back.body).toMatchObject({ status: 'refunded', refunds: [] });
    expect(await statistics()).toMatchObject({ ticketsSold: 1, ticketsAvailable: 9 });
  });

  it('G9 are given once under one key, and say who gave them and why', async () => {
    const { give, eventId, statistics } = await house();
    const key = newKey();
    const [first, again] = [await give(2, key), await give(2, key)];
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect((await give(3, key)).body.code).toBe('idempotency_key_reused');
    expect((await statistics()).ticketsSold).toBe(2);
    const { rows } = await app.ctx.db.pool.query(
      'select reason, given_by, approval_id from shopping.complimentary where event_id = $1',
      [eventId],
    );
    expect(rows).toEqual([
      { reason: 'Guests of the band', given_by: expect.stringMatching(/^key_/), approval_id: null },
    ]);
  });

  it('G9 take places like any other: no more than there are, also under a cap', async () => {
    const { give } = await house(null, { maxTicketsPerPerson: 4 });
    expect((await give(4)).status).toBe(201);
    expect((await give(4)).status).toBe(201);
    expect((await give(4)).body.code).toBe('sold_out');
  });

  it('G9 take the right to refund', async () => {
    const { give, keyOf } = await house();
    expect((await give(1, newKey(), await keyOf('box_office'))).status).toBe(403);
    expect((await give(1, newKey(), app.guest)).status).toBe(401);
    const other = await newOrganizer(app);
    expect((await give(1, newKey(), other.staff)).status).toBe(404);
    const missing = await give(1, {} as ReturnType<typeof newKey>);
    expect(missing.body.code).toBe('idempotency_key_required');
  });

  it('G9 are gone on with where the process died on the way', async () => {
    const { give, statistics } = await house();
    const key = newKey();
    gate.dieAt('complimentary.before_confirm');
    expect((await give(2, key)).status).toBe(500);
    const given = await give(2, key);
    expect(given.body).toMatchObject({ status: 'confirmed', tickets: [{}, {}] });
    expect((await statistics()).ticketsSold).toBe(2);
  });
});

describe('complimentary tickets above the threshold', () => {
  it('G9 wait for a second person, and are then given once', async () => {
    const { staff, keyOf, give, statistics } = await house(2);
    expect((await give(2)).status).toBe(201);
    const key = newKey();
    const asked = await give(3, key);
    expect(asked.status).toBe(202);
    expect((await give(3, key)).body).toEqual(asked.body);
    const { id } = asked.body.approval;
    expect(asked.body.approval).toMatchObject({ kind: 'complimentary', places: 3, amount: null });
    expect((await statistics()).ticketsSold).toBe(2);
    const own = await staff.post(`/approvals/${id}/approve`);
    expect(own.body.code).toBe('second_person_needed');
    const second = await keyOf('manager');
    expect((await second.post(`/approvals/${id}/approve`)).status).toBe(200);
    // It dies twice: before anything was done, and when all was but nobody had said so.
    for (const point of ['approval.before_execute', 'approval.before_end']) {
      gate.dieAt(point);
      await drainAll();
      expect((await second.get(`/approvals/${id}`)).body.status).toBe('approved');
    }
    await drainAll();
    const ended = (await second.get(`/approvals/${id}`)).body;
    expect(ended).toMatchObject({ status: 'executed', orderId: expect.stringMatching(/^ord_/) });
    const order = (await staff.get(`/orders/${ended.orderId}`)).body;
    expect(order).toMatchObject({ status: 'confirmed', tickets: [{}, {}, {}] });
    expect((await statistics()).ticketsSold).toBe(5);
  });

  it('G9 fail where there are no places left by then', async () => {
    const { keyOf, give, statistics } = await house(2, {});
    const asked = await give(9);
    expect((await give(2)).status).toBe(201);
    const second = await keyOf('manager');
    const { id } = asked.body.approval;
    await second.post(`/approvals/${id}/approve`);
    await drainAll();
    const ended = await second.get(`/approvals/${id}`);
    expect(ended.body).toMatchObject({ status: 'failed', failureCode: 'sold_out', orderId: null });
    expect((await statistics()).ticketsSold).toBe(2);
  });
});
