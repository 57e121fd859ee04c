import type { EventId, OrderId } from '../../kernel/ids.ts';
import { command, int, listOf, objectOf, rows, text, textAs } from '../../kernel/sql.ts';

/** Lane functions: the event, the instant (null: the database's clock), the batch as JSON. */
const words = { answers: listOf(text) };

/** What is answered to requests for orders, here and by sessions. */
export const bookAnswers = {
  answers: listOf(
    objectOf({
      verdict: text,
      // Where it was refused there is no order.
      orderId: (raw: unknown) => (raw === undefined ? null : textAs<OrderId>()(raw)),
      limit: (raw: unknown) => (raw === undefined ? null : int(raw)),
    }),
  ),
};

export const callBookBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  bookAnswers,
)`
  select shopping.book_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callClaimBatch = (eventId: EventId, now: Date | null, requests: string) => rows(words)`
  select shopping.claim_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callConfirmBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  words,
)`
  select shopping.confirm_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const callConfirmFreeBatch = (eventId: EventId, now: Date | null, requests: string) =>
  rows(words)`
  select shopping.confirm_free_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

/** Once for each order. */
export const insertComplimentary = (
  c: {
    readonly eventId: EventId;
    readonly orderId: OrderId;
    readonly reason: string;
    readonly givenBy: string;
    readonly approvalId: string | null;
  },
  now: Date | null,
) => command`
  insert into shopping.complimentary (event_id, order_id, reason, given_by, approval_id, made_at)
  values (${c.eventId}, ${c.orderId}, ${c.reason}, ${c.givenBy}, ${c.approvalId},
    kernel.instant(${now}))
  on conflict (event_id, order_id) do nothing`;
