/**
 * B4, G10, G11: a mass refund whose server is killed again and again, in its midst: every order is
 * paid back once, none is lost. What was paid back is what the provider says, not we.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db } from '../../server/kernel/db.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';
import { book, eventually, onSale } from '../kit/given.ts';
import { type ChildInstance, startChild } from '../simulation/instances.ts';

const ORDERS = 100;
const KILLS = 4;
const TIMEOUT_MS = 280_000;

let database: TestDb;
let app: TestApp | undefined;
let child: ChildInstance | undefined;
let all: Db;
beforeAll(async () => {
  database = await cloneDb();
  all = database.open(null);
});
afterAll(async () => {
  await child?.close();
  await app?.close();
  await database.close();
}, 60_000);

const count = async (text: string): Promise<number> =>
  (await all.pool.query(`select count(*)::int as n from ${text}`)).rows[0].n;
const paidBack = () => count(`payments.refund where status = 'succeeded'`);

it(
  'B4 G10 G11 pays every order back once however often the server is killed',
  async () => {
    const seller = await startApp({ database, worker: true });
    app = seller;
    const { eventId, typeId } = await onSale(seller.admin, { capacity: ORDERS });
    for (let made = 0; made < ORDERS; made += 20) {
      const booked = Array.from({ length: 20 }, () =>
        book(seller.guest, eventId, typeId, { method: 'simulated' }),
      );
      for (const { status } of await Promise.all(booked)) expect(status).toBe(201);
    }
    const confirmed = () => count(`orders.order where status = 'confirmed'`);
    await eventually(confirmed, (orders) => orders === ORDERS, 120_000, 200);
    await app.close();
    app = undefined;

    app = await startApp({ database });
    expect((await app.admin.post(`/events/${eventId}/cancel`)).status).toBe(200);
    await app.close();
    app = undefined;

    child = await startChild({ name: 'killed', databaseUrl: database.url, worker: true });
    const seen: number[] = [];
    for (let kills = 0; kills < KILLS; kills++) {
      if (kills > 0) await child.restart();
      const before = await paidBack();
      // In the midst of it: some more have gone out, and more are to go.
      await eventually(paidBack, (now) => now >= Math.min(before + 10, ORDERS), 90_000, 5);
      child.kill();
      seen.push(await paidBack());
      // As if a minute had passed: what the dead one had is anybody's.
      await all.pool.query(
        `update kernel.job set leased_until = clock_timestamp() where leased_until is not null`,
      );
    }
    expect(seen.filter((now) => now > 0 && now < ORDERS).length).toBeGreaterThanOrEqual(2);
    await child.close();
    child = undefined;

    app = await startApp({ database, worker: true });
    await eventually(paidBack, (now) => now === ORDERS, 90_000, 100);
    expect(await count(`orders.order where status = 'refunded'`)).toBe(ORDERS);
    expect(await count(`payments.refund`)).toBe(ORDERS);
    expect(await count(`sandbox.object where type = 'refund'`)).toBe(ORDERS);
    const intents = (await app.parts.sandbox?.ledger())?.byIntent ?? [];
    expect(intents).toHaveLength(ORDERS);
    expect(intents.filter((one) => one.refundedMinor !== one.capturedMinor)).toEqual([]);
    await expectAuditClean(app);
  },
  TIMEOUT_MS,
);
