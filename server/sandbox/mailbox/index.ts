/**
 * The development mailbox: takes every message that no server is configured for, and shows it to
 * whoever opens `/sandbox/mailbox`. It is open to all who reach the server, like the rest of the
 * sandbox; where money is real there is none.
 */
import type { FastifyPluginAsync } from 'fastify';
import type { Clock } from '../../kernel/clock.ts';
import { type Db, inTx, one, run } from '../../kernel/db.ts';
import { ok } from '../../kernel/result.ts';
import { deleteOldMail, insertAttachment, insertMail, type NewMail } from './mail.sql.ts';
import { mailboxPages } from './pages.ts';

type Attached = {
  readonly fileName: string;
  readonly contentType: string;
  readonly content: Buffer;
};
type Mail = {
  readonly reference: string;
  readonly from: { readonly name: string; readonly address: string };
  readonly replyTo: string | null;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly Attached[];
};
type TextMessage = { readonly reference: string; readonly to: string; readonly body: string };
type Port<T> = { readonly send: (message: T) => Promise<Taken> };
type Taken =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly because: 'address'; readonly reason: string };

export type Mailbox = {
  readonly mail: Port<Mail>;
  readonly sms: Port<TextMessage>;
  readonly plugin: FastifyPluginAsync;
};

/** Nobody is there, for whoever wants to see what becomes of that. */
const NOBODY = /^bounce(?:[+.-][^@]*)?@/i;
const NO_NUMBER = '+15005550001';
const NOT_THERE = { kind: 'refused', because: 'address', reason: 'nobody_there' } as const;

export function createMailbox(of: { readonly db: Db; readonly clock: Clock }): Mailbox {
  const scope = { db: of.db, actor: 'sandbox', requestId: null, once: null };
  const keep = async (mail: NewMail, attachments: readonly Attached[]): Promise<Taken> => {
    const kept = await inTx(scope, async (tx) => {
      const { mailId } = await one(tx, insertMail(mail, of.clock.now()));
      for (const [position, attachment] of attachments.entries()) {
        await run(tx, insertAttachment(mailId, position, attachment));
      }
      await run(tx, deleteOldMail());
      return ok(null);
    });
    if (!kept.ok) throw new Error('the mailbox is busy');
    return { kind: 'taken' };
  };
  return {
    mail: {
      send: async ({ reference, from, replyTo, to, subject, text, html, headers, attachments }) => {
        if (NOBODY.test(to)) return NOT_THERE;
        const shown = {
          From: `${from.name} <${from.address}>`,
          ...(replyTo ? { 'Reply-To': replyTo } : {}),
          ...headers,
        };
        const mail = { reference, recipient: to, subject, text, html, headers: shown };
        return keep({ ...mail, channel: 'email' }, attachments);
      },
    },
    sms: {
      send: async ({ reference, to, body }) => {
        if (to === NO_NUMBER) return NOT_THERE;
        const message = { reference, recipient: to, subject: opening(body), text: body };
        return keep({ ...message, channel: 'sms', html: null, headers: {} }, []);
      },
    },
    plugin: mailboxPages(of.db),
  };
}

const OPENING_CHARS = 80;

/** What a list shows of a text message: no link, which only opens whole. */
function opening(body: string): string {
  const words = [...body.replace(/\s*https?:\S+/g, ' …')];
  return words.length <= OPENING_CHARS
    ? words.join('')
    : `${words.slice(0, OPENING_CHARS).join('')}…`;
}
