/**
 * B6: an order is shown as it is at one moment. Its rows are in seven tables, read one after the
 * other; the race refunds it in between, first without the guard.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inSnapshot, inTx, type Tx } from '../../server/kernel/db.ts';
import { eventOf, type OrderId } from '../../server/kernel/ids.ts';
import { ok } from '../../server/kernel/result.ts';
import { orderIn, orderNow } from '../../server/modules/orders/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, newKey, onSale, payWith } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

async function bought() {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
  const booked = await book(app.guest, eventId, typeId, { quantity: 2 });
  await payWith(app, booked.body.payment.clientSecret);
  const id = booked.body.order.id as OrderId;
  const buyer = app.as(booked.body.accessToken);
  await eventually(
    async () => {
      await app.drainJobs();
      return (await buyer.get(`/orders/${id}`)).body.status;
    },
    (status) => status === 'confirmed',
  );
  const refund = async () => {
    const { status } = await app.admin.post(`/orders/${id}/refunds`, { reason: 'Ill' }, newKey());
    expect(status).toBe(201);
  };
  return { named: { eventId: eventOf(id), orderId: id }, refund };
}

/** The same transaction; `event` happens after its first statement, which reads the order's row. */
function afterFirst(tx: Tx, event: () => Promise<void>): Tx {
  let happens: Promise<void> | null = null;
  const query = async (statement: never) => {
    const result = await tx.client.query(statement);
    happens ??= event();
    await happens;
    return result;
  };
  return { kind: 'tx', client: Object.assign(Object.create(tx.client), { query }) };
}

describe('an order that is refunded while it is read', () => {
  it('B6 without the guard is shown confirmed, with tickets that are void', async () => {
    const { named, refund } = await bought();
    const torn = await inTx(app.ctx, async (tx) =>
      ok(await orderIn(app.ctx, afterFirst(tx, refund), named)),
    );
    if (!torn.ok) return expect.unreachable('nobody is in the way');
    expect(torn.value.status).toBe('confirmed');
    expect(torn.value.tickets.map(({ status }) => status)).toEqual(['void', 'void']);
    expect(torn.value.refunds).toHaveLength(1);
    await expectAuditClean(app);
  });

  it('B6 is shown as it was when it was asked for', async () => {
    const { named, refund } = await bought();
    const view = await inSnapshot(app.ctx.db, (tx) =>
      orderIn(app.ctx, afterFirst(tx, refund), named),
    );
    expect(view).toMatchObject({ status: 'confirmed', refunds: [] });
    expect(view.tickets.map(({ status }) => status)).toEqual(['valid', 'valid']);
    const after = await orderNow(app.ctx, named);
    expect(after).toMatchObject({ status: 'refunded', refunds: [{ reason: 'Ill' }] });
    await expectAuditClean(app);
  });
});
