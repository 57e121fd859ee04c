/** How a message leaves: the room says what is sent, an adapter how, and to which addresses. */

export type WebhookMessage = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Why there was no answer. */
export type SendError =
  | 'address_refused'
  | 'name_not_found'
  | 'connection_refused'
  | 'connection_lost'
  | 'connection_failed'
  | 'tls_failed'
  | 'not_http'
  | 'timeout';

export type SendOutcome =
  | {
      readonly kind: 'answered';
      readonly statusCode: number;
      /** The header `Retry-After`, as it came. */
      readonly retryAfter: string | null;
      /** The beginning of the answer's body. */
      readonly response: string;
      readonly latencyMs: number;
    }
  | { readonly kind: 'failed'; readonly error: SendError; readonly latencyMs: number };

export type WebhookPort = {
  /** Posts it once: no redirects, no second try. Never throws for what the other side does. */
  readonly post: (message: WebhookMessage) => Promise<SendOutcome>;
};

declare module '../../kernel/context.ts' {
  interface Ports {
    readonly webhooks: WebhookPort;
  }
}
