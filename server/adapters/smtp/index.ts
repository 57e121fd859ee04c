/**
 * Mail by SMTP, with nodemailer: a few connections that are kept, each for some hundred messages.
 * What the server says decides what becomes of a message: 5xx is for good, 4xx and everything that
 * breaks on the way is for later. Where it breaks after the last line was given, nobody knows: the
 * server may have taken it, and is often only slow to say so. A message keeps its Message-ID,
 * however often it is sent, so that one that arrives twice can be told to be one.
 */
import { createTransport } from 'nodemailer';
import { assertOutsideTx } from '../../kernel/db.ts';
import type { Delivery, Mail, MailPort } from '../../modules/notifications/index.ts';

/** As many as there are hands that send: none of them waits for a connection. */
const CONNECTIONS = 6;
const PER_CONNECTION = 200;
const CONNECT_MAX_MS = 10_000;

/** The answer to a recipient that is not there, or takes nothing (RFC 5321). */
const NO_RECIPIENT = new Set([550, 551, 553]);
/** The mailbox or its domain, and not the sender’s (5.1.7, 5.1.8) nor anything else (RFC 3463). */
const NOBODY_STATUS = /^5\.(1\.(?![78]$)\d+|2\.1)$/;
/** Without such a status, words have to say it: 550 is also said to whoever may not send here. */
const NOBODY =
  /(no such|unknown|invalid|non-?existent) (user|mailbox|recipient|address|account|local)|(user|mailbox|recipient|address|account)\b.{0,60}\b(unknown|not found|(do|does)(n't| not) exist|unavailable|disabled|invalid)|unrout(e)?able address|no mailbox here/i;
/** These mean that the message is not wanted, or its sender, whoever it is for. */
const NOT_WANTED =
  /spam|policy|block(ed|list)|black ?list|black list|reputation|relay|sender|verify|denied/i;

export type SmtpPort = MailPort & { readonly close: () => void };

/** A message that a lost connection may have taken along is ours to send again, not the pool's. */
const NEVER_AGAIN = { maxRequeues: 0 };

/** `maxMs`: from the first word to the last answer, however slowly one after the other comes. */
export function createSmtp(url: string, maxMs: number): SmtpPort {
  const transport = createTransport({
    ...NEVER_AGAIN,
    url,
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: PER_CONNECTION,
    connectionTimeout: CONNECT_MAX_MS,
    greetingTimeout: CONNECT_MAX_MS,
    socketTimeout: maxMs,
    // A letter is text that we have made; it names no file and no address to be read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // The connection reads a message only when the server has said that it wants it (354).
  transport.use('stream', ({ data, message }, done) => {
    const { onGiven }: { onGiven?: () => void } = Object(data);
    message.processFunc((stream) => stream.once('end', () => onGiven?.()));
    done();
  });
  return {
    send: async (mail) => {
      assertOutsideTx('the mail server');
      let wasGiven = false;
      const onGiven = () => {
        wasGiven = true;
      };
      try {
        const signal = AbortSignal.timeout(maxMs);
        await transport.sendMail({ ...optionsOf(mail), signal, ...{ onGiven } });
        return { kind: 'taken' };
      } catch (error) {
        const delivery = deliveryOf(error);
        const isSilence = delivery.kind === 'later' && responseCodeOf(error) === undefined;
        return wasGiven && isSilence ? { kind: 'unanswered', reason: 'no_answer' } : delivery;
      }
    },
    close: () => transport.close(),
  };
}

function optionsOf(mail: Mail) {
  const domain = mail.from.address.split('@')[1] ?? 'localhost';
  return {
    messageId: `<${mail.reference}@${domain}>`,
    from: mail.from,
    to: { name: '', address: mail.to },
    ...(mail.replyTo ? { replyTo: { name: '', address: mail.replyTo } } : {}),
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    headers: { ...mail.headers },
    attachments: mail.attachments.map(({ fileName, contentType, content }) => ({
      filename: fileName,
      contentType,
      content,
    })),
  };
}

type SmtpError = {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly command?: string;
};

function responseCodeOf(error: unknown): number | undefined {
  const { responseCode }: SmtpError = Object(error);
  return responseCode;
}

/** Never the server's own words: they name the recipient. */
export function deliveryOf(error: unknown): Delivery {
  const { code, responseCode, response = '', command = '' }: SmtpError = Object(error);
  if (responseCode === undefined) {
    // The address is no address: no server was asked.
    if (code === 'EENVELOPE') return { kind: 'refused', because: 'address', reason: 'no_address' };
    return { kind: 'later', reason: (code ?? 'unknown').toLowerCase() };
  }
  const status = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
  const reason = `smtp_${responseCode}${status ? `_${status}` : ''}`;
  // Who we are is our own affair: the operator mends it, and the message waits.
  if (responseCode < 500 || code === 'EAUTH') return { kind: 'later', reason };
  const isAboutRecipient =
    /^RCPT/.test(command) && NO_RECIPIENT.has(responseCode) && saysNobody(response, status);
  return { kind: 'refused', because: isAboutRecipient ? 'address' : 'message', reason };
}

function saysNobody(response: string, status: string | undefined): boolean {
  return status ? NOBODY_STATUS.test(status) : NOBODY.test(response) && !NOT_WANTED.test(response);
}
