/**
 * Signatures as Standard Webhooks has them (https://www.standardwebhooks.com): an HMAC-SHA-256 over
 * the message's id, the time of this attempt and the body, with each secret that is good.
 */
import { createHmac } from 'node:crypto';
import type { Secrets } from '../../kernel/secrets.ts';

const PREFIX = 'whsec_';

type Named = { readonly endpointId: string; readonly secretNo: number };

/**
 * The secret of an endpoint: not stored, but made from the instance's own, so that whoever reads
 * the table cannot sign.
 */
export function secretOf(secrets: Secrets, { endpointId, secretNo }: Named): string {
  const derived = secrets.derive('webhook-endpoint', `${endpointId}:${secretNo}`);
  return PREFIX + Buffer.from(derived, 'base64url').toString('base64');
}

export function signatureOf(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return `v1,${mac}`;
}

/** The headers of one attempt; while two secrets are good, there are two signatures. */
export function signedHeaders(
  secrets: readonly string[],
  message: { readonly id: string; readonly at: Date; readonly body: string },
): Readonly<Record<string, string>> {
  const seconds = Math.floor(message.at.getTime() / 1_000);
  const { id, body } = message;
  return {
    'content-type': 'application/json',
    'user-agent': 'Fanfare-Webhooks/1',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': secrets.map((s) => signatureOf(s, id, seconds, body)).join(' '),
  };
}
