/** What the server bears: too many requests, slow ones, its own end, a database that is away. */
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BASE_PATH, routes } from '../../server/app.ts';
import { createHttpServer, type HttpOptions } from '../../server/kernel/http.ts';
import { createLog } from '../../server/kernel/log.ts';
import { migrate } from '../../server/kernel/migrate.ts';
import { route } from '../../server/kernel/route.ts';
import { authenticate } from '../../server/modules/identity/index.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import type { TestDb } from '../kit/db.ts';
import { startTestCluster } from '../kit/embedded.ts';
import { eventually, newKey, onSale, somebody } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';
import { codeSent } from '../kit/mailbox.ts';
import { requestText, sendRaw, wire } from '../kit/raw.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const admin = { authorization: `Bearer ${ADMIN_KEY}` };
let served: FastifyInstance | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

/** The same routes on the same database under other limits, spoken to without a socket. */
async function serve(more: Partial<HttpOptions>, ctx = app.ctx): Promise<FastifyInstance> {
  served = await createHttpServer(ctx, {
    routes,
    basePath: BASE_PATH,
    authenticate,
    rates: null,
    trustProxy: undefined,
    logRequests: false,
    ...more,
  });
  return served;
}

let people = 0;
/** The credential of somebody who has just signed in. */
async function signedIn() {
  people += 1;
  const email = `limited${people}@example.org`;
  expect((await app.guest.post('/sign-in', { email })).status).toBe(202);
  const proof = { email, code: await codeSent(app, email) };
  const { body } = await app.guest.post('/sign-in/verify', proof);
  return { authorization: `Bearer ${body.token}` };
}

describe('rate limits', () => {
  const rates = { perAddressPerMinute: 3, perKeyPerMinute: 5 };
  const ask = (server: FastifyInstance, url: string, from: string, headers = {}) =>
    server.inject({ method: 'GET', url, remoteAddress: from, headers });
  const statuses = async (
    server: FastifyInstance,
    times: number,
    ...request: [url: string, from: string, headers?: object]
  ) => {
    const found: number[] = [];
    for (let i = 0; i < times; i++) {
      found.push((await ask(server, ...request)).statusCode);
    }
    return found;
  };

  it('count by address, and say what is left', async () => {
    const server = await serve({ rates });
    const first = await ask(server, '/api/v1/events', '192.0.2.1');
    expect(first.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2' });
    expect(Number(first.headers['ratelimit-reset'])).toBeLessThanOrEqual(60);
    expect(await statuses(server, 3, '/api/v1/events', '192.0.2.1')).toEqual([200, 200, 429]);
    const over = await ask(server, '/api/v1/events', '192.0.2.1');
    expect(over.json()).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(over.headers['content-type']).toBe('application/problem+json');
    expect(Number(over.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(await statuses(server, 1, '/api/v1/events', '192.0.2.2')).toEqual([200]);
  });

  it('count by key, wherever it is used', async () => {
    const server = await serve({ rates });
    const used: number[] = [];
    for (let i = 0; i < 6; i++) {
      used.push((await ask(server, '/api/v1/me', `192.0.2.${i}`, admin)).statusCode);
    }
    expect(used).toEqual([200, 200, 200, 200, 200, 429]);
    // Its address has not been used up by it.
    expect(await statuses(server, 1, '/api/v1/me', '192.0.2.1')).toEqual([200]);
  });

  it('count those who have signed in where they come from, however many sessions they have', async () => {
    const sessions = [await signedIn(), await signedIn()];
    const server = await serve({ rates });
    const [one, other] = sessions;
    expect(await statuses(server, 2, '/api/v1/me', '192.0.2.1', one)).toEqual([200, 200]);
    expect(await statuses(server, 2, '/api/v1/me', '192.0.2.1', other)).toEqual([200, 429]);
    expect(await statuses(server, 1, '/api/v1/events', '192.0.2.1')).toEqual([429]);
    expect(await statuses(server, 3, '/api/v1/me', '192.0.2.2', one)).toEqual([200, 200, 200]);
    // One session may not be used from everywhere either: by now it has asked five times.
    expect(await statuses(server, 1, '/api/v1/me', '192.0.2.3', one)).toEqual([429]);
  });

  it('count the addresses of one IPv6 network together', async () => {
    const server = await serve({ rates });
    for (const from of ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:1::3']) {
      expect(await statuses(server, 1, '/api/v1/events', from)).toEqual([200]);
    }
    expect(await statuses(server, 1, '/api/v1/events', '2001:db8::4')).toEqual([429]);
    expect(await statuses(server, 1, '/api/v1/events', '2001:db8:0:1::1')).toEqual([200]);
    expect(await statuses(server, 3, '/api/v1/events', '192.0.2.1')).toEqual([200, 200, 200]);
    expect(await statuses(server, 1, '/api/v1/events', '::ffff:192.0.2.1')).toEqual([429]);
  });

  it('count who guesses keys, tokens and addresses', async () => {
    const server = await serve({ rates });
    const wrong = { authorization: 'Bearer fk_guess' };
    expect(await statuses(server, 4, '/api/v1/me', '192.0.2.1', wrong)).toEqual([
      401, 401, 401, 429,
    ]);
    const unknown = { authorization: `Bearer at_${'a'.repeat(43)}` };
    const order = '/api/v1/orders/ord_00vtdzt3h1k4r00vtdzt3h1k4r00000000000x';
    expect(await statuses(server, 4, order, '192.0.2.2', unknown)).toEqual([404, 404, 404, 429]);
    expect(await statuses(server, 4, '/api/v1/guess', '192.0.2.3')).toEqual([404, 404, 404, 429]);
    expect(await statuses(server, 4, '/api/v1/orders', '192.0.2.4')).toEqual([401, 401, 401, 429]);
  });

  it('spare health, metrics and webhooks', async () => {
    const server = await serve({ rates });
    for (const url of ['/healthz', '/readyz', '/metrics']) {
      expect(await statuses(server, 5, url, '192.0.2.1')).toEqual([200, 200, 200, 200, 200]);
    }
    for (const url of ['/webhooks/stripe', '/api/v1/webhooks/stripe']) {
      for (let i = 0; i < 5; i++) {
        const hook = { method: 'POST', url, payload: {} } as const;
        expect((await server.inject(hook)).statusCode).toBe(400);
      }
    }
  });

  it('believe X-Forwarded-For of a trusted proxy only, and only its last hop', async () => {
    const spoofed = (i: number) => ({ 'x-forwarded-for': `203.0.113.${i}, 198.51.100.7` });
    const trusting = await serve({ rates, trustProxy: '10.0.0.1' });
    for (let i = 0; i < 3; i++) await ask(trusting, '/api/v1/events', '10.0.0.1', spoofed(i));
    const same = await ask(trusting, '/api/v1/events', '10.0.0.1', spoofed(9));
    expect(same.statusCode).toBe(429);
    const other = { 'x-forwarded-for': '203.0.113.1, 198.51.100.8' };
    expect((await ask(trusting, '/api/v1/events', '10.0.0.1', other)).statusCode).toBe(200);
    await trusting.close();

    const proud = await serve({ rates });
    for (let i = 0; i < 3; i++) await ask(proud, '/api/v1/events', '192.0.2.1', spoofed(i));
    const still = { 'x-forwarded-for': '203.0.113.200' };
    expect((await ask(proud, '/api/v1/events', '192.0.2.1', still)).statusCode).toBe(429);
  });

  it('are on by default, and off where the settings say so', async () => {
    const limited = await startApp({ env: { RATE_LIMIT: 'on' } });
    const { headers } = await limited.guest.get('/events');
    expect(headers.get('ratelimit-limit')).toBe('3000');
    const withKey = await limited.admin.get('/events');
    expect(withKey.headers.get('ratelimit-limit')).toBe('30000');
    await limited.close();
    expect((await app.guest.get('/events')).headers.get('ratelimit-limit')).toBeNull();
  });
});

describe('a fault of ours', () => {
  const CANARY = 'canary-7b21';
  const broken = route({
    method: 'GET',
    path: '//broken',
    summary: 'Breaks',
    tag: 'Test',
    access: { kind: 'public' },
    success: { status: 200, schema: null, description: 'never' },
    refusals: {},
    handle: async () => {
      throw new Error(`select * from buyer where email = '${CANARY}@example.org'`);
    },
  });

  it('is a 500 that tells nothing, and a line in the log with the same id', async () => {
    const lines: string[] = [];
    const log = createLog({ LOG_LEVEL: 'info' }, { write: (line) => void lines.push(line) });
    const server = await serve({ routes: [broken], logRequests: true }, { ...app.ctx, log });
    const url = `/broken?access=at_${CANARY.padEnd(43, 'x')}`;
    const answer = await server.inject({ method: 'GET', url, headers: { cookie: CANARY } });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({
      type: '/docs/problems#internal_error',
      title: 'Something went wrong on our side',
      status: 500,
      code: 'internal_error',
      instance: '/broken',
      requestId: answer.headers['x-request-id'],
    });
    const failed = lines.find((line) => line.includes('a request failed'));
    expect(failed).toContain(String(answer.headers['x-request-id']));
    expect(failed).toContain('http-limits.test.ts');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.join('\n')).not.toContain(CANARY);
  });
});

describe('the log of a purchase', () => {
  it('tells of no buyer, no key, no token', async () => {
    const lines: string[] = [];
    const log = createLog({ LOG_LEVEL: 'trace' }, { write: (line) => void lines.push(line) });
    const server = await serve({ logRequests: true }, { ...app.ctx, log });
    const { eventId, typeId } = await onSale(app.admin, { price: 0 });
    const buyer = { name: 'Canary Ann', email: 'canary.ann@example.org', phone: '+493012345678' };
    const headers = { 'x-device-token': 'canary-device-token', ...newKey() };
    const booked = await server.inject({
      method: 'POST',
      url: `/api/v1/events/${eventId}/bookings`,
      headers,
      payload: { items: [{ ticketTypeId: typeId, quantity: 1 }], buyer, payment: SIMULATED },
    });
    expect(booked.statusCode).toBe(201);
    const { order, accessToken } = booked.json();
    const url = `/api/v1/orders/${order.id}?access=${accessToken}`;
    expect((await server.inject({ method: 'GET', url })).statusCode).toBe(200);
    await server.inject({ method: 'GET', url: '/api/v1/users', headers: admin });
    const said = lines.join('\n');
    expect(lines.length).toBeGreaterThanOrEqual(3);
    const secrets = ['Canary', 'canary', '493012345678', accessToken, ADMIN_KEY];
    for (const secret of [...secrets, headers['idempotency-key'], order.tickets[0].code]) {
      expect(said).not.toContain(secret);
    }
  });
  const SIMULATED = { method: 'simulated' };
});

describe('a slow client', () => {
  /** Sets deadlines of the running server; answers what they were. */
  function limit(limits: Partial<{ headersTimeout: number; requestTimeout: number }>) {
    const { headersTimeout, requestTimeout } = app.parts.app.server;
    Object.assign(app.parts.app.server, limits);
    return { headersTimeout, requestTimeout };
  }

  it('whose body does not come is cut off, with a problem', async () => {
    const before = limit({ headersTimeout: 100, requestTimeout: 200 });
    const answer = await sendRaw(
      app.origin,
      requestText('POST /api/v1/events', [...JSON_HEADERS, ['content-length', '5000']], '{"na'),
    );
    limit(before);
    expect(answer).toMatchObject({ status: 408, body: { status: 408, title: 'Request Timeout' } });
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('whose headers do not come is cut off', async () => {
    const before = limit({ headersTimeout: 100 });
    const answer = await sendRaw(app.origin, 'GET /api/v1/events HTTP/1.1\r\nhost: l');
    limit(before);
    expect(answer.status).toBe(408);
  });

  it('has half a minute for all of it, and ten seconds for its headers', () => {
    const { requestTimeout, headersTimeout, keepAliveTimeout } = app.parts.app.server;
    expect({ requestTimeout, headersTimeout, keepAliveTimeout }).toEqual({
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 10_000,
    });
  });
});

const JSON_HEADERS = [
  ['authorization', `Bearer ${ADMIN_KEY}`],
  ['content-type', 'application/json'],
] as const;

describe('the end of a server', () => {
  it('finishes what is under way, takes nothing new, and says that it is not ready', async () => {
    const ending = await startApp();
    expect((await ending.guest.get('//readyz')).body).toEqual({ status: 'ready', database: 'ok' });
    const body = JSON.stringify({ name: 'Written slowly' });
    const length = ['content-length', String(body.length)] as const;
    const slow = await wire(ending.origin);
    const head = requestText('POST /api/v1/organizers', [...JSON_HEADERS, length]);
    slow.write(head + body.slice(0, 5));
    const kept = await wire(ending.origin);
    kept.write(requestText('GET /readyz', []));
    await kept.answered;

    ending.parts.drain();
    const drained = await ending.guest.get('//readyz');
    expect(drained.body).toMatchObject({ code: 'not_ready', status: 503 });
    expect(drained.headers.get('retry-after')).toBe('2');
    expect((await ending.guest.get('//healthz')).status).toBe(200);

    const closed = ending.parts.close();
    await kept.ended;
    await eventually(
      () =>
        wire(ending.origin).then(
          ({ socket }) => void socket.destroy(),
          (error: NodeJS.ErrnoException) => error.code,
        ),
      (code) => code === 'ECONNREFUSED',
    );
    slow.write(body.slice(5));
    const answer = await slow.ended;
    expect(answer).toMatchObject({ status: 201, body: { name: 'Written slowly' } });
    expect(answer.headers['connection']).toBe('close');
    await closed;
    await ending.database.close();
  });
});

describe('a database that is away', () => {
  it('for a moment: its connections are made anew', async () => {
    await app.guest.get('/events');
    const other = await connect(app.database.url);
    await other.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);
    await other.end();
    const after = await eventually(
      () => app.guest.get('/events'),
      ({ status }) => status === 200,
    );
    expect(after.status).toBe(200);
  });

  it('for good: alive, not ready, and 503 to everybody', async () => {
    const cluster = await startTestCluster({ durable: true });
    await migrate({ url: cluster.url });
    // Not a copy of the template: this one goes down with its server.
    const database = { url: cluster.url } as TestDb;
    const lonely = await startApp({ database });
    const { eventId, typeId } = await onSale(lonely.admin);
    await cluster.stop();

    const ready = await lonely.guest.get('//readyz');
    expect(ready.body).toMatchObject({ code: 'not_ready', detail: /database/ });
    expect((await lonely.guest.get('//healthz')).body).toEqual({ status: 'ok' });
    expect((await lonely.guest.get('//metrics')).status).toBe(200);
    const items = [{ ticketTypeId: typeId, quantity: 1 }];
    const order = { items, buyer: somebody(), payment: { method: 'simulated' } };
    for (const answer of [
      await lonely.guest.get('/events'),
      await lonely.admin.get('/events'),
      await lonely.guest.post(`/events/${eventId}/bookings`, order, newKey()),
    ]) {
      expect(answer.body).toMatchObject({ status: 503, code: 'unavailable' });
      expect(answer.headers.get('retry-after')).toBe('5');
    }
    await lonely.close();
  });
});
