/** The SQL functions of the lanes, called by hand: in a transaction that a test opens and ends. */

import type { Ctx } from '../../server/kernel/context.ts';
import { type EventId, newScopedId } from '../../server/kernel/ids.ts';
import type { TestApp } from './app.ts';
import { eur, onSale } from './given.ts';
import { openSession, type Session, untilBlocked } from './variants.ts';

type Answer = { readonly verdict: string };

type Refund = ReturnType<ReturnType<typeof purchaseOf>['refund']>;

/** Tickets are taken back in a turn of one request: called as what lanes call. */
async function callRefund(
  on: { readonly query: Session['query'] },
  name: string,
  eventId: string,
  requests: readonly Refund[],
): Promise<readonly unknown[]> {
  const answers: unknown[] = [];
  for (const { orderId, ticketIds, refundId, reason } of requests) {
    const { rows } = await on.query(`select ${name}($1, $2, $3, $4, $5) as answer`, [
      eventId,
      orderId,
      ticketIds,
      refundId,
      reason,
    ]);
    answers.push(rows[0].answer);
  }
  return answers;
}

/** Answers of one call of a lane's function, under any suffix. */
export async function callLane(
  on: { readonly query: Session['query'] },
  name: string,
  eventId: string,
  requests: readonly object[],
  now: Date | null = null,
): Promise<readonly unknown[]> {
  if (name.startsWith('orders.refund_tickets')) {
    // As `purchaseOf` makes them.
    return callRefund(on, name, eventId, requests as readonly Refund[]);
  }
  const { rows } = await on.query(`select ${name}($1, $2, $3) as answers`, [
    eventId,
    now,
    JSON.stringify(requests),
  ]);
  return rows[0].answers as readonly unknown[];
}

/** What became of a request, in one word. */
export const wordOf = (answer: unknown): string =>
  // Answers of a lane's functions are words, numbers, or objects with a verdict.
  typeof answer === 'object' && answer !== null ? (answer as Answer).verdict : String(answer);

let made = 0;
const ids: Pick<Ctx['ids'], 'nowMs' | 'bytes'> = {
  nowMs: () => Date.now(),
  bytes: (n) => crypto.getRandomValues(Buffer.alloc(n)),
};
export const newId = <P extends Parameters<typeof newScopedId>[1]>(prefix: P, eventId: string) =>
  // Ids of events come from answers, as text.
  newScopedId(ids, prefix, eventId as EventId);

export type Line = { readonly type: string; readonly quantity: number };

/** A request of `inventory.hold_batch`. */
export function holdRequest(eventId: string, lines: readonly Line[], more: object = {}) {
  made += 1;
  return {
    holdId: newId('hld', eventId),
    caller: 'race',
    key: `key-${made}`,
    bodyHash: '00',
    guarded: false,
    sees: null,
    personKeys: [] as string[],
    ticketTypeIds: lines.map((line) => line.type),
    quantities: lines.map((line) => line.quantity),
    seatNos: null as readonly (number | null)[] | null,
    offered: false,
    ...more,
  };
}

/** Two transactions of one event: the second begins while the first is open. */
export async function race<First, Second>(
  url: string,
  calls: {
    readonly first: (session: Session) => Promise<First>;
    readonly second: (session: Session) => Promise<Second>;
    /** The second has looked around before the first began. */
    readonly before?: (session: Session) => Promise<unknown>;
    readonly isolation?: string;
  },
): Promise<{ first: First; second: Second; waits: boolean }> {
  const [one, two] = await Promise.all([openSession(url), openSession(url, calls.isolation)]);
  try {
    await calls.before?.(two);
    const first = await calls.first(one);
    const asked = calls.second(two);
    const waits = await Promise.race([
      asked.then(
        () => false,
        () => false,
      ),
      untilBlocked(url, two.pid).then(() => true),
    ]);
    await one.commit();
    const second = await asked;
    await two.commit();
    return { first, second, waits };
  } finally {
    await Promise.all([one.end(), two.end()]);
  }
}

export type Pools = Record<
  'capacity' | 'held' | 'claimed' | 'sold' | 'reserved' | 'blocked',
  number
>;

export async function poolsOf(app: TestApp, eventId: string): Promise<readonly Pools[]> {
  const { rows } = await app.ctx.db.pool.query<Pools>(
    `select capacity, held, claimed, sold, reserved, blocked from inventory.pool
     where event_id = $1 order by pool_id`,
    [eventId],
  );
  return rows;
}

/** An event with counted pools of these capacities, and a ticket type for each. */
export async function pooledSale(
  app: TestApp,
  capacities: readonly number[],
  more: Record<string, unknown> = {},
) {
  const ticketTypes = capacities.map((capacity, i) => ({
    name: `Type ${i}`,
    price: eur(1_000 + i),
    capacity,
  }));
  const { eventId, event } = await onSale(app.admin, { more: { ticketTypes, ...more } });
  return {
    eventId,
    types: event.ticketTypes.map((type) => type.id),
    pools: event.ticketTypes.map((type) => type.poolId),
  };
}

/** Requests of a purchase's further beats, of the hold that it begins with. */
export function purchaseOf(eventId: string, holdId: string, places: number, organizerId: string) {
  made += 1;
  const orderId = newId('ord', eventId);
  const paymentId = newId('pay', eventId);
  const ticketIds = Array.from({ length: places }, () => newId('tkt', eventId));
  return {
    orderId,
    paymentId,
    ticketIds,
    book: {
      holdId,
      orderId,
      paymentId,
      organizerId,
      userId: null,
      buyerName: 'Ann',
      buyerEmail: 'ann@example.org',
      buyerPhone: null,
      refundableUntil: null,
      currency: 'EUR',
      method: 'payment_intent',
      caller: 'race',
      key: `order-${made}`,
      bodyHash: '00',
      checkSeconds: 45,
      payAfterSeconds: null,
      actor: 'race',
    },
    claim: { orderId, paymentId, ticketIds, actor: 'race' },
    confirm: (capturedMinor: number) => ({
      orderId,
      paymentId,
      capturedMinor,
      refundId: newId('ref', eventId),
      actor: 'race',
    }),
    end: {
      orderId,
      to: 'cancelled',
      reason: 'expired',
      endClaim: false,
      actor: 'race',
      paymentId: null,
      paymentTo: null,
      failureCode: null,
    },
    refund: (tickets: readonly string[] | null = null) => ({
      orderId,
      ticketIds: tickets,
      refundId: newId('ref', eventId),
      reason: 'requested',
      actor: 'race',
    }),
    extend: { orderId, moreMs: 300_000 },
  };
}
