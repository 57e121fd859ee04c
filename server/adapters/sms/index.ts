/**
 * Text messages over HTTP, in the shape of Twilio's API (its Message resource, POST, form-encoded,
 * basic authentication: https://www.twilio.com/docs/messaging/api/message-resource).
 * It knows no idempotency key: a message whose answer was lost may have been sent, and paid for.
 */
import { assertOutsideTx } from '../../kernel/db.ts';
import type { Delivery, SmsPort } from '../../modules/notifications/index.ts';

const ANSWER_CHARS = 10_000;

/** No number, no mobile number, a recipient who has said STOP; twilio.com/docs/api/errors. */
const NO_RECIPIENT = new Set([21211, 21214, 21217, 21610, 21614]);

export type SmsOptions = {
  readonly url: string;
  readonly account: string;
  readonly token: string;
  readonly from: string;
  /** How long an answer is waited for. */
  readonly maxMs: number;
};

/** What says that nobody was reached, so that nothing was asked for. */
const BEFORE_ASKING = new Set(['connect', 'getaddrinfo', 'UND_ERR_CONNECT_TIMEOUT']);
const ABOUT_CERTIFICATES = /CERT|^ERR_SSL|^ERR_TLS|ISSUER|LEAF_SIGNATURE/;
/** Something in between has not had its answer, or none that it understood. */
const NO_ANSWER = new Set([502, 504]);

export function createSms({ url, account, token, from, maxMs }: SmsOptions): SmsPort {
  const address = `${url}/2010-04-01/Accounts/${encodeURIComponent(account)}/Messages.json`;
  const authorization = `Basic ${Buffer.from(`${account}:${token}`).toString('base64')}`;
  return {
    send: async ({ to, body }) => {
      assertOutsideTx('the provider of text messages');
      try {
        const response = await fetch(address, {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({ To: to, From: from, Body: body }).toString(),
          signal: AbortSignal.timeout(maxMs),
          redirect: 'manual',
        });
        // The status has said what became of it, whatever happens to the rest.
        const text = (await response.text().catch(() => '')).slice(0, ANSWER_CHARS);
        return deliveryOf(response.status, text);
      } catch (error) {
        return isUnreached(error)
          ? { kind: 'later', reason: 'unreachable' }
          : { kind: 'unanswered', reason: 'no_answer' };
      }
    },
  };
}

export function deliveryOf(status: number, text: string): Delivery {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const code = codeIn(text);
  const reason = code === null ? `sms_${status}` : `sms_${status}_${code}`;
  if (NO_ANSWER.has(status)) return { kind: 'unanswered', reason };
  // 401, 403: our account; 429: too fast; 404: a wrong setting. All of them are mended by somebody.
  if (status !== 400) return { kind: 'later', reason };
  const isRecipient = code !== null && NO_RECIPIENT.has(code);
  return { kind: 'refused', because: isRecipient ? 'address' : 'message', reason };
}

type Cause = { readonly code?: string; readonly syscall?: string };

/** `fetch` says why in its cause, and in the causes of that where it tried several addresses. */
function isUnreached(error: unknown): boolean {
  const { cause }: { cause?: Cause & { errors?: readonly Cause[] } } = Object(error);
  return [cause ?? {}, ...(cause?.errors ?? [])].some(
    ({ code = '', syscall = '' }) =>
      BEFORE_ASKING.has(syscall) || BEFORE_ASKING.has(code) || ABOUT_CERTIFICATES.test(code),
  );
}

function codeIn(text: string): number | null {
  try {
    const { code }: { code?: unknown } = Object(JSON.parse(text));
    return typeof code === 'number' ? code : null;
  } catch {
    return null;
  }
}
