/**
 * Stripe counts money almost as ISO 4217 does (docs.stripe.com/currencies): what differs is
 * translated here, both ways, and what cannot be charged is said before anybody is asked.
 *
 *   ISK, UGX   no minor unit any more, but sent as hundredths that are always 00
 *   MGA        has fifths, but is sent in whole ariary
 *   three digits (KWD, …)   the last digit is always 0
 */
import { type Currency, MAX_CHARGE_MINOR, minorUnitDigits } from '../../kernel/money.ts';
import { assert } from '../../kernel/result.ts';

const IN_HUNDREDTHS: ReadonlySet<Currency> = new Set(['ISK', 'UGX']);
const IN_WHOLE: ReadonlySet<Currency> = new Set(['MGA']);

/** What Stripe is to be told, or null where it takes no such amount. */
export function toStripeAmount(amountMinor: number, currency: Currency): number | null {
  const amount = IN_HUNDREDTHS.has(currency)
    ? amountMinor * 100
    : IN_WHOLE.has(currency)
      ? amountMinor / 100
      : amountMinor;
  const isWhole = Number.isSafeInteger(amount);
  const fits = minorUnitDigits(currency) < 3 || amount % 10 === 0;
  return isWhole && fits && amount <= MAX_CHARGE_MINOR ? amount : null;
}

export function fromStripeAmount(amount: number, currency: Currency): number {
  if (IN_WHOLE.has(currency)) return amount * 100;
  if (!IN_HUNDREDTHS.has(currency)) return amount;
  assert(amount % 100 === 0, `Stripe counts a part of a whole ${currency}: ${amount}`);
  return amount / 100;
}
