/** The languages that people are written to in. */
export const languages = ['en', 'de'] as const;
export type Language = (typeof languages)[number];

export const isLanguage = (tag: unknown): tag is Language =>
  languages.some((language) => language === tag);

/**
 * What somebody has said, or of the languages that their browser asks for (`Accept-Language`), in
 * the order in which they stand, the first that we write in; null where there is none.
 */
export function languageFor(
  said: Language | undefined,
  header: string | string[] | undefined,
): Language | null {
  if (said) return said;
  const wanted = String(header ?? '')
    .split(',')
    .map((part) => part.trim().slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? null;
}
