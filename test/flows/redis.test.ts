/**
 * Two servers on one database that share a Redis: what each counts, changes and shows is known to
 * the other at once. And where that Redis is emptied, hangs or is killed in the midst of a sale,
 * nobody notices but by the limits.
 */
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BASE_PATH, routes } from '../../server/app.ts';
import { createHttpServer } from '../../server/kernel/http.ts';
import { authenticate } from '../../server/modules/identity/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, newKey, onSale, payWith } from '../kit/given.ts';
import { listen } from '../kit/listen.ts';
import { startRedis, type TestRedis } from '../kit/redis.ts';
import { requireEngine } from '../kit/requires.ts';

const program = requireEngine('redis');
const WINDOW_MS = 60_000;
const FLUSH_MS = 100;

describe.skipIf(program === undefined)('two servers that share a Redis', () => {
  let redis: TestRedis;
  let one: TestApp;
  let two: TestApp;
  const servers: FastifyInstance[] = [];

  beforeAll(async () => {
    redis = await startRedis(program ?? '');
    const env = { REDIS_URL: redis.url };
    one = await startApp({ worker: true, env });
    two = await startApp({ database: one.database, env });
    for (const app of [one, two]) await isShared(app);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    await expectAuditClean(one);
  });
  afterAll(async () => {
    await two.close();
    await one.close();
    await redis.stop();
  });

  const isShared = (app: TestApp) =>
    eventually(
      () => app.ctx.shared.addUp([{ name: 'ready', by: 1 }], WINDOW_MS),
      (sums) => sums !== null,
    );

  /** A server with small limits in front of this app's rooms. */
  async function limited(app: TestApp): Promise<FastifyInstance> {
    const server = await createHttpServer(app.ctx, {
      ...{ routes, basePath: BASE_PATH, authenticate },
      rates: { perAddressPerMinute: 20, perKeyPerMinute: 20 },
      ...{ trustProxy: undefined, logRequests: false },
    });
    servers.push(server);
    return server;
  }
  const ask = (server: FastifyInstance, from: string) =>
    server.inject({ method: 'GET', url: '/api/v1/events', remoteAddress: from });

  it('C7 limits an address by what it asks of both, with the same answers and headers', async () => {
    const [first, second] = [await limited(one), await limited(two)];
    const from = '192.0.2.1';
    for (let i = 0; i < 15; i += 1) expect((await ask(first, from)).statusCode).toBe(200);
    expect((await ask(second, from)).headers['ratelimit-remaining']).toBe('19');
    const last = await eventually(
      () => ask(second, from),
      (answer) => answer.statusCode === 429,
    );
    expect(last.json()).toMatchObject({ code: 'rate_limited' });
    expect(last.headers).toMatchObject({ 'ratelimit-limit': '20', 'ratelimit-remaining': '0' });
    expect((await ask(second, '192.0.2.2')).statusCode).toBe(200);
  });

  it('C7 limits by each alone while Redis hangs, and never fails for it', async () => {
    const [first, second] = [await limited(one), await limited(two)];
    redis.freeze();
    try {
      for (const server of [first, second]) {
        const statuses: number[] = [];
        for (let i = 0; i < 21; i += 1) {
          statuses.push((await ask(server, '192.0.2.9')).statusCode);
        }
        expect(statuses).toEqual([...Array(20).fill(200), 429]);
      }
    } finally {
      redis.thaw();
    }
    await isShared(one);
  });

  it('tells listeners of the other server at once', async () => {
    const { eventId, typeId } = await onSale(one.admin);
    const ear = await listen(`${two.origin}/api/v1/events/${eventId}/live`);
    await ear.hears(({ event }) => event === 'availability');
    const lags: number[] = [];
    for (let left = 9; left >= 5; left -= 1) {
      await one.guest.post(
        `/events/${eventId}/holds`,
        { items: [{ ticketTypeId: typeId, quantity: 1 }] },
        newKey(),
      );
      const heldAt = performance.now();
      await ear.hears(({ data }) => data.ticketTypes?.[0]?.available === left);
      lags.push(performance.now() - heldAt);
    }
    ear.close();
    expect(Math.max(...lags)).toBeLessThan(1_000);
  });

  it('shows what the other server sold', async () => {
    const { eventId, typeId } = await onSale(one.admin);
    const path = `/events/${eventId}/availability`;
    const left = async (app: TestApp) => (await app.guest.get(path)).body.ticketTypes[0].available;
    expect(await left(two)).toBe(10);
    await book(one.guest, eventId, typeId, { quantity: 4 });
    expect(await left(one)).toBe(6);
    await eventually(
      () => left(two),
      (available) => available === 6,
      3_000,
    );
  });

  it('sell to the last place while it is emptied, hangs and dies', async () => {
    const places = 40;
    const { eventId, typeId } = await onSale(one.admin, { capacity: places });
    const ear = await listen(`${two.origin}/api/v1/events/${eventId}/live`);
    const flushing = setInterval(() => redis.flushAll().catch(() => {}), FLUSH_MS);
    const statuses: number[] = [];
    const paying: Promise<unknown>[] = [];
    try {
      for (let i = 0; i < 48; i += 1) {
        if (i === 12) redis.freeze();
        if (i === 24) redis.thaw();
        if (i === 32) await redis.kill();
        const app = i % 2 ? one : two;
        const booking = await book(app.guest, eventId, typeId);
        statuses.push(booking.status);
        if (booking.status === 201) {
          paying.push(payWith(one, booking.body.payment.clientSecret));
        }
      }
      await redis.start();
    } finally {
      clearInterval(flushing);
      redis.thaw();
    }
    await Promise.all(paying);
    expect(statuses.filter((status) => status === 201)).toHaveLength(places);
    expect(statuses.filter((status) => status === 409)).toHaveLength(48 - places);
    await ear.hears(({ event, data }) => event === 'status' && data.status === 'sold_out');
    ear.close();
    const sold = async () => {
      const list = await one.admin.get(`/orders?eventId=${eventId}&limit=100`);
      return list.body.data.filter((order: { status: string }) => order.status === 'confirmed');
    };
    await eventually(sold, (orders) => orders.length === places);
    for (const app of [one, two]) await isShared(app);
  });
});
