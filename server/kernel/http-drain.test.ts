import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { gate } from '../../test/kit/kernel.ts';
import { requestText, wire } from '../../test/kit/raw.ts';
import { closeWhenQuiet } from './http-drain.ts';

async function serve(mostMs?: number) {
  const app = fastify({ forceCloseConnections: 'idle' });
  closeWhenQuiet(app, mostMs);
  const entered = gate();
  const leave = gate();
  app.get('/wait', async () => {
    entered.open();
    await leave.reached;
    return 'done';
  });
  app.post('/echo', async (request) => request.body);
  app.get('/', async () => 'hello');
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, origin, entered, leave };
}

describe('a server that closes', () => {
  it('lets the request at hand end, and cuts a connection that is merely kept', async () => {
    const { app, origin, entered, leave } = await serve();
    const kept = await wire(origin);
    kept.write(requestText('GET /', []));
    expect((await kept.answered).body).toBe('hello');
    const waiting = await wire(origin);
    waiting.write(requestText('GET /wait', []));
    await entered.reached;

    const closed = app.close();
    await kept.ended;
    leave.open();
    const answer = await waiting.ended;
    expect(answer).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } });
    await closed;
  });

  it('does not wait for ever for a body that does not come', async () => {
    const { app, origin } = await serve(100);
    const slow = await wire(origin);
    const headers = [
      ['content-type', 'application/json'],
      ['content-length', '100'],
    ] as const;
    slow.write(requestText('POST /echo', headers, '{'));
    const other = await wire(origin);
    other.write(requestText('GET /', []));
    await other.answered;
    await app.close();
    expect((await slow.ended).status).toBe(0);
  });

  it('does not wait for a client that has gone', async () => {
    const { app, origin, entered, leave } = await serve();
    const gone = await wire(origin);
    gone.write(requestText('GET /wait', []));
    await entered.reached;
    gone.socket.destroy();
    leave.open();
    await app.close();
    expect(app.server.listening).toBe(false);
  });
});
