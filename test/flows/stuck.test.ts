/** What cannot be ended or paid back now keeps nothing that stands behind it from its end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { resubmitOpenRefunds } from '../../server/modules/payments/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { book, eventually, newKey, onSale } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const sql = (text: string) => app.database.open(null).pool.query(text);
const SLICE = 1;

const statusOf = async (orderId: string): Promise<string> =>
  (await app.admin.get(`/orders/${orderId}`)).body.status;

async function pendingOrder(): Promise<string> {
  const { eventId, typeId } = await onSale(app.admin, { more: { holdMinutes: 1 } });
  const { body } = await book(app.guest, eventId, typeId);
  expect(body.order.status).toBe('pending');
  return body.order.id;
}

describe('an order that cannot be expired', () => {
  it('does not keep those behind it', async () => {
    const stuck = await pendingOrder();
    const behind = [await pendingOrder(), await pendingOrder()];
    await sql(`create function public.refuse_end() returns trigger language plpgsql as
      $$begin raise exception 'it cannot end'; end$$`);
    await sql(`create trigger aa_refuse_end before update on orders.order for each row
      when (old.order_id = '${stuck}') execute function public.refuse_end()`);
    app.clock.advance(120_000);
    expect(await expireOrders(app.ctx, SLICE)).toBe(2);
    expect(await Promise.all([stuck, ...behind].map(statusOf))).toEqual([
      'pending',
      'cancelled',
      'cancelled',
    ]);
    await sql('drop trigger aa_refuse_end on orders.order');
    expect(await expireOrders(app.ctx, SLICE)).toBe(1);
    expect(await statusOf(stuck)).toBe('cancelled');
  });
});

describe('a free order that finds its event busy', () => {
  it('is answered as one to be repeated, and the repetition settles it', async () => {
    const { eventId, typeId } = await onSale(app.admin, { price: 0 });
    await sql(`create function public.refuse_lock() returns trigger language plpgsql as
      $$begin raise exception 'the lock was waited for too long' using errcode = '55P03'; end$$`);
    await sql(`create trigger aa_refuse_lock before insert on orders.ticket for each row
      when (new.event_id = '${eventId}') execute function public.refuse_lock()`);
    const buyer = { name: 'Ada', email: 'ada@example.org' };
    const key = 'a-booking-while-it-is-busy';
    const asked = await book(app.guest, eventId, typeId, { key, buyer });
    expect(asked.body).toMatchObject({ status: 503, code: 'busy' });
    await sql('drop trigger aa_refuse_lock on orders.ticket');
    const again = await book(app.guest, eventId, typeId, { key, buyer });
    expect(again.status).toBe(201);
    expect(await statusOf(again.body.order.id)).toBe('confirmed');
  });
});

describe('a refund that stays open', () => {
  async function confirmed(): Promise<string> {
    const { eventId, typeId } = await onSale(app.admin);
    const { body } = await book(app.guest, eventId, typeId, { method: 'simulated' });
    const orderId: string = body.order.id;
    const paid = async () => {
      await sql('update kernel.job set run_at = clock_timestamp()');
      await app.drainJobs();
      return statusOf(orderId);
    };
    await eventually(paid, (status) => status === 'confirmed');
    return orderId;
  }

  async function owedFor(orderId: string): Promise<string> {
    const { body } = await app.admin.post(
      `/orders/${orderId}/refunds`,
      { reason: 'ill' },
      newKey(),
    );
    expect(body.refunds).toMatchObject([{ status: 'owed' }]);
    return body.refunds[0].id;
  }

  it('does not hide one behind it whose job was lost', async () => {
    const orders = [await confirmed(), await confirmed()];
    const [, hidden] = [await owedFor(orders[0] ?? ''), await owedFor(orders[1] ?? '')];
    const jobs = async () =>
      (await sql(`select key from kernel.job where key = '${hidden}'`)).rows.length;
    await sql(`delete from kernel.job where key = '${hidden}'`);
    await sql(`update payments.refund set check_at = check_at - interval '1 minute'`);
    expect(await jobs()).toBe(0);
    for (const _turn of orders) await resubmitOpenRefunds(app.ctx, SLICE);
    expect(await jobs()).toBe(1);
  });
});
