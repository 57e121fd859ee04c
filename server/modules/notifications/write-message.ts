import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import type { OrderId } from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
import { present } from '../../kernel/result.ts';
import { orderPapers } from './attach-papers.ts';
import { type Kind, kindOf } from './kinds.ts';
import { type Footer, type Letter, letterHtml, letterText, oneLine } from './letter.ts';
import { german } from './letters-de.ts';
import { english } from './letters-en.ts';
import { loadWords } from './load-words.ts';
import { type MessageRow, selectSender } from './message.sql.ts';
import { optOutLink } from './opt-out.ts';
import { type Attachment, type Mail, senderOf, type TextMessage } from './ports.ts';
import type { Phrases, Words } from './words.ts';

const SMS_CHARS = 600;
const NAME_CHARS = 60;

export const phrases: Readonly<Record<Language, Phrases>> = { en: english, de: german };

/** What the rooms above know: the code of an attempt to sign in, by the id in the message. */
export type SignInWords = (
  ctx: Ctx,
  message: MessageRow,
) => Promise<{
  readonly signIn: NonNullable<Words['signIn']>;
  readonly language: Language | null;
} | null>;

export type Written =
  | { readonly channel: 'email'; readonly mail: Mail }
  | { readonly channel: 'sms'; readonly message: TextMessage };

/** The message as it is said now; null where it need not be said any more. */
export async function writeMessage(
  ctx: Ctx,
  message: MessageRow,
  signInWords: SignInWords,
): Promise<Written | null | 'later'> {
  const loaded = await loadWords(ctx, message);
  if (loaded === null || loaded === 'later') return loaded;
  let { words, language } = loaded;
  // Written by `notify` for one of the kinds.
  const kind = message.kind as Kind;
  if (kind === 'sign_in') {
    const found = await signInWords(ctx, message);
    if (!found) return null;
    words = { ...words, signIn: found.signIn };
    language = found.language ?? language;
  }
  const letter = phrases[language].letters[kind](words);
  if (message.channel === 'sms') {
    const body = [...(letter.sms ?? letter.subject)].slice(0, SMS_CHARS).join('');
    return {
      channel: 'sms',
      message: { reference: message.messageId, to: message.recipient, body },
    };
  }
  return { channel: 'email', mail: await mailOf(ctx, message, letter, words, language) };
}

async function mailOf(
  ctx: Ctx,
  message: MessageRow,
  letter: Letter,
  words: Words,
  language: Language,
): Promise<Mail> {
  // As above.
  const kind = message.kind as Kind;
  const optOut = kindOf(kind).isOptional ? optOutLink(ctx, message.recipientKey) : null;
  const footer = footerOf(kind, words, language, optOut);
  const sender = senderOf(ctx.config);
  const replyTo = (await maybe(ctx.db, selectSender(message.organizerId)))?.replyTo ?? null;
  return {
    reference: message.messageId,
    from: { ...sender, name: oneLine(words.organizer || sender.name, NAME_CHARS) },
    replyTo,
    to: message.recipient,
    subject: oneLine(letter.subject),
    text: letterText(letter, footer),
    html: letterHtml(letter, footer, language),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      ...(optOut
        ? {
            'List-Unsubscribe': `<${optOut}>`,
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          }
        : {}),
    },
    attachments: await attachmentsOf(ctx, kind, message),
  };
}

async function attachmentsOf(
  ctx: Ctx,
  kind: Kind,
  { orderId }: MessageRow,
): Promise<readonly Attachment[]> {
  if (kind !== 'order_confirmed') return [];
  const id: OrderId = present(orderId, 'the order of a confirmation');
  return orderPapers(ctx, id);
}

export function footerOf(
  kind: Kind,
  { organizer }: Words,
  language: Language,
  optOut: string | null,
): Footer {
  const { aboutOrder, aboutYou, aboutSignIn, aboutStaff, optOut: label } = phrases[language];
  const ofKind: Partial<Record<Kind, string>> = {
    sign_in: aboutSignIn,
    webhook_disabled: aboutStaff,
  };
  const why = ofKind[kind] ?? (optOut ? aboutYou : aboutOrder);
  return { sender: organizer, why, optOut: optOut ? { label, href: optOut } : null };
}
