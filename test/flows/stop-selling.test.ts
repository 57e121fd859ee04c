/** F12: selling is stopped at once, whatever the database does, and goes on when told to. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../server/cli/main.ts';
import { type Caller, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, newKey, onSale, payWith } from '../kit/given.ts';
import { openProxy, type Wire } from '../kit/proxy.ts';

const items = (typeId: string) => ({ items: [{ ticketTypeId: typeId, quantity: 1 }] });
const hold = (caller: Caller, { eventId, typeId }: { eventId: string; typeId: string }) =>
  caller.post(`/events/${eventId}/holds`, items(typeId), newKey());
const codeOf = async (asked: Promise<{ status: number; body: { code?: string } }>) => {
  const { status, body } = await asked;
  return body.code ?? status;
};
const sees = (asked: () => Promise<unknown>, wanted: unknown) =>
  eventually(asked, (got) => got === wanted, 10_000);

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'stops-'));
});
afterAll(() => rmSync(dataDir, { recursive: true }));

describe('F12 selling is stopped', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ env: { DATA_DIR: dataDir } });
  });
  afterEach(async () => {
    for (const { scope } of app.ctx.stops.list()) app.ctx.stops.resume(scope, 'test');
    await app.ctx.stops.refresh();
  });
  afterAll(() => app.close());

  it('for holds, changes of holds and bookings, and goes on by the same route', async () => {
    const sale = await onSale(app.admin, { capacity: 5_000 });
    const held = await hold(app.guest, sale);
    const before = await app.guest.get(`/events/${sale.eventId}/availability`);
    expect(before.body).toMatchObject({ status: 'on_sale', ticketTypes: [{ status: 'on_sale' }] });
    const stopped = await app.admin.put('/selling', { stopped: true, reason: 'a wrong price' });
    expect(stopped.body).toMatchObject({
      stopped: true,
      stops: [{ scope: 'all', reason: 'a wrong price' }],
    });
    const refused = await hold(app.guest, sale);
    expect(refused).toMatchObject({ status: 409, body: { code: 'sale_paused' } });
    expect(refused.body.detail).toMatch(/stopped/);
    expect(JSON.stringify(refused.body)).not.toMatch(/wrong price/);
    const change = app.guest.put(`/holds/${held.body.id}`, items(sale.typeId));
    expect(await codeOf(change)).toBe('sale_paused');
    expect(await codeOf(book(app.guest, sale.eventId, sale.typeId))).toBe('sale_paused');
    expect(await codeOf(book(app.admin, sale.eventId, sale.typeId))).toBe('sale_paused');
    const shown = await app.guest.get(`/events/${sale.eventId}/availability`, {
      'if-none-match': before.headers.get('etag') ?? '',
    });
    expect(shown.body).toMatchObject({ status: 'paused', ticketTypes: [{ status: 'paused' }] });
    expect((await app.admin.put('/selling', { stopped: false })).body.stopped).toBe(false);
    expect(await codeOf(hold(app.guest, sale))).toBe(201);
    const after = await app.guest.get(`/events/${sale.eventId}/availability`);
    expect(after.body.status).toBe('on_sale');
  });

  it('while what was authorised is settled, refunds go on, and places come back', async () => {
    const sale = await onSale(app.admin, { capacity: 5_000 });
    const paid = await book(app.guest, sale.eventId, sale.typeId);
    await payWith(app, paid.body.payment.clientSecret);
    const held = await hold(app.guest, sale);
    await app.admin.put('/selling', { stopped: true });
    const { id } = paid.body.order;
    const order = async () => {
      await app.drainJobs();
      return (await app.admin.get(`/orders/${id}`)).body;
    };
    await eventually(order, ({ status }) => status === 'confirmed');
    expect(
      (await app.admin.post(`/orders/${id}/refunds`, { reason: 'ill' }, newKey())).status,
    ).toBe(201);
    await eventually(order, ({ refunds }) => refunds[0]?.status === 'succeeded');
    expect((await app.guest.delete(`/holds/${held.body.id}`)).status).toBe(204);
    await expectAuditClean(app);
  });

  it('for one event, or the events of one organizer, by whom they belong to', async () => {
    const made = await app.admin.post('/organizers', { name: 'Other hall' }, newKey());
    const key = await app.admin.post(
      '/api-keys',
      { name: 'theirs', role: 'manager', organizerId: made.body.id },
      newKey(),
    );
    const other = app.as(key.body.key ?? key.body.secret);
    const [ours, second, theirs] = [
      await onSale(app.admin, { capacity: 5_000 }),
      await onSale(app.admin, { capacity: 5_000 }),
      await onSale(other, { capacity: 5_000 }),
    ];
    await app.admin.put(`/events/${ours.eventId}/selling`, { stopped: true });
    expect(await codeOf(hold(app.guest, ours))).toBe('sale_paused');
    expect(await codeOf(hold(app.guest, second))).toBe(201);
    const notTheirs = other.put(`/events/${second.eventId}/selling`, { stopped: true });
    expect(await codeOf(notTheirs)).toBe('not_found');
    expect((await other.put('/selling', { stopped: true })).body.stops).toMatchObject([
      { scope: made.body.id },
    ]);
    expect(await codeOf(hold(app.guest, theirs))).toBe('sale_paused');
    expect(await codeOf(hold(app.guest, second))).toBe(201);
    expect((await other.get('/selling')).body.stops).toHaveLength(1);
    expect((await app.admin.get('/selling')).body.stops).toHaveLength(2);
  });

  it('by a file on the machine, which a command writes, and one event by another line', async () => {
    vi.stubEnv('DATA_DIR', dataDir);
    // The test runner has one of its own.
    vi.stubEnv('BASE_URL', '');
    vi.stubEnv('DATABASE_URL', app.database.url);
    const print = vi.spyOn(console, 'log').mockImplementation(() => {});
    const [one, other] = [
      await onSale(app.admin, { capacity: 5_000 }),
      await onSale(app.admin, { capacity: 5_000 }),
    ];
    try {
      expect(await main(['stop-selling', '--event', one.eventId])).toBe(0);
      await app.ctx.stops.refresh();
      expect(await codeOf(hold(app.guest, one))).toBe('sale_paused');
      expect(await codeOf(hold(app.guest, other))).toBe(201);
      expect(await main(['stop-selling'])).toBe(0);
      await app.ctx.stops.refresh();
      expect(await codeOf(hold(app.guest, other))).toBe('sale_paused');
      expect(await main(['resume-selling'])).toBe(0);
      expect(await main(['resume-selling', '--event', one.eventId])).toBe(0);
      await app.ctx.stops.refresh();
      expect(await codeOf(hold(app.guest, one))).toBe(201);
      writeFileSync(join(dataDir, 'stop-selling'), '');
      await sees(() => codeOf(hold(app.guest, other)), 'sale_paused');
      rmSync(join(dataDir, 'stop-selling'));
      await sees(() => codeOf(hold(app.guest, other)), 201);
      expect(await main(['stop-selling', '--event', 'evt'])).toBe(2);
    } finally {
      print.mockRestore();
      vi.unstubAllEnvs();
    }
  });
});

describe('F12 while the database hangs', () => {
  let wire: Wire;
  let app: TestApp;
  let healthy: TestApp;
  beforeEach(async () => {
    healthy = await startApp({ env: { DATA_DIR: join(dataDir, 'elsewhere') } });
    const { database } = healthy;
    wire = await openProxy(database.url);
    app = await startApp({
      database: { ...database, url: wire.url },
      env: { DATA_DIR: dataDir },
    });
    // Which keys may stop is read once a second; the admin's has just been made.
    await app.ctx.stops.refresh();
  });
  afterEach(async () => {
    wire.cut();
    await app.close();
    await wire.close();
    await healthy.close();
  });

  const BUYERS = 40;
  it('selling stops at once, and the others learn of it when it answers again', async () => {
    const sale = await onSale(app.admin, { capacity: 5_000 });
    const settled = hold(app.guest, sale);
    expect((await settled).status).toBe(201);
    wire.swallowAnswers();
    // Every connection is taken by somebody who gets no answer.
    const hanging = Array.from({ length: BUYERS }, () => hold(app.guest, sale).catch(() => null));
    const reading = Array.from({ length: BUYERS }, () =>
      app.guest.get(`/events/${sale.eventId}`).catch(() => null),
    );
    await eventually(
      async () => app.ctx.db.pool.waitingCount,
      (waiting) => waiting > 0,
    );
    const startedAt = performance.now();
    const stopped = await app.admin.put('/selling', { stopped: true });
    expect(stopped.body).toMatchObject({ stopped: true, stored: false });
    const refused = await Promise.all(
      Array.from({ length: BUYERS }, () => codeOf(hold(app.guest, sale))),
    );
    expect(new Set(refused)).toEqual(new Set(['sale_paused']));
    expect(await codeOf(book(app.guest, sale.eventId, sale.typeId))).toBe('sale_paused');
    // Below the first of the timeouts that it would otherwise have met.
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await codeOf(hold(healthy.guest, sale))).toBe(201);
    wire.cut();
    await Promise.all([...hanging, ...reading]);
    await sees(async () => (await app.admin.get('/selling')).body.stored, true);
    await sees(() => codeOf(hold(healthy.guest, sale)), 'sale_paused');
    const restarted = await startApp({ database: healthy.database });
    try {
      expect(await codeOf(hold(restarted.guest, sale))).toBe('sale_paused');
      await restarted.admin.put('/selling', { stopped: false });
      await sees(() => codeOf(hold(app.guest, sale)), 201);
      await sees(() => codeOf(hold(healthy.guest, sale)), 201);
    } finally {
      await restarted.close();
    }
  });

  it('one event stops by its staff’s key, and a key that was revoked stops nothing', async () => {
    const sale = await onSale(app.admin, { capacity: 5_000 });
    expect((await hold(app.guest, sale)).status).toBe(201);
    const made = await app.admin.post('/api-keys', { name: 'm', role: 'manager' }, newKey());
    const gone = await app.admin.post('/api-keys', { name: 'g', role: 'manager' }, newKey());
    await app.admin.delete(`/api-keys/${gone.body.id}`);
    await app.ctx.stops.refresh();
    const manager = app.as(made.body.key ?? made.body.secret);
    const revoked = app.as(gone.body.key ?? gone.body.secret);
    // Whoever signs out, of nothing even, takes no key from anybody else.
    expect((await app.guest.post('/sign-out')).status).toBe(200);
    wire.swallowAnswers();
    expect((await manager.put(`/events/${sale.eventId}/selling`, { stopped: true })).status).toBe(
      200,
    );
    expect(await codeOf(hold(app.guest, sale))).toBe('sale_paused');
    const waits = revoked.put('/selling', { stopped: true });
    wire.cut();
    expect((await waits).status).not.toBe(200);
    expect(app.ctx.stops.list()).toHaveLength(1);
  });
});
