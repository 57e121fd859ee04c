/** Seats, and what is kept for those who wait, as the auditor checks them. */
import type { EventRows, HoldRow } from './auditor-rows.ts';
import type { EventHistory } from './history.ts';

type Found = { readonly check: string; readonly objectId: string; readonly detail: string };

/** Two clocks of one machine; a snapshot is a moment older than its time. */
export const MARGIN_MS = 50;
export const OCCUPIES: ReadonlySet<string> = new Set(['active', 'claimed', 'sold']);

export const seatKeys = ({ seats }: EventRows, { seatNos }: HoldRow): ReadonlySet<string> =>
  new Set(seats.filter(({ seatNo }) => seatNos.includes(seatNo)).map(({ seatKey }) => seatKey));

const STATUS_OF_SEATS = { active: 'held', claimed: 'claimed', sold: 'sold' } as const;

/**
 * G3: a seat is in one live hold and on one live ticket at most, and it says whose it is; and of a
 * pool of seats each counter is the number of its seats in that state (G2).
 */
export function g3(rows: EventRows): Found[] {
  if (rows.seats.length === 0) return [];
  const found: Found[] = [];
  const say = (check: string, objectId: string, detail: string) =>
    found.push({ check, objectId, detail });
  const holds = new Map(rows.holds.map((hold) => [hold.holdId, hold]));
  const seats = new Map(rows.seats.map((seat) => [seat.seatNo, seat]));
  for (const { seatKey, seatNo, status, holdId } of rows.seats) {
    if (holdId === null) continue;
    const hold = holds.get(holdId);
    const wanted = STATUS_OF_SEATS[hold?.status as keyof typeof STATUS_OF_SEATS];
    if (hold?.seatNos.includes(seatNo) && status === wanted) continue;
    say('G3', holdId, `seat ${seatKey} is ${status} for it, it is ${hold?.status ?? 'gone'}`);
  }
  for (const { holdId, status, seatNos, lines } of rows.holds) {
    // Which of its seats came back is known to its tickets.
    if (!OCCUPIES.has(status) || lines.some(({ returned }) => returned > 0)) continue;
    for (const seatNo of seatNos) {
      const seat = seats.get(seatNo);
      if (seat?.holdId === holdId) continue;
      say('G3', holdId, `has seat ${seat?.seatKey}, which is ${seat?.status} for ${seat?.holdId}`);
    }
  }
  const tickets = new Set<string>();
  for (const { ticketId, seatKey, status } of rows.tickets) {
    if (seatKey === null || status === 'void') continue;
    if (tickets.has(seatKey)) say('G3', ticketId, `another live ticket has seat ${seatKey}`);
    tickets.add(seatKey);
  }
  for (const pool of rows.pools.filter(({ seated }) => seated)) {
    for (const state of ['held', 'claimed', 'sold', 'reserved', 'blocked'] as const) {
      const counted = rows.seats.filter(
        ({ poolId, status }) => poolId === pool.poolId && status === state,
      ).length;
      if (counted === pool[state]) continue;
      say('G2', pool.poolId, `${pool[state]} ${state}, and ${counted} seats are`);
    }
  }
  return found;
}

/**
 * G5 between two snapshots: what is freed while people wait is theirs, and only offers draw on it.
 * While more wait than there is kept for them, nothing more may have become free; and what is kept
 * becomes less by offers alone.
 */
export function auditWaiting(
  before: { readonly rows: EventRows; readonly startedAtMs: number },
  rows: EventRows,
  history: EventHistory,
): readonly (Found & { readonly eventId: string })[] {
  const free = (p: EventRows['pools'][number]) =>
    p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked;
  return rows.pools.flatMap((pool) => {
    const { eventId } = rows;
    const objectId = pool.poolId;
    if (pool.reserved > pool.waiting) {
      const detail = `${pool.reserved} kept, ${pool.waiting} wait`;
      return [{ check: 'G5', eventId, objectId, detail }];
    }
    const known = history.pools.find((each) => each.poolId === objectId);
    const then = before.rows.pools.find((each) => each.poolId === objectId);
    // Somebody has said how many wait, or how much is on sale.
    if (!then || !known || known.unsureUntilMs >= before.startedAtMs - MARGIN_MS) return [];
    if (pool.waiting > pool.reserved && free(pool) > free(then)) {
      const detail = `${free(pool) - free(then)} places became free while people wait for them`;
      return [{ check: 'G5', eventId, objectId, detail }];
    }
    const offered = history.offers
      .filter((each) => each.poolId === objectId && each.untilMs >= before.startedAtMs - MARGIN_MS)
      .reduce((sum, { quantity }) => sum + quantity, 0);
    if (then.reserved - pool.reserved <= offered) return [];
    const detail = `${then.reserved - pool.reserved} kept places are gone, ${offered} were offered`;
    return [{ check: 'G5', eventId, objectId, detail }];
  });
}
