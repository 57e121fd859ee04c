import { describe, expect, it } from 'vitest';
import { pagesOf } from '../../../test/kit/papers.ts';
import { drawDocument } from './draw-document.ts';
import type { Document, DocumentContent } from './rules-document.ts';
import { ticketFonts } from './ticket-fonts.ts';

const fonts = await ticketFonts();

const line = {
  description: 'Stalls',
  quantity: 2,
  unitPriceMinor: 4_500,
  listPriceMinor: 4_500,
  keptMinor: 0,
  amountMinor: 9_000,
};

function document(content: Partial<DocumentContent> = {}, more: Partial<Document> = {}): Document {
  return {
    ...{ kind: 'invoice', year: 2035, number: 17, organizerId: 'org_1', seq: 40 },
    ...{ eventId: 'evt_1', orderId: 'ord_1', sourceId: 'ord_1', totalMinor: 9_000 },
    currency: 'EUR',
    madeAt: new Date('2035-05-02T22:30:00Z'),
    content: {
      seller: {
        name: 'Halle Nord Konzerte GmbH',
        address: 'Hafenstraße 12\n20457 Hamburg\nGermany',
        taxId: 'DE123456789',
      },
      recipient: {
        name: 'Ada Lovelace',
        email: 'ada@example.org',
        company: 'Analytical Engines Ltd',
        address: '12 St James’s Square\nLondon SW1Y 4JH',
        taxId: 'GB123456789',
      },
      event: {
        name: 'Nachtschicht',
        startsAt: '2035-06-01T18:00:00.000Z',
        timezone: 'Europe/Berlin',
        venueName: 'Halle Nord',
      },
      timezone: 'Europe/Berlin',
      soldAt: '2035-05-02T22:29:58.000Z',
      lines: [line],
      included: [{ kind: 'tax', name: 'VAT 19 %', amountMinor: 1_437 }],
      settled: [{ by: 'payment', id: 'pay_1', amountMinor: 9_000 }],
      corrects: null,
      reason: null,
      ...content,
    },
    ...more,
  };
}

const textOf = async (one: Document) => (await pagesOf(await bytesOf(one))).join('\n');
const bytesOf = async (one: Document) => new Uint8Array(await drawDocument(one, fonts));

describe('a document on paper', () => {
  it('says who sells what to whom, for how much, and when by the seller’s clock', async () => {
    const text = await textOf(document());
    for (const said of [
      ...['Invoice I-2035-000017', 'Thursday, 3 May 2035', 'Order ord_1'],
      ...['Halle Nord Konzerte GmbH', 'Hafenstraße 12', 'Tax ID DE123456789'],
      ...['Analytical Engines Ltd', 'Ada Lovelace', 'London SW1Y 4JH', 'Tax ID GB123456789'],
      ...[
        'Nachtschicht',
        'Stalls',
        '€45.00',
        '€90.00',
        'Contains VAT 19 %',
        '€14.37',
        'Paid: €90.00',
        'pay_1',
      ],
    ]) {
      expect(text).toContain(said);
    }
  });

  it('of a return names what it takes back, and what is kept', async () => {
    const returned = { ...line, keptMinor: 250, amountMinor: 8_500 };
    const credit = { by: 'credit', id: 'ref_1', amountMinor: 8_500 } as const;
    const text = await textOf(
      document(
        { lines: [returned], settled: [credit], corrects: 'R-2035-000003', reason: 'Ill' },
        { kind: 'credit_note', totalMinor: 8_500 },
      ),
    );
    for (const said of [
      ...['Credit note C-2035-000017', 'R-2035-000003', 'Reason: Ill'],
      ...['Less €2.50 each', 'Returned as credit: €85.00'],
    ]) {
      expect(text).toContain(said);
    }
  });

  it('writes names of many scripts, and tells what it cannot', async () => {
    const names = { ...document().content.recipient, company: 'Ελλάδα Київ Žižka', name: '山田' };
    const text = await textOf(document({ recipient: names }));
    for (const said of ['Ελλάδα', 'Київ', 'Žižka', 'U+5C71 U+7530']) expect(text).toContain(said);
  });

  it('goes on over as many pages as it has lines', async () => {
    const lines = Array.from({ length: 60 }, (_, i) => ({ ...line, description: `Type ${i + 1}` }));
    const pages = await pagesOf(await bytesOf(document({ lines }, { totalMinor: 540_000 })));
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.at(-1)).toContain('€5,400.00');
    for (const { description } of lines) expect(pages.join('\n')).toContain(description);
  });

  it('is the same to the byte each time', async () => {
    expect(await bytesOf(document())).toEqual(await bytesOf(document()));
  });
});
