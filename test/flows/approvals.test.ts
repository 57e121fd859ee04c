/** D10, G17: what gives much away takes two people. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, inDays, newKey } from '../kit/given.ts';
import { paidOrder } from '../kit/papers.ts';
import { newOrganizer } from '../kit/staff.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

/** Refunds of more than 40.00 take two. */
async function house() {
  const { organizerId, staff, keyOf } = await newOrganizer(app);
  const limits = { refundAboveMinor: 4_000, complimentaryAbove: null };
  const set = await staff.put(`/organizers/${organizerId}/approvals`, limits);
  expect(set.body).toEqual({ organizerId, ...limits });
  return { organizerId, staff, second: await keyOf('manager'), keyOf };
}

type House = Awaited<ReturnType<typeof house>>;

/** A refund of an order of two tickets of 25.00 each, above the threshold. */
async function asked({ staff }: House, more: Record<string, unknown> = {}) {
  const order = await paidOrder(app, { by: staff, more });
  const path = `/orders/${order.orderId}/refunds`;
  const { status, body } = await staff.post(path, { reason: 'Ill' }, newKey());
  expect([status, body]).toEqual([202, { approval: expect.anything() }]);
  const read = async () => (await order.buyer.get(`/orders/${order.orderId}`)).body;
  return { ...order, approval: body.approval, approvalId: body.approval.id as string, read };
}

describe('a refund by staff above the threshold', () => {
  it('D10 is asked for, approved by somebody else, and then made once', async () => {
    const all = await house();
    const { staff, second } = all;
    const one = await asked(all);
    expect(one.approval).toMatchObject({
      kind: 'refund',
      status: 'requested',
      orderId: one.orderId,
      amount: eur(5_000),
      places: 2,
      reason: 'Ill',
      decidedBy: null,
    });
    expect(await one.read()).toMatchObject({ status: 'confirmed', refunds: [] });
    const path = `/approvals/${one.approvalId}`;
    const own = await staff.post(`${path}/approve`);
    expect(own.body).toMatchObject({ status: 409, code: 'second_person_needed' });
    const yes = await second.post(`${path}/approve`);
    expect(yes).toMatchObject({ status: 200, body: { status: 'approved' } });
    const again = await second.post(`${path}/approve`);
    expect(again.body).toMatchObject({ code: 'approval_decided', approvalStatus: 'approved' });
    await app.drainJobs();
    const after = await one.read();
    expect(after).toMatchObject({ status: 'refunded', refunds: [{ amount: eur(5_000) }] });
    const ended = (await staff.get(path)).body;
    expect(ended).toMatchObject({ status: 'executed', decidedBy: yes.body.decidedBy });
    expect(ended.requestedBy).not.toBe(ended.decidedBy);
    const { rows } = await app.ctx.db.pool.query(
      `select to_state as state, actor from kernel.state_change
       where event_id = $1 and object_id = any($2) order by seq`,
      [one.eventId, [one.approvalId, one.orderId]],
    );
    const log = rows.map(({ state, actor }) => `${state} by ${actor}`);
    expect(log).toEqual(
      expect.arrayContaining([
        `requested by ${ended.requestedBy}`,
        `approved by ${ended.decidedBy}`,
        `executed by ${ended.decidedBy}`,
        `refunded by ${ended.decidedBy}`,
      ]),
    );
  });

  it('D10 is asked for once under one key, and the answer stays', async () => {
    const { staff } = await house();
    const order = await paidOrder(app, { by: staff });
    const key = newKey();
    const ask = () => staff.post(`/orders/${order.orderId}/refunds`, { reason: 'Ill' }, key);
    const [first, second] = [await ask(), await ask()];
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.body).toEqual(first.body);
    const list = await staff.get('/approvals?status=requested');
    expect(list.body.data).toEqual([first.body.approval]);
  });

  it('D10 counts what has gone back before, and cancelling is the same', async () => {
    const { staff } = await house();
    const order = await paidOrder(app, { by: staff });
    const [first, second] = order.ticketIds;
    const back = (ticketId = '') =>
      staff.post(
        `/orders/${order.orderId}/refunds`,
        { ticketIds: [ticketId], reason: 'Ill' },
        newKey(),
      );
    expect((await back(first)).status).toBe(201);
    const more = await back(second);
    expect(more).toMatchObject({ status: 202, body: { approval: { amount: eur(2_500) } } });
    const whole = await staff.post(`/orders/${order.orderId}/cancel`);
    expect(whole).toMatchObject({ status: 202, body: { approval: { kind: 'refund' } } });
  });

  it('D10 is not made where it was rejected, also by who asked, or its time is over', async () => {
    const all = await house();
    const { staff, second } = all;
    const [one, two] = [await asked(all), await asked(all)];
    const no = await staff.post(`/approvals/${one.approvalId}/reject`);
    expect(no).toMatchObject({ status: 200, body: { status: 'rejected' } });
    app.clock.advance(7 * 86_400_000);
    for (const { approvalId } of [one, two]) {
      const late = await second.post(`/approvals/${approvalId}/approve`);
      expect(late.body).toMatchObject({ status: 409, code: 'approval_decided' });
    }
    await app.drainJobs();
    for (const { read } of [one, two]) expect(await read()).toMatchObject({ status: 'confirmed' });
  });

  it('D10 fails as a whole where a ticket of it is gone meanwhile', async () => {
    const all = await house();
    const one = await asked(all, { refundableUntil: inDays(20) });
    const own = { ticketIds: [one.ticketIds[0]], reason: 'Mine' };
    const back = await one.buyer.post(`/orders/${one.orderId}/refunds`, own, newKey());
    expect(back.status).toBe(201);
    await all.second.post(`/approvals/${one.approvalId}/approve`);
    await app.drainJobs();
    const ended = await all.second.get(`/approvals/${one.approvalId}`);
    expect(ended.body).toMatchObject({ status: 'failed', failureCode: 'unknown_ticket' });
    expect((await one.read()).status).toBe('partially_refunded');
  });
});

describe('what takes one', () => {
  it('D10 is a refund up to the threshold, any where there is none, and the buyer’s own', async () => {
    const { organizerId, staff } = await house();
    const more = { refundableUntil: inDays(20) };
    const small = await paidOrder(app, { by: staff, quantity: 1 });
    const done = await staff.post(`/orders/${small.orderId}/cancel`);
    expect(done).toMatchObject({ status: 200, body: { status: 'refunded' } });
    const own = await paidOrder(app, { by: staff, more });
    expect((await own.buyer.post(`/orders/${own.orderId}/cancel`)).status).toBe(200);
    const none = { refundAboveMinor: null, complimentaryAbove: null };
    await staff.put(`/organizers/${organizerId}/approvals`, none);
    const large = await paidOrder(app, { by: staff });
    expect((await staff.post(`/orders/${large.orderId}/cancel`)).status).toBe(200);
  });

  it('G11 is to cancel an event', async () => {
    const { staff } = await house();
    const order = await paidOrder(app, { by: staff });
    expect((await staff.post(`/events/${order.eventId}/cancel`)).status).toBe(200);
    await app.drainJobs();
    const { body } = await order.buyer.get(`/orders/${order.orderId}`);
    expect(body.status).toBe('refunded');
  });
});

describe('approvals', () => {
  it('are their organizer’s, and take the right to refund', async () => {
    const [ours, theirs] = [await house(), await house()];
    const one = await asked(ours);
    const path = `/approvals/${one.approvalId}`;
    expect((await theirs.second.get(path)).status).toBe(404);
    expect((await theirs.second.post(`${path}/approve`)).status).toBe(404);
    expect((await theirs.second.get('/approvals')).body.data).toEqual([]);
    const clerk = await ours.keyOf('box_office');
    expect((await clerk.post(`${path}/approve`)).status).toBe(403);
    expect((await clerk.get(path)).body).toEqual(one.approval);
    const manager = await ours.keyOf('manager');
    const limits = { refundAboveMinor: null, complimentaryAbove: null };
    const set = await manager.put(`/organizers/${ours.organizerId}/approvals`, limits);
    expect(set.status).toBe(403);
  });
});
