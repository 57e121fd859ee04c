/**
 * One arm of the HTTP table, in a process of its own, so that its processor time is the server's
 * alone and nobody else's code has shaped its compiled functions. It says its port, then answers
 * each message with the processor time it has used so far.
 */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { fastify } from 'fastify';
import { BASE_PATH, routes } from '../server/app.ts';
import { assemble } from '../server/assemble.ts';
import { readConfig } from '../server/kernel/config.ts';
import { createHttpServer } from '../server/kernel/http.ts';
import { ok, present } from '../server/kernel/result.ts';
import type { Route } from '../server/kernel/route.ts';
import { authenticate, ensureFirstAdmin } from '../server/modules/identity/index.ts';
import { registerDocs } from '../server/web/docs.ts';
import { registerHome } from '../server/web/home.ts';

export const serverFile = fileURLToPath(import.meta.url);
export const HOLDS_PATH = `${BASE_PATH}/bench/evt_00vtdzt3h1k4r/holds`;

/** Counted like others, but nobody in a benchmark may be one too many. */
const UNREACHED_PER_MINUTE = 1_000_000_000;

const hold = present(
  routes.find(({ method, path }) => method === 'POST' && path === '/events/:id/holds'),
  'the route that holds places',
);
const answer = present(hold.example?.response, 'the example of a hold');

/** The hold route with its schemas, its key and its answer, but nothing to do. */
const noOp: Route = {
  ...hold,
  path: '/bench/:id/holds',
  handle: async () => ok({ body: answer }),
};

export type ArmName = 'node:http' | 'Fastify' | 'pipeline';

/** Listens on a port that it answers. */
type Start = (databaseUrl: string, apiKey: string) => Promise<number>;

const starts: Readonly<Record<ArmName, Start>> = {
  'node:http': () =>
    new Promise((resolve) => {
      const server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          JSON.parse(Buffer.concat(chunks).toString());
          const text = JSON.stringify(answer);
          const length = Buffer.byteLength(text);
          response.writeHead(201, { 'content-type': 'application/json', 'content-length': length });
          response.end(text);
        });
      });
      server.listen(0, '127.0.0.1', () => resolve(portOf(server.address())));
    }),
  Fastify: async () => {
    const app = fastify();
    app.post(HOLDS_PATH, async (_request, reply) => reply.code(201).send(answer));
    await app.listen({ host: '127.0.0.1', port: 0 });
    return portOf(app.server.address());
  },
  pipeline: async (databaseUrl, apiKey) => {
    const config = readConfig({ BOOTSTRAP_API_KEY: apiKey });
    const { ctx } = await assemble({ config, databaseUrl });
    await ensureFirstAdmin(ctx, apiKey);
    const served = [...routes, noOp];
    const app = await createHttpServer(ctx, {
      basePath: BASE_PATH,
      authenticate,
      rates: {
        perAddressPerMinute: UNREACHED_PER_MINUTE,
        perKeyPerMinute: UNREACHED_PER_MINUTE,
      },
      trustProxy: undefined,
      logRequests: true,
      before: (server) => registerDocs(server, served, BASE_PATH),
      routes: served,
    });
    registerHome(app, ctx);
    await app.listen({ host: '127.0.0.1', port: 0 });
    return portOf(app.server.address());
  },
};

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  return typeof address === 'object' && address ? address.port : 0;
}

if (process.argv[1] === serverFile && process.send) {
  const [name, databaseUrl = '', apiKey = ''] = process.argv.slice(2);
  // The benchmark passes the name of one of its arms.
  const port = await starts[name as ArmName](databaseUrl, apiKey);
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.on('disconnect', () => process.exit());
  process.send({ port });
}
