/**
 * Bare Fastify before the baselines: its own parser and serializer, no hooks, no schemas, bodies of
 * the same size as the product's. And the product's whole pipeline before nothing.
 */
import { type FastifyInstance, fastify } from 'fastify';
import type { Ctx } from '../../server/kernel/context.ts';
import { createHttpServer } from '../../server/kernel/http.ts';
import { ok, present } from '../../server/kernel/result.ts';
import type { Route } from '../../server/kernel/route.ts';
import { authenticate } from '../../server/modules/identity/index.ts';
import { shoppingRoutes } from '../../server/modules/shopping/index.ts';
import type { Hold } from './baseline-ways.ts';

export type Served = { readonly port: number; readonly close: () => Promise<void> };

async function serve(app: FastifyInstance): Promise<Served> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  // A listening TCP server has an address object, never a name.
  const port = typeof address === 'object' && address ? address.port : 0;
  return { port, close: () => app.close() };
}

type Body = {
  readonly items: readonly { readonly ticketTypeId: string; readonly quantity: number }[];
  readonly buyer: { readonly email: string };
};

const money = { amount: 2_500, currency: 'EUR' };
const EXPIRES_AT = '2035-05-02T10:15:00.000Z';

function holdOf(id: string, eventId: string, { items }: Body) {
  return {
    id,
    eventId,
    status: 'active',
    expiresAt: EXPIRES_AT,
    promoCode: null,
    items: items.map((item) => ({ ...item, unitPrice: money })),
    total: money,
  };
}

/** `/:way/events/:id/holds` for each way, and the same with nothing behind it at `/nothing/…`. */
export function serveBare(ways: Readonly<Record<string, Hold>>): Promise<Served> {
  const app = fastify();
  app.post<{ Body: Body; Params: { way: string; id: string } }>(
    '/:way/events/:id/holds',
    async (request, reply) => {
      const { way, id } = request.params;
      const key = String(request.headers['idempotency-key']);
      const hold = present(ways[way], way);
      const held = await hold({ eventId: id, person: request.body.buyer.email, key });
      if ('refused' in held) return reply.code(409).send({ code: held.refused });
      return reply.code(201).send(holdOf(held.id, id, request.body));
    },
  );
  app.post<{ Body: Body; Params: { id: string } }>(
    '/nothing/events/:id/holds',
    async (request, reply) =>
      reply.code(201).send(holdOf(NO_HOLD, request.params.id, request.body)),
  );
  return serve(app);
}

/** As long as an id of the product. */
const NO_HOLD = 'hld_0000000000000000000000000000000000000';

/** A bare handler that answers a GET with these bytes. */
export function serveBytes(path: string, body: string): Promise<Served> {
  const app = fastify();
  app.get(path, async (_request, reply) => reply.type('application/json').send(body));
  return serve(app);
}

export function routeOf(routes: readonly Route[], method: Route['method'], path: string): Route {
  const found = routes.find((route) => route.method === method && route.path === path);
  return present(found, `the route ${method} ${path}`);
}

/** The product's server with one route of the product whose use case does nothing. */
export async function servePipeline(ctx: Ctx, route: Route, body: unknown): Promise<Served> {
  const app = await createHttpServer(ctx, {
    routes: [{ ...route, handle: async () => ok({ body }) }],
    basePath: '/api/v1',
    authenticate,
    rates: null,
    trustProxy: undefined,
    logRequests: true,
  });
  return serve(app);
}

/** Hold requests through the whole pipeline, answered with a hold that nobody made. */
export function serveNoHolds(ctx: Ctx, ticketTypeId: string, eventId: string): Promise<Served> {
  const route = routeOf(shoppingRoutes, 'POST', '/events/:id/holds');
  const asked = { items: [{ ticketTypeId, quantity: 1 }], buyer: { email: '' } };
  return servePipeline(ctx, route, holdOf(NO_HOLD, eventId, asked));
}
