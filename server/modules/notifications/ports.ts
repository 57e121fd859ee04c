/** The outside that messages go through; an adapter each, or none where nothing is configured. */
import type { Config } from '../../kernel/config.ts';
import type { Ctx } from '../../kernel/context.ts';
import { LEASE_SECONDS } from '../../kernel/jobs.ts';

export type Attachment = {
  readonly fileName: string;
  readonly contentType: string;
  readonly content: Buffer;
};

export type Mail = {
  /** The same whenever the same message is sent: whoever got it twice can tell. */
  readonly reference: string;
  readonly from: { readonly name: string; readonly address: string };
  readonly replyTo: string | null;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attachments: readonly Attachment[];
};

export type TextMessage = {
  readonly reference: string;
  readonly to: string;
  readonly body: string;
};

export type Delivery =
  | { readonly kind: 'taken' }
  /** `address`: nobody is there, or nobody there wants mail; `message`: this one is not taken. */
  | { readonly kind: 'refused'; readonly because: 'address' | 'message'; readonly reason: string }
  | { readonly kind: 'later'; readonly reason: string }
  /** All of it was given, and nobody has said what became of it: it may be there already. */
  | { readonly kind: 'unanswered'; readonly reason: string };

/**
 * As long as a lease that was just renewed allows: a server may take minutes to say that it has
 * taken a message (RFC 5321, 4.5.3.2.6), and meanwhile nobody else may begin to send it.
 */
export const DELIVERY_MAX_MS = (LEASE_SECONDS - 15) * 1_000;

/** Neither throws for what the other side says, nor is at one message for longer than that. */
export type MailPort = { readonly send: (mail: Mail) => Promise<Delivery> };
export type SmsPort = { readonly send: (message: TextMessage) => Promise<Delivery> };

declare module '../../kernel/context.ts' {
  interface Ports {
    /** Where people find this server, once it listens. */
    readonly home?: string | null;
    readonly mail?: MailPort | null;
    readonly sms?: SmsPort | null;
  }
}

const FROM = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>\s]+)>|([^<>\s]+))\s*$/;

/** `Tickets <tickets@example.org>`, or the address alone. */
export function senderOf(config: Pick<Config, 'MAIL_FROM'>): {
  readonly name: string;
  readonly address: string;
} {
  const [, name = '', inBrackets, bare] = FROM.exec(config.MAIL_FROM) ?? [];
  return { name, address: inBrackets ?? bare ?? config.MAIL_FROM };
}

/** Where people find this server. */
export function homeOf(ctx: Pick<Ctx, 'config' | 'ports'>): string {
  const { BASE_URL, HOST, PORT } = ctx.config;
  return ctx.ports.home ?? BASE_URL ?? `http://${HOST}:${PORT}`;
}
