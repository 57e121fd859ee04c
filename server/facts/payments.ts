/** What payments announce. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const id = z.string().min(1);
const paymentId = 'pay_00vtdzt3h1k4r00vtdzw2f5h8j1k4m7n9p3q6';
const reference = 'ord_00vtdzt3h1k4r00vtdzw2f5h8j1k4m7n9p3q6';
const refundId = 'ref_00vtdzt3h1k4r00vtdzx6d9f2h5j8k1m4n7p3';
const money = { topic: 'payment_notifications', version: 1 } as const;
const ofPayment = { paymentId: id, reference: id.describe('The order that it pays for') };
const ofRefund = { refundId: id, paymentId: id, amountMinor: z.int() };
const ofDispute = { disputeId: id, ...ofPayment, amountMinor: z.int() };
const dispute = { disputeId: 'du_1QwErTy', paymentId, reference, amountMinor: 5_000 };

export const paymentFacts: FactDefinitions = {
  payment_captured: {
    ...money,
    says: 'A payment succeeded: the money was taken.',
    data: z.strictObject({ ...ofPayment, amountMinor: z.int() }),
    example: { paymentId, reference, amountMinor: 5_000 },
  },
  payment_failed: {
    ...money,
    says: 'A payment failed, and no money was taken.',
    data: z.strictObject({ ...ofPayment, reason: z.string().nullable() }),
    example: { paymentId, reference, reason: 'insufficient_funds' },
  },
  payment_voided: {
    ...money,
    says: 'A payment was given up before any money was taken.',
    data: z.strictObject({ ...ofPayment, reason: z.string().nullable() }),
    example: { paymentId, reference, reason: null },
  },
  refund_owed: {
    ...money,
    says: 'So much of a payment has to go back.',
    data: z.strictObject(ofRefund),
    example: { refundId, paymentId, amountMinor: 2_500 },
  },
  refund_succeeded: {
    ...money,
    says: 'A refund went back to whoever paid.',
    data: z.strictObject(ofRefund),
    example: { refundId, paymentId, amountMinor: 2_500 },
  },
  refund_failed: {
    ...money,
    says: 'The bank sent a refund back, or refused it; it is tried again.',
    data: z.strictObject({ ...ofRefund, reason: z.string().nullable() }),
    example: { refundId, paymentId, amountMinor: 2_500, reason: 'expired_or_canceled_card' },
  },
  dispute_opened: {
    ...money,
    says: 'The buyer’s bank took money back; it is decided who is right.',
    data: z.strictObject(ofDispute),
    example: dispute,
  },
  dispute_won: {
    ...money,
    says: 'A dispute was decided for the organizer.',
    data: z.strictObject(ofDispute),
    example: dispute,
  },
  dispute_lost: {
    ...money,
    says: 'A dispute was decided for the buyer.',
    data: z.strictObject(ofDispute),
    example: dispute,
  },
};
