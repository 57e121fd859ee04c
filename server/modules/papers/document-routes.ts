/** Receipts, invoices and credit notes, and what stands on them. */
import { z } from 'zod';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant, line, prose, timezone } from '../../kernel/schemas.ts';
import { documentSchema } from './document-view.ts';
import {
  documentsOfOrder,
  documentsOfOrganizer,
  fileNameOf,
  findDocument,
} from './read-documents.ts';
import { readRecipient, setRecipient } from './recipients.ts';
import { type DocumentName, parseName } from './rules-document.ts';
import { readBilling, setBilling } from './sellers.ts';

const ADDRESS_LINES_MAX = 8;

const address = prose(500)
  .refine((text) => text.length > 0, {
    message: 'must not be empty',
    params: { code: 'wrong_length' },
  })
  .refine((text) => text.split('\n').length <= ADDRESS_LINES_MAX, {
    message: `must have ${ADDRESS_LINES_MAX} lines at most`,
    params: { code: 'too_many_lines' },
  })
  .meta({ type: 'string', minLength: 1, maxLength: 500 });

const ofOrder = z.object({ id: id('ord') });
const ofOrganizer = z.object({ id: id('org') });

const name = z
  .string()
  .max(24)
  .transform((text, context): DocumentName => {
    const parsed = parseName(text);
    if (parsed) return parsed;
    context.addIssue({ code: 'custom', message: 'is not the number of a document' });
    return z.NEVER;
  })
  .meta({ type: 'string', maxLength: 24, examples: ['R-2035-000017'] });

const billing = z
  .object({
    organizerId: z.string(),
    legalName: z.string(),
    address: z.string().nullable(),
    taxId: z.string().nullable(),
    timezone: z.string(),
  })
  .meta({ id: 'Billing' });

const exampleBilling = {
  legalName: 'Halle Nord Concerts GmbH',
  address: 'Hafenstrasse 12\n20457 Hamburg\nGermany',
  taxId: 'DE123456789',
  timezone: 'Europe/Berlin',
};
const organizerId = 'org_00vtdzq1a2b3c';

const organizers: readonly Route[] = [
  route({
    method: 'GET',
    path: '/organizers/:id/billing',
    summary: 'Read who sells, as documents say it',
    tag: 'Papers',
    access: { kind: 'scope', scope: 'orders:read' },
    params: ofOrganizer,
    success: { status: 200, schema: billing, description: 'As it will stand on the next one' },
    refusals: {},
    example: { response: { organizerId, ...exampleBilling } },
    handle: (ctx, { actor, params }) => bodyOf(readBilling(ctx, actor, params.id)),
  }),
  route({
    method: 'PUT',
    path: '/organizers/:id/billing',
    summary: 'Set who sells, as documents say it',
    description:
      'From the next document on. Documents are dated and numbered by the days and years of ' +
      '`timezone`.',
    tag: 'Papers',
    access: { kind: 'scope', scope: 'keys:write' },
    params: ofOrganizer,
    body: z
      .strictObject({
        legalName: line(200),
        address,
        taxId: line(50).nullable().default(null),
        timezone,
      })
      .meta({ id: 'BillingInput' }),
    success: { status: 200, schema: billing, description: 'As it will stand on the next one' },
    refusals: {},
    example: { body: exampleBilling, response: { organizerId, ...exampleBilling } },
    handle: (ctx, { actor, params, body }) => bodyOf(setBilling(ctx, actor, params.id, body)),
  }),
  route({
    method: 'GET',
    path: '/organizers/:id/documents',
    summary: 'List the documents of an organizer',
    description: 'In the order in which they were written; `from` counts, `to` does not.',
    tag: 'Papers',
    access: { kind: 'scope', scope: 'orders:read' },
    params: ofOrganizer,
    query: z.strictObject({ ...pageQuery, from: instant.optional(), to: instant.optional() }),
    success: { status: 200, schema: pageOf(documentSchema), description: 'A page of them' },
    refusals: {},
    handle: (ctx, { actor, params, query }) =>
      bodyOf(documentsOfOrganizer(ctx, actor, params.id, query)),
  }),
];

const recipient = z
  .object({
    orderId: z.string(),
    company: z.string().nullable(),
    address: z.string().nullable(),
    taxId: z.string().nullable(),
  })
  .meta({ id: 'OrderBilling' });

const exampleRecipient = {
  company: 'Analytical Engines Ltd',
  address: '12 St James’s Square\nLondon SW1Y 4JH',
  taxId: 'GB123456789',
};
const exampleOrder = 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6';

const orders: readonly Route[] = [
  route({
    method: 'GET',
    path: '/orders/:id/billing',
    summary: 'Read whom an order’s documents are made out to',
    tag: 'Papers',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofOrder,
    success: { status: 200, schema: recipient, description: 'Beside the buyer’s name' },
    refusals: {},
    example: { response: { orderId: exampleOrder, ...exampleRecipient } },
    handle: (ctx, { actor, params }) => bodyOf(readRecipient(ctx, actor, params.id)),
  }),
  route({
    method: 'PUT',
    path: '/orders/:id/billing',
    summary: 'Make an order’s documents out to an address',
    description:
      'The sale then gets an invoice instead of a receipt. Until it is written, which is within ' +
      'seconds of the payment: a pending order has time until it is paid.',
    tag: 'Papers',
    access: { kind: 'owner', scope: 'orders:write' },
    params: ofOrder,
    body: z
      .strictObject({
        company: line(200).nullable().default(null),
        address,
        taxId: line(50).nullable().default(null),
      })
      .meta({ id: 'OrderBillingInput' }),
    success: { status: 200, schema: recipient, description: 'Beside the buyer’s name' },
    refusals: {
      document_issued: { status: 409, title: 'The document of this order is written already' },
    },
    example: { body: exampleRecipient, response: { orderId: exampleOrder, ...exampleRecipient } },
    handle: (ctx, { actor, params, body }) => bodyOf(setRecipient(ctx, actor, params.id, body)),
  }),
  route({
    method: 'GET',
    path: '/orders/:id/documents',
    summary: 'List the documents of an order',
    description:
      'A receipt or an invoice within seconds of its confirmation, and a credit note for each ' +
      'return of value. They never change.',
    tag: 'Papers',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofOrder,
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(documentSchema), description: 'The oldest first' },
    refusals: {},
    handle: (ctx, { actor, params, query }) =>
      bodyOf(documentsOfOrder(ctx, actor, params.id, query)),
  }),
  route({
    method: 'GET',
    path: '/orders/:id/documents/:number.pdf',
    summary: 'A document of an order, on paper',
    tag: 'Papers',
    access: { kind: 'owner', scope: 'orders:read' },
    params: z.object({ id: id('ord'), number: name }),
    success: {
      status: 200,
      schema: z.string(),
      description: 'A4',
      contentType: 'application/pdf',
    },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const document = await findDocument(ctx, actor, params.id, params.number);
      if (!document) return refused('not_found');
      const printed = await ctx.ports.printer.print({ kind: 'document', document }, 'soon');
      if (!printed.ok) return printed;
      const headers = {
        'content-disposition': `inline; filename="${fileNameOf(document)}"`,
      };
      return ok({ body: '', encoded: printed.value, headers });
    },
  }),
];

export const documentRoutes: readonly Route[] = [...organizers, ...orders];
