/**
 * A3, B4: one code and one credit, wanted by several at once. Each race first goes wrong without
 * its guard, then not with it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { sweepLapsed } from '../../server/modules/inventory/index.ts';
import { tidyCredit } from '../../server/modules/shopping/settle-credit.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { eur, newKey, onSale, somebody } from '../kit/given.ts';
import { callLane, holdRequest, purchaseOf, race, wordOf } from '../kit/lane-calls.ts';
import { installVariant, openSession } from '../kit/variants.ts';

const gate = barrier();
let one: TestApp;
let two: TestApp;
let organizerId: string;
const sql = (text: string, values: readonly unknown[] = []) =>
  one.database.open(null).pool.query(text, [...values]);
beforeAll(async () => {
  one = await startApp({ pause: gate.pause });
  two = await startApp({ database: one.database });
  organizerId = (await one.admin.get('/me')).body.organizerId;
  await installVariant(one.database.url, '_unguarded', (text) =>
    text
      .replaceAll(/\s+for no key update(?: skip locked)?/g, '')
      .replaceAll('and (c.max_uses is null or c.used < c.max_uses)', ''),
  );
});
afterEach(() => expectAuditClean(one));
afterAll(async () => {
  await two.close();
  await one.close();
});

async function saleWithCode(more: object, price = 2_500) {
  const sale = await onSale(one.admin, { capacity: 100, price, more: { holdMinutes: 60 } });
  const code = { code: 'THE-CODE', kind: 'percent', percent: 20, ...more };
  const made = await one.admin.post(`/events/${sale.eventId}/promo-codes`, code, newKey());
  expect(made.status).toBe(201);
  return sale;
}

type Sale = { readonly eventId: string; readonly typeId: string };
const book = (app: TestApp, { eventId, typeId }: Sale, more: object, key = newKey()) =>
  app.guest.post(
    `/events/${eventId}/bookings`,
    {
      items: [{ ticketTypeId: typeId, quantity: 1 }],
      buyer: { name: 'Ada', email: 'ada@example.org' },
      payment: { method: 'payment_intent' },
      ...more,
    },
    key,
  );

const usesOf = async (eventId: string) =>
  (await sql('select used from promotions.promo_code where event_id = $1', [eventId])).rows[0].used;

describe('a code for one order, and two that use it', () => {
  async function twice(suffix: string) {
    const { eventId, typeId } = await saleWithCode({ maxUses: 1 });
    const holds = [1, 2].map(() => holdRequest(eventId, [{ type: typeId, quantity: 1 }]));
    await callLane(one.database.db.pool, `inventory.hold_batch${functionSuffix()}`, eventId, holds);
    const orders = holds.map(({ holdId }) => ({
      ...purchaseOf(eventId, holdId, 1, organizerId).book,
      promoCode: 'THE-CODE',
      promoVersion: 1,
      promoQuantity: 1,
    }));
    const place = (nth: number) => async (session: { query: typeof sql }) => {
      const name = `shopping.book_batch${suffix}`;
      const [answer] = await callLane(session, name, eventId, [orders[nth] ?? {}]);
      return wordOf(answer);
    };
    const { first, second } = await race(one.database.url, { first: place(0), second: place(1) });
    return { eventId, verdicts: [first, second], used: await usesOf(eventId) };
  }

  const CONSTRAINT = 'promo_code_never_overused';

  it('without lock and condition: the table refuses what they let through', async () => {
    await expect(twice('_unguarded')).rejects.toMatchObject({ constraint: CONSTRAINT });
  });

  it('without the table’s constraint too: 2 uses', async () => {
    await sql(`alter table promotions.promo_code drop constraint ${CONSTRAINT}`);
    const { eventId, verdicts, used } = await twice('_unguarded');
    expect({ verdicts, used }).toEqual({ verdicts: ['placed', 'placed'], used: 2 });
    await sql('update promotions.promo_code set max_uses = 2 where event_id = $1', [eventId]);
    await sql(
      `alter table promotions.promo_code add constraint ${CONSTRAINT} check (used <= max_uses)`,
    );
  });

  it('with the lock first, and the use counted after it: 1', async () => {
    const { verdicts, used } = await twice(functionSuffix());
    expect({ verdicts, used }).toEqual({ verdicts: ['placed', 'promo_code_used_up'], used: 1 });
  });
});

describe('a code that many use at once, on two servers', () => {
  it.each([1, 7])(
    'is used %i times, and each use that comes back is used again',
    async (maxUses) => {
      const sale = await saleWithCode({ maxUses });
      const rush = () =>
        Promise.all(
          Array.from({ length: 16 }, (_, i) =>
            book(i % 2 === 0 ? one : two, sale, { buyer: somebody(), promoCode: 'THE-CODE' }),
          ),
        );
      const first = await rush();
      const placed = first.filter(({ status }) => status === 201);
      expect(placed).toHaveLength(maxUses);
      const others = first.filter(({ status }) => status !== 201).map(({ body }) => body.code);
      expect(new Set(others)).toEqual(new Set(['promo_code_used_up']));
      // One gives up while many try.
      const [given] = placed;
      const gaveUp = two.as(given?.body.accessToken).post(`/orders/${given?.body.order.id}/cancel`);
      const [again] = await Promise.all([rush(), gaveUp]);
      const late = await book(one, sale, { promoCode: 'THE-CODE' });
      const more = [...again, late].filter(({ status }) => status === 201);
      expect(more).toHaveLength(1);
      expect(await usesOf(sale.eventId)).toBe(maxUses);
    },
  );
});

describe('a code that changes under a booking', () => {
  it('costs what it says when the order is placed', async () => {
    const sale = await saleWithCode({});
    const stop = gate.stopAt('book.before_order');
    const booking = book(one, sale, { promoCode: 'THE-CODE' });
    await stop.arrived;
    const path = `/events/${sale.eventId}/promo-codes/THE-CODE`;
    expect((await one.admin.put(path, { kind: 'percent', percent: 50 })).status).toBe(200);
    stop.go();
    expect((await booking).body.order.total).toEqual(eur(1_250));
  });

  it('is refused where it was disabled meanwhile', async () => {
    const sale = await saleWithCode({});
    const stop = gate.stopAt('book.before_order');
    const booking = book(one, sale, { promoCode: 'THE-CODE' });
    await stop.arrived;
    await one.admin.delete(`/events/${sale.eventId}/promo-codes/THE-CODE`);
    stop.go();
    expect((await booking).body.code).toBe('promo_code_invalid');
  });
});

async function give(amount: number) {
  const path = `/organizers/${organizerId}/credits`;
  const given = await one.admin.post(path, { amount: eur(amount) }, newKey());
  return { id: given.body.id as string, code: given.body.secret as string };
}

const entriesOf = async (id: string) =>
  (
    await sql(
      `select kind, amount_minor::int as amount from promotions.credit_entry where credit_id = $1
       order by made_at, kind`,
      [id],
    )
  ).rows.map(({ kind, amount }) => [kind, amount]);
const balanceOf = async (id: string) =>
  Number(
    (await sql('select balance_minor from promotions.credit where credit_id = $1', [id])).rows[0]
      .balance_minor,
  );

describe('a credit of 25.00, and two bookings of as much', () => {
  /** What both do: look at the balance, then take it. */
  async function takeTwice(lock: string) {
    const { id } = await give(2_500);
    const sessions = await Promise.all([1, 2].map(() => openSession(one.database.url)));
    const taken: number[] = [];
    try {
      const look = (session: (typeof sessions)[number]) =>
        session.query(`select balance_minor from promotions.credit where credit_id = $1 ${lock}`, [
          id,
        ]);
      const take = async (
        session: (typeof sessions)[number],
        rows: { balance_minor: string }[],
      ) => {
        const amount = Math.min(2_500, Number(rows[0]?.balance_minor));
        const change = 'update promotions.credit set balance_minor = balance_minor - $2';
        await session.query(`${change} where credit_id = $1`, [id, amount]);
        await session.commit();
        taken.push(amount);
      };
      const [first, second] = sessions;
      if (!first || !second) throw new Error('two sessions');
      const seen = await look(first);
      const other = look(second);
      if (!lock) await other;
      await take(first, seen.rows);
      await take(second, (await other).rows);
      return { id, taken };
    } finally {
      for (const session of sessions) await session.end();
      await sql(
        `update promotions.credit c set balance_minor = (select sum(amount_minor)
           from promotions.credit_entry e where e.credit_id = c.credit_id) where credit_id = $1`,
        [id],
      );
    }
  }

  it('without the lock: both take it, and the table refuses the second', async () => {
    await expect(takeTwice('')).rejects.toMatchObject({ constraint: 'credit_balance_minor_check' });
  });

  it('with the lock: the second finds nothing', async () => {
    expect((await takeTwice('for no key update')).taken).toEqual([2_500, 0]);
  });

  it('spend it once, on two events and two servers', async () => {
    const sales = [await onSale(one.admin), await onSale(one.admin)];
    const { id, code } = await give(2_500);
    const stop = gate.stopAt('credit.before_reserve');
    const slow = book(one, sales[0] ?? expect.unreachable(), { credit: { code } });
    await stop.arrived;
    const quick = await book(two, sales[1] ?? expect.unreachable(), { credit: { code } });
    stop.go();
    expect(quick.body.order.status).toBe('confirmed');
    expect((await slow).body).toMatchObject({ status: 409, code: 'credit_used_up' });
    await one.drainJobs();
    expect(await balanceOf(id)).toBe(0);
    expect(await entriesOf(id)).toContainEqual(['spent', -2_500]);
  });

  it('spend no more than there is, however many come at once', async () => {
    const sales = await Promise.all([1, 2, 3].map(() => onSale(one.admin)));
    const { id, code } = await give(6_000);
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        book(i % 2 === 0 ? one : two, sales[i % 3] ?? expect.unreachable(), { credit: { code } }),
      ),
    );
    const paid = answers
      .filter(({ status }) => status === 201)
      .map(({ body }) => {
        const lines = body.order.breakdown as { kind: string; amount: { amount: number } }[];
        return -(lines.find(({ kind }) => kind === 'credit')?.amount.amount ?? 0);
      });
    expect(paid.sort((a, b) => b - a)).toEqual([2_500, 2_500, 1_000]);
    await one.drainJobs();
    expect(await balanceOf(id)).toBe(0);
  });

  it('is one booking where it is the same one twice', async () => {
    const sale = await onSale(one.admin);
    const { id, code } = await give(4_000);
    const key = newKey();
    const answers = await Promise.all(
      [one, two, one, two].map((app) => book(app, sale, { credit: { code } }, key)),
    );
    expect(new Set(answers.map(({ body }) => body.order?.id)).size).toBe(1);
    await one.drainJobs();
    expect(await balanceOf(id)).toBe(1_500);
  });
});

describe('credit that is kept for a booking', () => {
  const later = async (minutes: number) => {
    for (const app of [one, two]) app.clock.advance(minutes * 60_000);
    await sweepLapsed(one.ctx);
  };
  const slowSale = () => onSale(one.admin, { more: { holdMinutes: 60 } });

  it('is not given back under one that comes again', async () => {
    const sale = await slowSale();
    const { id, code } = await give(1_000);
    const key = newKey();
    gate.dieAt('book.before_order');
    expect((await book(one, sale, { credit: { code } }, key)).status).toBe(500);
    await later(7);
    const stop = gate.stopAt('credit.before_release');
    const tidied = tidyCredit(one.ctx);
    await stop.arrived;
    const booked = await book(two, sale, { credit: { code } }, key);
    expect(booked.body.order.payments).toMatchObject([{ amount: eur(1_500) }]);
    stop.go();
    await tidied;
    expect(await entriesOf(id)).toEqual([
      ['issued', 1_000],
      ['reserved', -1_000],
    ]);
    await one.as(booked.body.accessToken).post(`/orders/${booked.body.order.id}/cancel`);
    await one.drainJobs();
    expect(await balanceOf(id)).toBe(1_000);
  });

  it('is kept anew for one that was too slow, as far as it is there', async () => {
    const sale = await slowSale();
    const { id, code } = await give(1_000);
    const stop = gate.stopAt('book.before_order');
    const slow = book(one, sale, { credit: { code } });
    await stop.arrived;
    await later(7);
    await tidyCredit(two.ctx);
    expect(await balanceOf(id)).toBe(1_000);
    const other = await onSale(one.admin, { price: 400 });
    const quick = await book(two, other, { credit: { code } });
    expect(quick.body.order.status).toBe('confirmed');
    stop.go();
    expect((await slow).body.order.payments).toMatchObject([{ amount: eur(1_900) }]);
    await one.drainJobs();
    expect(await balanceOf(id)).toBe(0);
  });
});
