/** A purchase that is paid and confirmed, and what its buyer and the books see of it. */
import { expect } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import type { Dispute } from '../../server/modules/payments/index.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import { settleDisputes } from '../../server/modules/shopping/settle-dispute.ts';
import type { TestApp } from './app.ts';
import { book, onSale, payWith } from './given.ts';

export async function bought(
  app: TestApp,
  options: {
    readonly quantity?: number;
    readonly card?: string;
    /** A credit that pays a part of it. */
    readonly creditCode?: string;
  } = {},
) {
  const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
  const { quantity = 2, creditCode } = options;
  const more = creditCode === undefined ? {} : { more: { credit: { code: creditCode } } };
  const booked = await book(app.guest, eventId, typeId, { quantity, ...more });
  const { clientSecret } = booked.body.payment;
  await payWith(app, clientSecret, options.card);
  const orderId: string = booked.body.order.id;
  const buyer = app.as(booked.body.accessToken);
  const read = async () => (await buyer.get(`/orders/${orderId}`)).body;
  const paymentId = booked.body.order.payments[0].id as Id<'pay'>;
  await settlePayment(app.ctx, eventOf(paymentId), paymentId);
  const order = await read();
  expect(order.status).toBe('confirmed');
  const intentId: string = clientSecret.replace(/_secret_.*/, '');
  return {
    eventId: eventOf(paymentId),
    typeId,
    orderId,
    order,
    paymentId,
    intentId,
    buyer,
    read,
    /** What the provider has of it, and has not given back. */
    left: async () => {
      const ledger = await app.parts.sandbox?.ledger();
      return ledger?.byIntent.find((entry) => entry.intentId === intentId)?.netMinor ?? 0;
    },
    /** The ledger's entries: kind, debit, credit, amount. */
    entries: async (): Promise<string[]> => {
      const { rows } = await app.database.open(null).pool.query(
        `select concat_ws(' ', kind, debit, credit, amount_minor) as entry
         from payments.transfer where event_id = $1 order by transfer_id`,
        [eventOf(paymentId)],
      );
      return rows.map((row: { entry: string }) => row.entry);
    },
  };
}

let disputes = 0;

/** What the provider lists of a purchase from now on, and a look at it. */
export function disputing(
  app: TestApp,
  purchase: Awaited<ReturnType<typeof bought>>,
  amountMinor = 5_000,
) {
  disputes += 1;
  const id = `du_${disputes}`;
  return async (status: Dispute['status'], times = 1) => {
    const listed: Dispute = { id, status, amountMinor, currency: 'EUR', reason: 'fraudulent' };
    const { payments } = app.ctx.ports;
    const of = (account: string | null) => ({
      ...payments.of(account),
      disputesOf: async () => ({ kind: 'ok', value: [listed] }) as const,
    });
    const ctx = { ...app.ctx, ports: { ...app.ctx.ports, payments: { ...payments, of } } };
    for (let i = 0; i < times; i += 1) {
      await settleDisputes(ctx, purchase.eventId, purchase.paymentId);
    }
  };
}

/** One look of every job, as if its time had come; webhooks that come in meanwhile wait. */
export async function turn(app: TestApp): Promise<void> {
  await app.database.open(null).pool.query(
    `update kernel.job set run_at = clock_timestamp()
     where id in (select id from kernel.job for update skip locked)`,
  );
  await app.drainJobs();
}
