/** What a promo code does to the price of a place: values in, value out. */

export type PromoTerms = {
  readonly kind: 'percent' | 'amount' | 'fixed_price' | 'unlock';
  /** Per cent, or minor units; 0 for one that only opens. */
  readonly value: number;
  /** Null: every ticket type. */
  readonly ticketTypeIds: readonly string[] | null;
  /** Whether it opens those of them that need a code. */
  readonly unlocks: boolean;
};

export function isFor(terms: PromoTerms, ticketTypeId: string): boolean {
  return terms.ticketTypeIds?.includes(ticketTypeId) ?? true;
}

/**
 * What one place costs with this code: never more than without it, never less than nothing. Of a
 * percentage the buyer gets the fraction of a unit: half of 9.99 is 4.99.
 */
export function priceWith(terms: PromoTerms, ticketTypeId: string, listMinor: number): number {
  if (!isFor(terms, ticketTypeId)) return listMinor;
  switch (terms.kind) {
    case 'percent': {
      const hundredths = listMinor * (100 - terms.value);
      return (hundredths - (hundredths % 100)) / 100;
    }
    case 'amount':
      return Math.max(0, listMinor - terms.value);
    case 'fixed_price':
      return Math.min(listMinor, terms.value);
    case 'unlock':
      return listMinor;
  }
}

/** Codes are compared in capitals; what people put around them does not count. */
export function asCompared(code: string): string {
  return code.trim().toUpperCase();
}

export function isCode(code: string): boolean {
  return /^[A-Z0-9][A-Z0-9_-]{2,39}$/.test(code);
}
