/**
 * D4, G8: payments whose outcome nobody knows are asked about until it is known, the less often the
 * longer it lasts; and those that have ended, until nobody can pay them any more.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { NotYet } from '../../server/kernel/jobs.ts';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { enqueueSettle } from '../../server/modules/payments/index.ts';
import { settlePayment, settleRecurring } from '../../server/modules/shopping/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, newKey, onSale } from '../kit/given.ts';

const READ = 'GET /v1/payment_intents/:id';
const CREATE = 'POST /v1/payment_intents';
const CANCEL = 'POST /v1/payment_intents/:id/cancel';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
});
afterEach(() => {
  app.parts.sandbox?.setFaults({ rules: [] });
  app.clock.advance(-app.clock.offsetMs());
});
afterAll(() => app.close());

const sql = (text: string, values: unknown[] = []) =>
  app.database.open(null).pool.query(text, values);
const faults = (on: string, times?: number) =>
  app.parts.sandbox?.setFaults({ rules: [{ kind: 'reset', on, ...(times ? { times } : {}) }] });

async function booked(method = 'payment_intent') {
  const { eventId, typeId } = await onSale(app.admin);
  const { body } = await book(app.guest, eventId, typeId, { method });
  const paymentId = body.order.payments[0].id as Id<'pay'>;
  return {
    paymentId,
    read: async () => (await app.as(body.accessToken).get(`/orders/${body.order.id}`)).body,
    settle: () => settlePayment(app.ctx, eventOf(paymentId), paymentId),
  };
}

async function rowOf(paymentId: string) {
  const { rows } = await sql(
    `select status, provider_id, unknown_since, check_at,
       extract(epoch from check_at - clock_timestamp())::float8 as due_in
     from payments.payment where payment_id = $1`,
    [paymentId],
  );
  return rows[0];
}

/** All jobs at once, whenever they are due, and what the reconciler finds. */
async function work() {
  await sql('update payments.payment set check_at = clock_timestamp() where check_at is not null');
  await settleRecurring.run(app.ctx);
  await sql('update kernel.job set run_at = clock_timestamp()');
  await app.drainJobs();
}

describe('a payment that nobody knows', () => {
  it('is asked about after as long as nobody has known', async () => {
    const b = await booked();
    faults(READ);
    const look = async () => {
      const error = await b.settle().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(NotYet);
      // As it has just been found to be.
      const { seconds } = error as NotYet;
      const { status, due_in } = await rowOf(b.paymentId);
      expect(status).toBe('unknown');
      expect(Math.abs(due_in - seconds)).toBeLessThan(3);
      return seconds;
    };
    const waits: number[] = [await look()];
    for (const already of [20, 90, 3_600]) {
      await sql(
        `update payments.payment set unknown_since = clock_timestamp() - make_interval(secs => $2)
         where payment_id = $1`,
        [b.paymentId, already],
      );
      waits.push(await look());
    }
    expect(waits[0]).toBe(5);
    for (const [i, seconds] of [20, 90].entries()) {
      expect(waits[i + 1]).toBeGreaterThanOrEqual(seconds);
      expect(waits[i + 1]).toBeLessThan(seconds + 10);
    }
    expect(waits[3]).toBe(300);
    app.parts.sandbox?.setFaults({ rules: [] });
    await b.settle();
    expect(await rowOf(b.paymentId)).toMatchObject({ status: 'processing', unknown_since: null });
    faults(READ);
    expect(await look()).toBe(5);
  });

  it('is looked at at once where a webhook tells of it', async () => {
    const b = await booked();
    faults(READ);
    await expect(b.settle()).rejects.toBeInstanceOf(NotYet);
    await sql(
      `update payments.payment set unknown_since = unknown_since - interval '1 hour'
       where payment_id = $1`,
      [b.paymentId],
    );
    const job = { eventId: eventOf(b.paymentId), paymentId: b.paymentId };
    const dueIn = async () => {
      const { rows } = await sql(
        `select extract(epoch from run_at - clock_timestamp())::float8 as seconds
         from kernel.job where key = $1 and kind = 'settle_payment'`,
        [b.paymentId],
      );
      return rows[0].seconds;
    };
    await enqueueSettle(app.ctx.db, job);
    await app.drainJobs();
    expect(await dueIn()).toBeGreaterThan(200);
    await enqueueSettle(app.ctx.db, job);
    expect(await dueIn()).toBeLessThanOrEqual(0);
  });

  it('E4 is paid by the simulated payer all the same', async () => {
    const b = await booked('simulated');
    faults(READ);
    await expect(b.settle()).rejects.toBeInstanceOf(NotYet);
    app.parts.sandbox?.setFaults({ rules: [] });
    await b.settle();
    await work();
    await work();
    expect(await b.read()).toMatchObject({ status: 'confirmed' });
    await expectAuditClean(app);
  });
});

describe('an intent that came when its order had been given up', () => {
  it('is cancelled, however often that is not answered', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { holdMinutes: 1 } });
    const buyer = { name: 'Ann', email: 'ann@example.org' };
    const key = 'a-late-intent';
    const stop = gate.stopAt('intent.before_store');
    const asked = book(app.guest, eventId, typeId, { buyer, key });
    await stop.arrived;
    app.clock.advance(120_000);
    await expireOrders(app.ctx);
    await app.drainJobs();
    faults(CANCEL);
    stop.go();
    expect((await asked).status).toBe(503);
    const { rows } = await sql('select payment_id from payments.payment where event_id = $1', [
      eventId,
    ]);
    const paymentId: string = rows[0].payment_id;
    const { provider_id: intentId } = await rowOf(paymentId);
    const statusOf = async () => {
      const asked = await app.ctx.ports.payments.of(null).readIntent(intentId);
      return asked.kind === 'ok' ? asked.value.status : asked.kind;
    };
    await work();
    expect(await statusOf()).toBe('requires_payment_method');
    expect((await rowOf(paymentId)).check_at).not.toBeNull();
    app.parts.sandbox?.setFaults({ rules: [] });
    await work();
    expect(await statusOf()).toBe('canceled');
    expect(await rowOf(paymentId)).toMatchObject({ status: 'voided', check_at: null });
    const again = await book(app.guest, eventId, typeId, { buyer, key });
    expect(again.body.payment).toEqual({ provider: 'stripe' });
    await expectAuditClean(app);
  });
});

describe('a repeated booking', () => {
  const device = () => ({ ...newKey(), 'x-device-token': 'the-device-of-this-buyer' });
  const asking = (eventId: string, typeId: string, headers: Record<string, string>) => {
    const body = {
      items: [{ ticketTypeId: typeId, quantity: 1 }],
      buyer: { name: 'Ann', email: 'ann@example.org' },
      payment: { method: 'payment_intent' },
    };
    return () => app.guest.post(`/events/${eventId}/bookings`, body, headers);
  };

  it('G14 of an order that ended before anybody could pay shows it as it is', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { holdMinutes: 1 } });
    const ask = asking(eventId, typeId, device());
    faults(CREATE);
    expect((await ask()).status).toBe(503);
    app.clock.advance(120_000);
    await expireOrders(app.ctx);
    expect((await ask()).body).toMatchObject({
      order: { status: 'cancelled', statusReason: 'expired' },
      payment: { provider: 'stripe' },
    });
  });

  it('tells nobody how to pay what has ended', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { holdMinutes: 1 } });
    const ask = asking(eventId, typeId, device());
    const first = await ask();
    expect(first.body.payment.clientSecret).toEqual(expect.any(String));
    expect((await ask()).body).toEqual(first.body);
    app.clock.advance(120_000);
    await expireOrders(app.ctx);
    await work();
    expect((await ask()).body.payment).toEqual({ provider: 'stripe' });
  });
});
