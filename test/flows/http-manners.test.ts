/** How the server answers, whatever is asked: problems, ids, headers, limits, health, the end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, startApp, type TestApp } from '../kit/app.ts';
import { inDays, newKey, onSale } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';
import { requestText, sendRaw } from '../kit/raw.ts';

let app: TestApp;
let fan: string;
beforeAll(async () => {
  app = await startApp();
  const person = await app.admin.post('/users', { name: 'Fan', email: 'fan@example.org' });
  const key = await app.admin.post('/api-keys', {
    name: 'fan',
    role: 'fan',
    userId: person.body.id,
  });
  fan = key.body.secret;
});
afterAll(() => app.close());

/** The shape of every answer that is not a success. */
function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({
    type: `/docs/problems#${code}`,
    title: expect.stringMatching(/\S/),
    status,
    code,
    instance: expect.stringMatching(/^\//),
    requestId: answer.headers.get('x-request-id'),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(JSON.stringify(answer.body)).not.toMatch(/select |insert |\bat .*\.ts:|node_modules/);
}

const json = { 'content-type': 'application/json' };
/** Sends a body as it stands. */
async function post(path: string, body: string, headers: Record<string, string>) {
  const response = await fetch(`${app.origin}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text), headers: response.headers };
}
const ADMIN = 'fk_admin_key_for_tests_0123456789';
const NOBODY = 'evt_00000000000zz';

describe('a problem document comes with', () => {
  it('400: a body that is no JSON', async () => {
    expectProblem(await post('/events', '{', json), 400, 'malformed_json');
  });

  it('400: a missing Idempotency-Key', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const items = [{ ticketTypeId: typeId, quantity: 1 }];
    const answer = await app.guest.post(`/events/${eventId}/holds`, { items });
    expectProblem(answer, 400, 'idempotency_key_required');
  });

  it('401: no key, a wrong one, another scheme', async () => {
    expectProblem(await app.guest.get('/orders'), 401, 'unauthenticated');
    expectProblem(await app.as('fk_wrong').get('/events'), 401, 'unauthenticated');
    const basic = { authorization: 'Basic YTpi' };
    expectProblem(await app.guest.get('/events', basic), 401, 'unauthenticated');
  });

  it('403: a key that may not', async () => {
    expectProblem(await app.as(fan).post('/events', {}), 403, 'forbidden');
  });

  it('404: an unknown address, an unknown thing, somebody else’s', async () => {
    expectProblem(await app.admin.get('/nothing'), 404, 'not_found');
    expectProblem(await app.admin.post('/nothing', { a: 1 }), 404, 'not_found');
    expectProblem(await app.admin.get(`/events/${NOBODY}`), 404, 'not_found');
  });

  it.each([
    ['PATCH', '/api/v1/events', ['GET', 'HEAD', 'POST']],
    ['DELETE', '/api/v1/users', ['GET', 'HEAD', 'POST']],
    ['PUT', `/api/v1/events/${NOBODY}/publish`, ['POST']],
    ['OPTIONS', `/api/v1/events/${NOBODY}`, ['DELETE', 'GET', 'HEAD', 'PUT']],
    ['POST', '/healthz', ['GET', 'HEAD']],
  ])('405: %s %s, and what is allowed', async (method, path, allowed) => {
    const response = await fetch(app.origin + path, { method, body: null });
    const answer = {
      status: response.status,
      body: await response.json(),
      headers: response.headers,
    };
    expectProblem(answer, 405, 'method_not_allowed');
    const allow = response.headers.get('allow')?.split(', ').sort();
    expect(allow).toEqual(allowed);
  });

  it('409: a state that forbids it', async () => {
    const { eventId } = await onSale(app.admin);
    await app.admin.post(`/events/${eventId}/cancel`, {});
    expectProblem(await app.admin.post(`/events/${eventId}/cancel`, {}), 409, 'event_over');
  });

  it('413: a body beyond 256 kB', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(300_000) });
    expectProblem(await post('/events', body, json), 413, 'body_too_large');
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/jsonx',
    'nonsense',
  ])('415: a body that is %s', async (type) => {
    const answer = await post('/events', '{}', { 'content-type': type });
    expectProblem(answer, 415, 'unsupported_media_type');
  });

  it.each(['gzip', 'br', 'deflate', 'gzip, gzip', 'x-unknown'])(
    '415: a body packed with %s',
    async (encoding) => {
      const answer = await post('/events', '{}', { ...json, 'content-encoding': encoding });
      expectProblem(answer, 415, 'unsupported_media_type');
      expect(answer.headers.get('accept-encoding')).toBe('identity');
    },
  );

  it('422: fields that are not valid, each by its path', async () => {
    const answer = await app.admin.post('/events', { name: '', startsAt: 'soon', price: 1 });
    expectProblem(answer, 422, 'validation_failed');
    const issues = answer.body.issues as { path: string; code: string; message: string }[];
    expect(issues).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: 'name', code: 'wrong_length' }),
        expect.objectContaining({ path: 'startsAt', code: 'invalid_time' }),
        expect.objectContaining({ path: 'price', code: 'unknown_field' }),
        expect.objectContaining({ path: 'currency', code: 'invalid_type' }),
      ]),
    );
  });

  it('422: a hundred issues at most, whatever was sent', async () => {
    const fields = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`x${i}`, i]));
    const answer = await app.admin.post('/organizers', fields);
    expectProblem(answer, 422, 'validation_failed');
    expect(answer.body.issues).toHaveLength(100);
  });

  it('503: somebody in the way, and when to come back', async () => {
    const { eventId } = await onSale(app.admin);
    const other = await connect(app.database.url);
    await other.query('begin');
    await other.query('select from catalog.event where event_id = $1 for update', [eventId]);
    const answer = await app.admin.post(`/events/${eventId}/publish`);
    await other.end();
    expectProblem(answer, 503, 'busy');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });

  it('bytes that are not HTTP', async () => {
    const answer = await sendRaw(app.origin, 'HELLO\r\n\r\n');
    expect(answer).toMatchObject({
      status: 400,
      headers: { 'content-type': 'application/problem+json', connection: 'close' },
      body: { status: 400, code: 'malformed_request', title: 'Bad Request' },
    });
    expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
  });

  it('an address that cannot be decoded', async () => {
    const line = 'GET /api/v1/events/%zz';
    const answer = await sendRaw(app.origin, requestText(line, [['connection', 'close']]));
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_url' } });
    expect(answer.headers['x-request-id']).toBe(answer.body.requestId);
  });
});

describe('a request id', () => {
  it('is taken from the caller where it has its shape', async () => {
    const id = 'trace_0123-ABC';
    const fine = await app.guest.get('/events', { 'x-request-id': id });
    expect(fine.headers.get('x-request-id')).toBe(id);
    const bad = await app.guest.get(`/events/${NOBODY}`, { 'x-request-id': id });
    expect(bad.body.requestId).toBe(id);
  });

  it.each(['short', 'x'.repeat(65), 'with space', 'a;b=c&d<e>f'])('%j is not', async (id) => {
    const { headers } = await app.guest.get('/events', { 'x-request-id': id });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is another for each request', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.guest.get('/me')));
    expect(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size).toBe(20);
  });

  it('is written down beside what the request changed', async () => {
    const { eventId } = await onSale(app.admin);
    const id = 'req_that_cancels';
    await app.admin.post(`/events/${eventId}/cancel`, {}, { ...newKey(), 'x-request-id': id });
    const { rows } = await app.ctx.db.pool.query(
      `select to_state from kernel.state_change where object_id = $1 and request_id = $2`,
      [eventId, id],
    );
    expect(rows).toEqual([{ to_state: 'cancelled' }]);
  });
});

describe('security headers', () => {
  it.each([
    '/api/v1/events',
    '/api/v1/nothing',
    '/healthz',
    '/',
    '/docs/problems',
    '/openapi.json',
  ])('stand on %s', async (path) => {
    const { headers } = await fetch(app.origin + path);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).not.toContain('unsafe-eval');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toMatch(/DENY|SAMEORIGIN/);
    expect(headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('server')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('what is private is not kept by caches', async () => {
    for (const path of ['/orders', '/users', '/me', '/api-keys']) {
      expect((await app.admin.get(path)).headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('metrics', () => {
  it('count requests by route, not by address, and refusals by code', async () => {
    await app.guest.get(`/events/${NOBODY}`);
    const answer = await app.guest.get('//metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text: string = answer.body;
    expect(text).toMatch(
      /fanfare_http_request_seconds_count\{method="GET",route="\/api\/v1\/events\/:id",status="4xx"\} \d+/,
    );
    expect(text).toMatch(/fanfare_refusals_total\{code="not_found"\} \d+/);
    expect(text).toContain('fanfare_db_transaction_seconds_bucket');
    expect(text).not.toContain('evt_');
  });
});

describe('times', () => {
  it('come with an offset, and are taken with any', async () => {
    const startsAt = inDays(40).replace(/\.\d+Z/, '-09:30');
    const made = await app.admin.post('/events', {
      name: 'Offset',
      startsAt,
      timezone: 'Pacific/Marquesas',
      currency: 'EUR',
    });
    expect(made.status).toBe(201);
    expect(new Date(made.body.startsAt)).toEqual(new Date(startsAt));
    expect(made.body.startsAt).toMatch(/-09:30$/);
  });
});
