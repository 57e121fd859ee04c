/** The routes: the API under `/sandbox/stripe/v1`, its controls beside it, the hosted page. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { registerControls } from './api/controls.ts';
import { invalidParams, serverError } from './api/errors.ts';
import { sentError } from './api/idempotency.ts';
import type { Endpoint } from './api/route.ts';
import { serve } from './api/serve.ts';
import { registerPage } from './page/routes.ts';
import { checkoutEndpoints } from './payments/checkout.ts';
import { disputeEndpoints } from './payments/disputes.ts';
import { intentEndpoints } from './payments/intents.ts';
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
  ...disputeEndpoints,
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
  await app.register(async (controls) => registerControls(world, controls, endpoints));
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
