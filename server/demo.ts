/**
 * The demo season: a small fictional one of our own, loaded into an empty database through the API
 * like any client would. Fictional names; any likeness is chance.
 */

import { demoSeason } from './demo-season.ts';
import type { Ctx } from './kernel/context.ts';

type Made = { readonly id: string; readonly ticketTypes: readonly { readonly id: string }[] };

/** Loads the season if nothing is there, and returns a curl line that buys a ticket. */
export async function loadDemo(
  apiUrl: string,
  publicUrl: string,
  adminKey: string,
  ctx: Ctx,
): Promise<string | null> {
  if (await hasEvents(apiUrl, adminKey)) return null;
  const now = ctx.clock.now() ?? new Date(ctx.ids.nowMs());
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
  for (const [i, event] of demoSeason(now).entries()) {
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

/** Drafts count too: only an empty database gets the demo. */
async function hasEvents(apiUrl: string, adminKey: string): Promise<boolean> {
  const response = await fetch(`${apiUrl}/api/v1/events?limit=1`, {
    headers: { authorization: `Bearer ${adminKey}` },
  });
  // A page of the API's list.
  const page = (await response.json()) as { readonly data: readonly unknown[] };
  return page.data.length > 0;
}
