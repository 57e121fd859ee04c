/** The adapter in front of whoever answers as Stripe, for its contract and for its shapes. */
import { createStripeProvider } from '../../server/adapters/stripe/index.ts';
import type { Asked, PaymentPort } from '../../server/modules/payments/index.ts';
import { API_PREFIX } from '../../server/sandbox/index.ts';

export const systemNowMs = () => Date.now();

/** The adapter on a port of this machine; `pathPrefix` is empty where Stripe's own paths are. */
export function stripeAt(
  port: number,
  more: {
    readonly secretKey?: string;
    readonly webhookSecrets?: readonly string[];
    readonly pathPrefix?: string;
    readonly nowMs?: () => number;
  } = {},
): PaymentPort {
  return createStripeProvider({
    secretKey: more.secretKey ?? 'sk_test_123',
    webhookSecrets: more.webhookSecrets ?? ['whsec_none'],
    livemode: false,
    sandbox: {
      host: '127.0.0.1',
      port,
      pathPrefix: more.pathPrefix ?? API_PREFIX,
      hostedPage: (intentId) => `http://127.0.0.1/${intentId}`,
    },
    nowMs: more.nowMs ?? systemNowMs,
  });
}

/** The value of an answer that must have been a yes. */
export async function yes<T>(asked: Promise<Asked<T>>): Promise<T> {
  const answer = await asked;
  if (answer.kind !== 'ok') throw new Error(`${answer.kind}: ${answer.message}`);
  return answer.value;
}
