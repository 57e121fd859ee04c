import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { amountMinor, id } from '../../kernel/schemas.ts';
import { approvalSchema, approvalStatus } from './approval-view.ts';
import { approve, listApprovals, readApproval, reject } from './decide-approval.ts';
import { readThresholds, setThresholds } from './thresholds.ts';

const COMPLIMENTARY_MAX = 1_000_000;

const ofOrganizer = z.object({ id: id('org') });
const ofApproval = z.object({ id: id('apr') });

const thresholds = z
  .object({
    organizerId: z.string(),
    refundAboveMinor: z.int().nullable(),
    complimentaryAbove: z.int().nullable(),
  })
  .meta({ id: 'Thresholds' });

const exampleThresholds = { refundAboveMinor: 50_000, complimentaryAbove: 10 };
const exampleView = { organizerId: 'org_00vtdzq1a2b3c', ...exampleThresholds };

const settings: readonly Route[] = [
  route({
    method: 'GET',
    path: '/organizers/:id/approvals',
    summary: 'Read from where on a second person is needed',
    tag: 'Approvals',
    access: { kind: 'scope', scope: 'orders:read' },
    params: ofOrganizer,
    success: { status: 200, schema: thresholds, description: 'Null: never' },
    refusals: {},
    example: { response: exampleView },
    handle: (ctx, { actor, params }) => bodyOf(readThresholds(ctx, actor, params.id)),
  }),
  route({
    method: 'PUT',
    path: '/organizers/:id/approvals',
    summary: 'Set from where on a second person is needed',
    description:
      '`refundAboveMinor`: for refunds by staff, in minor units of the order’s currency, with ' +
      'what has gone back of the order before. `complimentaryAbove`: places in one request. ' +
      'Null: never.',
    tag: 'Approvals',
    access: { kind: 'scope', scope: 'keys:write' },
    params: ofOrganizer,
    body: z
      .strictObject({
        refundAboveMinor: amountMinor.nullable(),
        complimentaryAbove: z.int().min(0).max(COMPLIMENTARY_MAX).nullable(),
      })
      .meta({ id: 'ThresholdsInput' }),
    success: { status: 200, schema: thresholds, description: 'For what is asked from now on' },
    refusals: {},
    example: { body: exampleThresholds, response: exampleView },
    handle: (ctx, { actor, params, body }) => bodyOf(setThresholds(ctx, actor, params.id, body)),
  }),
];

const deciding = {
  approval_decided: { status: 409, title: 'It has been decided, or its time is over' },
} as const satisfies RefusalTable<string>;

const example = {
  id: 'apr_00vtdzt3h1k4r00vtdzx5n8p1q4r7s0t3v6w9',
  kind: 'refund',
  status: 'requested',
  eventId: 'evt_00vtdzt3h1k4r',
  orderId: 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6',
  amount: { amount: 90_000, currency: 'EUR' },
  places: 12,
  reason: 'The school cannot come',
  requestedBy: 'usr_00vtdzt3j5k8m',
  decidedBy: null,
  failureCode: null,
  createdAt: '2035-05-02T10:00:00.000Z',
  expiresAt: '2035-05-09T10:00:00.000Z',
  decidedAt: null,
  endedAt: null,
} as const;
const decided = { decidedBy: 'usr_00vtdzt4k6m9n', decidedAt: '2035-05-02T11:00:00.000Z' };

const approvals: readonly Route[] = [
  route({
    method: 'GET',
    path: '/approvals',
    summary: 'List approvals',
    description:
      'What staff has asked for and a second person has to decide, and what became of it.',
    tag: 'Approvals',
    access: { kind: 'scope', scope: 'orders:read' },
    query: z.strictObject({ ...pageQuery, status: approvalStatus.optional() }),
    success: { status: 200, schema: pageOf(approvalSchema), description: 'A page of them' },
    refusals: {},
    handle: (ctx, { actor, query }) => bodyOf(listApprovals(ctx, keyOf(actor), query)),
  }),
  route({
    method: 'GET',
    path: '/approvals/:id',
    summary: 'Read an approval',
    tag: 'Approvals',
    access: { kind: 'scope', scope: 'orders:read' },
    params: ofApproval,
    success: { status: 200, schema: approvalSchema, description: 'The approval' },
    refusals: {},
    example: { response: example },
    handle: (ctx, { actor, params }) => bodyOf(readApproval(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'POST',
    path: '/approvals/:id/approve',
    summary: 'Approve what somebody else has asked for',
    description: 'It is done by a job within a moment, as it was asked for, or not at all.',
    tag: 'Approvals',
    access: { kind: 'scope', scope: 'refunds:write' },
    params: ofApproval,
    success: { status: 200, schema: approvalSchema, description: 'Approved' },
    refusals: {
      ...deciding,
      second_person_needed: { status: 409, title: 'Somebody else has to approve it' },
    },
    example: { response: { ...example, ...decided, status: 'approved' } },
    handle: (ctx, { actor, params }) => bodyOf(approve(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'POST',
    path: '/approvals/:id/reject',
    summary: 'Reject what was asked for',
    description: 'Also by who asked for it, to take it back.',
    tag: 'Approvals',
    access: { kind: 'scope', scope: 'refunds:write' },
    params: ofApproval,
    success: { status: 200, schema: approvalSchema, description: 'Rejected' },
    refusals: deciding,
    example: {
      response: { ...example, ...decided, status: 'rejected', endedAt: decided.decidedAt },
    },
    handle: (ctx, { actor, params }) => bodyOf(reject(ctx, keyOf(actor), params.id)),
  }),
];

export const approvalRoutes: readonly Route[] = [...settings, ...approvals];
