import { type Actor, isStaff } from './actor.ts';

/** The languages that people are written to in. */
export const languages = ['en', 'de'] as const;
export type Language = (typeof languages)[number];

export const isLanguage = (tag: unknown): tag is Language =>
  languages.some((language) => language === tag);

/**
 * What somebody has said, or of the languages that their browser asks for (`Accept-Language`), in
 * the order in which they stand, the first that we write in; null where there is none, and where
 * staff asks for somebody else, whose browser it is not.
 */
export function languageFor(
  actor: Actor,
  said: Language | undefined,
  header: string | string[] | undefined,
): Language | null {
  if (said) return said;
  if (isStaff(actor)) return null;
  const wanted = String(header ?? '')
    .split(',')
    .map((part) => part.trim().slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? null;
}
