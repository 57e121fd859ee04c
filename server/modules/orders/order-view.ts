import { z } from 'zod';
import { breakdownLine } from '../../kernel/charges.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, inSnapshot, type Tx } from '../../kernel/db.ts';
import { eventOf, type OrderId } from '../../kernel/ids.ts';
import { languages } from '../../kernel/language.ts';
import { present } from '../../kernel/result.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import {
  type DisputeRow,
  disputesOf,
  type PaymentRow,
  paymentsOf,
  type RefundRow,
  refundsOf,
} from '../payments/index.ts';
import { codeOfCredit } from '../promotions/index.ts';
import { ticketCode } from '../ticket-codes/index.ts';
import {
  type OrderKeys,
  type OrderRow,
  selectCreditReturns,
  selectOrderLines,
  selectTickets,
} from './order.sql.ts';
import { orderBreakdown } from './order-price.ts';
import { readOrder, voucherOf } from './read-order.ts';
import { type RemedyRow, selectRemedies } from './remedy.sql.ts';
import type { TicketState } from './states.ts';

export const orderStatus = z.enum([
  'pending',
  'confirmed',
  'failed',
  'cancelled',
  'partially_refunded',
  'refunded',
]);

export const remedy = z.enum(['refund', 'credit', 'voucher', 'keep']);

const remedySchema = z.object({
  choices: z.array(remedy),
  chooseBy: timeOut.describe('Until when the buyer may choose'),
  default: remedy.describe('What applies where nobody chooses'),
  unavailable: z.array(remedy).describe('Offered to others: of this, nothing like it was left'),
  chosen: remedy.nullable(),
  status: z
    .enum(['offered', 'chosen', 'done', 'withdrawn'])
    .describe('`chosen`: final, and being carried out; `withdrawn`: nothing to remedy any more'),
  creditCode: z.string().optional().describe('Of the credit that was issued'),
  order: z
    .object({ id: z.string(), eventId: z.string() })
    .optional()
    .describe('The order that the voucher became; opens with this order’s access token too'),
});

/** Who buys, as they are shown again. */
export const buyerView = z.object({
  name: z.string(),
  email: z.string(),
  phone: z.string().nullable(),
  language: z
    .enum(languages)
    .nullable()
    .describe('Of the letters, where it is not the organizer’s'),
});

export const orderSchema = z
  .object({
    id: z.string(),
    eventId: z.string(),
    userId: z.string().nullable(),
    buyer: buyerView,
    attendees: z
      .array(z.object({ name: z.string(), email: z.string().nullable() }))
      .optional()
      .describe('Who comes, where the buyer has said'),
    status: orderStatus,
    statusReason: z.string().nullable().describe('Why it ended, where it did'),
    expiresAt: timeOut.describe('When an unpaid order is cancelled and its places come back'),
    items: z.array(
      z.object({
        ticketTypeId: z.string(),
        quantity: z.int(),
        unitPrice: moneyOut,
        listPrice: moneyOut.optional().describe('Before a code lowered it, where one did'),
      }),
    ),
    total: moneyOut,
    breakdown: z
      .array(breakdownLine)
      .describe('What the total is made of; without its credit it is what the payment takes'),
    promoCode: z.string().nullable(),
    tickets: z.array(
      z.object({
        id: z.string(),
        ticketTypeId: z.string(),
        code: z.string().nullable().describe('What opens the door; null until paid'),
        epoch: z.int().describe('Which of its codes this is: reissuing it adds one'),
        price: moneyOut,
        kept: moneyOut
          .optional()
          .describe('Fees that were not given back with it, where there were such'),
        complimentary: z.boolean().describe('Given away: it never cost anything'),
        status: z.enum(['pending_capture', 'valid', 'redeemed', 'listed', 'void']),
        voidReason: z.string().nullable(),
        seat: z.string().optional().describe('The id of its seat, where it has one'),
      }),
    ),
    payments: z.array(
      z.object({
        id: z.string(),
        provider: z.string(),
        method: z.string(),
        status: z.enum([
          'created',
          'processing',
          'authorized',
          'captured',
          'voided',
          'failed',
          'unknown',
          'disputed',
        ]),
        amount: moneyOut,
        captured: moneyOut,
        failureCode: z.string().nullable(),
      }),
    ),
    refunds: z.array(
      z.object({
        id: z.string(),
        status: z.enum(['owed', 'submitted', 'pending', 'succeeded', 'failed']),
        amount: moneyOut,
        reason: z.string(),
        createdAt: timeOut,
      }),
    ),
    creditReturns: z
      .array(
        z.object({
          id: z.string(),
          amount: moneyOut,
          reason: z.string(),
          createdAt: timeOut,
          code: z.string().optional().describe('Of the credit, where a voucher had paid'),
        }),
      )
      .describe('What went back as credit instead of money'),
    disputes: z
      .array(
        z.object({
          id: z.string(),
          status: z.enum(['open', 'won', 'lost']),
          amount: moneyOut,
          reason: z.string(),
          openedAt: timeOut,
          closedAt: timeOut.nullable(),
        }),
      )
      .describe('Money that the buyer’s bank took back; while one is open no code is given out'),
    remedy: remedySchema.optional().describe('Where its event was cancelled or moved'),
    createdAt: timeOut,
    confirmedAt: timeOut.nullable(),
  })
  .meta({ id: 'Order' });

export type OrderView = z.input<typeof orderSchema>;

/**
 * The order as its buyer and the organizer see it now. All of it is of one moment: nobody is shown
 * an order that is confirmed with a remedy that is done, or a payment without its tickets.
 */
export function orderNow(ctx: Ctx, { eventId, orderId }: Named): Promise<OrderView> {
  return inSnapshot(ctx.db, (tx) => orderIn(ctx, tx, { eventId, orderId }));
}

/** The same in a transaction, which has the lock of its event. */
export async function orderIn(ctx: Ctx, tx: Tx, { eventId, orderId }: Named): Promise<OrderView> {
  const order = present(await readOrder(tx, eventId, orderId), 'an order that is there');
  const [view] = await orderViews(ctx, tx, [order]);
  return present(view, 'the view of an order');
}

/** A list of them, in as many statements as one takes: for a snapshot. */
export async function orderViews(
  ctx: Ctx,
  on: Tx,
  orders: readonly OrderRow[],
): Promise<OrderView[]> {
  const keys = keysOf(orders);
  const lines = await all(on, selectOrderLines(keys));
  const tickets = await all(on, selectTickets(keys));
  const payments = await paymentsOf(on, referencesOf(withPaidBefore(orders)));
  const refunds = await refundsOf(on, referencesOf(orders));
  const returns = await all(on, selectCreditReturns(keys));
  const disputes = await disputesOf(on, payments);
  const remedies = await all(on, selectRemedies(keys));
  return orders.map((order) =>
    toView(ctx, order, {
      lines: lines.filter((line) => line.orderId === order.orderId),
      tickets: tickets.filter((ticket) => ticket.orderId === order.orderId),
      payments: payments.filter((payment) => payment.reference === order.orderId),
      isDisputed: payments.some(({ status, reference }) => {
        const isItsMoney = reference === order.orderId || reference === voucherOf(order);
        return isItsMoney && status === 'disputed';
      }),
      refunds: refunds.filter((refund) => refund.reference === order.orderId),
      returns: returns.filter((one) => one.orderId === order.orderId),
      disputes: disputes.filter((dispute) => dispute.reference === order.orderId),
      remedy: remedies.find(({ orderId }) => orderId === order.orderId),
    }),
  );
}

type Named = Pick<OrderRow, 'eventId' | 'orderId'>;

/** And the orders whose vouchers paid for them: the money is theirs. Each once. */
function withPaidBefore(orders: readonly OrderRow[]): Named[] {
  const named = new Map<OrderId, Named>(orders.map((order) => [order.orderId, order]));
  for (const orderId of orders.flatMap((order) => voucherOf(order) ?? [])) {
    named.set(orderId, { eventId: eventOf(orderId), orderId });
  }
  return [...named.values()];
}

function keysOf(orders: readonly Named[]): OrderKeys {
  return {
    eventIds: orders.map((order) => order.eventId),
    orderIds: orders.map((order) => order.orderId),
  };
}

/** What payments know these orders by. */
export function referencesOf(orders: readonly Named[]) {
  const { eventIds, orderIds } = keysOf(orders);
  return { eventIds, references: orderIds };
}

type Row<S extends (...args: never[]) => { decode: (raw: never) => unknown }> = ReturnType<
  ReturnType<S>['decode']
>;

type Parts = {
  readonly lines: readonly Row<typeof selectOrderLines>[];
  readonly tickets: readonly Row<typeof selectTickets>[];
  readonly payments: readonly PaymentRow[];
  /** A bank decides whose its money is: nothing that is worth something is given out. */
  readonly isDisputed: boolean;
  readonly refunds: readonly RefundRow[];
  readonly returns: readonly Row<typeof selectCreditReturns>[];
  readonly disputes: readonly DisputeRow[];
  readonly remedy: RemedyRow | undefined;
};

/** It has been paid, and still opens a door, or has. */
const isWorth = (status: TicketState) => status === 'valid' || status === 'redeemed';

function toView(ctx: Ctx, order: OrderRow, parts: Parts): OrderView {
  const { eventId, orderId, currency } = order;
  const { lines, tickets, isDisputed } = parts;
  const money = (amount: number) => ({ amount, currency });
  return {
    id: orderId,
    eventId,
    userId: order.userId,
    buyer: {
      ...{ name: order.buyerName, email: order.buyerEmail, phone: order.buyerPhone },
      language: order.buyerLanguage,
    },
    ...(order.attendees ? { attendees: [...order.attendees] } : {}),
    status: order.status,
    statusReason: order.endReason,
    expiresAt: order.expiresAt.toISOString(),
    items: lines.map((line) => ({
      ticketTypeId: line.ticketTypeId,
      quantity: line.quantity,
      unitPrice: money(line.unitPriceMinor),
      ...(line.listPriceMinor > line.unitPriceMinor
        ? { listPrice: money(line.listPriceMinor) }
        : {}),
    })),
    total: money(order.totalMinor),
    breakdown: [...orderBreakdown(order, lines)],
    promoCode: order.promoCode,
    tickets: tickets.map((ticket) => ({
      id: ticket.ticketId,
      ticketTypeId: ticket.ticketTypeId,
      code:
        isWorth(ticket.status) && !isDisputed
          ? ticketCode(ctx.secrets, ticket.ticketId, ticket.epoch)
          : null,
      epoch: ticket.epoch,
      price: money(ticket.priceMinor),
      complimentary: ticket.complimentary,
      ...(ticket.keptMinor > 0 ? { kept: money(ticket.keptMinor) } : {}),
      status: ticket.status,
      voidReason: ticket.voidReason,
      ...(ticket.seatKey === null ? {} : { seat: ticket.seatKey }),
    })),
    ...moneyMoved(ctx, order, parts),
    ...(parts.remedy ? { remedy: remedyView(ctx, parts.remedy, isDisputed) } : {}),
    createdAt: order.madeAt.toISOString(),
    confirmedAt: order.confirmedAt?.toISOString() ?? null,
  };
}

/** What was paid, and what went back: as money, as credit. */
function moneyMoved(ctx: Ctx, order: OrderRow, parts: Parts) {
  const { payments, refunds, returns, disputes, isDisputed } = parts;
  const { currency } = order;
  const money = (amount: number) => ({ amount, currency });
  return {
    payments: payments.map((payment) => ({
      id: payment.paymentId,
      provider: ctx.ports.payments.name,
      method: payment.method,
      status: payment.status,
      amount: money(payment.amountMinor),
      captured: { amount: payment.capturedMinor, currency: payment.currency },
      failureCode: payment.failureCode,
    })),
    refunds: refunds.map((refund) => ({
      id: refund.refundId,
      status: refund.status,
      amount: { amount: refund.amountMinor, currency: refund.currency },
      reason: refund.reason,
      createdAt: refund.madeAt.toISOString(),
    })),
    creditReturns: returns.map((one) => ({
      id: one.refundId,
      amount: money(one.amountMinor),
      reason: one.reason,
      createdAt: one.madeAt.toISOString(),
      ...(one.creditId !== null && voucherOf(order) !== null && !isDisputed
        ? { code: codeOfCredit(ctx, one.creditId) }
        : {}),
    })),
    disputes: disputes.map((dispute) => ({
      id: dispute.disputeId,
      status: dispute.status,
      amount: money(dispute.amountMinor),
      reason: dispute.reason,
      openedAt: dispute.openedAt.toISOString(),
      closedAt: dispute.closedAt?.toISOString() ?? null,
    })),
  };
}

function remedyView(ctx: Ctx, row: RemedyRow, isDisputed: boolean): z.input<typeof remedySchema> {
  const { newOrderId, creditId } = row;
  return {
    choices: [...row.choices],
    chooseBy: row.chooseBy.toISOString(),
    default: row.fallback,
    unavailable: [...row.missing],
    chosen: row.chosen,
    status: row.status,
    ...(creditId === null || isDisputed ? {} : { creditCode: codeOfCredit(ctx, creditId) }),
    ...(newOrderId === null || row.status !== 'done'
      ? {}
      : { order: { id: newOrderId, eventId: eventOf(newOrderId) } }),
  };
}
