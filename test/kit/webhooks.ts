/** Webhooks as the provider would send them, in whatever order a test wants. */
import { createHmac } from 'node:crypto';
import type { TestApp } from './app.ts';

export type Sent = {
  readonly id: string;
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>>;
  readonly livemode?: boolean;
};

export function signatureOf(body: string, secret: string, atMs = Date.now()): string {
  const at = Math.floor(atMs / 1000);
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
}

/** Posts one, without a socket: thousands are sent. */
export async function sendWebhook(app: TestApp, sent: Sent): Promise<number> {
  const { id, type, object, livemode = false } = sent;
  const payload = JSON.stringify({ id, object: 'event', type, livemode, data: { object } });
  const answer = await app.parts.app.inject({
    method: 'POST',
    url: '/webhooks/stripe',
    headers: {
      'content-type': 'application/json',
      'stripe-signature': signatureOf(payload, app.parts.sandbox?.webhookSecret ?? ''),
    },
    payload,
  });
  return answer.statusCode;
}

/** `work` on each, some at a time. */
export async function inParallel<T, R>(
  list: readonly T[],
  atOnce: number,
  work: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const hand = async () => {
    for (let i = next++; i < list.length; i = next++) {
      // Within the list.
      results[i] = await work(list[i] as T, i);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, hand));
  return results;
}
