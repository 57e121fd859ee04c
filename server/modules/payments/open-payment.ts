import { run, type Tx } from '../../kernel/db.ts';
import { insertPayment, type NewPayment } from './payment.sql.ts';

/** How long after its beginning a payment is looked at although nobody has said anything. */
const FIRST_CHECK_SECONDS = 45;

/** Records the intent to pay; the provider is asked after the commit. */
export async function openPayment(tx: Tx, payment: NewPayment): Promise<void> {
  await run(tx, insertPayment(payment, FIRST_CHECK_SECONDS));
}
