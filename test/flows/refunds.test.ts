/** D10, G8, G10: a refund reaches its buyer once, whatever the provider answers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resubmitOpenRefunds } from '../../server/modules/payments/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { newKey } from '../kit/given.ts';
import { bought, turn } from '../kit/purchases.ts';

let app: TestApp;
/** Where the process dies, once. */
let dies: string | null = null;
beforeAll(async () => {
  app = await startApp({
    pause: async (point) => {
      if (point !== dies) return;
      dies = null;
      throw new Error('the process died');
    },
  });
});
afterEach(() => app.parts.sandbox?.setFaults({ rules: [] }));
afterAll(() => app.close());

const sql = (text: string, ...values: unknown[]) =>
  app.database.open(null).pool.query(text, values);

/** One look of every job, and no call is under way any more. */
async function look(): Promise<void> {
  await sql(`update payments.refund set asked_at = asked_at - interval '61 seconds'`);
  await turn(app);
}

async function refunding(plan: () => void) {
  const { order, eventId, read, left } = await bought(app);
  plan();
  const asked = { ticketIds: [order.tickets[0].id], reason: 'ill' };
  const path = `/orders/${order.id}/refunds`;
  expect((await app.admin.post(path, asked, newKey())).status).toBe(201);
  return {
    eventId,
    left,
    status: async () => (await read()).refunds[0].status,
    refundId: (await read()).refunds[0].id as string,
  };
}

const faults = (kind: 'error_500' | 'error_500_after' | 'hang_after' | 'reset', times = 1) =>
  app.parts.sandbox?.setFaults({ rules: [{ kind, on: 'POST /v1/refunds', times }] });

async function attemptOf(refundId: string): Promise<number> {
  const { rows } = await sql('select attempt from payments.refund where refund_id = $1', refundId);
  return rows[0].attempt;
}

describe('D10: an order that was refunded as a whole', () => {
  it('is not refunded again, under whatever key it is asked for', async () => {
    const purchase = await bought(app);
    const refund = () =>
      app.admin.post(`/orders/${purchase.orderId}/refunds`, { reason: 'ill' }, newKey());
    expect((await refund()).status).toBe(201);
    expect((await refund()).body).toMatchObject({
      ...{ status: 409, code: 'order_not_confirmed', orderStatus: 'refunded' },
    });
    await turn(app);
    expect((await purchase.read()).refunds).toHaveLength(1);
    expect(await purchase.left()).toBe(0);
    await expectAuditClean(app);
  });
});

describe('D10: a provider that keeps a 500 under the key of a refund', () => {
  it('has its list read, and where nothing was made the next key is taken', async () => {
    const r = await refunding(() => faults('error_500'));
    for (let i = 0; i < 3; i += 1) await look();
    expect([await r.status(), await r.left()]).toEqual(['submitted', 5_000]);
    expect(await attemptOf(r.refundId)).toBe(0);
    await look();
    expect([await r.status(), await r.left()]).toEqual(['succeeded', 2_500]);
    expect(await attemptOf(r.refundId)).toBe(1);
    await expectAuditClean(app);
  });

  it('has its list read, and what was made all the same counts: never a second one', async () => {
    const r = await refunding(() => faults('error_500_after'));
    for (let i = 0; i < 3; i += 1) await look();
    expect([await r.status(), await r.left()]).toEqual(['submitted', 2_500]);
    await look();
    expect([await r.status(), await r.left()]).toEqual(['succeeded', 2_500]);
    expect(await attemptOf(r.refundId)).toBe(0);
    await expectAuditClean(app);
  });

  it('is left in peace before the list is read, so that no call is under way', async () => {
    const r = await refunding(() => faults('error_500', 3));
    for (let i = 0; i < 3; i += 1) await look();
    await sql('update payments.refund set asked_at = clock_timestamp()');
    await sql('update kernel.job set run_at = clock_timestamp()');
    await app.drainJobs();
    expect([await r.status(), await attemptOf(r.refundId)]).toEqual(['submitted', 0]);
    for (let i = 0; i < 12; i += 1) await look();
    expect([await r.status(), await r.left()]).toEqual(['succeeded', 2_500]);
  });
});

describe('D10: a refund whose answer is lost', () => {
  it.each(['hang_after', 'reset'] as const)('is made once after %s', async (kind) => {
    const r = await refunding(() => faults(kind, 2));
    await look();
    expect(await r.status()).toBe('submitted');
    await look();
    expect([await r.status(), await r.left()]).toEqual(['succeeded', 2_500]);
    await expectAuditClean(app);
  });
});

describe('D10: a process that dies at a refund', () => {
  it.each(['refund.before_call', 'refund.after_submit'])('at %s makes one', async (point) => {
    const r = await refunding(() => {
      dies = point;
    });
    await look();
    expect([await r.status(), dies]).toEqual(['submitted', null]);
    await look();
    expect([await r.status(), await r.left()]).toEqual(['succeeded', 2_500]);
    await expectAuditClean(app);
  });
});

describe('D10: a hundred thousand open refunds', () => {
  it('cost a turn of the reconciler no more than its bound, and each has its turn', async () => {
    const r = await refunding(() => undefined);
    // In slices, which a busy machine makes in the time that a statement has.
    for (let made = 0; made < 100_000; made += 5_000) {
      await sql(
        `insert into payments.refund
           (event_id, refund_id, payment_id, amount_minor, reason, check_at)
         select f.event_id, f.refund_id || n, f.payment_id, 1, 'many', '2020-01-01'
         from payments.refund f, generate_series($2::int + 1, $2::int + 5000) as n
         where f.refund_id = $1`,
        r.refundId,
        made,
      );
    }
    const jobs = async () =>
      (await sql(`select count(*)::int as n from kernel.job where key like $1`, `${r.refundId}_%`))
        .rows[0].n;
    await resubmitOpenRefunds(app.ctx);
    expect(await jobs()).toBe(500);
    await resubmitOpenRefunds(app.ctx);
    expect(await jobs()).toBe(1_000);
    const { rows } = await sql(
      `explain (format json) select event_id, refund_id from payments.refund
       where check_at <= clock_timestamp() order by check_at limit 500`,
    );
    expect(JSON.stringify(rows[0])).toContain('refund_to_check');
    await sql(`delete from kernel.job where key like $1`, `${r.refundId}_%`);
    await sql(`delete from payments.refund where reason = 'many'`);
  });
});
