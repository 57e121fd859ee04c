import type { Queryable } from '../../kernel/db.ts';
import type { EventId, PaymentId } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';

/**
 * "Look at this payment and do what follows": the one job behind webhooks, the reconciler and the
 * simulated payment. The room that orchestrates a purchase handles it.
 */
export const SETTLE_JOB = 'settle_payment';

export type SettleJob = { readonly eventId: EventId; readonly paymentId: PaymentId };

export async function enqueueSettle(on: Queryable, data: SettleJob): Promise<void> {
  await enqueue(on, { kind: SETTLE_JOB, key: data.paymentId, data });
}
