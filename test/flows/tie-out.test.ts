/** G7: our books against the provider's own, day by day. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BalanceTransaction,
  BooksUnread,
  type PaymentProvider,
  tieOut,
  tieOutAccountJob,
  tieOutJob,
  tieOutRecurring,
} from '../../server/modules/payments/index.ts';
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

describe('the jobs of the tie-out', () => {
  type Page = Parameters<PaymentProvider['balanceTransactions']>[0];

  /** The jobs of a day, where the provider answers as `page` says; null: as it does. */
  async function jobsOf(
    day: string,
    page: (
      account: string | null,
      window: Page,
    ) => ReturnType<PaymentProvider['balanceTransactions']> | null,
  ) {
    const { payments } = app.ctx.ports;
    const of = (account: string | null): PaymentProvider => {
      const provider = payments.of(account);
      const balanceTransactions: PaymentProvider['balanceTransactions'] = (window) =>
        page(account, window) ?? provider.balanceTransactions(window);
      return { ...provider, balanceTransactions };
    };
    const ctx = { ...app.ctx, ports: { ...app.ctx.ports, payments: { ...payments, of } } };
    await sql('delete from payments.tie_out_day where day = $1', day);
    await tieOutJob.handler(ctx, { ...job, kind: tieOutJob.kind, data: { day } });
    // As if a worker had them, for a long time.
    const made = await sql(
      `update kernel.job set run_at = 'infinity', lease_token = 1,
         leased_until = clock_timestamp() + interval '1 hour'
       where kind = 'tie_out_account' and data ->> 'day' = $1
       returning id::int, data`,
      day,
    );
    return made.rows.map(({ id, data }) => ({
      account: data.account as string | null,
      run: async () => {
        const { kind, handler } = tieOutAccountJob;
        await handler(ctx, { ...job, kind, data, id });
        await sql('delete from kernel.job where id = $1', id);
      },
    }));
  }
  const job = { id: 0, key: '', attempts: 1, leaseToken: 1 };

  const rowsOf = async (day: string) =>
    (await sql('select account, outcome from payments.tie_out where day = $1', day)).rows;

  it('are one for each account: one that cannot be read keeps no other back', async () => {
    await bought(app);
    const day = today();
    await sql('delete from payments.tie_out');
    await sql(
      `insert into payments.tie_out (organizer_id, account, day, currency, outcome, books_minor,
         provider_minor, fees_minor, pending_minor, difference_minor, matched, unmatched, items,
         made_at)
       select organizer_id, 'acct_0gone', current_date - 9, 'EUR', 'even', 0, 0, 0, 0, 0, 0, 0,
         '[]', clock_timestamp() from identity.organizer limit 1`,
    );
    const isGone = (account: string | null) => account === 'acct_0gone';
    const refused = async () => ({ kind: 'unknown', message: 'No such account' }) as const;
    const jobs = await jobsOf(day, (account) => (isGone(account) ? refused() : null));
    expect(jobs.map(({ account }) => account).sort()).toEqual(['acct_0gone', null]);
    for (const { account, run } of jobs) {
      if (isGone(account)) await expect(run()).rejects.toThrow(BooksUnread);
      else await run();
    }
    expect(await rowsOf(day)).toEqual([{ account: '', outcome: 'even' }]);
    await sql(`delete from payments.tie_out where account = 'acct_0gone'`);
  });

  it('go on where they stopped, a few pages at a time', async () => {
    const pages = 50;
    const asked: (string | null)[] = [];
    const day = today();
    const lines = Array.from({ length: pages }, (_, n) => ({
      ...{ id: `txn_${n}`, kind: 'payout', amountMinor: -1, feeMinor: 0, netMinor: -1 },
      ...{ currency: 'EUR', sourceId: null, intentId: null, createdAt: new Date() },
    })) as readonly BalanceTransaction[];
    const [only] = await jobsOf(day, async (_account, { after }) => {
      asked.push(after);
      const at = after === null ? 0 : Number(after.slice('txn_'.length)) + 1;
      return { kind: 'ok', value: { rows: lines.slice(at, at + 1), hasMore: at + 1 < pages } };
    });
    const run = only?.run ?? expect.fail('no job');
    await expect(run()).rejects.toThrow('not yet');
    await expect(run()).rejects.toThrow('not yet');
    await run();
    expect(asked).toEqual([null, ...lines.slice(0, -1).map(({ id }) => id)]);
    const { rowCount } = await sql('select from payments.tie_out_page');
    expect(rowCount).toBe(0);
  });

  it('stop where somebody else has them, and what both have read is one list', async () => {
    const day = today();
    let isTaken = false;
    const asked: (string | null)[] = [];
    const pageOf = (nth: number) => ({
      ...{ id: `txn_${nth}`, kind: 'payout', amountMinor: -1, feeMinor: 0, netMinor: -1 },
      ...{ currency: 'EUR', sourceId: null, intentId: null, createdAt: new Date() },
    });
    // The first is at its third page when its lease has passed to another worker.
    const jobs = await jobsOf(day, async (_account, { after }) => {
      asked.push(after);
      const nth = after === null ? 0 : Number(after.slice('txn_'.length)) + 1;
      if (nth === 2 && !isTaken) {
        isTaken = true;
        await sql(`update kernel.job set lease_token = 2 where kind = 'tie_out_account'`);
      }
      const rows = [pageOf(nth)] as readonly BalanceTransaction[];
      return { kind: 'ok', value: { rows, hasMore: nth < 4 } };
    });
    const run = jobs[0]?.run ?? expect.fail('no job');
    await expect(run()).rejects.toThrow('not yet');
    await sql(`update kernel.job set lease_token = 1 where kind = 'tie_out_account'`);
    await run();
    expect(asked).toEqual([null, 'txn_0', 'txn_1', 'txn_1', 'txn_2', 'txn_3']);
  });

  it('are made for days, too, on which no server ran', async () => {
    const ago = async (days: number) =>
      (await sql('select (current_date - $1::int)::text as day', days)).rows[0].day as string;
    await sql(`delete from kernel.job where kind = 'tie_out'`);
    await sql('delete from payments.tie_out_day');
    await sql(`insert into payments.tie_out_day (day, made_at) values ($1, now())`, await ago(6));
    app.clock.advance(2 * HOUR_MS);
    await tieOutRecurring.run(app.ctx);
    app.clock.advance(-2 * HOUR_MS);
    const { rows } = await sql(
      `select key from kernel.job where kind = 'tie_out' and key < $1 order by key`,
      await ago(1),
    );
    const missed = await Promise.all([5, 4, 3, 2].map(ago));
    expect(rows.map(({ key }) => key)).toEqual(missed);
    await turn(app);
    const { rows: done } = await sql(
      'select day::text from payments.tie_out_day where day < $1 order by day',
      await ago(1),
    );
    expect(done.map(({ day }) => day)).toEqual([await ago(6), ...missed]);
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
