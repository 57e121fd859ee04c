/**
 * What a price contains. A price is what is paid, with every fee and tax in it; charges say how
 * much of it is what. All of it in integer minor units, shared out by largest remainder: the parts
 * of a price always add up to it, in currencies without a digit after the point as in those with
 * three (docs/decisions/0015).
 */
import { z } from 'zod';
import { type Currency, isCurrency } from './money.ts';
import { assert, type Issue } from './result.ts';
import { line, moneyIn, moneyOut } from './schemas.ts';

const FEES_MAX = 10;
/** A basis point is a hundredth of a per cent. */
const WHOLE_BASIS_POINTS = 10_000;

/** So much of each place, or such a part of its price. */
export type Fee = {
  readonly name: string;
  /** Whether it goes back when a buyer gives the place back; all of it does in any other case. */
  readonly refundable: boolean;
  readonly amountMinor?: number | undefined;
  readonly basisPoints?: number | undefined;
};

/** `tax` is contained in the price, fees and all: 1900 of 119.00 are 19.00. */
export type Charges = {
  readonly fees: readonly Fee[];
  readonly tax?: { readonly name: string; readonly basisPoints: number } | undefined;
};

export type PriceParts = {
  /** What is left of the price without its fees. */
  readonly baseMinor: number;
  readonly fees: readonly {
    readonly name: string;
    readonly refundable: boolean;
    readonly amountMinor: number;
  }[];
  /** Contained in all of the above. */
  readonly tax: { readonly name: string; readonly amountMinor: number } | null;
};

/**
 * The parts of one price: base and fees add up to it, the tax lies within. Where the fees are more
 * than the price, which a discount can bring about, they share it in proportion.
 */
export function partsOf(priceMinor: number, charges: Charges | null): PriceParts {
  assert(Number.isSafeInteger(priceMinor) && priceMinor >= 0, `not a price: ${priceMinor}`);
  const fees = charges?.fees ?? [];
  const price = BigInt(priceMinor);
  const whole = BigInt(WHOLE_BASIS_POINTS);
  const wanted = fees.map(({ amountMinor = 0, basisPoints = 0 }) => {
    return BigInt(amountMinor) * whole + price * BigInt(basisPoints);
  });
  const rest = price * whole - wanted.reduce((sum, fee) => sum + fee, 0n);
  const [baseMinor = 0, ...amounts] = shareOut(priceMinor, [rest > 0n ? rest : 0n, ...wanted]);
  const tax = charges?.tax;
  return {
    baseMinor,
    fees: fees.map(({ name, refundable }, i) => ({
      name,
      refundable,
      amountMinor: amounts[i] ?? 0,
    })),
    tax: tax ? { name: tax.name, amountMinor: containedIn(priceMinor, tax.basisPoints) } : null,
  };
}

function containedIn(priceMinor: number, basisPoints: number): number {
  const [, tax = 0] = shareOut(priceMinor, [BigInt(WHOLE_BASIS_POINTS), BigInt(basisPoints)]);
  return tax;
}

/** Whole units in these proportions that add up to `whole`; of equal remainders the first wins. */
export function shareOut(whole: number, weights: readonly bigint[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  // Nothing is asked for: it all stays where it is named first.
  if (total === 0n) return weights.map((_, i) => (i === 0 ? whole : 0));
  const exact = weights.map((weight) => BigInt(whole) * weight);
  const shares = exact.map((share) => share / total);
  let left = BigInt(whole) - shares.reduce((sum, share) => sum + share, 0n);
  const byRemainder = exact
    .map((share, i) => ({ i, remainder: share % total }))
    .sort((a, b) => (a.remainder === b.remainder ? a.i - b.i : a.remainder < b.remainder ? 1 : -1));
  for (const { i } of byRemainder) {
    if (left === 0n) break;
    shares[i] = (shares[i] ?? 0n) + 1n;
    left -= 1n;
  }
  return shares.map(Number);
}

/** What is kept of a price when its buyer gives the place back. */
export function keptOf(priceMinor: number, charges: Charges | null): number {
  return partsOf(priceMinor, charges)
    .fees.filter((fee) => !fee.refundable)
    .reduce((sum, fee) => sum + fee.amountMinor, 0);
}

const basisPoints = z
  .int()
  .min(1)
  .max(WHOLE_BASIS_POINTS)
  .describe('Hundredths of a per cent of the price: 250 are 2.5 %');

const feeIn = z
  .strictObject({
    name: line(60),
    amount: moneyIn.optional().describe('Of each ticket'),
    basisPoints: basisPoints.optional(),
    refundable: z
      .boolean()
      .describe('False: kept when a buyer gives the ticket back within their time'),
  })
  .refine((fee) => (fee.amount === undefined) !== (fee.basisPoints === undefined), {
    path: ['amount'],
    message: 'exactly one of amount and basisPoints is needed',
    params: { code: 'amount_or_basis_points' },
  });

/** Charges as requests say them. */
export const chargesIn = z
  .strictObject({
    fees: z.array(feeIn).max(FEES_MAX),
    tax: z
      .strictObject({ name: line(60), basisPoints: basisPoints.describe('2000 are 20 %') })
      .optional(),
  })
  .meta({
    id: 'ChargesInput',
    description: 'What the price of a ticket contains. A price is always what the buyer pays.',
  });

export const chargesOut = z
  .object({
    fees: z.array(
      z.object({
        name: z.string(),
        amount: moneyOut.optional(),
        basisPoints: z.int().optional(),
        refundable: z.boolean(),
      }),
    ),
    tax: z.object({ name: z.string(), basisPoints: z.int() }).optional(),
  })
  .meta({ id: 'Charges', description: 'What the price of a ticket contains' });

export function chargesFrom(input: z.output<typeof chargesIn>): Charges {
  return {
    fees: input.fees.map(({ name, refundable, amount, basisPoints: points }) => {
      return amount
        ? { name, refundable, amountMinor: amount.amount }
        : { name, refundable, basisPoints: points };
    }),
    ...(input.tax ? { tax: input.tax } : {}),
  };
}

export function chargesView(charges: Charges, currency: string): z.input<typeof chargesOut> {
  return {
    fees: charges.fees.map(({ name, refundable, amountMinor, basisPoints: points }) => ({
      name,
      ...(amountMinor === undefined ? {} : { amount: { amount: amountMinor, currency } }),
      ...(points === undefined ? {} : { basisPoints: points }),
      refundable,
    })),
    ...(charges.tax ? { tax: charges.tax } : {}),
  };
}

/** What is wrong with the charges of an event that sells in `currency`. */
export function chargesIssues(
  charges: z.output<typeof chargesIn> | null | undefined,
  currency: string,
): readonly Issue[] {
  assert(isCurrency(currency), `${currency} is a currency`);
  const fees = charges?.fees ?? [];
  const foreign = fees.flatMap(({ amount }, i) => {
    if (!amount || amount.currency === currency) return [];
    const path = `charges.fees.${i}.amount.currency`;
    return [{ path, code: 'wrong_currency', message: `must be the event's currency, ${currency}` }];
  });
  const points = fees.reduce((sum, fee) => sum + (fee.basisPoints ?? 0), 0);
  if (points <= WHOLE_BASIS_POINTS) return foreign;
  const message = 'fees together must not be more than the price';
  return [...foreign, { path: 'charges.fees', code: 'over_price', message }];
}

/** A column that holds charges or null; written by us, from `Charges`. */
export const chargesOrNull = (raw: unknown): Charges | null => {
  assert(raw === null || typeof raw === 'object', 'charges are an object');
  // The application writes it, from a value of that type.
  return raw as Charges | null;
};

/** One line of what a price or a total is made of. */
export const breakdownLine = z
  .object({
    kind: z.enum(['tickets', 'discount', 'fee', 'tax', 'credit']),
    name: z.string(),
    amount: moneyOut,
    included: z.boolean().describe('Contained in the lines that are not: those add up'),
  })
  .meta({ id: 'BreakdownLine' });

export type BreakdownLine = z.input<typeof breakdownLine>;

/** What so many places at these prices contain, line by line; each is shared out by itself. */
export function includedLines(
  places: readonly { readonly priceMinor: number; readonly quantity: number }[],
  charges: Charges | null,
  currency: string,
): readonly BreakdownLine[] {
  const parts = places.map(({ priceMinor, quantity }) => ({
    ...partsOf(priceMinor, charges),
    quantity,
  }));
  const sum = (amountOf: (part: (typeof parts)[number]) => number) =>
    parts.reduce((all, part) => all + part.quantity * amountOf(part), 0);
  const included = (kind: 'fee' | 'tax', name: string, amount: number): BreakdownLine => ({
    kind,
    name,
    amount: { amount, currency },
    included: true,
  });
  const fees = (charges?.fees ?? []).map(({ name }, i) =>
    included(
      'fee',
      name,
      sum((part) => part.fees[i]?.amountMinor ?? 0),
    ),
  );
  const tax = charges?.tax;
  return tax
    ? [
        ...fees,
        included(
          'tax',
          tax.name,
          sum((part) => part.tax?.amountMinor ?? 0),
        ),
      ]
    : fees;
}

/** The request that would make these charges once more. */
export function chargesAgain(charges: Charges, currency: Currency): z.output<typeof chargesIn> {
  return {
    fees: charges.fees.map(({ name, refundable, amountMinor, basisPoints: points }) => {
      return amountMinor === undefined
        ? { name, refundable, basisPoints: points }
        : { name, refundable, amount: { amount: amountMinor, currency } };
    }),
    tax: charges.tax,
  };
}
