/**
 * What any shop on this provider has to do, and nothing more: the same SDK behind the same adapter,
 * the same simulator, the same exchanges with bodies of the same size; and constants where the
 * product has an order. It keeps what it sold in memory, and would sell a place twice.
 */
import { type FastifyInstance, fastify } from 'fastify';
import { createStripeProvider } from '../../server/adapters/stripe/index.ts';
import { systemIds } from '../../server/kernel/context.ts';
import { closeDb, openDb } from '../../server/kernel/db.ts';
import { present } from '../../server/kernel/result.ts';
import { loadSecrets } from '../../server/kernel/secrets.ts';
import { type PaymentPort, WEBHOOK_TYPES } from '../../server/modules/payments/index.ts';
import { API_PREFIX, createSandbox } from '../../server/sandbox/index.ts';
import type { Databases } from '../inventory/databases.ts';
import { POOL_CONNECTIONS } from '../inventory/product.ts';
import { bookingBody } from './product-shop.ts';
import { openWaits, type Shop, watchTraffic } from './shop.ts';

const TICKET_TYPE = 'tt_0000000000000000000000000000000000000';
const PRICE_MINOR = 2_500;
/** As long as what the product answers to a booking and to a look at a paid order. */
const BOOKED_BYTES = 1_150;
const ORDER_BYTES = 1_450;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

export async function openSkeletonShop(databases: Databases): Promise<Shop> {
  const url = await databases.fresh();
  const db = openDb({
    ...{ url, role: 'fanfare_app', maxConnections: POOL_CONNECTIONS, name: 'skeleton' },
    onError: () => {},
  });
  const sandbox = createSandbox({
    ...{ db, ids: systemIds, nowMs: systemIds.nowMs, secrets: await loadSecrets(db), log: silent },
  });
  const app = fastify();
  const state: { provider: PaymentPort | null } = { provider: null };
  const provider = () => present(state.provider, 'the provider');
  const waits = openWaits();
  const sold = serveShop(app, provider, waits.tell);
  await app.register(sandbox.plugin);
  const traffic = watchTraffic(app.server);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  // A listening TCP server has an address object, never a name.
  const port = typeof address === 'object' && address ? address.port : 0;
  state.provider = createStripeProvider({
    ...{ secretKey: sandbox.secretKey, webhookSecrets: [sandbox.webhookSecret], livemode: false },
    sandbox: { host: '127.0.0.1', port, pathPrefix: API_PREFIX, hostedPage: () => '' },
    nowMs: systemIds.nowMs,
  });
  await sandbox.ensureEndpoint(`http://127.0.0.1:${port}/webhooks/stripe`, WEBHOOK_TYPES);
  const delivery = sandbox.startDelivery();
  return {
    ...{ port, publishableKey: sandbox.publishableKey, traffic, confirmed: waits.confirmed },
    path: '/bookings',
    body: (n) => bookingBody(TICKET_TYPE, n),
    audit: async (purchases) => {
      if (sold.size !== purchases) throw new Error(`${sold.size} sold for ${purchases} purchases`);
    },
    close: async () => {
      await app.close();
      await delivery.stop();
      await closeDb(db);
      await databases.drop(url);
    },
  };
}

/** Returns the orders that were paid. */
function serveShop(
  app: FastifyInstance,
  provider: () => PaymentPort,
  tell: (orderId: string) => void,
): ReadonlySet<string> {
  const paid = new Set<string>();
  const orderOf = new Map<string, string>();
  let made = 0;
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  app.post<{ Body: Buffer }>('/bookings', async (request, reply) => {
    JSON.parse(request.body.toString());
    made += 1;
    const orderId = `ord_${String(made).padStart(37, '0')}`;
    const asked = await provider()
      .of(null)
      .createIntent({
        ...{ amountMinor: PRICE_MINOR, currency: 'EUR', description: `Order ${orderId}` },
        metadata: { payment_id: orderId, event_id: orderId, reference: orderId, order_id: orderId },
        idempotencyKey: `intent:${orderId}`,
      });
    if (asked.kind !== 'ok') throw new Error(asked.message);
    const { id, clientSecret } = asked.value;
    orderOf.set(id, orderId);
    return reply.code(201).send({
      ...{ order: { id: orderId }, payment: { provider: 'stripe', clientSecret } },
      ...{ accessToken: 'none', filling: 'x'.repeat(BOOKED_BYTES) },
    });
  });
  app.post<{ Body: Buffer }>('/webhooks/stripe', async (request) => {
    const signature = String(request.headers['stripe-signature']);
    const webhook = present(provider().openWebhook(request.body, signature), 'a true webhook');
    if (webhook.type === 'payment_intent.amount_capturable_updated') {
      const intentId = present(webhook.intentId, 'its intent');
      void settle(provider(), intentId).then(() => {
        const orderId = present(orderOf.get(intentId), 'the order of an intent');
        paid.add(orderId);
        tell(orderId);
      });
    }
    return { received: true };
  });
  app.get<{ Params: { id: string } }>('/api/v1/orders/:id', async ({ params }) => ({
    ...{ id: params.id, status: paid.has(params.id) ? 'confirmed' : 'pending' },
    ...{ tickets: [{ code: 'none' }], filling: 'x'.repeat(ORDER_BYTES) },
  }));
  return paid;
}

/** Reads the intent, as whoever trusts no webhook does, and captures it. */
async function settle(provider: PaymentPort, intentId: string): Promise<void> {
  const read = await provider.of(null).readIntent(intentId);
  if (read.kind !== 'ok') throw new Error(read.message);
  const captured = await provider.of(null).captureIntent(intentId, `capture:${intentId}`);
  if (captured.kind !== 'ok') throw new Error(captured.message);
}
