import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { inTx, maybe, run } from '../../kernel/db.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { enqueueDisputes } from './disputes.ts';
import { insertWebhook, selectByProviderId, selectRefundByProviderId } from './payment.sql.ts';
import type { Webhook } from './provider.ts';
import { enqueueRefund } from './refund.ts';
import { enqueueSettle } from './settle-job.ts';

/**
 * Takes in one webhook: known or not, at most once, and only as a reason to look. What is true is
 * read from the provider by the job, so neither order nor repetition of webhooks matters.
 */
async function receive(ctx: Ctx, webhook: Webhook): Promise<'new' | 'known' | 'busy'> {
  const objectId = webhook.refundId ?? webhook.intentId;
  const result = await inTx(ctx, async (tx) => {
    const fresh = await run(tx, insertWebhook({ id: webhook.id, type: webhook.type, objectId }));
    if (fresh === 0) return ok('known' as const);
    if (webhook.intentId !== null) {
      const payment = await maybe(tx, selectByProviderId(webhook.intentId, webhook.account));
      if (payment && webhook.disputeId !== null) await enqueueDisputes(tx, payment);
      else if (payment) await enqueueSettle(tx, payment);
    }
    if (webhook.refundId !== null) {
      const refund = await maybe(tx, selectRefundByProviderId(webhook.refundId, webhook.account));
      if (refund) await enqueueRefund(tx, refund);
    }
    return ok('new' as const);
  });
  if (!result.ok) return 'busy';
  if (result.value === 'new') ctx.wakeJobs();
  return result.value;
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
