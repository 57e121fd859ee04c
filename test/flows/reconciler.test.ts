/** D4, G8: what a webhook that never came would have said is found within a minute. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleRecurring } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, onSale, payWith } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  app.parts.sandbox?.setFaults({ rules: [{ kind: 'drop_webhook' }] });
});
afterAll(() => app.close());

const sql = (text: string, values: unknown[] = []) =>
  app.database.open(null).pool.query(text, values);

/** What the provider's own page, or another program of the organizer, does. */
async function atProvider(intentId: string, what: 'capture' | 'cancel') {
  const answer = await fetch(
    `${app.origin}/sandbox/stripe/v1/payment_intents/${intentId}/${what}`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${app.parts.sandbox?.secretKey}` },
    },
  );
  expect(answer.status).toBe(200);
}

async function booked() {
  const { eventId, typeId } = await onSale(app.admin);
  const { body } = await book(app.guest, eventId, typeId);
  const clientSecret = body.payment.clientSecret as string;
  return {
    clientSecret,
    intentId: clientSecret.replace(/_secret_.*/, ''),
    orderId: body.order.id as string,
    paymentId: body.order.payments[0].id as string,
  };
}
type Booked = Awaited<ReturnType<typeof booked>>;

/** Seconds until somebody looks by himself; null: nobody will. */
async function dueIn(paymentId: string): Promise<number | null> {
  const { rows } = await sql(
    `select extract(epoch from check_at - clock_timestamp())::float8 as seconds
     from payments.payment where payment_id = $1`,
    [paymentId],
  );
  return rows[0].seconds;
}

async function stateOf({ orderId }: Booked) {
  const { body } = await app.admin.get(`/orders/${orderId}`);
  return `${body.status}, ${body.payments[0].status}`;
}

describe('D4 a webhook that was lost', () => {
  it('is not missed for longer than a minute', async () => {
    const { paymentId } = await booked();
    const seconds = await dueIn(paymentId);
    // Until it is due, until the next round, until a worker of another process looks for jobs.
    expect((seconds ?? 60) + settleRecurring.everyMs / 1_000 + 1).toBeLessThan(60);
  });

  const pay = (card: string) => (b: Booked) => payWith(app, b.clientSecret, card);
  it.each([
    ['that it waits for a card', async () => {}, 'pending, created', true],
    ['that the bank asks first', pay('pm_card_authenticationRequired'), 'pending, created', true],
    ['that it is authorised', pay('pm_card_visa'), 'confirmed, captured', false],
    ['that it was declined', pay('pm_card_chargeDeclined'), 'failed, failed', false],
    [
      'that somebody else has taken it',
      async (b: Booked) => {
        await payWith(app, b.clientSecret);
        await atProvider(b.intentId, 'capture');
      },
      'confirmed, captured',
      false,
    ],
    [
      'that somebody else has cancelled it',
      (b: Booked) => atProvider(b.intentId, 'cancel'),
      'failed, failed',
      false,
    ],
    [
      'anything, while its answer was not known either',
      async (b: Booked) => {
        await payWith(app, b.clientSecret);
        await sql(
          `update payments.payment set status = 'unknown', unknown_since = clock_timestamp()
           where payment_id = $1`,
          [b.paymentId],
        );
      },
      'confirmed, captured',
      false,
    ],
    [
      'of an intent that was made when the server died',
      async (b: Booked) => {
        await sql('update payments.payment set provider_id = null where payment_id = $1', [
          b.paymentId,
        ]);
      },
      'pending, created',
      true,
    ],
  ])('would have said %s', async (_what, happens, state, again) => {
    const b = await booked();
    await happens(b);
    expect(await dueIn(b.paymentId)).toBeLessThanOrEqual(45);
    await sql('update payments.payment set check_at = clock_timestamp() where payment_id = $1', [
      b.paymentId,
    ]);
    await settleRecurring.run(app.ctx);
    await app.drainJobs();
    expect(await stateOf(b)).toBe(state);
    const next = await dueIn(b.paymentId);
    if (again) expect(next).toBeGreaterThan(0);
    else expect(next).toBeNull();
    expect(next ?? 0).toBeLessThanOrEqual(45);
    await expectAuditClean(app);
  });

  it('of thousands at once is found in one round', async () => {
    const b = await booked();
    const { rowCount } = await sql(
      `insert into payments.payment (event_id, payment_id, reference, organizer_id, method,
         amount_minor, currency, check_at)
       select p.event_id, p.payment_id || 'x' || i, p.reference, p.organizer_id, p.method,
         p.amount_minor, p.currency, clock_timestamp() - interval '1 second'
       from payments.payment p cross join generate_series(1, 250) i where p.payment_id = $1`,
      [b.paymentId],
    );
    expect(rowCount).toBe(250);
    await settleRecurring.run(app.ctx);
    const { rows } = await sql(`select count(*)::int as n from kernel.job where key like $1`, [
      `${b.paymentId}x%`,
    ]);
    expect(rows[0].n).toBe(250);
  });
});
