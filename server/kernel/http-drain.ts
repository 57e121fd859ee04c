import type { FastifyInstance, FastifyRequest } from 'fastify';

const LOOK_MS = 20;
/** A closing server no longer times requests out itself; less than what its operator allows. */
const LAST_REQUEST_MAX_MS = 20_000;

/**
 * Lets a closing server finish the requests at hand and then cuts every connection: one that is
 * kept open without a request would otherwise hold the process until its keep-alive time is over,
 * and one that sends its body for ever would hold it for ever.
 */
export function closeWhenQuiet(app: FastifyInstance, mostMs = LAST_REQUEST_MAX_MS): void {
  const inFlight = new Set<FastifyRequest>();
  app.addHook('onRequest', (request, _reply, done) => {
    inFlight.add(request);
    done();
  });
  let closing = false;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
  // Also runs for a response that its client did not wait for.
  app.addHook('onResponse', (request, _reply, done) => {
    inFlight.delete(request);
    done();
  });
  app.addHook('preClose', async () => {
    closing = true;
    const until = performance.now() + mostMs;
    const timer = setInterval(() => {
      if (inFlight.size > 0 && performance.now() < until) return;
      clearInterval(timer);
      app.server.closeAllConnections();
    }, LOOK_MS);
  });
}
