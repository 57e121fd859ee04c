import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { inTx, maybe, run, type Tx } from '../../kernel/db.ts';
import { eventOf, isId } from '../../kernel/ids.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { enqueueDisputes } from './disputes.ts';
import {
  deleteWebhooks,
  insertWebhook,
  selectByCheckoutId,
  selectByProviderId,
  selectNamed,
  selectRefundByProviderId,
} from './payment.sql.ts';
import type { Webhook } from './provider.ts';
import { enqueueSettle } from './reconcile.ts';
import { enqueueRefund } from './refund.ts';

/**
 * The types of webhooks that lead to a look; docs/payments.md lists them, and these are what an
 * endpoint at Stripe should be told to send. Others are kept in the inbox and mean nothing here:
 * what we have just asked for ourselves, or what is told of the intent as well.
 */
export const WEBHOOK_TYPES: readonly string[] = [
  'payment_intent.requires_action',
  'payment_intent.processing',
  'payment_intent.amount_capturable_updated',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
  'checkout.session.completed',
  'checkout.session.expired',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'charge.refunded',
  'charge.refund.updated',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'refund.updated',
  'refund.failed',
];

const HANDLED = new Set(WEBHOOK_TYPES);

/** As long as the provider sends one again on demand; it tries by itself for three days. */
const KEPT_DAYS = 30;
const FORGOTTEN_AT_ONCE = 1_000;
const HOUR_MS = 3_600_000;

/**
 * Takes in one webhook: known or not, at most once, and only as a reason to look. What is true is
 * read from the provider by the job, so neither order nor repetition of webhooks matters.
 */
async function receive(
  ctx: Ctx,
  webhook: Webhook,
  body: Buffer,
): Promise<'new' | 'known' | 'busy'> {
  const { id, type } = webhook;
  const objectId = webhook.disputeId ?? webhook.refundId ?? webhook.intentId ?? webhook.checkoutId;
  // On connections of their own: a storm of them takes none from who buys.
  const result = await inTx({ ...ctx, db: ctx.webhookDb }, async (tx) => {
    const fresh = await run(tx, insertWebhook({ id, type, objectId, body }));
    if (fresh === 0) return ok('known' as const);
    if (!HANDLED.has(type)) return ok('ignored' as const);
    const payment = await paymentAbout(tx, webhook);
    if (payment && webhook.disputeId !== null) await enqueueDisputes(tx, payment);
    else if (payment) await enqueueSettle(tx, payment);
    if (webhook.refundId !== null) {
      const refund = await maybe(tx, selectRefundByProviderId(webhook.refundId, webhook.account));
      if (refund) await enqueueRefund(tx, refund);
    }
    return ok('new' as const);
  });
  if (!result.ok) return 'busy';
  await ctx.pause('webhook.before_answer');
  if (result.value === 'new') ctx.wakeJobs();
  return result.value === 'known' ? 'known' : 'new';
}

/** Its intent may not be known here yet: a Checkout Session makes one when the buyer pays. */
async function paymentAbout(tx: Tx, webhook: Webhook) {
  const { intentId, checkoutId, paymentId, account } = webhook;
  const known =
    (intentId !== null && (await maybe(tx, selectByProviderId(intentId, account)))) ||
    (checkoutId !== null && (await maybe(tx, selectByCheckoutId(checkoutId, account))));
  if (known || paymentId === null || !isId('pay', paymentId)) return known || null;
  return maybe(tx, selectNamed(eventOf(paymentId), paymentId, account));
}

/** What is older is of no use: the provider does not send it again. */
export async function forgetWebhooks(ctx: Ctx, atOnce = FORGOTTEN_AT_ONCE): Promise<number> {
  for (let total = 0; ; ) {
    const gone = await run(ctx.db, deleteWebhooks(KEPT_DAYS, ctx.clock.now(), atOnce));
    total += gone;
    if (gone < atOnce) return total;
  }
}

export const forgetWebhooksRecurring: Recurring = {
  name: 'forget_webhooks',
  everyMs: HOUR_MS,
  run: async (ctx) => {
    await forgetWebhooks(ctx);
  },
};

const webhookRoute = (path: string) =>
  route({
    method: 'POST',
    path,
    summary: 'Take in a Stripe webhook',
    description:
      'Verified by its signature (`Stripe-Signature`, 300 s in either direction); 200 once it is ' +
      'stored or known. Every type is accepted; those about a payment, a refund or a dispute ' +
      'lead to a look. 503 where too many come at once: the provider sends it again.',
    tag: 'Webhooks',
    access: { kind: 'signed' },
    idempotency: 'none',
    body: z.looseObject({}),
    success: {
      status: 200,
      schema: z.object({ received: z.literal(true) }),
      description: 'Stored, or known',
    },
    refusals: { invalid_signature: { status: 400, title: 'The signature is not valid' } },
    handle: async (ctx, { request }) => {
      const signature = request.headers['stripe-signature'];
      const { rawBody } = request;
      const webhook =
        rawBody && typeof signature === 'string'
          ? ctx.ports.payments.openWebhook(rawBody, signature)
          : null;
      const isOurs = webhook?.livemode === ctx.ports.payments.livemode;
      if (!rawBody || !webhook || !isOurs) {
        ctx.metrics.webhooks.inc({ outcome: 'refused' });
        // What happens in test mode of a connected account comes to the live endpoint too: a no
        // would make Stripe send it for days, and give the endpoint up in the end.
        if (webhook && webhook.account !== null) return ok({ body: { received: true as const } });
        return refused('invalid_signature');
      }
      const outcome = await receive(ctx, webhook, rawBody);
      ctx.metrics.webhooks.inc({ outcome });
      if (outcome === 'busy') return refused('busy');
      return ok({ body: { received: true as const } });
    },
  });

export const webhookRoutes: readonly Route[] = [
  webhookRoute('//webhooks/stripe'),
  webhookRoute('/webhooks/stripe'),
];
