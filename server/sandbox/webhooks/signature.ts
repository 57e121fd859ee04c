import { createHmac } from 'node:crypto';

/** `Stripe-Signature`: the receiver checks the HMAC of `time.body`, and that the time is recent. */
export function signatureHeader(secret: string, sentS: number, body: string): string {
  const v1 = createHmac('sha256', secret).update(`${sentS}.${body}`).digest('hex');
  return `t=${sentS},v1=${v1}`;
}
