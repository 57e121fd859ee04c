/**
 * Dies at every step of a checkout, and looks what is left: the server is killed at a named point,
 * another one goes on, and everything ends as it would have. The buyer's request, asked again, has
 * the answer that it had; the provider's ledger equals our books; the audit is clean.
 */
import type pg from 'pg';
import { expireOrders } from '../../server/modules/orders/index.ts';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { settleRecurring, sweepRecurring } from '../../server/modules/shopping/index.ts';
import { asList, asObject, asText, pause } from './asking.ts';
import { books, settled } from './auditor.ts';
import { auditorPool, query, readEvents, readUnsettled } from './auditor-rows.ts';
import { hurry, setHoldMs } from './by-hand.ts';
import { type DyingChild, launchDying } from './crash-child.ts';
import { type Crash, crashes, type Story } from './crash-points.ts';
import { ADMIN_KEY, type LocalInstance, startLocal } from './instances.ts';
import { type Answer, Lost, type Wire } from './wire.ts';

export type CrashReport = {
  readonly crashes: readonly (Crash & { readonly seconds: number })[];
  readonly seconds: number;
  readonly violations: readonly string[];
};

type Stage = {
  readonly local: LocalInstance;
  readonly child: DyingChild;
  readonly pool: pg.Pool;
  readonly point: string;
  readonly key: string;
  readonly eventId: string;
  readonly typeId: string;
  readonly say: (violation: string) => void;
};

const PRICE_MINOR = 2_500;
const SHORT_HOLD_MS = 400;
const LONG_HOLD_MS = 60_000;
const SETTLES_MAX_MS = 20_000;
/** The reconciler's interval and its own period; what a dead worker had is free after its lease. */
const LOOKED_AT_WITHIN_SECONDS = 51;
const LEASE_SECONDS = 61;

export async function crashLoop(options: {
  readonly databaseUrl: string;
  readonly say?: (line: string) => void;
}): Promise<CrashReport> {
  const { databaseUrl } = options;
  const startedAtMs = performance.now();
  const local = await startLocal({ name: 'the one that goes on', databaseUrl, worker: false });
  const pool = auditorPool(databaseUrl);
  const violations: string[] = [];
  const done: (Crash & { seconds: number })[] = [];
  // The next one starts while the one before dies.
  let next: Promise<DyingChild> | null = launchDying(databaseUrl);
  try {
    for (const [n, crash] of crashes.entries()) {
      const child: DyingChild = await (next ?? launchDying(databaseUrl));
      next = n + 1 < crashes.length ? launchDying(databaseUrl) : null;
      next?.catch(() => {});
      const beganAtMs = performance.now();
      const say = (text: string) => violations.push(`${crash.story}, ${crash.point}: ${text}`);
      await play({ local, child, pool, say, ...(await stageOf(local, n)) }, crash);
      const seconds = (performance.now() - beganAtMs) / 1_000;
      done.push({ ...crash, seconds });
      options.say?.(`  ${crash.story} until ${crash.point} (${seconds.toFixed(1)} s)`);
    }
    return { crashes: done, violations, seconds: (performance.now() - startedAtMs) / 1_000 };
  } finally {
    await (await next?.catch(() => null))?.close();
    await local.close();
    await pool.end();
  }
}

const post = (wire: Wire, path: string, body: object | string, headers = {}) =>
  wire.send({ method: 'POST', path, body, headers });
const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };

async function stageOf({ wire }: LocalInstance, n: number) {
  const { body } = await post(
    wire,
    '/api/v1/events',
    {
      name: 'Crash',
      startsAt: '2099-06-01T20:00:00Z',
      timezone: 'UTC',
      currency: 'EUR',
      ticketTypes: [{ name: 'Any', price: { amount: PRICE_MINOR, currency: 'EUR' }, capacity: 1 }],
    },
    { ...asAdmin, 'idempotency-key': `event${n}` },
  );
  const event = asObject(body);
  const [type] = asList(event['ticketTypes']).map(asObject);
  return { eventId: asText(event['id']), typeId: asText(type?.['id']), key: `booking${n}` };
}

/** What the one that died has left is ended by the other one, and everything looked at. */
async function play(stage: Omit<Stage, 'point'>, { story, point }: Crash): Promise<void> {
  const { local, child, pool, eventId, say } = stage;
  try {
    const orderId = await STORIES[story]({ ...stage, point });
    await settle(stage);
    await expectEnd(stage, orderId, ENDS[story]);
  } finally {
    await child.close();
    const address = local.parts.app.server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await local.parts.sandbox?.ensureEndpoint(`http://127.0.0.1:${port}/webhooks/stripe`);
  }
  const [rows] = await readEvents(pool, [eventId], 'whole');
  for (const each of rows ? [...books(rows), ...settled(rows)] : []) {
    say(`${each.check} ${each.objectId}: ${each.detail}`);
  }
  for (const { id, violations } of await auditAll(local.parts.ctx)) {
    if (violations > 0) say(`${id} is violated ${violations} times`);
  }
}

type End = {
  readonly order: string;
  readonly payment: string;
  readonly live: number;
  readonly refunds: number;
};

const SOLD: End = { order: 'confirmed', payment: 'captured', live: 1, refunds: 0 };

const ENDS: Readonly<Record<Story, End>> = {
  books: SOLD,
  books_on_the_page: SOLD,
  pays: SOLD,
  pays_on_the_page: SOLD,
  pays_late: SOLD,
  is_declined: { order: 'failed', payment: 'failed', live: 0, refunds: 0 },
  never_pays: { order: 'cancelled', payment: 'voided', live: 0, refunds: 0 },
  pays_too_late: { order: 'cancelled', payment: 'captured', live: 0, refunds: 1 },
  is_refunded: { order: 'refunded', payment: 'captured', live: 0, refunds: 1 },
};

async function expectEnd({ local, say }: Omit<Stage, 'point'>, orderId: string, end: End) {
  const { body } = await local.wire.send({
    method: 'GET',
    path: `/api/v1/orders/${orderId}`,
    headers: asAdmin,
  });
  const order = asObject(body);
  const of = (list: string, status: RegExp) =>
    asList(order[list]).filter((each) => status.test(asText(asObject(each)['status']))).length;
  const found: End = {
    order: asText(order['status']),
    payment: asText(asObject(asList(order['payments'])[0])['status']),
    live: of('tickets', /^valid$/),
    refunds: of('refunds', /^succeeded$/),
  };
  if (JSON.stringify(found) !== JSON.stringify(end)) {
    say(`ended as ${JSON.stringify(found)}, not as ${JSON.stringify(end)}`);
  }
}

/** A caller with a secret of its own: asked again, it is told the secrets of its order again. */
function book({ key, eventId, typeId }: Omit<Stage, 'point'>, wire: Wire, method: string) {
  return post(
    wire,
    `/api/v1/events/${eventId}/bookings`,
    {
      items: [{ ticketTypeId: typeId, quantity: 1 }],
      buyer: { name: 'Ann', email: `${key}@example.org` },
      payment: { method },
    },
    { 'idempotency-key': key, 'x-device-token': `device-of-${key}` },
  );
}

const orderOf = ({ body }: Answer) => asText(asObject(asObject(body)['order'])['id']);
const wayOf = ({ body }: Answer, way: string) => asText(asObject(asObject(body)['payment'])[way]);

async function booked(stage: Stage, method = 'payment_intent'): Promise<Answer> {
  const answer = await book(stage, stage.local.wire, method);
  if (answer.status !== 201) stage.say(`a booking was answered ${JSON.stringify(answer)}`);
  return answer;
}

async function pay({ local }: Stage, answer: Answer, card = 'pm_card_visa'): Promise<void> {
  const page = wayOf(answer, 'redirectUrl');
  if (page.includes('/cs_test_')) {
    await post(local.wire, new URL(page).pathname, 'action=pay');
    return;
  }
  const secret = wayOf(answer, 'clientSecret');
  await post(
    local.wire,
    `/sandbox/stripe/v1/payment_intents/${secret.replace(/_secret_.*/, '')}/confirm`,
    new URLSearchParams({ client_secret: secret, payment_method: card }).toString(),
    { authorization: `Bearer ${local.parts.sandbox?.publishableKey}` },
  );
}

/** Asked again at the other server: the same answer, or the first one that is heard. */
async function askAgain(stage: Stage, method: string, first: Answer | null): Promise<Answer> {
  const again = await booked(stage, method);
  if (first !== null && JSON.stringify(again) !== JSON.stringify(first)) {
    stage.say(`first ${JSON.stringify(first)}, then ${JSON.stringify(again)}`);
  }
  const rows = await query<{ n: number }>(
    stage.pool,
    'select count(*)::int as n from orders.order where event_id = $1 and key = $2',
    [stage.eventId, stage.key],
  );
  if (rows[0]?.n !== 1) stage.say(`${rows[0]?.n} orders under one key`);
  return again;
}

async function dies({ child, point }: Stage, meanwhile: () => Promise<unknown>): Promise<void> {
  await child.arm(point);
  await meanwhile();
  await child.died();
}

async function dieBooking(stage: Stage, method: string): Promise<string> {
  await dies(stage, async () => {
    const lost = await book(stage, stage.child.wire, method).catch((error: unknown) => error);
    if (!(lost instanceof Lost)) stage.say(`was answered ${JSON.stringify(lost)}`);
  });
  const again = await askAgain(stage, method, null);
  await pay(stage, again);
  return orderOf(again);
}

async function diePaying(stage: Stage, method: string, card?: string): Promise<string> {
  const first = await booked(stage, method);
  await dies(stage, () => pay(stage, first, card));
  return orderOf(await askAgain(stage, method, first));
}

const lapse = () => pause(SHORT_HOLD_MS + 100);

const STORIES: Readonly<Record<Story, (stage: Stage) => Promise<string>>> = {
  books: (stage) => dieBooking(stage, 'payment_intent'),
  books_on_the_page: (stage) => dieBooking(stage, 'checkout_session'),
  pays: (stage) => diePaying(stage, 'payment_intent'),
  pays_on_the_page: (stage) => diePaying(stage, 'checkout_session'),
  is_declined: (stage) => diePaying(stage, 'payment_intent', 'pm_card_chargeDeclined'),
  never_pays: async (stage) => {
    await setHoldMs(stage.pool, stage.eventId, SHORT_HOLD_MS);
    const first = await booked(stage);
    await dies(stage, lapse);
    return orderOf(first);
  },
  pays_late: async (stage) => {
    await setHoldMs(stage.pool, stage.eventId, SHORT_HOLD_MS);
    const first = await booked(stage);
    await pay(stage, first);
    await lapse();
    await expireOrders(stage.local.parts.ctx);
    await dies(stage, async () => {});
    return orderOf(await askAgain(stage, 'payment_intent', first));
  },
  pays_too_late: async (stage) => {
    const { pool, eventId, typeId, local } = stage;
    await setHoldMs(pool, eventId, SHORT_HOLD_MS);
    const first = await booked(stage);
    await pay(stage, first);
    await lapse();
    await setHoldMs(pool, eventId, LONG_HOLD_MS);
    const items = [{ ticketTypeId: typeId, quantity: 1 }];
    const key = { 'idempotency-key': `${stage.key}-other` };
    const other = await post(local.wire, `/api/v1/events/${eventId}/holds`, { items }, key);
    if (other.status !== 201) stage.say(`the place was not free: ${JSON.stringify(other)}`);
    const intent = wayOf(first, 'clientSecret').replace(/_secret_.*/, '');
    const secretKey = { authorization: `Bearer ${local.parts.sandbox?.secretKey}` };
    await post(local.wire, `/sandbox/stripe/v1/payment_intents/${intent}/capture`, '', secretKey);
    await dies(stage, async () => {});
    return orderOf(await askAgain(stage, 'payment_intent', first));
  },
  is_refunded: async (stage) => {
    const first = await booked(stage);
    await pay(stage, first);
    await settle(stage);
    const refund = await post(
      stage.local.wire,
      `/api/v1/orders/${orderOf(first)}/refunds`,
      { reason: 'Asked for it' },
      { ...asAdmin, 'idempotency-key': `${stage.key}-refund` },
    );
    if (refund.status !== 201) stage.say(`no refund: ${JSON.stringify(refund)}`);
    await dies(stage, async () => {});
    return orderOf(first);
  },
};

/**
 * The other server does what recurs there, at once instead of in its time; first it is looked
 * whether its time would have come soon enough.
 */
async function settle(stage: Omit<Stage, 'point'>): Promise<void> {
  const { local, pool, eventId, say } = stage;
  const { ctx, worker } = local.parts;
  await expectFound(stage);
  const until = Date.now() + SETTLES_MAX_MS;
  for (;;) {
    await hurry(pool, eventId, true);
    await expireOrders(ctx);
    await sweepRecurring.run(ctx);
    await settleRecurring.run(ctx);
    await worker.drain();
    const left = await readUnsettled(pool, eventId);
    if (left.orders + left.payments + left.refunds + left.jobs === 0) return;
    if (Date.now() > until) return void say(`G8: not settled: ${JSON.stringify(left)}`);
    await pause(50);
  }
}

/** G8: whoever died, somebody will look within a minute. */
async function expectFound({ pool, eventId, say }: Omit<Stage, 'point'>): Promise<void> {
  const forgotten = await query<{ id: string }>(
    pool,
    `select p.payment_id as id from payments.payment p
     where p.event_id = $1 and p.status not in ('captured', 'voided', 'failed')
       and (p.check_at > clock_timestamp() + make_interval(secs => $2::int)) is not false
     union all
     select j.key from kernel.job j
     where j.data ->> 'eventId' = $1
       and j.leased_until > clock_timestamp() + make_interval(secs => $3::int)`,
    [eventId, LOOKED_AT_WITHIN_SECONDS, LEASE_SECONDS],
  );
  for (const { id } of forgotten) say(`G8: nobody looks at ${id} within a minute`);
}
