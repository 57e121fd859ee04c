/** The shapes that requests and answers are made of. */
import { z } from 'zod';
import { type Id, isId, type RootPrefix, type ScopedPrefix } from './ids.ts';
import { isCurrency, MAX_CHARGE_MINOR } from './money.ts';
import { isTimeZone, parseInstant } from './time.ts';

/** Control characters, bidirectional overrides and zero-width marks: never part of a name. */
const UNSEEN = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
const UNSEEN_BUT_BREAKS = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069\ufeff]/u;
const EMAIL_MAX_CHARS = 254;

const normalise = (text: string): string => text.normalize('NFC').trim();

/** One line of text for people: trimmed, NFC, without anything that cannot be seen. */
export function line(maxChars: number, minChars = 1) {
  return z
    .string()
    .max(maxChars * 2)
    .transform(normalise)
    .refine((text) => text.length >= minChars && text.length <= maxChars, {
      message: `must have ${minChars} to ${maxChars} characters`,
      params: { code: 'wrong_length' },
    })
    .refine((text) => !UNSEEN.test(text), {
      message: 'must not contain control or invisible characters',
      params: { code: 'invisible_characters' },
    })
    .meta({ type: 'string', minLength: minChars, maxLength: maxChars });
}

/** Text of several lines. */
export function prose(maxChars: number) {
  return z
    .string()
    .max(maxChars)
    .transform(normalise)
    .refine((text) => !UNSEEN_BUT_BREAKS.test(text), {
      message: 'must not contain control characters',
      params: { code: 'invisible_characters' },
    })
    .meta({ type: 'string', maxLength: maxChars });
}

/** An address that mail can be sent to; kept as written, compared by `sameMailbox`. */
export const email = z
  .string()
  .max(EMAIL_MAX_CHARS)
  .transform(normalise)
  .pipe(z.email({ message: 'is not an e-mail address' }))
  .meta({ type: 'string', format: 'email', maxLength: EMAIL_MAX_CHARS });

/** International form; spaces, dots, dashes and brackets are dropped. */
export const phone = z
  .string()
  .max(40)
  .transform((text) => text.replace(/[\s().-]/g, ''))
  .refine((text) => /^\+[1-9]\d{6,14}$/.test(text), {
    message: 'must be in international form, like +493012345678',
    params: { code: 'invalid_phone' },
  })
  .meta({ type: 'string', maxLength: 40, examples: ['+493012345678'] });

/** RFC 3339 with an offset, parsed to an instant. */
export const instant = z
  .string()
  .max(40)
  .transform((text, context) => {
    const parsed = parseInstant(text);
    if (parsed) return parsed;
    context.addIssue({
      code: 'custom',
      message: 'must be a date and time with an offset, like 2027-05-01T20:00:00+02:00',
      params: { code: 'invalid_time' },
    });
    return z.NEVER;
  })
  .meta({ type: 'string', format: 'date-time' });

export const timezone = z
  .string()
  .max(60)
  .refine(isTimeZone, {
    message: 'must be an IANA time zone, like Europe/Berlin',
    params: { code: 'invalid_timezone' },
  })
  .meta({ type: 'string', maxLength: 60, examples: ['Europe/Berlin'] });

export const currency = z
  .string()
  .refine(isCurrency, {
    message: 'must be an ISO 4217 code, like EUR',
    params: { code: 'invalid_currency' },
  })
  .meta({ type: 'string', pattern: '^[A-Z]{3}$', examples: ['EUR'] });

export const amountMinor = z.int().min(0).max(MAX_CHARGE_MINOR);

export const moneyIn = z.strictObject({ amount: amountMinor, currency });

export const moneyOut = z
  .object({ amount: z.int(), currency: z.string() })
  .meta({ id: 'Money', description: 'Integer minor units and an ISO 4217 currency' });

export const quantity = z.int().min(1).max(1_000);

export const timeOut = z.string().meta({ format: 'date-time' });

/** A path or body id. One of the wrong shape cannot exist, so as a parameter it is 404. */
export function id<P extends RootPrefix | ScopedPrefix>(prefix: P) {
  return z
    .string()
    .max(64)
    .refine((text): text is Id<P> => isId(prefix, text), {
      message: `is not an id of this kind (${prefix}_…)`,
      params: { code: 'invalid_id' },
    })
    .meta({ type: 'string', pattern: `^${prefix}_[0-9a-z]+$`, maxLength: 64 });
}

/** Where mail ends up, as far as can be told without asking: case and form do not matter. */
export function sameMailbox(address: string): string {
  return address.normalize('NFKC').toLowerCase();
}
