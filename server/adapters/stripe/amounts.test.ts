/** Money as Stripe counts it, as a table; and back again for whatever can be charged. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Currency,
  isCurrency,
  MAX_CHARGE_MINOR,
  minorUnitDigits,
} from '../../kernel/money.ts';
import { fromStripeAmount, toStripeAmount } from './amounts.ts';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const currencies = LETTERS.flatMap((a) =>
  LETTERS.flatMap((b) => LETTERS.map((c) => a + b + c)),
).filter(isCurrency);

describe('an amount', () => {
  it.each<[Currency, number, number | null]>([
    ['EUR', 2_500, 2_500],
    ['USD', 1, 1],
    ['JPY', 2_500, 2_500],
    ['KRW', 50_000, 50_000],
    // Sent as hundredths although the króna has none.
    ['ISK', 2_500, 250_000],
    ['UGX', 50_000, 5_000_000],
    ['ISK', 1_000_000, null],
    // Sent whole although the ariary has fifths.
    ['MGA', 250_000, 2_500],
    ['MGA', 250_020, null],
    // Three digits, of which the last is 0.
    ['KWD', 1_500, 1_500],
    ['KWD', 1_505, null],
    ['BHD', 10, 10],
    ['JOD', 1, null],
    ['OMR', 12_340, 12_340],
    ['TND', 12_345, null],
    ['HUF', 150_000, 150_000],
    ['TWD', 30_000, 30_000],
    ['EUR', MAX_CHARGE_MINOR, MAX_CHARGE_MINOR],
    ['EUR', MAX_CHARGE_MINOR + 1, null],
  ])('D3 of %s: %i minor units are %s for Stripe', (currency, amountMinor, amount) => {
    expect(toStripeAmount(amountMinor, currency)).toBe(amount);
    if (amount !== null) expect(fromStripeAmount(amount, currency)).toBe(amountMinor);
  });

  it('D3 comes back as it was, in every currency, and most whole amounts can be charged', () => {
    expect(currencies.length).toBeGreaterThan(150);
    let refused = 0;
    const cases = fc.record({
      currency: fc.constantFrom(...currencies),
      whole: fc.integer({ min: 1, max: 9_999 }),
    });
    fc.assert(
      fc.property(cases, ({ currency, whole }) => {
        const amountMinor = whole * 10 ** minorUnitDigits(currency);
        const amount = toStripeAmount(amountMinor, currency);
        if (amount === null) refused += 1;
        else expect(fromStripeAmount(amount, currency)).toBe(amountMinor);
      }),
      { numRuns: 500 },
    );
    expect(refused).toBe(0);
  });

  it('D3 of a part of a whole króna is a fault, not a rounding', () => {
    expect(() => fromStripeAmount(250_050, 'ISK')).toThrow('a part of a whole ISK');
  });
});
