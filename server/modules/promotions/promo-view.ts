/** Promo codes as requests say them and as answers show them. */
import { z } from 'zod';
import type { EventId } from '../../kernel/ids.ts';
import type { Issue } from '../../kernel/result.ts';
import { id, instant, line, moneyIn, moneyOut, timeOut } from '../../kernel/schemas.ts';
import type { PromoCodeRow, PromoFields } from './promo-code.sql.ts';
import { asCompared, isCode } from './rules.ts';

const TYPES_MAX = 100;
const USES_MAX = 1_000_000;
const TICKETS_MAX = 1_000;

/** Compared in capitals: `early-bird` is `EARLY-BIRD`. */
export const promoCode = z
  .string()
  .max(100)
  .transform(asCompared)
  .refine(isCode, {
    message: 'must have 3 to 40 letters of A to Z, digits, - and _, and not begin with either',
    params: { code: 'invalid_promo_code' },
  })
  .meta({ type: 'string', minLength: 3, maxLength: 100, examples: ['EARLY-BIRD'] });

const kind = z.enum(['percent', 'amount', 'fixed_price', 'unlock']);

export const termsShape = {
  kind: kind.describe('Per cent off, an amount off, or a price for each ticket; or only opens'),
  percent: z.int().min(1).max(100).optional().describe('Of kind percent'),
  amount: moneyIn.optional().describe('Of kind amount or fixed_price'),
  ticketTypeIds: z
    .array(id('tt'))
    .min(1)
    .max(TYPES_MAX)
    .nullable()
    .optional()
    .describe('What it is for; default: every ticket type'),
  unlocks: z
    .boolean()
    .optional()
    .describe('Opens those of them that need a code; one of kind unlock always does'),
  validFrom: instant.nullable().optional(),
  validUntil: instant.nullable().optional(),
  maxUses: z
    .int()
    .min(1)
    .max(USES_MAX)
    .nullable()
    .optional()
    .describe('By how many orders it may be used; null: any number'),
  maxTickets: z
    .int()
    .min(1)
    .max(TICKETS_MAX)
    .nullable()
    .optional()
    .describe('For how many tickets of one order it may be used'),
};

export const termsIn = z.strictObject(termsShape).meta({ id: 'PromoCodeTerms' });
export const promoIn = z
  .strictObject({ code: promoCode, ...termsShape })
  .meta({ id: 'PromoCodeInput' });

export type TermsInput = z.output<typeof termsIn>;

export const promoSchema = z
  .object({
    code: z.string(),
    kind,
    percent: z.int().nullable(),
    amount: moneyOut.nullable(),
    ticketTypeIds: z.array(z.string()).nullable(),
    unlocks: z.boolean(),
    validFrom: timeOut.nullable(),
    validUntil: timeOut.nullable(),
    maxUses: z.int().nullable(),
    maxTickets: z.int().nullable(),
    batch: z.string().nullable(),
    disabled: z.boolean(),
    uses: z
      .object({ orders: z.int(), tickets: z.int() })
      .describe('By orders that are pending or were confirmed'),
    createdAt: timeOut,
  })
  .meta({ id: 'PromoCode' });

export type PromoView = z.input<typeof promoSchema>;

export function promoView(
  row: PromoCodeRow,
  currency: string,
  uses: { readonly orders: number; readonly tickets: number },
): PromoView {
  const isMoney = row.kind === 'amount' || row.kind === 'fixed_price';
  return {
    code: row.code,
    kind: row.kind,
    percent: row.kind === 'percent' ? row.value : null,
    amount: isMoney ? { amount: row.value, currency } : null,
    ticketTypeIds: row.ticketTypeIds ? [...row.ticketTypeIds] : null,
    unlocks: row.unlocks,
    validFrom: row.validFrom?.toISOString() ?? null,
    validUntil: row.validUntil?.toISOString() ?? null,
    maxUses: row.maxUses,
    maxTickets: row.maxTickets,
    batch: row.batch,
    disabled: row.disabledAt !== null,
    uses,
    createdAt: row.madeAt.toISOString(),
  };
}

/** The event that codes are for, as far as they have to agree with it. */
export type CodesOf = {
  readonly eventId: EventId;
  readonly currency: string;
  readonly ticketTypeIds: readonly string[];
};

/** Everything that contradicts itself or the event, each with its place. */
export function termsIssues(terms: TermsInput, event: CodesOf): readonly Issue[] {
  const found: Issue[] = [];
  const refuse = (path: string, code: string, message: string) =>
    found.push({ path, code, message });
  const wantsMoney = terms.kind === 'amount' || terms.kind === 'fixed_price';
  if ((terms.kind === 'percent') !== (terms.percent !== undefined)) {
    refuse('percent', 'wrong_kind', 'goes with kind percent, and with no other');
  }
  if (wantsMoney !== (terms.amount !== undefined)) {
    refuse('amount', 'wrong_kind', 'goes with the kinds amount and fixed_price, and with no other');
  }
  if (terms.kind === 'amount' && terms.amount?.amount === 0) {
    refuse('amount', 'nothing_off', 'must be more than nothing');
  }
  if (terms.amount && terms.amount.currency !== event.currency) {
    const message = `must be the event's currency, ${event.currency}`;
    refuse('amount.currency', 'wrong_currency', message);
  }
  if (terms.kind === 'unlock' && terms.unlocks === false) {
    refuse('unlocks', 'wrong_kind', 'a code of kind unlock opens');
  }
  for (const [i, ticketTypeId] of (terms.ticketTypeIds ?? []).entries()) {
    if (event.ticketTypeIds.includes(ticketTypeId)) continue;
    refuse(`ticketTypeIds.${i}`, 'unknown_ticket_type', 'is not a ticket type of this event');
  }
  const { validFrom, validUntil } = terms;
  if (validFrom && validUntil && validUntil <= validFrom) {
    refuse('validUntil', 'ends_before_start', 'must be after validFrom');
  }
  return found;
}

export function fieldsOf(terms: TermsInput): PromoFields {
  return {
    kind: terms.kind,
    value: terms.percent ?? terms.amount?.amount ?? 0,
    ticketTypeIds: terms.ticketTypeIds ? [...new Set(terms.ticketTypeIds)] : null,
    unlocks: terms.kind === 'unlock' || (terms.unlocks ?? false),
    validFrom: terms.validFrom ?? null,
    validUntil: terms.validUntil ?? null,
    maxUses: terms.maxUses ?? null,
    maxTickets: terms.maxTickets ?? null,
  };
}

export const batchName = line(100);
