/** The routes: the API under `/sandbox/stripe/v1`, its controls beside it, the hosted page. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { invalidParams, serverError } from './api/errors.ts';
import { faultPlan } from './api/faults.ts';
import { sentError } from './api/idempotency.ts';
import { accessOf } from './api/keys.ts';
import type { Endpoint } from './api/route.ts';
import { serve } from './api/serve.ts';
import { registerPage } from './page/routes.ts';
import { checkoutEndpoints } from './payments/checkout.ts';
import { intentEndpoints } from './payments/intents.ts';
import { readLedger } from './payments/ledger.ts';
import { readingEndpoints } from './payments/reading.ts';
import { refundEndpoints } from './payments/refunds.ts';
import { webhookEndpoints } from './webhooks/endpoints.ts';
import { eventEndpoints } from './webhooks/events.ts';
import type { World } from './world.ts';

const BODY_LIMIT_BYTES = 64 * 1024;
const FORM = 'application/x-www-form-urlencoded';

/** Where Stripe's own paths (`/v1/…`) begin; the SDK's client prefixes them with this. */
export const API_PREFIX = '/sandbox/stripe';

const endpoints: readonly Endpoint[] = [
  ...intentEndpoints,
  ...refundEndpoints,
  ...readingEndpoints,
  ...checkoutEndpoints,
  ...eventEndpoints,
  ...webhookEndpoints,
];

export function sandboxPlugin(world: World): FastifyPluginAsync {
  return async (app) => {
    await app.register(async (api) => registerApi(world, api), { prefix: API_PREFIX });
    await app.register(async (pages) => {
      readForms(pages);
      registerPage(world, pages);
    });
  };
}

/** Form bodies are kept as text: the API hashes them, and reads them strictly by itself. */
function readForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    FORM,
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    (_request, body, done) => done(null, body),
  );
}

async function registerApi(world: World, app: FastifyInstance): Promise<void> {
  readForms(app);
  app.setErrorHandler((error, request, reply) => answerFault(world, error, request, reply));
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const message = `Unrecognized request URL (${request.method}: ${path.slice(0, 200)}).`;
    return reply
      .status(404)
      .send({ error: { type: 'invalid_request_error', code: 'url_invalid', message } });
  });
  for (const endpoint of endpoints) {
    app.route({
      method: endpoint.method,
      url: endpoint.path,
      handler: (request, reply) => serve(world, endpoint, request, reply),
    });
  }
  await app.register(async (controls) => registerControls(world, controls));
}

/** What Stripe has not: the ledger to audit against, and faults on demand. JSON. */
function registerControls(world: World, app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    app.getDefaultJsonParser('error', 'error'),
  );
  app.addHook('onRequest', async (request, reply) => {
    const access = accessOf(world, request.headers.authorization, {});
    if (access.ok && access.value === 'secret') return;
    await refuse(reply, access.ok ? 403 : 401, 'This takes the secret key.');
  });
  app.get('/ledger', async () => readLedger(world.db));
  app.get('/faults', async () => world.faults.plan());
  app.delete('/faults', async () => {
    world.faults.set({ seed: 1, rules: [] });
    return world.faults.plan();
  });
  app.post('/faults', async (request, reply) => {
    const plan = faultPlan.safeParse(request.body);
    if (!plan.success) return refuse(reply, 400, plan.error.issues[0]?.message ?? 'Invalid plan.');
    const unknown = plan.data.rules.find((rule) => rule.on !== undefined && !canStrike(rule.on));
    if (unknown) return refuse(reply, 400, `No call or event is named ${unknown.on}.`);
    world.faults.set(plan.data);
    return world.faults.plan();
  });
}

/** A rule that can never strike would make a test pass for nothing. */
function canStrike(on: string): boolean {
  return (
    endpoints.some((endpoint) => `${endpoint.method} ${endpoint.path}` === on) ||
    /^(payment_intent|charge|refund|checkout\.session)\.[a-z_.]+$/.test(on)
  );
}

async function refuse(reply: FastifyReply, status: number, message: string) {
  return reply.status(status).send({ error: { type: 'invalid_request_error', message } });
}

/** A request that Fastify refused is the client's fault; everything else is ours. */
function answerFault(
  world: World,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error
      ? Number(error.statusCode)
      : 500;
  const ours = !(status >= 400 && status < 500);
  if (ours) world.log.error({ err: error, route: request.routeOptions.url }, 'sandbox call failed');
  const message = error instanceof Error ? error.message : 'Invalid request.';
  const sent = sentError(ours ? serverError : invalidParams(message));
  return reply.status(sent.status).type('application/json').send(sent.body);
}
