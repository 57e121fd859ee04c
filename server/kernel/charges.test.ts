/** A price and its parts: they add up, whatever the currency, the fees and the discount. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Charges, includedLines, keptOf, partsOf, shareOut } from './charges.ts';
import { MAX_CHARGE_MINOR } from './money.ts';

const fee = (amountMinor: number, refundable = false) => ({
  name: 'Booking',
  refundable,
  amountMinor,
});
const part = (basisPoints: number, refundable = true) => ({
  name: 'Service',
  refundable,
  basisPoints,
});

describe('A1 the parts of a price', () => {
  it.each([
    // EUR 25.00 with a fee of 2.00 and 19 % of it all: 3.99 of 25.00.
    [2_500, { fees: [fee(200)], tax: { name: 'VAT', basisPoints: 1_900 } }, 2_300, [200], 399],
    // 2.5 % of 9.99 are 0.24975.
    [999, { fees: [part(250)] }, 974, [25], null],
    // Yen have no digits: 8 % consumption tax of 1,000 are 74.07.
    [1_000, { fees: [part(333)], tax: { name: 'Tax', basisPoints: 800 } }, 967, [33], 74],
    // Dinars have three: 12.345 with two fees of a third each.
    [12_345, { fees: [part(3_333), part(3_333)] }, 4_116, [4_115, 4_114], null],
    // A discount may leave less than the fees: they share it.
    [100, { fees: [fee(200), fee(100)] }, 0, [67, 33], null],
    [0, { fees: [fee(200), part(500)], tax: { name: 'VAT', basisPoints: 2_000 } }, 0, [0, 0], 0],
  ] satisfies [number, Charges, number, number[], number | null][])(
    'of %i with %o',
    (price, charges, base, fees, tax) => {
      const parts = partsOf(price, charges);
      expect(parts.baseMinor).toBe(base);
      expect(parts.fees.map(({ amountMinor }) => amountMinor)).toEqual(fees);
      expect(parts.tax?.amountMinor ?? null).toBe(tax);
    },
  );

  it('without charges are the price', () => {
    expect(partsOf(2_500, null)).toEqual({ baseMinor: 2_500, fees: [], tax: null });
  });

  const price = fc.integer({ min: 0, max: MAX_CHARGE_MINOR });
  const charges: fc.Arbitrary<Charges> = fc.record({
    fees: fc.array(
      fc.record({
        name: fc.constant('Fee'),
        refundable: fc.boolean(),
        amountMinor: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 10_000 })),
        basisPoints: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 10_000 })),
      }),
      { maxLength: 10 },
    ),
    tax: fc.option(
      fc.record({ name: fc.constant('Tax'), basisPoints: fc.integer({ min: 1, max: 10_000 }) }),
      { nil: undefined },
    ),
  });

  it('always add up, and none is less than nothing', () => {
    fc.assert(
      fc.property(price, charges, (whole, of) => {
        const { baseMinor, fees, tax } = partsOf(whole, of);
        const amounts = [baseMinor, ...fees.map(({ amountMinor }) => amountMinor)];
        expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBe(whole);
        expect(amounts.every((amount) => Number.isSafeInteger(amount) && amount >= 0)).toBe(true);
        const contained = tax?.amountMinor ?? 0;
        expect(contained >= 0 && contained <= whole).toBe(true);
        const kept = keptOf(whole, of);
        expect(kept >= 0 && kept <= whole).toBe(true);
      }),
    );
  });

  it('are each within one unit of what they are exactly', () => {
    fc.assert(
      fc.property(
        price,
        fc.array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { minLength: 1 }),
        (whole, weights) => {
          const total = weights.reduce((sum, weight) => sum + weight, 0n);
          fc.pre(total > 0n);
          for (const [i, share] of shareOut(whole, weights).entries()) {
            const off = BigInt(share) * total - BigInt(whole) * (weights[i] ?? 0n);
            expect(off < total && off > -total).toBe(true);
          }
        },
      ),
    );
  });

  it('of several places are the sums of the parts of each', () => {
    const of: Charges = { fees: [part(333)], tax: { name: 'VAT', basisPoints: 700 } };
    const lines = includedLines(
      [
        { priceMinor: 1_000, quantity: 3 },
        { priceMinor: 500, quantity: 1 },
      ],
      of,
      'EUR',
    );
    expect(lines.map(({ kind, amount }) => [kind, amount.amount])).toEqual([
      ['fee', 3 * 33 + 17],
      ['tax', 3 * 65 + 33],
    ]);
  });
});
