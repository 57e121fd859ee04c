import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DocumentName,
  kindOfSale,
  nameText,
  parseName,
  returnContent,
  saleContent,
  totalOf,
} from './rules-document.ts';

const told = {
  seller: { name: 'Halle Nord', address: null, taxId: null },
  recipient: { name: 'Ada', email: 'a@example.org', company: null, address: null, taxId: null },
  event: { name: 'Night', startsAt: '', timezone: 'UTC', venueName: null },
  timezone: 'UTC',
  soldAt: '',
};
const names = new Map([['tt_1', 'Stalls']]);

describe('the number of a document', () => {
  it('is read as it is written, and nothing else is', () => {
    const name = fc.record({
      kind: fc.constantFrom<DocumentName['kind']>('receipt', 'invoice', 'credit_note'),
      year: fc.integer({ min: 2_000, max: 9_999 }),
      number: fc.integer({ min: 1, max: 999_999_999 }),
    });
    fc.assert(
      fc.property(name, (one) => {
        expect(parseName(nameText(one))).toEqual(one);
      }),
    );
    const others = ['R-2035-17', 'R-2035-0000017', 'X-2035-000017', 'r-2035-000017', ''];
    for (const text of others) expect(parseName(text)).toBeNull();
  });
});

describe('what a document says', () => {
  it('of a sale are its lines, an invoice where there is an address', () => {
    const lines = [
      { ticketTypeId: 'tt_1', quantity: 3, unitPriceMinor: 900, listPriceMinor: 1000 },
    ];
    const content = saleContent(told, { lines }, names, [], []);
    expect(content.lines).toEqual([
      expect.objectContaining({ description: 'Stalls', amountMinor: 2_700, listPriceMinor: 1_000 }),
    ]);
    expect(kindOfSale(told.recipient)).toBe('receipt');
    expect(kindOfSale({ ...told.recipient, address: '1 Main Street' })).toBe('invoice');
  });

  it('of a return always makes up what went back, whatever was kept or given', () => {
    const line = fc.record({
      ticketTypeId: fc.constantFrom('tt_1', 'tt_2'),
      quantity: fc.integer({ min: 1, max: 20 }),
      unitPriceMinor: fc.integer({ min: 100, max: 10_000 }),
      keptMinor: fc.integer({ min: 0, max: 100 }),
    });
    const settled = fc.record({
      by: fc.constantFrom<'payment' | 'credit'>('payment', 'credit'),
      id: fc.constant('ref_1'),
      amountMinor: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(line), fc.array(settled, { minLength: 1 }), (lines, went) => {
        const how = { settled: went, included: [], corrects: 'R-2035-000001', reason: 'Ill' };
        const content = returnContent(told, lines, names, how);
        expect(totalOf(content.lines)).toBe(totalOf(went));
      }),
    );
  });
});
