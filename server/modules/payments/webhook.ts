import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { inTx, maybe, run, type Tx } from '../../kernel/db.ts';
import { eventOf, isId } from '../../kernel/ids.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { enqueueDisputes } from './disputes.ts';
import {
  insertWebhook,
  selectByCheckoutId,
  selectByProviderId,
  selectNamed,
  selectRefundByProviderId,
} from './payment.sql.ts';
import type { Webhook } from './provider.ts';
import { enqueueRefund } from './refund.ts';
import { enqueueSettle } from './settle-job.ts';

/**
 * Takes in one webhook: known or not, at most once, and only as a reason to look. What is true is
 * read from the provider by the job, so neither order nor repetition of webhooks matters.
 */
async function receive(ctx: Ctx, webhook: Webhook): Promise<'new' | 'known' | 'busy'> {
  const objectId = webhook.refundId ?? webhook.intentId ?? webhook.checkoutId;
  const result = await inTx(ctx, async (tx) => {
    const fresh = await run(tx, insertWebhook({ id: webhook.id, type: webhook.type, objectId }));
    if (fresh === 0) return ok('known' as const);
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
  return result.value;
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

const webhookRoute = (path: string) =>
  route({
    method: 'POST',
    path,
    summary: 'Take in a Stripe webhook',
    description:
      'Verified by its signature (`Stripe-Signature`, 300 s in either direction); 200 once it is ' +
      'stored or known. Every type is accepted; those about a payment or a refund lead to a look.',
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
      const webhook =
        request.rawBody && typeof signature === 'string'
          ? ctx.ports.payments.openWebhook(request.rawBody, signature)
          : null;
      if (!webhook || webhook.livemode !== ctx.ports.payments.livemode) {
        ctx.metrics.webhooks.inc({ outcome: 'refused' });
        return refused('invalid_signature');
      }
      const outcome = await receive(ctx, webhook);
      ctx.metrics.webhooks.inc({ outcome });
      if (outcome === 'busy') return refused('busy');
      return ok({ body: { received: true as const } });
    },
  });

export const webhookRoutes: readonly Route[] = [
  webhookRoute('//webhooks/stripe'),
  webhookRoute('/webhooks/stripe'),
];
