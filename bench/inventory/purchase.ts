/**
 * Orders for the benches: made by the product over HTTP and multiplied, and settled in process.
 * The one file that knows how an order is settled; the payment provider is left out of it, since
 * what is measured is the engine.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Ctx } from '../../server/kernel/context.ts';
import {
  type EventId,
  type HoldId,
  newScopedId,
  type OrderId,
  type OrganizerId,
  type PaymentId,
} from '../../server/kernel/ids.ts';
import { personKeys, readHold } from '../../server/modules/inventory/index.ts';
import {
  bookKind,
  claimKind,
  confirmKind,
  seenHold,
} from '../../server/modules/shopping/settle-kinds.ts';
import { asSuperuser } from './databases.ts';
import { multiply, wordOf } from './multiply.ts';
import type { BenchEvent, Product } from './product.ts';

export type PendingOrder = {
  readonly eventId: EventId;
  readonly orderId: OrderId;
  readonly paymentId: PaymentId;
  readonly places: number;
  readonly amountMinor: number;
};

/** Claims the places, makes the tickets, confirms: `confirmed`, or what stood in the way. */
export async function settleOrder(ctx: Ctx, order: PendingOrder): Promise<string> {
  const { eventId, orderId, paymentId } = order;
  const ticketIds = Array.from({ length: order.places }, () =>
    newScopedId(ctx.ids, 'tkt', eventId),
  );
  const common = { orderId, paymentId, actor: 'bench' };
  const claimed = await ctx.lanes.ask(ctx, claimKind, eventId, { ...common, ticketIds });
  if (!claimed.ok) return claimed.refusal.code;
  if (claimed.value !== 'claimed') return claimed.value;
  const refundId = newScopedId(ctx.ids, 'ref', eventId);
  const confirm = { ...common, capturedMinor: order.amountMinor, refundId };
  const confirmed = await ctx.lanes.ask(ctx, confirmKind, eventId, confirm);
  return confirmed.ok ? confirmed.value : confirmed.refusal.code;
}

/**
 * Buys what a guest holds, without HTTP: order, payment, settlement. The verdict of the settlement,
 * or why there was no order.
 */
export async function buyHold(
  { ctx }: Product,
  { eventId }: BenchEvent,
  holdId: HoldId,
): Promise<string> {
  const held = await readHold(ctx, holdId);
  if (!held) return 'not_found';
  const orderId = newScopedId(ctx.ids, 'ord', eventId);
  const paymentId = newScopedId(ctx.ids, 'pay', eventId);
  const booked = await ctx.lanes.ask(ctx, bookKind, eventId, {
    ...{ holdId, orderId, paymentId, organizerId: ORGANIZER, account: null, userId: null },
    ...{
      buyerName: 'Bench Buyer',
      buyerEmail: 'buyer@example.org',
      buyerPhone: null,
      buyerLanguage: null,
    },
    ...{ refundableUntil: null, currency: held.currency, checkSeconds: 45, payAfterSeconds: null },
    ...{ prices: null, creditMinor: 0, charges: null, returnUrl: null, seen: seenHold(held) },
    ...{ caller: `bench:${holdId}`, key: holdId, bodyHash: '07', actor: 'bench', method: METHOD },
  });
  if (!booked.ok) return booked.refusal.code;
  if (booked.value.verdict !== 'placed') return booked.value.verdict;
  const places = held.items.reduce((sum, i) => sum + i.quantity, 0);
  const amountMinor = held.items.reduce((sum, i) => sum + i.quantity * i.unitPriceMinor, 0);
  return settleOrder(ctx, { eventId, orderId, paymentId, places, amountMinor });
}

const METHOD = 'payment_intent' as const;
/** No row needs to be there: orders and payments only note whose they are. */
const ORGANIZER = 'org_0000000000000' as OrganizerId;

type Seed = { readonly order: PendingOrder; readonly words: readonly string[] };

/** One hold and its pending order, as a guest makes them over HTTP. */
async function seedOrder(product: Product, event: BenchEvent): Promise<Seed> {
  const device = `device-of-bench-${randomUUID()}`;
  const email = `${randomUUID()}@example.org`;
  const [holdKey, orderKey] = [randomUUID(), randomUUID()];
  const hold = await post<{ id: string }>(product, `/events/${event.eventId}/holds`, {
    ...{ device, key: holdKey },
    body: { items: [{ ticketTypeId: event.ticketTypeId, quantity: 1 }], buyer: { email } },
  });
  type Booked = {
    order: { id: OrderId; total: { amount: number }; payments: { id: PaymentId }[] };
  };
  const { order } = await post<Booked>(product, `/events/${event.eventId}/bookings`, {
    ...{ device, key: orderKey },
    body: {
      holdId: hold.id,
      buyer: { name: 'Bench Buyer', email },
      payment: { method: 'payment_intent' },
    },
  });
  const paymentId = order.payments[0]?.id;
  if (!paymentId) throw new Error('an order without a payment');
  const caller = `device:${createHash('sha256').update(device).digest('base64url')}`;
  return {
    order: {
      ...{ eventId: event.eventId, orderId: order.id, paymentId, places: 1 },
      amountMinor: order.total.amount,
    },
    words: [holdKey, orderKey, caller, ...personKeys(product.ctx.secrets, { email })],
  };
}

async function post<T>(
  product: Product,
  path: string,
  { device, key, body }: { readonly device: string; readonly key: string; readonly body: object },
): Promise<T> {
  const answer = await product.parts.app.inject({
    method: 'POST',
    url: `/api/v1${path}`,
    headers: { 'x-device-token': device, 'idempotency-key': key },
    payload: body,
  });
  if (answer.statusCode !== 201) throw new Error(`${path}: ${answer.body}`);
  return answer.json<T>();
}

const SCHEMAS = ['inventory', 'orders', 'payments'];
const LOCAL_CHARS = 24;

/** The event must be new. Returns the orders, one more than asked for: the original. */
async function manyOrders(
  product: Product,
  { eventId }: BenchEvent,
  { order, words }: Seed,
  copies: number,
): Promise<readonly PendingOrder[]> {
  await multiply(product.url, { eventId, schemas: SCHEMAS, words }, { from: 1, count: copies });
  // Nothing else is counted there yet, so each counter grows with its rows.
  await asSuperuser(product.url, (client) =>
    client.query(
      `update inventory.pool set held = held * $2, claimed = claimed * $2, sold = sold * $2
       where event_id = $1`,
      [eventId, copies + 1],
    ),
  );
  const named = (id: string, n: number) => id.slice(0, -LOCAL_CHARS) + wordOf(n, LOCAL_CHARS);
  const others = Array.from({ length: copies }, (_, i) => ({
    ...order,
    // The same prefix and event, another local part of the same length.
    orderId: named(order.orderId, i + 1) as OrderId,
    // As above.
    paymentId: named(order.paymentId, i + 1) as PaymentId,
  }));
  return [order, ...others];
}

/** Pending orders on a new event, each of a person of its own, for one place. */
export async function pendingOrders(
  product: Product,
  event: BenchEvent,
  count: number,
): Promise<readonly PendingOrder[]> {
  return manyOrders(product, event, await seedOrder(product, event), count - 1);
}

/** Confirmed orders, their places sold, on a new event. */
export async function confirmedOrders(
  product: Product,
  event: BenchEvent,
  count: number,
): Promise<void> {
  const seed = await seedOrder(product, event);
  const verdict = await settleOrder(product.ctx, seed.order);
  if (verdict !== 'confirmed') throw new Error(`the original order is ${verdict}`);
  await manyOrders(product, event, seed, count - 1);
}
