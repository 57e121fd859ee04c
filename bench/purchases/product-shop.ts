/** The product, as it is or with other lanes, and one hot event on a database of its own. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { assemble, type Parts } from '../../server/assemble.ts';
import { readConfig } from '../../server/kernel/config.ts';
import { present } from '../../server/kernel/result.ts';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { CAPACITY_MAX } from '../inventory/bench.ts';
import type { Databases } from '../inventory/databases.ts';
import { type BenchEvent, openEvent, openProduct, settings } from '../inventory/product.ts';
import { lanesOneByOne } from './one-by-one.ts';
import { openWaits, type Shop, watchTraffic } from './shop.ts';

const CONFIRMED = `
  select o.order_id from unnest($2::text[]) as w(order_id)
  join orders.order o on o.event_id = $1 and o.order_id = w.order_id
  where o.status = 'confirmed'`;

const SOLD = `
  select (select count(*)::int from orders.ticket where event_id = $1 and status = 'valid') as tickets,
    (select coalesce(sum(captured_minor), 0)::int from payments.payment where event_id = $1) as captured`;

export async function openProductShop(
  databases: Databases,
  settledBy: 'lanes' | 'one transaction each',
): Promise<Shop> {
  const url = await databases.fresh();
  const event = await makeEvent(url);
  const lanes = settledBy === 'lanes' ? null : lanesOneByOne(url);
  const override = lanes ? { lanes } : {};
  const parts = await assemble({ config: readConfig(settings), databaseUrl: url, override });
  const traffic = watchTraffic(parts.app.server);
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  const address = parts.app.server.address();
  // A listening TCP server has an address object, never a name.
  const port = typeof address === 'object' && address ? address.port : 0;
  await parts.listening({ host: '127.0.0.1', port });
  parts.startWork();
  const looker = new pg.Client({ connectionString: url });
  await looker.connect();
  const confirmed = tellConfirmed(parts, event, looker);
  return {
    port,
    publishableKey: present(parts.sandbox, 'the simulator').publishableKey,
    path: `/api/v1/events/${event.eventId}/bookings`,
    body: (n) => bookingBody(event.ticketTypeId, n),
    confirmed,
    traffic,
    audit: (purchases) => insistOnBooks(parts, event, looker, purchases),
    close: async () => {
      await parts.close();
      await lanes?.close();
      await looker.end();
      await databases.drop(url);
    },
  };
}

/** By a product of its own: what staff does takes turns of a lane, which not every arm has. */
async function makeEvent(url: string): Promise<BenchEvent> {
  const product = await openProduct(url, { worker: false });
  try {
    return await openEvent(product, CAPACITY_MAX);
  } finally {
    await product.close();
  }
}

export function bookingBody(ticketTypeId: string, n: number): string {
  return JSON.stringify({
    items: [{ ticketTypeId, quantity: 1 }],
    buyer: { name: `Buyer ${n}`, email: `buyer-${n}-${randomUUID()}@example.org` },
    payment: { method: 'payment_intent' },
  });
}

/** After each commit that confirms, one look for all who wait; never two at once. */
function tellConfirmed({ ctx }: Parts, { eventId }: BenchEvent, looker: pg.Client) {
  const waits = openWaits();
  let isLooking = false;
  let isAsked = false;
  const look = async (): Promise<void> => {
    isAsked = true;
    if (isLooking) return;
    isLooking = true;
    while (isAsked) {
      isAsked = false;
      const { rows } = await looker.query<{ order_id: string }>(CONFIRMED, [eventId, waits.ids()]);
      for (const row of rows) waits.tell(row.order_id);
    }
    isLooking = false;
  };
  const lookSoon = () => void look();
  ctx.lanes.onCommit((changed, kind) => {
    if (changed === eventId && kind === 'confirm') lookSoon();
  });
  return (orderId: string) => {
    const done = waits.confirmed(orderId);
    // It may have been confirmed before anybody waited for it.
    lookSoon();
    return done;
  };
}

async function insistOnBooks(
  { ctx, sandbox }: Parts,
  { eventId }: BenchEvent,
  looker: pg.Client,
  purchases: number,
): Promise<void> {
  const wrong = (await auditAll(ctx)).filter(({ violations }) => violations > 0);
  if (wrong.length > 0) throw new Error(`the audit found: ${JSON.stringify(wrong)}`);
  const { rows } = await looker.query<{ tickets: number; captured: number }>(SOLD, [eventId]);
  const { tickets, captured } = present(rows[0], 'the books');
  if (tickets !== purchases) throw new Error(`${tickets} tickets for ${purchases} purchases`);
  const { byCurrency } = await present(sandbox, 'the simulator').ledger();
  const taken = byCurrency.reduce((sum, { capturedMinor }) => sum + capturedMinor, 0);
  if (taken !== captured) throw new Error(`the provider took ${taken}, we have ${captured}`);
}
