import type { EventId } from '../../kernel/ids.ts';
import { listOf, rows, text } from '../../kernel/sql.ts';

export const callDisputeBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(text),
})`
  select shopping.dispute_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

/** Of the other event, whose orders vouchers became. */
export const callLoseVoucherBatch = (eventId: EventId, now: Date | null, requests: string) => rows({
  answers: listOf(text),
})`
  select shopping.lose_voucher_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;
