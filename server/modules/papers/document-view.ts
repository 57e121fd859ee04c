import { z } from 'zod';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { type Document, nameText } from './rules-document.ts';

export const documentSchema = z
  .object({
    number: z.string().describe('Without gaps within its kind, its year and its organizer'),
    kind: z.enum(['receipt', 'invoice', 'credit_note']),
    issuedAt: timeOut,
    eventId: z.string(),
    orderId: z.string(),
    refundId: z.string().nullable().describe('Of a credit note: what went back'),
    seller: z.object({
      name: z.string(),
      address: z.string().nullable(),
      taxId: z.string().nullable(),
    }),
    recipient: z.object({
      name: z.string(),
      email: z.string(),
      company: z.string().nullable(),
      address: z.string().nullable(),
      taxId: z.string().nullable(),
    }),
    event: z.object({
      name: z.string(),
      startsAt: timeOut,
      timezone: z.string(),
      venueName: z.string().nullable(),
    }),
    soldAt: timeOut,
    lines: z.array(
      z.object({
        description: z.string(),
        quantity: z.int(),
        unitPrice: moneyOut,
        listPrice: moneyOut.describe('Of one, before anything lowered its price'),
        kept: moneyOut.describe('Of one, what is not returned'),
        amount: moneyOut,
      }),
    ),
    included: z
      .array(z.object({ kind: z.enum(['fee', 'tax']), name: z.string(), amount: moneyOut }))
      .describe('Fees and tax that the total contains'),
    total: moneyOut,
    settled: z
      .array(
        z.object({
          by: z.enum(['payment', 'credit']),
          id: z.string().nullable().describe('Of the payment or the refund'),
          amount: moneyOut,
        }),
      )
      .describe('How the total was paid, or how it went back'),
    corrects: z.string().nullable().describe('The number of the document it takes back'),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Document' });

export function documentView(document: Document): z.input<typeof documentSchema> {
  const { kind, content, currency, sourceId, orderId } = document;
  const money = (amount: number) => ({ amount, currency });
  const { seller, recipient, event, soldAt, corrects, reason } = content;
  return {
    number: nameText(document),
    kind,
    issuedAt: document.madeAt.toISOString(),
    eventId: document.eventId,
    orderId,
    refundId: sourceId === orderId ? null : sourceId,
    ...{ seller, recipient, event, soldAt },
    lines: content.lines.map((line) => ({
      description: line.description,
      quantity: line.quantity,
      unitPrice: money(line.unitPriceMinor),
      listPrice: money(line.listPriceMinor),
      kept: money(line.keptMinor),
      amount: money(line.amountMinor),
    })),
    included: content.included.map(({ kind, name, amountMinor }) => ({
      kind,
      name,
      amount: money(amountMinor),
    })),
    total: money(document.totalMinor),
    settled: content.settled.map(({ by, id, amountMinor }) => ({
      by,
      id,
      amount: money(amountMinor),
    })),
    corrects,
    reason,
  };
}
