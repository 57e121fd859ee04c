/** G7: our books against the provider's own, day by day. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tieOut } from '../../server/modules/payments/index.ts';
import { settleRecurring } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eventually, newKey } from '../kit/given.ts';
import { bought, turn } from '../kit/purchases.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const sql = (text: string, ...values: unknown[]) =>
  app.database.open(null).pool.query(text, values);
const HOUR_MS = 3_600_000;
const today = () => new Date(Date.now() + app.clock.offsetMs()).toISOString().slice(0, 10);

async function organizer(): Promise<string> {
  return (await sql('select organizer_id from identity.organizer')).rows[0].organizer_id;
}

describe('the tie-out of a day', () => {
  it('is even after purchases, a refund and one that the bank sent back, and posts the fees', async () => {
    const first = await bought(app);
    await app.admin.post(`/orders/${first.orderId}/refunds`, { reason: 'ill' }, newKey());
    const bounced = await bought(app, { card: 'pm_card_refundFail' });
    await app.admin.post(`/orders/${bounced.orderId}/refunds`, { reason: 'ill' }, newKey());
    await bought(app);
    await turn(app);
    const [row, ...others] = await tieOut(app.ctx, today());
    expect(others).toEqual([]);
    expect(row).toMatchObject({ outcome: 'even', differenceMinor: 0, matched: 5, unmatched: 0 });
    const { rows } = await sql(
      `select sum(amount_minor)::int as fees from payments.transfer where kind = 'provider_fee'`,
    );
    expect(rows[0].fees).toBe(row?.feesMinor);
    expect(row?.feesMinor).toBeGreaterThan(0);
    await tieOut(app.ctx, today());
    const again = await sql(
      `select sum(amount_minor)::int as fees from payments.transfer where kind = 'provider_fee'`,
    );
    expect(again.rows[0].fees).toBe(rows[0].fees);
  });

  it('tells what the books do not have, and what the provider does not, with its age', async () => {
    const { eventId, paymentId } = await bought(app);
    await sql('alter table payments.transfer disable trigger transfer_kept');
    await sql(
      `update payments.transfer set kind = 'credit_spent', debit = 'credit_liability'
      where event_id = $1`,
      eventId,
    );
    const [young] = await tieOut(app.ctx, today());
    expect(young).toMatchObject({ outcome: 'pending', pendingMinor: 5_000, unmatched: 1 });
    app.clock.advance(2 * HOUR_MS);
    const day = new Date().toISOString().slice(0, 10);
    const [row] = await tieOut(app.ctx, day);
    expect(row).toMatchObject({ outcome: 'differs', differenceMinor: 5_000, unmatched: 1 });
    const id = await organizer();
    const detail = await app.admin.get(`/organizers/${id}/tie-outs/detail?day=${day}`);
    expect(detail.body.data[0]).toMatchObject({
      difference: { amount: 5_000, currency: 'EUR' },
      items: [{ side: 'provider', kind: 'charge', state: 'missing' }],
    });
    expect(detail.body.data[0].items[0].ageSeconds).toBeGreaterThanOrEqual(7_000);
    await sql(
      `update payments.transfer set kind = 'capture', debit = 'provider'
      where event_id = $1 and kind = 'credit_spent'`,
      eventId,
    );
    await sql(
      `insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor,
         currency, reference, source, at)
       select event_id, organizer_id, 'refund_paid', 'refunds_owed', 'provider', 700, 'EUR',
         $2, 're_made_up', at from payments.transfer where event_id = $1 and kind = 'capture'`,
      eventId,
      paymentId,
    );
    const [other] = await tieOut(app.ctx, day);
    expect(other).toMatchObject({ outcome: 'differs', differenceMinor: 700, unmatched: 1 });
    await sql(`delete from payments.transfer where source = 're_made_up'`);
    await sql('alter table payments.transfer enable trigger transfer_kept');
    expect(await tieOut(app.ctx, day)).toMatchObject([{ outcome: 'even' }]);
    app.clock.advance(-2 * HOUR_MS);
  });

  it('is asked for over the API, done by a job, and listed', async () => {
    const id = await organizer();
    const path = `/organizers/${id}/tie-outs`;
    const asked = await app.admin.post(path, { day: today() }, newKey());
    expect([asked.status, asked.body]).toEqual([202, { day: today() }]);
    await turn(app);
    const list = await app.admin.get(`${path}?limit=1`);
    expect(list.body.data).toMatchObject([{ organizerId: id, day: today(), outcome: 'even' }]);
    const future = await app.admin.post(path, { day: '2999-01-01' }, newKey());
    expect([future.status, future.body.code]).toEqual([422, 'day_in_future']);
  });
});

/** What a bank does at the simulator's wish. */
async function bank(path: string, body: object) {
  const response = await fetch(`${app.origin}/sandbox/stripe/disputes${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${app.parts.sandbox?.secretKey}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { id: string };
}

describe('G7: a dispute at the provider', () => {
  const drop = () => app.parts.sandbox?.setFaults({ rules: [{ kind: 'drop_webhook' }] });
  const hear = () => app.parts.sandbox?.setFaults({ rules: [] });

  it('is heard of by its webhook, from its beginning to its end', async () => {
    hear();
    const { intentId, read } = await bought(app);
    const { id } = await bank('', { payment_intent: intentId });
    const status = async () => {
      await turn(app);
      return (await read()).payments[0].status;
    };
    await eventually(status, (is) => is === 'disputed');
    expect(await tieOut(app.ctx, today())).toMatchObject([{ outcome: 'even' }]);
    await bank(`/${id}`, { outcome: 'won' });
    await eventually(status, (is) => is === 'captured');
    expect(await tieOut(app.ctx, today())).toMatchObject([{ outcome: 'even' }]);
    await expectAuditClean(app);
  });

  it('whose webhook was dropped is found by the tie-out, and its end by the hourly look', async () => {
    drop();
    const { eventId, intentId, read } = await bought(app);
    const { id } = await bank('', { payment_intent: intentId });
    await turn(app);
    expect((await read()).payments[0].status).toBe('captured');
    expect(await tieOut(app.ctx, today())).toMatchObject([{ outcome: 'pending', unmatched: 1 }]);
    await turn(app);
    expect((await read()).payments[0].status).toBe('disputed');
    expect(await tieOut(app.ctx, today())).toMatchObject([{ outcome: 'even' }]);
    await bank(`/${id}`, { outcome: 'lost' });
    await sql(
      'update payments.dispute set check_at = clock_timestamp() where event_id = $1',
      eventId,
    );
    await settleRecurring.run(app.ctx);
    await turn(app);
    expect(await read()).toMatchObject({ status: 'refunded', statusReason: 'dispute_lost' });
    expect(await tieOut(app.ctx, today())).toMatchObject([{ outcome: 'even' }]);
    await expectAuditClean(app);
  });
});
