import type { EventId, OrderId, PaymentId, RefundId, TicketId } from '../../kernel/ids.ts';
import { rows, text } from '../../kernel/sql.ts';

const verdict = { verdict: text };

export const callClaimOrder = (
  c: {
    readonly eventId: EventId;
    readonly orderId: OrderId;
    readonly paymentId: PaymentId | null;
    readonly ticketIds: readonly TicketId[];
    readonly actor: string;
  },
  now: Date | null,
) => rows(verdict)`
  select shopping.claim_order@v(${c.eventId}, ${c.orderId}, ${c.paymentId}, ${c.ticketIds}, ${now},
    ${c.actor}) as verdict`;

export const callConfirmOrder = (
  c: {
    readonly eventId: EventId;
    readonly orderId: OrderId;
    readonly paymentId: PaymentId | null;
    readonly capturedMinor: number;
    readonly refundId: RefundId;
    readonly actor: string;
  },
  now: Date | null,
) => rows(verdict)`
  select shopping.confirm_order@v(${c.eventId}, ${c.orderId}, ${c.paymentId}, ${c.capturedMinor},
    ${c.refundId}, ${now}, ${c.actor}) as verdict`;

export const callConfirmFree = (
  c: {
    readonly eventId: EventId;
    readonly orderId: OrderId;
    readonly ticketIds: readonly TicketId[];
    readonly actor: string;
  },
  now: Date | null,
) => rows(verdict)`
  select shopping.confirm_free@v(${c.eventId}, ${c.orderId}, ${c.ticketIds}, ${now}, ${c.actor})
    as verdict`;
