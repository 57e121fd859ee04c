/**
 * G13: any order and any repetition of webhooks ends in the same state. All orders of the six of a
 * purchase that is refunded are tried, longer ones are drawn by a seed. The provider is one that
 * says nothing by itself: every webhook is sent by hand.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eventually, newKey, onSale } from '../kit/given.ts';
import { type PlainProvider, plainProvider } from '../kit/plain-provider.ts';
import { inParallel, sendWebhook } from '../kit/webhooks.ts';

let app: TestApp;
let plain: PlainProvider;
beforeAll(async () => {
  plain = plainProvider();
  app = await startApp({ ports: plain.ports });
});
afterAll(() => app.close());

const AT_ONCE = 24;
const REFUNDED_MAX_MS = 60_000;
const sql = (text: string, values: unknown[] = []) =>
  app.database.open(null).pool.query(text, values);

const BOUGHT = [
  'payment_intent.processing',
  'payment_intent.amount_capturable_updated',
  'payment_intent.succeeded',
  'charge.refunded',
  'charge.refund.updated',
  'refund.updated',
];

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]];
  return list.flatMap((first, i) =>
    permutations(list.filter((_, j) => j !== i)).map((rest) => [first, ...rest]),
  );
}

/** A small generator with a seed: the same sample in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Without a socket. */
async function post(path: string, payload: object, key?: string) {
  const answer = await app.parts.app.inject({
    method: 'POST',
    url: `/api/v1${path}`,
    headers: { ...newKey(), ...(key ? { authorization: `Bearer ${key}` } : {}) },
    payload,
  });
  expect(answer.statusCode).toBe(201);
  return answer.json();
}

type Bought = { readonly orderId: string; readonly paymentId: string; readonly intentId: string };

async function buy(many: number): Promise<{ eventId: string; bought: Bought[] }> {
  const { eventId, typeId } = await onSale(app.admin, { capacity: many });
  const bought = await inParallel(Array.from({ length: many }), AT_ONCE, async (_, i) => {
    const body = await post(`/events/${eventId}/bookings`, {
      items: [{ ticketTypeId: typeId, quantity: 1 }],
      buyer: { name: 'Buyer', email: `buyer${i}@example.org` },
      payment: { method: 'payment_intent' },
    });
    const clientSecret = body.payment.clientSecret as string;
    return {
      orderId: body.order.id as string,
      paymentId: body.order.payments[0].id as string,
      intentId: clientSecret.replace(/_secret_.*/, ''),
    };
  });
  return { eventId, bought };
}

/** What such a webhook carries; a refund that is not made yet has an id that nobody knows. */
function objectOf(type: string, intentId: string, refundId: string | undefined) {
  if (type.startsWith('payment_intent.')) return { object: 'payment_intent', id: intentId };
  if (type.startsWith('refund.')) {
    return { object: 'refund', id: refundId ?? `re_of_${intentId}`, payment_intent: intentId };
  }
  return { object: 'charge', id: `ch_of_${intentId}`, payment_intent: intentId };
}

async function refundIds(eventId: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql(
    `select payment_id, provider_id from payments.refund
     where event_id = $1 and provider_id is not null`,
    [eventId],
  );
  return new Map(rows.map((row) => [row.payment_id, row.provider_id]));
}

async function drain(): Promise<void> {
  await sql('update kernel.job set run_at = clock_timestamp() where leased_until is null');
  await app.drainJobs();
}

/**
 * Sends the webhooks of each purchase in its order, one of each at a time; what is due is done in
 * between. As soon as an order is confirmed its money is asked back.
 */
async function tell(eventId: string, bought: readonly Bought[], orders: readonly string[][]) {
  const asked = new Set<string>();
  const longest = Math.max(...orders.map((order) => order.length));
  for (let step = 0; step < longest; step++) {
    const refunds = await refundIds(eventId);
    await inParallel(bought, AT_ONCE, async ({ intentId, paymentId }, i) => {
      const type = orders[i]?.[step];
      if (type === undefined) return;
      const object = objectOf(type, intentId, refunds.get(paymentId));
      const id = `evt_${intentId}_${step}`;
      expect(await sendWebhook(app, { id, type, object })).toBe(200);
      // Again, as it was.
      if ((i + step) % 6 === 0) expect(await sendWebhook(app, { id, type, object })).toBe(200);
    });
    // Several come before anybody looks.
    if (step % 2 === 0) continue;
    await drain();
    const { rows } = await sql(
      `select order_id from orders.order where event_id = $1 and status = 'confirmed'`,
      [eventId],
    );
    // At different steps, so that the refund too meets every order.
    const ready = rows
      .map((row) => row.order_id as string)
      .filter((id, i) => !asked.has(id) && (i + step) % 4 < 2);
    await inParallel(ready, AT_ONCE, async (id) => {
      asked.add(id);
      await post(`/orders/${id}/refunds`, { reason: 'ill' }, ADMIN_KEY);
    });
  }
  const rest = bought.filter(({ orderId }) => !asked.has(orderId));
  await inParallel(rest, AT_ONCE, ({ orderId }) =>
    post(`/orders/${orderId}/refunds`, { reason: 'ill' }, ADMIN_KEY),
  );
  // Many refunds at once go out at a pace.
  const open = async () => {
    await drain();
    const { rows } = await sql(
      `select count(*)::int as n from payments.refund where event_id = $1 and status <> 'succeeded'`,
      [eventId],
    );
    return rows[0]?.n;
  };
  await eventually(open, (n) => n === 0, REFUNDED_MAX_MS);
}

/** Every path that an object of the event has gone, and how often. */
async function paths(eventId: string) {
  const { rows } = await sql(
    `select path, count(*)::int as n from (
       select c.machine || ': ' || string_agg(c.to_state, ' ' order by c.seq) as path
       from kernel.state_change c where c.event_id = $1 and c.machine <> 'event'
       group by c.object_id, c.machine) p
     group by path order by path`,
    [eventId],
  );
  return Object.fromEntries(rows.map((row) => [row.path, row.n]));
}

/** How often money moved for each of them, in and back. */
function moves(bought: readonly Bought[]) {
  const counted = new Map(bought.map(({ intentId }) => [intentId, { capture: 0, refund: 0 }]));
  for (const { intentId, kind } of plain.moved.values()) {
    const own = counted.get(intentId);
    if (own) own[kind] += 1;
  }
  return [...new Set([...counted.values()].map((own) => `${own.capture} in, ${own.refund} back`))];
}

const ended = (many: number) => ({
  'order: pending confirmed refunded': many,
  'payment: created authorized captured': many,
  'refund: owed submitted succeeded': many,
  'ticket: pending_capture valid void': many,
});

describe('G13 webhooks in any order, repeated', () => {
  it('of six, all 720 orders end alike', async () => {
    const orders = permutations(BOUGHT);
    expect(orders).toHaveLength(720);
    const { eventId, bought } = await buy(orders.length);
    await tell(eventId, bought, orders);
    expect(await paths(eventId)).toEqual(ended(720));
    expect(moves(bought)).toEqual(['1 in, 1 back']);
    await expectAuditClean(app);
  }, 240_000);

  it('of more, orders drawn by a seed end alike', async () => {
    const chance = seeded(13);
    const more = [
      ...[...BOUGHT, ...BOUGHT],
      ...['charge.succeeded', 'charge.captured', 'refund.created', 'charge.updated'],
      ...['payment_intent.payment_failed', 'payment_intent.canceled', 'payment_intent.created'],
    ];
    const orders = Array.from({ length: 40 }, () => {
      const length = 7 + Math.floor(chance() * 6);
      return Array.from({ length }, () => more[Math.floor(chance() * more.length)] ?? '');
    });
    const { eventId, bought } = await buy(orders.length);
    await tell(eventId, bought, orders);
    expect(await paths(eventId)).toEqual(ended(40));
    expect(moves(bought)).toEqual(['1 in, 1 back']);
    await expectAuditClean(app);
  }, 240_000);
});
