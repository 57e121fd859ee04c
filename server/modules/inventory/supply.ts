import { maybe, one, run, type Tx } from '../../kernel/db.ts';
import type { EventId, OrganizerId, PoolId, TicketTypeId } from '../../kernel/ids.ts';
import { assert } from '../../kernel/result.ts';
import {
  callDropSale,
  callDropTicketType,
  callLockSale,
  callSetPool,
  callSetSale,
  callSetSaleState,
  insertSale,
  type SaleTerms,
  type TicketTypeTerms,
  upsertTicketType,
} from './supply.sql.ts';

export type { SaleTerms, TicketTypeTerms };

type SaleState = 'unpublished' | 'open' | 'paused' | 'closed' | 'cancelled';

/** What may be sold of a new event; nothing is on sale until its state is set to `open`. */
export async function openSale(
  tx: Tx,
  terms: SaleTerms,
  organizerId: OrganizerId,
  currency: string,
): Promise<void> {
  await run(tx, insertSale(terms, organizerId, currency));
}

export async function setSale(
  tx: Tx,
  terms: SaleTerms,
): Promise<'done' | 'capacity_below_committed'> {
  const { verdict } = await one(tx, callSetSale(terms));
  assert(verdict === 'done' || verdict === 'capacity_below_committed', `verdict ${verdict}`);
  return verdict;
}

/** Moves the sale's state; answers the state that forbids it, or `done`. */
export async function setSaleState(
  tx: Tx,
  eventId: EventId,
  from: readonly SaleState[],
  to: SaleState,
): Promise<string> {
  return (await one(tx, callSetSaleState(eventId, from, to))).verdict;
}

export async function setPool(
  tx: Tx,
  pool: { eventId: EventId; poolId: PoolId; name: string; capacity: number },
): Promise<'done' | 'capacity_below_committed' | 'capacity_over_total'> {
  const { verdict } = await one(
    tx,
    callSetPool(pool.eventId, pool.poolId, pool.name, pool.capacity),
  );
  assert(
    verdict === 'done' ||
      verdict === 'capacity_below_committed' ||
      verdict === 'capacity_over_total',
    `verdict ${verdict}`,
  );
  return verdict;
}

/**
 * Writes a ticket type's terms; `unknown_pool` where the event has no such pool. Under the event's
 * lock: a hold that is being decided must see one pool and one price, not two.
 */
export async function setTicketType(
  tx: Tx,
  terms: TicketTypeTerms,
): Promise<'done' | 'unknown_pool'> {
  await run(tx, callLockSale(terms.eventId));
  return (await run(tx, upsertTicketType(terms))) === 1 ? 'done' : 'unknown_pool';
}

/** `withdrawn`: it was held or sold before and is kept for those orders, off sale. */
export async function dropTicketType(
  tx: Tx,
  eventId: EventId,
  ticketTypeId: TicketTypeId,
): Promise<'deleted' | 'withdrawn' | 'not_found'> {
  const row = await maybe(tx, callDropTicketType(eventId, ticketTypeId));
  // The function answers with one of these three.
  return (row?.verdict ?? 'not_found') as 'deleted' | 'withdrawn' | 'not_found';
}

export async function dropSale(
  tx: Tx,
  eventId: EventId,
): Promise<'deleted' | 'event_has_sales' | 'not_found'> {
  // The function answers with one of these three.
  return (await one(tx, callDropSale(eventId))).verdict as
    | 'deleted'
    | 'event_has_sales'
    | 'not_found';
}
