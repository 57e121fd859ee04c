import type { FastifyInstance, FastifyReply } from 'fastify';

const LOOK_MS = 20;
/** A closing server no longer times requests out itself; less than what its operator allows. */
const LAST_REQUEST_MAX_MS = 20_000;

/**
 * Lets a closing server finish the requests at hand and then cuts every connection: one that is
 * kept open without a request would otherwise hold the process until its keep-alive time is over,
 * and one that sends its body for ever would hold it for ever.
 */
export function closeWhenQuiet(app: FastifyInstance, mostMs = LAST_REQUEST_MAX_MS): void {
  const inFlight = new Set<FastifyReply>();
  let closing = false;
  app.addHook('onRequest', (_request, reply, done) => {
    inFlight.add(reply);
    if (closing) reply.header('connection', 'close');
    done();
  });
  // Also runs for a response that its client did not wait for.
  app.addHook('onResponse', (_request, reply, done) => {
    inFlight.delete(reply);
    done();
  });
  app.addHook('preClose', async () => {
    closing = true;
    // Here and not in a hook before each answer: those would run for every request of a life.
    for (const reply of inFlight) {
      if (!reply.raw.headersSent) reply.header('connection', 'close');
    }
    const until = performance.now() + mostMs;
    const timer = setInterval(() => {
      if (inFlight.size > 0 && performance.now() < until) return;
      clearInterval(timer);
      app.server.closeAllConnections();
    }, LOOK_MS);
  });
}
