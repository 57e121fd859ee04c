/**
 * The main job on a real season: import it, put one concert of 500 places on sale at three prices
 * out of a shared pool, and let 2,000 buyers come at once, with payments that succeed, are declined
 * or never happen, until it is sold out. Then the statistics, the provider's ledger and the audit
 * must agree to the unit. docs/season.md tells the same story for people.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../server/kernel/json.ts';
import { type ImportOptions, importEvents } from '../../server/modules/catalog/index.ts';
import { ensureFirstAdmin } from '../../server/modules/identity/index.ts';
import { type Answer, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, payWith, somebody } from '../kit/given.ts';
import { requireEngine } from '../kit/requires.ts';

const data = requireEngine('data');
const BUYERS = 2_000;
const PLACES = 500;
const POLL_MS = 1_000;
const CONNECTIONS = 256;
const PATIENCE_MS = 300_000;
const TEN_MINUTES = 600_000;
const DAY_MS = 86_400_000;

const usd = (amount: number) => ({ amount, currency: 'USD' });

function read(name: string): unknown {
  const text = readFileSync(join(data ?? '', 'events', name), 'utf8');
  const parsed = parseStrictJson(text, { maxDepth: 32, maxMembers: 5_000_000 });
  if (!parsed.ok) throw new Error(parsed.refusal.code);
  return parsed.value;
}

/** Kept as text for docs/season.md where FANFARE_FIGURES names a file; nothing is timed here. */
function recordFigures(figures: object): void {
  const file = process.env['FANFARE_FIGURES'];
  if (file) writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
}

/** As a balancer does: so many requests of all buyers are under way, the others wait their turn. */
function gate(most: number) {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async <T>(ask: () => Promise<T>): Promise<T> => {
    while (inside >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    inside += 1;
    try {
      return await ask();
    } finally {
      inside -= 1;
      waiting.shift()?.();
    }
  };
}

const through = gate(CONNECTIONS);

describe.skipIf(data === undefined)('a real concert season', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ worker: true, env: { DATABASE_POOL: '20' } });
  });
  afterAll(() => app.close());

  /** A buyer who has paid looks at their order until it says how it ended. */
  const outcome = async ({
    accessToken,
    order,
  }: {
    accessToken: string;
    order: { id: string };
  }) => {
    const read = () => through(() => app.as(accessToken).get(`/orders/${order.id}`));
    const isOver = ({ body }: Answer) => body.status !== undefined && body.status !== 'pending';
    const ended = await eventually(read, isOver, PATIENCE_MS, POLL_MS);
    return ended.body.status as string;
  };

  /** Asks again, as the same request, when the server says that it is busy. */
  const patiently = async (eventId: string, typeId: string, quantity: number) => {
    const request = { quantity, key: randomUUID(), buyer: somebody() };
    const ask = () => through(() => book(app.guest, eventId, typeId, request));
    return eventually(ask, ({ status }) => status !== 503, PATIENCE_MS, POLL_MS);
  };

  const lateBuyer = async (eventId: string, typeId: string) => {
    const booked = await patiently(eventId, typeId, 1);
    if (booked.status !== 201) return;
    await payWith(app, booked.body.payment.clientSecret);
    await outcome(booked.body);
  };

  const season = async (name: string) => {
    const { organizerId } = await ensureFirstAdmin(app.ctx, null);
    const options: ImportOptions = {
      organizerId,
      timezone: 'America/New_York',
      currency: 'USD',
      price: null,
      capacity: null,
      publish: false,
      dryRun: false,
    };
    return importEvents(app.ctx, read(name), options);
  };

  /** One concert of the season, a month before it: a shared pool, three prices, on sale. */
  const openSale = async () => {
    const found = await app.admin.get('/events?limit=1&from=2025-10-01T00:00:00Z');
    const [concert] = found.body.data;
    // The season is over; it is sold when it was: a month before the concert.
    app.clock.advance(Date.parse(concert.startsAt) - 30 * DAY_MS - Date.now());
    const pool = await app.admin.post(`/events/${concert.id}/pools`, {
      name: 'Hall',
      capacity: PLACES,
    });
    expect(pool.status).toBe(201);
    const types: string[] = [];
    for (const [name, amount] of [
      ['Orchestra', 12_900],
      ['Balcony', 7_900],
      ['Rush', 2_000],
    ] as const) {
      const type = { name, price: usd(amount), poolId: pool.body.id, maxPerOrder: 4 };
      const made = await app.admin.post(`/events/${concert.id}/ticket-types`, type);
      expect(made.status).toBe(201);
      types.push(made.body.id);
    }
    expect((await app.admin.post(`/events/${concert.id}/publish`)).status).toBe(200);
    return { concert, types };
  };

  it('B1 takes the season, and says which two concerts have no time', async () => {
    const report = await season('nyphil-2024-now.jsonld');
    expect(report).toMatchObject({ taken: 250, known: 0, skipped: 2, refused: 0 });
    expect(report.lines).toHaveLength(2);
    expect(report.lines.every((line) => line.includes('no_start_time'))).toBe(true);
  });

  it('sells one concert out to 2,000 buyers, to the unit', { timeout: TEN_MINUTES }, async () => {
    const { concert, types } = await openSale();
    const seen: Record<string, number> = {};
    const count = (what: string) => {
      seen[what] = (seen[what] ?? 0) + 1;
    };
    const buyer = async (n: number) => {
      const quantity = 1 + (n % 4);
      const booked = await patiently(concert.id, types[n % 3] ?? '', quantity);
      count(booked.status === 201 ? 'booked' : booked.body.code);
      if (booked.status !== 201) return;
      const { clientSecret } = booked.body.payment;
      const fate = n % 5;
      // One in five is declined, one in ten never pays.
      if (n % 10 === 7) return count('walked away');
      const card = fate === 0 ? 'pm_card_chargeDeclined' : 'pm_card_visa';
      await through(() => payWith(app, clientSecret, card));
      count(await outcome(booked.body));
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: BUYERS }, (_, n) => buyer(n)));
    const statistics = () => app.admin.get(`/events/${concert.id}/statistics`);
    const settled = () => eventually(statistics, ({ body }) => body.ticketsHeld === 0, 120_000);
    // Whoever walked away loses their places; later buyers take them, until nothing is left.
    for (let more = BUYERS; ; more += 50) {
      app.clock.advance(16 * 60_000);
      const now = await settled();
      if (now.body.ticketsSold === PLACES) break;
      expect(now.body.ticketsSold).toBeLessThanOrEqual(PLACES);
      const late = Math.min(50, now.body.ticketsAvailable);
      await Promise.all(Array.from({ length: late }, () => lateBuyer(concert.id, types[2] ?? '')));
      expect(more).toBeLessThan(BUYERS + 5_000);
    }

    expect(Object.keys(seen).sort()).toEqual(
      ['booked', 'confirmed', 'failed', 'sold_out', 'walked away'].sort(),
    );
    const availability = await app.guest.get(`/events/${concert.id}/availability`);
    expect(availability.body.status).toBe('sold_out');
    const final = (await statistics()).body;
    expect(final).toMatchObject({ ticketsSold: PLACES, ticketsHeld: 0, ticketsAvailable: 0 });
    const byType = final.byTicketType as { ticketsSold: number; revenue: { amount: number } }[];
    expect(byType.reduce((sum, type) => sum + type.ticketsSold, 0)).toBe(PLACES);
    expect(byType.reduce((sum, type) => sum + type.revenue.amount, 0)).toBe(final.revenue.amount);
    const ledger = await app.parts.sandbox?.ledger();
    expect(ledger?.byCurrency).toMatchObject([
      { currency: 'usd', capturedMinor: final.revenue.amount, refundedMinor: 0 },
    ]);
    await expectAuditClean(app);
    recordFigures({ seconds: Math.round((performance.now() - startedAt) / 1000), seen, final });
  });

  it('changes nothing when the larger file is imported twice', { timeout: 120_000 }, async () => {
    const first = await season('nyphil-2004-2011.jsonld');
    expect(first).toMatchObject({ taken: 1_508, skipped: 14, refused: 0 });
    const second = await season('nyphil-2004-2011.jsonld');
    expect(second).toMatchObject({ taken: 0, known: 1_508, skipped: 14, refused: 0 });
    await expectAuditClean(app);
  });
});
