import { z } from 'zod';
import type { Accepted } from '../../kernel/route.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import type { ApprovalRow } from './approval.sql.ts';

export const approvalStatus = z.enum([
  'requested',
  'approved',
  'executed',
  'rejected',
  'expired',
  'failed',
]);

export const approvalSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['refund', 'complimentary']),
    status: approvalStatus.describe('Approved, it is executed by a job within a moment'),
    eventId: z.string(),
    orderId: z.string().nullable().describe('That it is about, or that came of it'),
    amount: moneyOut.nullable().describe('What a refund gives back, at the prices of its tickets'),
    places: z.int(),
    reason: z.string(),
    requestedBy: z.string().describe('A person, or a key that is nobody’s'),
    decidedBy: z.string().nullable(),
    failureCode: z.string().nullable().describe('Why what was approved could not be done'),
    createdAt: timeOut,
    expiresAt: timeOut,
    decidedAt: timeOut.nullable(),
    endedAt: timeOut.nullable(),
  })
  .meta({ id: 'Approval' });

export type ApprovalView = z.input<typeof approvalSchema>;

/** What is answered where a second person is needed. */
export type AskedApproval = { readonly approval: ApprovalView };

export const approvalAnswer = {
  schema: z.object({ approval: approvalSchema }).meta({ id: 'ApprovalNeeded' }),
  description: 'Nothing has been done: a second person has to approve it',
  is: (body) => typeof body === 'object' && body !== null && 'approval' in body,
} satisfies Accepted;

export function approvalView(row: ApprovalRow): ApprovalView {
  const { amountMinor, currency } = row;
  return {
    id: row.approvalId,
    kind: row.kind,
    status: row.status,
    eventId: row.eventId,
    orderId: row.orderId,
    amount: amountMinor === null || currency === null ? null : { amount: amountMinor, currency },
    places: row.places,
    reason: row.reason,
    requestedBy: row.requestedBy,
    decidedBy: row.decidedBy,
    failureCode: row.failureCode,
    createdAt: row.madeAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}
