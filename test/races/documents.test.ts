/**
 * B10: numbers without gaps while things die and meet. Whoever gives numbers is held at its named
 * points, or dies there; the same without the lock shows what the lock is for.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { numberDocuments } from '../../server/modules/papers/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, newKey, onSale } from '../kit/given.ts';
import { race } from '../kit/lane-calls.ts';
import { authorisedOrder, documentsOf, paidOrder } from '../kit/papers.ts';
import { installVariant, type Session } from '../kit/variants.ts';

const gate = barrier();
let app: TestApp;
let organizerId: string;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
  const { rows } = await app.ctx.db.pool.query('select organizer_id as id from identity.organizer');
  organizerId = rows[0].id;
  await installVariant(app.database.url, '_no_lock', (text) =>
    text.replaceAll(/\s+for no key update( skip locked)?/g, ''),
  );
});
afterAll(async () => {
  await expectGapless();
  await expectAuditClean(app);
  await app.close();
});

const number = () => numberDocuments(app.ctx);

/** Each kind counts from 1 without a gap, and so do all of them together. */
async function expectGapless(): Promise<void> {
  const { rows } = await app.ctx.db.pool.query(
    `select count(*)::int as documents, max(seq) as last,
       (select count(*)::int from orders.undocumented) as open
     from papers.document`,
  );
  expect(rows[0]).toMatchObject({ last: rows[0].documents, open: 0 });
  const kinds = await app.ctx.db.pool.query(
    `select kind, year, count(*)::int as n, max(number) as last from papers.document group by 1, 2`,
  );
  expect(kinds.rows.length).toBeGreaterThan(0);
  for (const { n, last } of kinds.rows) expect(last).toBe(n);
}

describe('a process that gives numbers', () => {
  it.each(['papers.before_office', 'papers.office_open', 'papers.after_commit'])(
    'B10 and dies at %s leaves neither a gap nor a second document',
    async (point) => {
      const order = await paidOrder(app);
      gate.dieAt(point);
      await number();
      await number();
      expect(await documentsOf(order)).toHaveLength(1);
      await expectGapless();
    },
  );

  it('B10 waits for another one, and finds that it was done', async () => {
    const order = await paidOrder(app);
    const stop = gate.stopAt('papers.office_open');
    const first = number();
    await stop.arrived;
    const held = gate.stopAt('papers.before_office');
    const second = number();
    await held.arrived;
    held.go();
    stop.go();
    expect((await first) + (await second)).toBe(1);
    expect(await documentsOf(order)).toHaveLength(1);
    await expectGapless();
  });

  it('B10 gives an order that was refunded meanwhile both of its documents, in order', async () => {
    const order = await paidOrder(app);
    const stop = gate.stopAt('papers.before_office');
    const first = number();
    await stop.arrived;
    await app.admin.post(`/orders/${order.orderId}/refunds`, { reason: 'Ill' }, newKey());
    stop.go();
    await Promise.all([first, number()]);
    const kinds = (await documentsOf(order)).map(({ kind }) => kind);
    expect(kinds).toEqual(['receipt', 'credit_note']);
    await expectGapless();
  });

  it('B10 does not overlook an address that comes at the same moment', async () => {
    const order = await authorisedOrder(app);
    await order.settle();
    const stop = gate.stopAt('papers.office_open');
    const first = number();
    await stop.arrived;
    const put = order.buyer.put(`/orders/${order.orderId}/billing`, { address: '1 Main Street' });
    stop.go();
    await first;
    const [document] = await documentsOf(order);
    expect([(await put).status, document?.['kind']]).toEqual([409, 'receipt']);
  });

  it('B10 keeps up with a sale, three at once', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 40, price: 0 });
    let selling = true;
    const clerks = Array.from({ length: 3 }, async () => {
      let written = 0;
      while (selling) written += await number();
      return written;
    });
    const sold = await Promise.all(
      Array.from({ length: 40 }, () => book(app.guest, eventId, typeId)),
    );
    expect(sold.filter(({ status }) => status === 201)).toHaveLength(40);
    selling = false;
    const written = await Promise.all(clerks);
    expect(written.reduce((sum, n) => sum + n, 0) + (await number())).toBe(40);
    await expectGapless();
  });
});

describe('two documents at once', () => {
  let made = 0;
  /** What `writeDocuments` does, by hand. */
  const write = (suffix: string) => async (session: Session) => {
    made += 1;
    await session.query(`select papers.open_office${suffix}($1, null)`, [organizerId]);
    const { rows } = await session.query(
      `select papers.write_document${suffix}($1, 'receipt', 1999, 'evt_x', 'ord_x', $2, 0, 'EUR',
         '{}', clock_timestamp()) as number`,
      [organizerId, `race-${made}`],
    );
    return rows[0].number as number;
  };
  const both = (suffix: string) =>
    race(app.database.url, { first: write(suffix), second: write(suffix) });

  it('B10 without the lock of the office want the same number, and one fails', async () => {
    await expect(both('_no_lock')).rejects.toMatchObject({ code: '23505' });
  });

  it('B10 with it get one after the other', async () => {
    const { first, second, waits } = await both(functionSuffix());
    expect([second - first, waits]).toEqual([1, true]);
  });
});
