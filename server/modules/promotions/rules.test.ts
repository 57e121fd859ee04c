import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asCompared, isCode, type PromoTerms, priceWith } from './rules.ts';

const code = (kind: PromoTerms['kind'], value: number, ticketTypeIds: string[] | null = null) => ({
  kind,
  value,
  ticketTypeIds,
  unlocks: kind === 'unlock',
});

describe('A3 the price of a place with a code', () => {
  it.each([
    [code('percent', 50), 999, 499],
    [code('percent', 100), 2_500, 0],
    [code('percent', 1), 1, 0],
    [code('percent', 15), 12_345, 10_493],
    [code('amount', 500), 2_500, 2_000],
    [code('amount', 500), 300, 0],
    [code('fixed_price', 1_000), 2_500, 1_000],
    [code('fixed_price', 3_000), 2_500, 2_500],
    [code('fixed_price', 0), 2_500, 0],
    [code('unlock', 0), 2_500, 2_500],
    [code('percent', 50, ['tt_b']), 1_000, 1_000],
    [code('percent', 50, ['tt_a', 'tt_b']), 1_000, 500],
  ])('%o makes %i %i', (terms, list, price) => {
    expect(priceWith(terms, 'tt_a', list)).toBe(price);
  });

  it('is a whole number between nothing and the list price', () => {
    const kinds = fc.constantFrom<PromoTerms['kind']>('percent', 'amount', 'fixed_price', 'unlock');
    const prices = fc.integer({ min: 0, max: 99_999_999 });
    fc.assert(
      fc.property(
        kinds,
        fc.integer({ min: 1, max: 100 }),
        prices,
        prices,
        (kind, pct, off, list) => {
          const price = priceWith(code(kind, kind === 'percent' ? pct : off), 'tt_a', list);
          expect(Number.isSafeInteger(price) && price >= 0 && price <= list).toBe(true);
        },
      ),
    );
  });
});

it('a code is compared in capitals, without what stands around it', () => {
  expect(asCompared(' early-bird ')).toBe('EARLY-BIRD');
  expect(['EARLY-BIRD', 'A1B', '2035_MAY'].every(isCode)).toBe(true);
  expect(['AB', '-AB', 'A B', 'ÄB1', 'A'.repeat(41), ''].some(isCode)).toBe(false);
});
