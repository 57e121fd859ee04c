/**
 * The demo season: a small fictional one of our own, loaded into an empty database through the API
 * like any client would. Fictional names; any likeness is chance.
 */

import { anonymous } from './kernel/actor.ts';
import type { Ctx } from './kernel/context.ts';
import { listEvents } from './modules/catalog/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ZONE = 'Europe/Berlin';

type Made = { readonly id: string; readonly ticketTypes: readonly { readonly id: string }[] };

const eur = (amount: number) => ({ amount, currency: 'EUR' });

/** Loads the season if nothing is there, and returns a curl line that buys a ticket. */
export async function loadDemo(
  apiUrl: string,
  publicUrl: string,
  adminKey: string,
  ctx: Ctx,
): Promise<string | null> {
  const known = await listEvents(ctx, anonymous, { limit: 1 });
  if (!known.ok || known.value.data.length > 0) return null;
  const now = ctx.clock.now()?.getTime() ?? ctx.ids.nowMs();
  const post = async (path: string, body: unknown, key: string): Promise<unknown> => {
    const response = await fetch(`${apiUrl}/api/v1${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${adminKey}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`the demo season: ${await response.text()}`);
    return response.json();
  };
  const made: Made[] = [];
  for (const [i, event] of season(now).entries()) {
    // The API's answer to a created event.
    made.push((await post('/events', event, `demo-event-${i}`)) as Made);
  }
  const [onSale, , , soldOut] = made;
  if (!onSale || !soldOut) return null;
  await post(
    `/events/${soldOut.id}/bookings`,
    {
      items: [{ ticketTypeId: soldOut.ticketTypes[0]?.id, quantity: 8 }],
      buyer: { name: 'Demo Buyer', email: 'demo@example.org' },
      payment: { method: 'simulated' },
    },
    'demo-sold-out',
  );
  const body = {
    items: [{ ticketTypeId: onSale.ticketTypes[0]?.id, quantity: 2 }],
    buyer: { name: 'You', email: 'you@example.org' },
    payment: { method: 'simulated' },
  };
  return (
    `curl -sS ${publicUrl}/api/v1/events/${onSale.id}/bookings ` +
    `-H 'content-type: application/json' -H "idempotency-key: $(date +%s)" ` +
    `-d '${JSON.stringify(body)}'`
  );
}

function season(now: number): readonly object[] {
  const at = (ms: number) => new Date(Math.round((now + ms) / MINUTE_MS) * MINUTE_MS).toISOString();
  return [
    {
      name: 'Nachtschicht: The Paper Lanterns',
      description: 'Club night with two live sets and a late bar.',
      startsAt: at(21 * DAY_MS),
      endsAt: at(21 * DAY_MS + 6 * HOUR_MS),
      doorsAt: at(21 * DAY_MS - HOUR_MS),
      timezone: ZONE,
      venueName: 'Halle Nord',
      currency: 'EUR',
      maxTicketsPerPerson: 6,
      refundableUntil: at(19 * DAY_MS),
      ticketTypes: [
        { name: 'Standard', price: eur(2_200), capacity: 400 },
        { name: 'Reduced', price: eur(1_400), capacity: 80 },
      ],
    },
    {
      name: 'Marlene Quist: The Long Way Round',
      description: 'Arena show. On sale in ten minutes.',
      startsAt: at(90 * DAY_MS),
      doorsAt: at(90 * DAY_MS - 2 * HOUR_MS),
      endsAt: at(90 * DAY_MS + 3 * HOUR_MS),
      timezone: ZONE,
      venueName: 'Arena am Kanal',
      currency: 'EUR',
      maxTicketsPerPerson: 4,
      salesOpenAt: at(10 * MINUTE_MS),
      ticketTypes: [
        { name: 'Floor', price: eur(7_900), capacity: 6_000 },
        { name: 'Upper tier', price: eur(4_900), capacity: 4_000 },
      ],
    },
    {
      name: 'Weidenfest',
      description: 'Three days of folk and brass by the lake.',
      startsAt: at(200 * DAY_MS),
      endsAt: at(202 * DAY_MS),
      timezone: ZONE,
      venueName: 'Seewiesen',
      currency: 'EUR',
      holdMinutes: 30,
      ticketTypes: [
        { name: 'Weekend', price: eur(12_900), capacity: 3_000, maxPerOrder: 8 },
        { name: 'Saturday', price: eur(5_900), capacity: 1_500, maxPerOrder: 8 },
        { name: 'Children under 12', price: eur(0), capacity: 500, maxPerOrder: 6 },
      ],
    },
    {
      name: 'Kammerkonzert bei Kerzen',
      description: 'String quartet by candlelight, eight seats.',
      startsAt: at(14 * DAY_MS),
      endsAt: at(14 * DAY_MS + 2 * HOUR_MS),
      timezone: ZONE,
      venueName: 'Kleine Kapelle',
      currency: 'EUR',
      ticketTypes: [{ name: 'Seat', price: eur(3_800), capacity: 8 }],
    },
    {
      name: 'Opening Night',
      description: 'How the season began.',
      startsAt: at(-7 * DAY_MS),
      endsAt: at(-7 * DAY_MS + 5 * HOUR_MS),
      timezone: ZONE,
      venueName: 'Halle Nord',
      currency: 'EUR',
      ticketTypes: [{ name: 'Standard', price: eur(1_800), capacity: 400 }],
    },
  ];
}
