/** What orders announce. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const id = z.string().min(1);
const orderId = 'ord_00vtdzt3h1k4r00vtdzw2f5h8j1k4m7n9p3q6';
const ticketId = 'tkt_00vtdzt3h1k4r00vtdzw9b4d7f2h5j8k1m4n7';
const orders = { topic: 'orders', version: 1 } as const;
const ended = z.strictObject({ orderId: id, reason: z.string(), valueMinor: z.int().optional() });
const taken = {
  orderId: id,
  ticketIds: z.array(id).nullable(),
};

export const orderFacts: FactDefinitions = {
  order_placed: {
    ...orders,
    says: 'An order was made of a hold, and waits for its payment.',
    data: z.strictObject({ orderId: id, holdId: id }),
    example: { orderId, holdId: 'hld_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5' },
  },
  order_confirmed: {
    ...orders,
    says: 'It was paid, or cost nothing: its tickets are valid.',
    data: z.strictObject({ orderId: id }),
    example: { orderId },
  },
  order_failed: {
    ...orders,
    says: 'Its payment failed, and there are no tickets.',
    data: ended,
    example: { orderId, reason: 'insufficient_funds' },
  },
  order_cancelled: {
    ...orders,
    says: 'It was given up, its time was over, or its value has become something else.',
    data: ended,
    example: { orderId, reason: 'expired' },
  },
  order_lost: {
    ...orders,
    says: 'The buyer’s bank took the money back for good; its tickets are void.',
    data: z.strictObject({ ...taken, reason: z.string() }),
    example: { orderId, ticketIds: [ticketId], reason: 'dispute_lost' },
  },
  order_reseated: {
    ...orders,
    says: 'Its tickets are for other seats.',
    data: z.strictObject({
      orderId: id,
      seats: z.array(z.strictObject({ from: z.string(), to: z.string() })),
    }),
    example: { orderId, seats: [{ from: 'A-1-2', to: 'A-3-2' }] },
  },
  tickets_refunded: {
    ...orders,
    says: 'Tickets were taken back, and what they were worth goes back.',
    data: z.strictObject({ ...taken, amountMinor: z.int() }),
    example: { orderId, ticketIds: [ticketId], amountMinor: 2_500 },
  },
  ticket_reissued: {
    ...orders,
    says: 'A ticket has a new code; the one before opens nothing.',
    data: z.strictObject({ orderId: id, ticketId: id, epoch: z.int() }),
    example: { orderId, ticketId, epoch: 2 },
  },
  remedy_offered: {
    ...orders,
    says: 'Because of a change of its event, its buyer may choose.',
    data: z.strictObject({
      orderId: id,
      choices: z.array(z.string()),
      missing: z.array(z.string()).nullable(),
      chooseBy: z.string().nullable(),
    }),
    example: {
      ...{ orderId, choices: ['refund', 'voucher'], missing: [] },
      chooseBy: '2035-05-16T10:00:00.000Z',
    },
  },
  remedy_chosen: {
    ...orders,
    says: 'What its buyer gets is decided.',
    data: z.strictObject({ orderId: id, remedy: z.string(), by: z.string() }),
    example: { orderId, remedy: 'refund', by: 'buyer' },
  },
};
