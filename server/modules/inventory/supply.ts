import { all, maybe, one, type Queryable, run } from '../../kernel/db.ts';
import type { EventId, OrganizerId, PoolId, TicketTypeId } from '../../kernel/ids.ts';
import type { Turn } from '../../kernel/lanes.ts';
import { assert } from '../../kernel/result.ts';
import type { SpecialSeat } from '../venues/index.ts';
import { callSweepBatch } from './hold.sql.ts';
import {
  callBlockBatch,
  callDropSale,
  callDropTicketType,
  callLockSale,
  callMovePlan,
  callOpenSeats,
  callSetPool,
  callSetSale,
  callSetSaleState,
  insertSale,
  type PlannedPlaces,
  type SaleTerms,
  selectPools,
  selectSales,
  selectSeatNos,
  selectTakenSeats,
  selectTicketTypes,
  type TicketTypeTerms,
  upsertTicketType,
} from './supply.sql.ts';

export type { PlannedPlaces, SaleTerms, TicketTypeTerms };

/** What lapses in a second of the fastest sale, many times over. */
const SWEPT_MAX = 100_000;

type SaleState = 'unpublished' | 'open' | 'paused' | 'closed' | 'cancelled';

/** What may be sold of a new event; nothing is on sale until its state is set to `open`. */
export async function openSale(
  tx: Turn,
  terms: SaleTerms,
  organizerId: OrganizerId,
  currency: string,
): Promise<void> {
  await run(tx, insertSale(terms, organizerId, currency));
}

export async function setSale(
  tx: Turn,
  terms: SaleTerms,
): Promise<'done' | 'capacity_below_committed'> {
  const { verdict } = await one(tx, callSetSale(terms));
  assert(verdict === 'done' || verdict === 'capacity_below_committed', `verdict ${verdict}`);
  return verdict;
}

/** Moves the sale's state; answers the state that forbids it, or `done`. */
export async function setSaleState(
  tx: Turn,
  eventId: EventId,
  from: readonly SaleState[],
  to: SaleState,
): Promise<string> {
  return (await one(tx, callSetSaleState(eventId, from, to))).verdict;
}

export type PoolRefusal = 'capacity_below_committed' | 'capacity_over_total' | 'capacity_is_seats';

export async function setPool(
  tx: Turn,
  pool: { eventId: EventId; poolId: PoolId; name: string; capacity: number },
): Promise<'done' | PoolRefusal> {
  const { verdict } = await one(
    tx,
    callSetPool(pool.eventId, pool.poolId, pool.name, pool.capacity),
  );
  assert(
    verdict === 'done' ||
      verdict === 'capacity_below_committed' ||
      verdict === 'capacity_over_total' ||
      verdict === 'capacity_is_seats',
    `verdict ${verdict}`,
  );
  return verdict;
}

export type NewSeat = {
  /** Its number in the event's plan; counted on from those that are there where it is not given. */
  readonly seatNo?: number;
  /** Its id in the API; once in the event. */
  readonly key: string;
  readonly section: string;
  readonly row: number;
  readonly place: number;
  readonly distance: number;
  /** Plain where it is null or not given. */
  readonly special?: SpecialSeat | null;
};

/** Makes a pool of seats, whose capacity is their number. */
export async function openSeats(
  turn: Turn,
  pool: { readonly poolId: PoolId; readonly name: string; readonly seats: readonly NewSeat[] },
): Promise<void> {
  await one(turn, callOpenSeats(turn.eventId, pool));
}

/**
 * Writes a ticket type's terms; `unknown_pool` where the event has no such pool. Under the event's
 * lock: a hold that is being decided must see one pool and one price, not two.
 */
export async function setTicketType(
  tx: Turn,
  terms: TicketTypeTerms,
): Promise<'done' | 'unknown_pool'> {
  await run(tx, callLockSale(terms.eventId));
  return (await run(tx, upsertTicketType(terms))) === 1 ? 'done' : 'unknown_pool';
}

/**
 * `withdrawn`: it was held or sold before and is kept for those orders, off sale. A counted pool
 * that nothing else draws on goes with it, unless it is to be kept.
 */
export async function dropTicketType(
  tx: Turn,
  eventId: EventId,
  ticketTypeId: TicketTypeId,
  { keepPool }: { readonly keepPool: boolean },
): Promise<'deleted' | 'withdrawn' | 'not_found'> {
  const row = await maybe(tx, callDropTicketType(eventId, ticketTypeId, keepPool));
  // The function answers with one of these three.
  return (row?.verdict ?? 'not_found') as 'deleted' | 'withdrawn' | 'not_found';
}

export async function dropSale(
  tx: Turn,
  eventId: EventId,
): Promise<'deleted' | 'event_has_sales' | 'not_found'> {
  // The function answers with one of these three.
  return (await one(tx, callDropSale(eventId))).verdict as
    | 'deleted'
    | 'event_has_sales'
    | 'not_found';
}

/** The sale's terms, pools and ticket types of each event that has a sale; three statements. */
export async function readSupplies(on: Queryable, eventIds: readonly EventId[]) {
  const sales = await all(on, selectSales(eventIds));
  const pools = await all(on, selectPools(eventIds));
  const ticketTypes = await all(on, selectTicketTypes(eventIds));
  return new Map(
    sales.map((sale) => [
      sale.eventId,
      {
        sale,
        pools: pools.filter((pool) => pool.eventId === sale.eventId),
        ticketTypes: ticketTypes.filter((type) => type.eventId === sale.eventId),
      },
    ]),
  );
}

export type Supply =
  Awaited<ReturnType<typeof readSupplies>> extends Map<EventId, infer One> ? One : never;

/** The same for one event; null where it has no sale. */
export async function readSupply(on: Queryable, eventId: EventId): Promise<Supply | null> {
  return (await readSupplies(on, [eventId])).get(eventId) ?? null;
}

/** So many places of a counted pool are off sale from now on, in all. */
export async function blockPlaces(
  turn: Turn,
  now: Date | null,
  poolId: PoolId,
  quantity: number,
): Promise<'done' | 'unknown_pool' | 'not_free'> {
  const requests = JSON.stringify([{ poolId, quantity }]);
  const [verdict] = (await one(turn, callBlockBatch(turn.eventId, now, requests))).answers;
  return verdict === 'done' || verdict === 'not_free' ? verdict : 'unknown_pool';
}

/** Takes these seats off sale, all of them or none. */
export async function blockSeats(
  turn: Turn,
  now: Date | null,
  keys: readonly string[],
): Promise<'done' | 'unknown_seat' | 'not_free'> {
  const pools = await all(turn, selectSeatNos(turn.eventId, keys));
  const found = pools.reduce((sum, { seatNos }) => sum + seatNos.length, 0);
  if (found < keys.length) return 'unknown_seat';
  const requests = JSON.stringify(pools.map((pool) => ({ ...pool, free: false })));
  const { answers } = await one(turn, callBlockBatch(turn.eventId, now, requests));
  // A turn that is refused is undone as a whole.
  return answers.every((verdict) => verdict === 'done') ? 'done' : 'not_free';
}

/** Puts blocked ones among these seats on sale again, or gives them to the waitlist. */
export async function unblockSeats(
  turn: Turn,
  now: Date | null,
  keys: readonly string[],
): Promise<void> {
  const pools = await all(turn, selectSeatNos(turn.eventId, keys));
  const requests = JSON.stringify(pools.map((pool) => ({ ...pool, free: true })));
  await one(turn, callBlockBatch(turn.eventId, now, requests));
}

/**
 * Seats of the event that are not free, in the order of their numbers. In a turn with the event
 * locked first: what is said stays so until the turn ends.
 */
export function takenSeats(on: Queryable, eventId: EventId) {
  return all(on, selectTakenSeats(eventId));
}

/** As `takenSeats`, under the event's lock, without those whose time is over. */
export async function lockSeats(turn: Turn, now: Date | null): Promise<readonly TakenSeat[]> {
  const requests = JSON.stringify([{ most: SWEPT_MAX }]);
  await one(turn, callSweepBatch(turn.eventId, now, requests));
  return takenSeats(turn, turn.eventId);
}

export type TakenSeat = Awaited<ReturnType<typeof takenSeats>>[number];

/** Why a sale cannot move to other places; the turn must end then. */
export type MoveRefusal = 'seats_in_use' | 'capacity_below_committed' | 'capacity_over_total';

/**
 * Sells these places from now on instead of those before. Seats of the same key stay who they are,
 * whoever has them; `moves` (keys) gives people other seats of the same pool. Holds that nobody has
 * bought on end where a seat of theirs is gone or of another pool.
 */
export async function movePlan(
  turn: Turn,
  places: PlannedPlaces,
  moves: readonly { readonly from: string; readonly to: string }[],
): Promise<'done' | MoveRefusal> {
  // The function answers with one of these.
  return (await one(turn, callMovePlan(turn.eventId, places, moves))).verdict as
    | 'done'
    | MoveRefusal;
}
