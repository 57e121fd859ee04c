/** The usual beginnings of a story. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Caller, TestApp } from './app.ts';

const DAY_MS = 86_400_000;

export const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();
export const eur = (amount: number) => ({ amount, currency: 'EUR' });
export const newKey = () => ({ 'idempotency-key': randomUUID() });

/** An event on sale with one ticket type; `more` goes into the request. */
export async function onSale(
  admin: Caller,
  options: { capacity?: number; price?: number; more?: Record<string, unknown> } = {},
) {
  const made = await admin.post('/events', {
    name: 'Test night',
    startsAt: inDays(30),
    timezone: 'Europe/Berlin',
    currency: 'EUR',
    ticketTypes: [
      { name: 'Standard', price: eur(options.price ?? 2_500), capacity: options.capacity ?? 10 },
    ],
    ...options.more,
  });
  expect(made.body).toMatchObject({ status: 'published' });
  const event = made.body as {
    id: string;
    version: number;
    ticketTypes: { id: string; poolId: string }[];
  };
  return { event, eventId: event.id, typeId: event.ticketTypes[0]?.id ?? '' };
}

let people = 0;
export const somebody = () => {
  people += 1;
  return { name: `Buyer ${people}`, email: `buyer${people}@example.org` };
};

/** A booking as a guest; the answer as it came. */
export function book(
  caller: Caller,
  eventId: string,
  typeId: string,
  options: { quantity?: number; method?: string; buyer?: object; key?: string; more?: object } = {},
) {
  return caller.post(
    `/events/${eventId}/bookings`,
    {
      items: [{ ticketTypeId: typeId, quantity: options.quantity ?? 1 }],
      buyer: options.buyer ?? somebody(),
      payment: { method: options.method ?? 'payment_intent' },
      ...options.more,
    },
    options.key ? { 'idempotency-key': options.key } : newKey(),
  );
}

/**
 * What the buyer's browser does: confirm the intent with a card, by its client secret; until the
 * provider has told of it, or has tried to.
 */
export async function payWith(app: TestApp, clientSecret: string, card = 'pm_card_visa') {
  const intent = clientSecret.replace(/_secret_.*/, '');
  const response = await fetch(
    `${app.origin}/sandbox/stripe/v1/payment_intents/${intent}/confirm`,
    {
      method: 'POST',
      headers: {
        authorization: `Bearer ${app.parts.sandbox?.publishableKey}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ client_secret: clientSecret, payment_method: card }).toString(),
    },
  );
  const body = (await response.json()) as Record<string, unknown>;
  await eventually(
    async () => (await app.ctx.db.pool.query(UNTOLD, [intent])).rowCount,
    (untold) => untold === 0,
  );
  return { status: response.status, body };
}

const UNTOLD = `
  select from sandbox.delivery d join sandbox.event e on e.id = d.event_id
  where d.last_outcome is null and d.delivered_at is null and d.given_up_at is null
    and e.body -> 'data' -> 'object' ->> 'id' = $1`;

/** Asks until `done` is content; what is waited for is a state, never a time. */
export async function eventually<T>(
  ask: () => Promise<T>,
  done: (value: T) => boolean,
  withinMs = 20_000,
  pollMs = 25,
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    if (Date.now() > until) throw new Error(`it never came: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
