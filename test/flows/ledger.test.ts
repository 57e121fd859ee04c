/** G7, G10, D10: the books: every movement of money is a double entry, made with its row. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { newKey } from '../kit/given.ts';
import { bought } from '../kit/purchases.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const sql = (text: string, ...values: unknown[]) =>
  app.database.open(null).pool.query(text, values);

async function entries(eventId: string): Promise<string[]> {
  const { rows } = await sql(
    `select concat_ws(' ', kind, debit, credit, amount_minor, currency) as entry
     from payments.transfer where event_id = $1 order by transfer_id`,
    eventId,
  );
  return rows.map((row: { entry: string }) => row.entry);
}

const booksFindings = async () =>
  (await auditAll(app.ctx)).find((check) => check.id === 'G10')?.findings ?? [];

describe('the books', () => {
  it('D10: have a purchase and its refund, each entry once', async () => {
    const { eventId, order } = await bought(app);
    expect(order.status).toBe('confirmed');
    expect(await entries(eventId)).toEqual(['capture provider sales 5000 EUR']);
    const path = `/orders/${order.id}/refunds`;
    const first = { ticketIds: [order.tickets[0].id], reason: 'ill' };
    expect((await app.admin.post(path, first, newKey())).status).toBe(201);
    await app.drainJobs();
    expect(await entries(eventId)).toEqual([
      'capture provider sales 5000 EUR',
      'refund_owed sales refunds_owed 2500 EUR',
      'refund_paid refunds_owed provider 2500 EUR',
    ]);
    await expectAuditClean(app);
  });

  it('G10: the audit finds a capture and a refund that the books do not have', async () => {
    const { eventId, order } = await bought(app);
    await app.admin.post(`/orders/${order.id}/refunds`, { reason: 'ill' }, newKey());
    await sql('alter table payments.transfer disable trigger transfer_kept');
    const taken = await sql(
      'delete from payments.transfer where event_id = $1 returning *',
      eventId,
    );
    expect(taken.rows).toHaveLength(2);
    const paymentId = order.payments[0].id;
    expect((await booksFindings()).map((found) => found.objectId)).toContain(paymentId);
    expect(await booksFindings()).toHaveLength(2);
    await sql(
      `insert into payments.transfer overriding system value
       select * from jsonb_populate_recordset(null::payments.transfer, $1)`,
      JSON.stringify(taken.rows),
    );
    await sql('alter table payments.transfer enable trigger transfer_kept');
    await expectAuditClean(app);
  });

  it('G17: are only added to, whoever asks', async () => {
    await bought(app, { quantity: 1 });
    for (const change of [
      'update payments.transfer set amount_minor = 1',
      'delete from payments.transfer',
      'truncate payments.transfer',
    ]) {
      await expect(sql(change)).rejects.toThrow(/append-only/);
    }
  });

  it('G10: post the same cause once, and refuse another entry under it', async () => {
    const post = (amount: number) =>
      sql(
        `select payments.post_transfer${functionSuffix()}('evt_books', 'org_1', 'provider_fee',
          'provider_fees', 'provider', $1, 'EUR', 'txn_1', 'txn_1') as first`,
        amount,
      ).then((done) => done.rows[0].first);
    expect(await post(30)).toBe(true);
    expect(await post(30)).toBe(false);
    await expect(post(31)).rejects.toThrow(/the ledger has another provider_fee/);
    expect(await entries('evt_books')).toEqual(['provider_fee provider_fees provider 30 EUR']);
  });
});
