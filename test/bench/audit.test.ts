/** The audit between blocks finds what it says it finds; copies of orders are orders. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditProduct, Unsound } from '../../bench/inventory/audit.ts';
import { asSuperuser } from '../../bench/inventory/databases.ts';
import { holdInside, openEvent, openProduct, type Product } from '../../bench/inventory/product.ts';
import { confirmedOrders, pendingOrders, settleOrder } from '../../bench/inventory/purchase.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';

let database: TestDb;
let product: Product;

beforeAll(async () => {
  database = await cloneDb();
  product = await openProduct(database.url, { worker: false, connections: 4 });
});

afterAll(async () => {
  await product.close();
  await database.close();
});

async function sixHolds() {
  const event = await openEvent(product, 100);
  const ids: string[] = [];
  for (let n = 0; n < 6; n += 1) {
    const outcome = await holdInside(product.ctx, event, n);
    if ('id' in outcome) ids.push(outcome.id);
  }
  expect(ids).toHaveLength(6);
  return { event, tally: { ids, granted: ids.length } };
}

describe('the audit of a block', () => {
  it('passes what is sound', async () => {
    const { event, tally } = await sixHolds();
    await auditProduct(product, event, tally);
  });

  it.each([
    ['held is not what', 'update inventory.pool set held = held + 1 where event_id = $1'],
    ['sold is not what', 'update inventory.pool set sold = sold + 1 where event_id = $1'],
    ['more than the cap', "update inventory.hold set caller = 'one' where event_id = $1"],
  ])('finds that %s it should be', async (what, fault) => {
    const { event, tally } = await sixHolds();
    await asSuperuser(product.url, (client) => client.query(fault, [event.eventId]));
    await expect(auditProduct(product, event, tally)).rejects.toThrow(what);
  });

  it('finds a lost, a doubled and an unheard acknowledgement', async () => {
    const { event, tally } = await sixHolds();
    const [first = '', ...others] = tally.ids;
    const lost = { ids: [`${first.slice(0, -1)}!`, ...others], granted: 6 };
    await expect(auditProduct(product, event, lost)).rejects.toThrow('missing');
    const doubled = { ids: [first, first], granted: 6 };
    await expect(auditProduct(product, event, doubled)).rejects.toThrow('twice');
    const fewer = { ids: others, granted: 5 };
    await expect(auditProduct(product, event, fewer)).rejects.toThrow(Unsound);
    await auditProduct(product, event, fewer, { exact: false });
  });
});

describe('copies of orders', () => {
  it('settle like the order that they are copies of', async () => {
    const event = await openEvent(product, 100);
    const orders = await pendingOrders(product, event, 4);
    expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(4);
    await auditProduct(product, event, { ids: [], granted: 0 }, { before: 4 });
    for (const order of orders) {
      expect(await settleOrder(product.ctx, order)).toBe('confirmed');
    }
    await auditProduct(product, event, { ids: [], granted: 0 }, { before: 4 });
  });

  it('stand as confirmed ones, their places sold', async () => {
    const event = await openEvent(product, 100);
    await confirmedOrders(product, event, 3);
    await auditProduct(product, event, { ids: [], granted: 0 }, { before: 3 });
    const { rows } = await product.ctx.db.pool.query(
      `select (select sold from inventory.pool where event_id = $1) as sold,
         (select count(*)::int from orders.ticket
           where event_id = $1 and status = 'valid') as tickets`,
      [event.eventId],
    );
    expect(rows).toEqual([{ sold: 3, tickets: 3 }]);
  });
});
