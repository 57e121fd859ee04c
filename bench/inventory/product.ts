/**
 * The real product on a real database: assembled as the server assembles itself, with everything
 * on that it does for a hold. Only the demo, the log of requests and the rate limit are off.
 */
import { randomUUID } from 'node:crypto';
import { assemble, type Parts } from '../../server/assemble.ts';
import { readConfig } from '../../server/kernel/config.ts';
import type { Ctx } from '../../server/kernel/context.ts';
import type { EventId, TicketTypeId } from '../../server/kernel/ids.ts';
import { ensureFirstAdmin } from '../../server/modules/identity/index.ts';
import { holdPlaces } from '../../server/modules/inventory/index.ts';
import type { Template } from './callers.ts';
import type { Outcome } from './tally.ts';

export const ADMIN_KEY = 'fk_admin_key_for_benches_0123456789';
/** The product's own default; baselines get as many. */
export const POOL_CONNECTIONS = 20;
/** Everybody asks twice for one place, so a cap of four is checked and never reached. */
export const PERSON_LIMIT = 4;
export const REQUESTS_PER_PERSON = 2;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export type BenchEvent = { readonly eventId: EventId; readonly ticketTypeId: TicketTypeId };

export type Product = {
  readonly parts: Parts;
  readonly ctx: Ctx;
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
};

/** What a server of a bench is told, in this process and in others. */
export const settings: Readonly<Record<string, string>> = {
  LOG_LEVEL: 'warn',
  RATE_LIMIT: 'off',
  NOTIFY: 'off',
  DEMO: 'off',
  BOOTSTRAP_API_KEY: ADMIN_KEY,
  DATABASE_POOL: String(POOL_CONNECTIONS),
};

export async function openProduct(
  url: string,
  options: { readonly worker?: boolean; readonly connections?: number } = {},
): Promise<Product> {
  const pool = options.connections ? { DATABASE_POOL: String(options.connections) } : {};
  const config = readConfig({ ...settings, ...pool });
  const parts = await assemble({ config, databaseUrl: url });
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  const address = parts.app.server.address();
  // A listening TCP server has an address object, never a name.
  const port = typeof address === 'object' && address ? address.port : 0;
  await parts.listening({ host: '127.0.0.1', port });
  await ensureFirstAdmin(parts.ctx, ADMIN_KEY);
  if (options.worker ?? true) parts.startWork();
  return { parts, ctx: parts.ctx, url, port, close: () => parts.close() };
}

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

/** An event with every rule that a hold can meet: windows, order limits, a cap per person. */
export async function openEvent(product: Product, capacity: number): Promise<BenchEvent> {
  const answer = await product.parts.app.inject({
    method: 'POST',
    url: '/api/v1/events',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'idempotency-key': randomUUID() },
    payload: {
      name: 'Bench night',
      startsAt: inMs(30 * DAY_MS),
      timezone: 'Europe/Berlin',
      currency: 'EUR',
      salesOpenAt: inMs(-HOUR_MS),
      salesCloseAt: inMs(DAY_MS),
      maxTicketsPerPerson: PERSON_LIMIT,
      ticketTypes: [
        {
          name: 'Standard',
          price: { amount: 2_500, currency: 'EUR' },
          capacity,
          maxPerOrder: PERSON_LIMIT,
          salesOpenAt: inMs(-HOUR_MS),
          salesCloseAt: inMs(DAY_MS),
        },
      ],
    },
  });
  if (answer.statusCode !== 201) throw new Error(`no event: ${answer.body}`);
  const made = answer.json<{ id: EventId; ticketTypes: { id: TicketTypeId }[] }>();
  const [type] = made.ticketTypes;
  if (!type) throw new Error(`no ticket type: ${answer.body}`);
  return { eventId: made.id, ticketTypeId: type.id };
}

const BODY_HASH = Buffer.alloc(32, 7);
const digits = (n: number) => String(n).padStart(9, '0');

/** One hold through the engine's door, as the route would ask: person, caller, key, body hash. */
export async function holdInside(
  ctx: Ctx,
  { eventId, ticketTypeId }: BenchEvent,
  n: number,
): Promise<Outcome> {
  const person = digits(Math.floor(n / REQUESTS_PER_PERSON));
  const held = await holdPlaces(ctx, {
    eventId,
    items: [{ ticketTypeId, quantity: 1 }],
    personKeys: [`email_of_bench_${person}`],
    caller: `device:of-bench-${person}`,
    key: `bench-${digits(n)}`,
    bodyHash: BODY_HASH,
    guarded: true,
    sees: null,
  });
  return held.ok ? { id: held.value.id } : { refused: held.refusal.code };
}

/** The body of a hold; `$P` and `$N` as in Template. */
export const holdBody = ({ ticketTypeId }: BenchEvent) =>
  JSON.stringify({
    items: [{ ticketTypeId, quantity: 1 }],
    buyer: { email: 'buyer-$P@example.org' },
  });

/** As a guest with a device token, or with an API key. */
export function holdTemplate(event: BenchEvent, as: 'guest' | 'key' = 'guest'): Template {
  const credential: Readonly<Record<string, string>> =
    as === 'key'
      ? { Authorization: `Bearer ${ADMIN_KEY}` }
      : { 'X-Device-Token': 'device-of-bench-$P' };
  return {
    method: 'POST',
    path: `/api/v1/events/${event.eventId}/holds`,
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'bench-$N', ...credential },
    body: holdBody(event),
  };
}
