/** Webhooks: whether they are Stripe's, and what they are about. */
import type Stripe from 'stripe';
import type { Webhook } from '../../modules/payments/index.ts';

const TOLERANCE_SECONDS = 300;

type Inbox = {
  /** One for each endpoint: the account's own, that of connected accounts, one being replaced. */
  readonly webhookSecrets: readonly string[];
  readonly nowMs: () => number;
};

/** Null where no secret signed it, and where it is old or from the future. */
export function openWebhook(
  stripe: Stripe,
  { webhookSecrets, nowMs }: Inbox,
  rawBody: Buffer,
  signature: string,
): Webhook | null {
  // The SDK refuses what is old but takes what is from the future; we refuse both.
  const sentAt = Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1]);
  const ageSeconds = nowMs() / 1000 - sentAt;
  if (!(Math.abs(ageSeconds) <= TOLERANCE_SECONDS)) return null;
  for (const secret of webhookSecrets) {
    const event = verified(stripe, rawBody, signature, secret, nowMs());
    if (event) return toWebhook(event);
  }
  return null;
}

function verified(
  stripe: Stripe,
  rawBody: Buffer,
  signature: string,
  secret: string,
  nowMs: number,
): Stripe.Event | null {
  try {
    return stripe.webhooks.constructEvent(
      rawBody,
      signature,
      secret,
      TOLERANCE_SECONDS,
      undefined,
      nowMs,
    );
  } catch {
    return null;
  }
}

function toWebhook(event: Stripe.Event): Webhook | null {
  if (typeof event.id !== 'string' || typeof event.type !== 'string') return null;
  return {
    id: event.id,
    type: event.type,
    livemode: event.livemode === true,
    account: text(event.account),
    ...aboutWhat(event.data?.object),
  };
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, 255) : null;
}

type About = Pick<Webhook, 'intentId' | 'refundId' | 'checkoutId' | 'disputeId' | 'paymentId'>;

/** What an object is or belongs to. */
function aboutWhat(object: unknown): About {
  if (typeof object !== 'object' || object === null) {
    return { intentId: null, refundId: null, checkoutId: null, disputeId: null, paymentId: null };
  }
  // Only looked at; each member is checked before it is used.
  const named = object as {
    readonly object?: unknown;
    readonly id?: unknown;
    readonly payment_intent?: unknown;
    readonly metadata?: { readonly payment_id?: unknown } | null;
  };
  const ownIf = (type: string) => (named.object === type ? text(named.id) : null);
  return {
    intentId: ownIf('payment_intent') ?? text(named.payment_intent),
    refundId: ownIf('refund'),
    checkoutId: ownIf('checkout.session'),
    disputeId: ownIf('dispute'),
    paymentId: text(named.metadata?.payment_id),
  };
}
