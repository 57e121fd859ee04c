/** What the simulated provider keeps, so that books have something to tie out. */
import { coarseness } from '../api/params.ts';

const PER_MILLE = 14;
const FIXED_MINOR = 25;
const DISPUTE_MINOR = 1_500;

/** 1.4 % and 25 minor units of a captured amount. */
export function standardFee(amountMinor: number, currency: string): number {
  return roundUp(Math.round((amountMinor * PER_MILLE) / 1_000) + FIXED_MINOR, currency);
}

/** For each dispute in which money moves, whoever wins it. */
export function disputeFee(currency: string): number {
  return roundUp(DISPUTE_MINOR, currency);
}

/** To a whole number of what the currency can be charged in. */
function roundUp(feeMinor: number, currency: string): number {
  const step = coarseness(currency);
  return Math.ceil(feeMinor / step) * step;
}
