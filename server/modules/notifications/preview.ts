import { type Language, languages } from '../../kernel/language.ts';
import { type Kind, kindOf, kinds } from './kinds.ts';
import { letterHtml, letterText, oneLine } from './letter.ts';
import type { Words } from './words.ts';
import { footerOf, phrases } from './write-message.ts';

const HOME = 'https://tickets.example.org';
const ORDER = 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6';
const LINK = `${HOME}/api/v1/orders/${ORDER}`;
const ACCESS = `?access=at_${'x'.repeat(43)}`;

const example: Words = {
  organizer: 'Halle Nord Concerts',
  name: 'Ada Lovelace',
  event: {
    name: 'Nachtschicht & Friends: “Loud” <Live>',
    when: 'Saturday, 2 June 2035 at 20:00 CEST',
    doors: 'Saturday, 2 June 2035 at 19:00 CEST',
    venue: 'Halle Nord',
  },
  order: {
    id: ORDER,
    link: LINK + ACCESS,
    ticketsLink: `${LINK}/tickets.pdf${ACCESS}`,
    places: ['2 × Standard', '1 × Balcony'],
    total: '€75.00',
    reason: 'expired',
    refunded: '€25.00',
  },
  remedy: null,
  offer: { link: `${HOME}/offer${ACCESS}`, until: 'Saturday, 26 May 2035 at 12:00 CEST' },
  endpoint: { id: 'whe_00vtdzt5n7p9q', reason: 'failing' },
  signIn: { code: '042137', link: `${HOME}/sign-in?token=${'x'.repeat(43)}`, minutes: 10 },
};

const open: NonNullable<Words['remedy']> = {
  choices: ['refund', 'credit'],
  chooseBy: 'Saturday, 16 June 2035 at 12:00 CEST',
  fallback: 'refund',
  chosen: null,
  creditCode: null,
};

function wordsFor(kind: Kind): Words {
  if (kind === 'event_cancelled' || kind === 'event_rescheduled')
    return { ...example, remedy: open };
  if (kind !== 'remedy_chosen') return example;
  return { ...example, remedy: { ...open, chosen: 'credit', creditCode: 'CR-7K2M-9PQX' } };
}

export type Preview = {
  readonly kind: Kind;
  readonly language: Language;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly sms: string | null;
};

/** Each letter in each language as somebody might get it; nothing of it is anybody’s. */
export function previews(only: string | null = null): readonly Preview[] {
  // The names of the table are its kinds.
  const all = Object.keys(kinds) as Kind[];
  return all
    .filter((kind) => only === null || kind === only)
    .flatMap((kind) => languages.map((language) => previewOf(kind, language)));
}

function previewOf(kind: Kind, language: Language): Preview {
  const words = wordsFor(kind);
  const letter = phrases[language].letters[kind](words);
  const optOut = kindOf(kind).isOptional ? `${HOME}/unsubscribe/${'x'.repeat(75)}` : null;
  const footer = footerOf(kind, words, language, optOut);
  return {
    kind,
    language,
    subject: oneLine(letter.subject),
    html: letterHtml(letter, footer, language),
    text: letterText(letter, footer),
    sms: letter.sms,
  };
}
