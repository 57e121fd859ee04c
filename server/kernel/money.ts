/**
 * Money is an integer number of a currency's minor units, and never a float: neither in here nor
 * on its way to a page, where the engine is given decimal text.
 */
import { assert, present } from './result.ts';

/**
 * ISO 4217 list one, as published 2026-09-17 by the maintenance agency (SIX): currencies that a
 * ticket can be priced in, by the number of digits after the point. Left out are funds and units
 * of account (BOV CHE CHW CLF COU MXV USN UYI UYW XAD), metals, XDR, XSU, XUA, XTS and XXX.
 *
 * Not the engine's table: CLDR shows prices as shops print them, and gives HUF, IQD, LAK, PKR and
 * ten more currencies no digits at all.
 *
 * A payment provider may count differently (Stripe takes ISK and UGX in hundredths, MGA whole, and
 * wants a multiple of ten where there are three digits): that belongs to its adapter.
 */
const CODES = {
  0: ['BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'],
  2: [
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD',
    'CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD',
    'GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL',
    'MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN',
    'PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP',
    'SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG',
  ],
  3: ['BHD IQD JOD KWD LYD OMR TND'],
} as const;

type Words<Line extends string> = Line extends `${infer Word} ${infer Rest}`
  ? Word | Words<Rest>
  : Line;

/** A code of the table above, in capitals. */
export type Currency = Words<(typeof CODES)[keyof typeof CODES][number]>;

/** Made by `money` only, so that no float and no unknown currency gets in. */
export type Money = {
  /** Minor units: cents of a EUR, yen, fils of a KWD. May be negative: a difference. */
  readonly amount: number;
  readonly currency: Currency;
} & { readonly __money: true };

/**
 * The most that one charge can be, in minor units. Stripe: "The amount value supports up to eight
 * digits (e.g., a value of 99999999 for a USD charge of $999,999.99)", in the reference of
 * `PaymentIntent.amount` (stripe 23.1.0, PaymentIntents.d.ts). Sums over many orders may be more.
 */
export const MAX_CHARGE_MINOR = 99_999_999;

const DIGITS: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES).flatMap(([digits, lines]) =>
    lines.flatMap((line) =>
      line.split(' ').map((code): [string, number] => [code, Number(digits)]),
    ),
  ),
);

export function isCurrency(code: string): code is Currency {
  return DIGITS.has(code);
}

/** 0, 2 or 3. */
export function minorUnitDigits(currency: Currency): number {
  return present(DIGITS.get(currency), `currency ${currency}`);
}

export function money(amount: number, currency: Currency): Money {
  assert(Number.isSafeInteger(amount), `not a safe integer of minor units: ${amount}`);
  // `|| 0` turns -0 into 0. The brand is given here, after the check, and nowhere else.
  return { amount: amount || 0, currency } as Money;
}

/** Currencies must agree: adding two of them is a bug. */
export function add(a: Money, b: Money): Money {
  assert(a.currency === b.currency, `${a.currency} added to ${b.currency}`);
  return money(a.amount + b.amount, a.currency);
}

export function multiply(price: Money, quantity: number): Money {
  assert(Number.isSafeInteger(quantity), `not a whole quantity: ${quantity}`);
  return money(price.amount * quantity, price.currency);
}

/** Whether a payment provider would take it: not negative, at most eight digits. */
export function isChargeable(sum: Money): boolean {
  return sum.amount >= 0 && sum.amount <= MAX_CHARGE_MINOR;
}

/**
 * A price as people type it, `45` or `45.00`, or null. Digits are counted, not rounded: `45.001`
 * euros and `4500.00` yen are refused, and so is a sign, a comma and more than can be charged.
 */
export function parsePrice(text: string, currency: Currency): Money | null {
  const found = /^(0|[1-9]\d{0,7})(?:\.(\d{1,3}))?$/.exec(text);
  const digits = minorUnitDigits(currency);
  const [, whole = '', fraction = ''] = found ?? [];
  if (!found || fraction.length > digits) return null;
  const price = money(Number(whole + fraction.padEnd(digits, '0')), currency);
  return isChargeable(price) ? price : null;
}

/** For pages and mails, always with all of the currency's digits. `locale` is one that we offer. */
export function formatMoney(sum: Money, locale: string): string {
  const digits = minorUnitDigits(sum.currency);
  const padded = String(Math.abs(sum.amount)).padStart(digits + 1, '0');
  const point = padded.length - digits;
  const text = `${sum.amount < 0 ? '-' : ''}${padded.slice(0, point)}.${padded.slice(point)}0`;
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: sum.currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  // Decimal text, built above from digits: the engine formats it without making it a float.
  return format.format(text as `${number}`);
}
