/**
 * Schemas for form parameters, and their failures in Stripe's words. Values arrive as text; a
 * parameter that the sandbox does not know is refused, so that nobody relies on it in vain.
 */
import { z } from 'zod';
import { ok } from '../../kernel/result.ts';
import type { Metadata } from '../objects.ts';
import type { Outcome } from '../world.ts';
import { invalidParams } from './errors.ts';
import type { Form } from './form.ts';

const MAX_TEXT_CHARS = 5_000;
const MAX_AMOUNT_MINOR = 99_999_999;
const MAX_METADATA_KEYS = 50;
const MAX_METADATA_KEY_CHARS = 40;
const MAX_METADATA_VALUE_CHARS = 500;
const MAX_LIST = 100;

type Say = z.core.$RefinementCtx<unknown>;

function say(context: Say, message: string, code?: string): typeof z.NEVER {
  context.addIssue({ code: 'custom', message, params: { code } });
  return z.NEVER;
}

export function integer(min: number, max: number) {
  return z.string().transform((raw, context) => {
    const value = /^-?\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
    if (Number.isNaN(value)) {
      return say(context, `Invalid integer: ${raw}`, 'parameter_invalid_integer');
    }
    if (value < min) {
      const message = `This value must be greater than or equal to ${min}.`;
      return say(context, message, 'parameter_invalid_integer');
    }
    if (value > max) {
      return say(context, `This value must be less than or equal to ${max}.`, 'amount_too_large');
    }
    return value;
  });
}

export const amount = integer(1, MAX_AMOUNT_MINOR);
export const unixTime = integer(0, 99_999_999_999);
const limit = integer(1, 100);

export const flag = z.enum(['true', 'false']).transform((raw) => raw === 'true');

export const text = z.string().min(1).max(MAX_TEXT_CHARS);

/** Text where the empty value unsets what was there. */
export const textOrUnset = z
  .string()
  .max(MAX_TEXT_CHARS)
  .transform((raw) => (raw === '' ? null : raw));

export const absoluteUrl = z
  .string()
  .max(MAX_TEXT_CHARS)
  .transform((raw, context) => {
    const protocol = URL.canParse(raw) ? new URL(raw).protocol : '';
    if (protocol !== 'http:' && protocol !== 'https:') {
      return say(context, `Not a valid URL: ${raw.slice(0, 80)}`, 'url_invalid');
    }
    return raw;
  });

const ZERO_DECIMAL = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');
const THREE_DECIMAL = 'bhd jod kwd omr tnd'.split(' ');
const CURRENCIES = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

export function minorDigits(currency: string): number {
  if (ZERO_DECIMAL.includes(currency)) return 0;
  return THREE_DECIMAL.includes(currency) ? 3 : 2;
}

/** Sent as hundredths, as ever, although they have no parts any more. */
const WHOLE_ONLY = ['isk', 'ugx'];

/** What an amount must be a multiple of: of three decimals the last one is always 0. */
export function coarseness(currency: string): number {
  if (WHOLE_ONLY.includes(currency)) return 100;
  return minorDigits(currency) < 3 ? 1 : 10;
}

export function fitsCurrency(amountMinor: number, currency: string): boolean {
  return amountMinor % coarseness(currency) === 0;
}

export function misfit(currency: string): string {
  return `An amount in ${currency} must be a multiple of ${coarseness(currency)}.`;
}

export const currency = z.string().transform((raw, context) => {
  const code = raw.toLowerCase();
  return CURRENCIES.has(code) ? code : say(context, `Invalid currency: ${raw.slice(0, 20)}`);
});

export function list<S extends z.ZodType>(item: S) {
  return z.preprocess((raw) => {
    if (typeof raw !== 'object' || raw === null) return raw;
    const entries = Object.entries(raw);
    const indexed = entries.every(([index], i) => index === String(i));
    return indexed ? entries.map(([, value]) => value) : raw;
  }, z.array(item).max(MAX_LIST));
}

/** The whole unset by '', a key by an empty value. */
export const metadata = z.union([
  z.literal(''),
  z
    .record(z.string().max(MAX_METADATA_KEY_CHARS), z.string().max(MAX_METADATA_VALUE_CHARS))
    .refine((given) => Object.keys(given).length <= MAX_METADATA_KEYS, {
      message: `Metadata can have up to ${MAX_METADATA_KEYS} keys.`,
    }),
]);

export function withMetadata(
  before: Metadata,
  change: z.output<typeof metadata> | undefined,
): Metadata {
  if (change === undefined) return before;
  if (change === '') return {};
  const merged = Object.entries({ ...before, ...change }).filter(([, value]) => value !== '');
  return Object.fromEntries(merged);
}

export const page = { limit: limit.optional(), starting_after: text.optional() };

/** `created=…` or `created[gte]=…`; read as a closed interval of whole seconds. */
export const createdFilter = z.union([
  unixTime,
  z.strictObject({
    gt: unixTime.optional(),
    gte: unixTime.optional(),
    lt: unixTime.optional(),
    lte: unixTime.optional(),
  }),
]);

export function createdInterval(filter: z.output<typeof createdFilter> | undefined): {
  readonly createdFromS?: number;
  readonly createdToS?: number;
} {
  if (filter === undefined) return {};
  if (typeof filter === 'number') return { createdFromS: filter, createdToS: filter };
  const from = Math.max(filter.gte ?? 0, filter.gt === undefined ? 0 : filter.gt + 1);
  const to = Math.min(
    filter.lte ?? Number.MAX_SAFE_INTEGER,
    filter.lt === undefined ? Number.MAX_SAFE_INTEGER : filter.lt - 1,
  );
  return { createdFromS: from, createdToS: to };
}

export function readParams<S extends z.ZodType>(schema: S, form: Form): Outcome<z.output<S>> {
  const parsed = schema.safeParse(form);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  if (!issue) return invalidParams('Invalid request.');
  return refusalOf(issue, form);
}

function refusalOf(issue: z.core.$ZodIssue, form: Form): Outcome<never> {
  if (issue.code === 'unrecognized_keys') {
    const param = nameOf([...issue.path, issue.keys[0] ?? '']);
    return invalidParams(`Received unknown parameter: ${param}`, {
      code: 'parameter_unknown',
      param,
    });
  }
  const param = nameOf(issue.path);
  const given = valueAt(form, issue.path);
  if (given === undefined) {
    return invalidParams(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  }
  if (given === '') {
    const message = `You passed an empty string for '${param}'.`;
    return invalidParams(message, { code: 'parameter_invalid_empty', param });
  }
  if (issue.code === 'custom') {
    const code = issue.params?.['code'];
    return invalidParams(issue.message, { param, ...(typeof code === 'string' ? { code } : {}) });
  }
  if (issue.code === 'invalid_value') {
    return invalidParams(`Invalid ${param}: must be one of ${issue.values.join(', ')}`, { param });
  }
  return invalidParams(`Invalid ${param}: ${issue.message}`, { param });
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.map((part, i) => (i === 0 ? String(part) : `[${String(part)}]`)).join('');
}

function valueAt(form: Form, path: readonly PropertyKey[]): unknown {
  let at: string | Form | undefined = form;
  for (const part of path) {
    if (at === undefined || typeof at === 'string') return undefined;
    at = at[String(part)];
  }
  return at;
}
