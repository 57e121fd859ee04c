/** What letters are written from, made ready for one reader: dates and sums are text already. */
import type { Language } from '../../kernel/language.ts';
import type { Remedy } from '../orders/index.ts';
import type { Kind } from './kinds.ts';
import type { Letter } from './letter.ts';

export type EventFacts = {
  readonly name: string;
  readonly when: string;
  readonly doors: string | null;
  readonly venue: string | null;
};

export type OrderFacts = {
  readonly id: string;
  /** With the right to it. */
  readonly link: string;
  readonly ticketsLink: string;
  readonly places: readonly string[];
  readonly total: string;
  /** Why it ended, where it did. */
  readonly reason: string | null;
  readonly refunded: string | null;
};

export type RemedyFacts = {
  readonly choices: readonly Remedy[];
  readonly chooseBy: string;
  readonly fallback: Remedy;
  readonly chosen: Remedy | null;
  readonly creditCode: string | null;
};

export type Words = {
  readonly organizer: string;
  /** Null where nobody is known, or where what they call themselves is no name. */
  readonly name: string | null;
  readonly event: EventFacts | null;
  readonly order: OrderFacts | null;
  readonly remedy: RemedyFacts | null;
  readonly offer: { readonly link: string; readonly until: string | null } | null;
  /** Of webhooks: which stopped getting any, and why. */
  readonly endpoint: { readonly id: string; readonly reason: 'gone' | 'failing' } | null;
  readonly signIn: {
    readonly code: string;
    readonly link: string | null;
    readonly minutes: number;
  } | null;
};

export type Phrases = {
  readonly locale: string;
  readonly letters: Readonly<Record<Kind, (words: Words) => Letter>>;
  readonly aboutOrder: string;
  readonly aboutYou: string;
  readonly aboutSignIn: string;
  readonly aboutStaff: string;
  readonly optOut: string;
};

export const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE' };

const NAME_CHARS = 60;

/**
 * A name that may stand in a greeting. Whoever books for somebody else’s address could else have us
 * send them an advertisement.
 */
export function greetable(name: string): string | null {
  const isName = name.length <= NAME_CHARS && !/[@<>]|:\/\/|www\.|\.\w{2,}\//i.test(name);
  return isName ? name : null;
}
