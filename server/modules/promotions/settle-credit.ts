/** How what was kept of a credit ends: spent, given back; and what comes back of an order later. */
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, run, type Tx } from '../../kernel/db.ts';
import type { CreditId, EventId } from '../../kernel/ids.ts';
import { inTxOrNotNow } from '../../kernel/not-now.ts';
import { readNow } from '../../kernel/now.ts';
import { assert, ok, type Result } from '../../kernel/result.ts';
import {
  addToBalance,
  type EntryKind,
  endReservation,
  expireDue,
  insertEntry,
  keepReservation,
  keepUntil,
  lockCredit,
  markLost,
  postCredit,
  type ReservationRow,
  selectDueReservations,
  selectReservation,
  takeLost,
} from './credit.sql.ts';
import { RESERVED_MS } from './reserve-credit.ts';

/** So long what has come back can be spent at least. */
const RETURNED_MS = 90 * 86_400_000;
const AT_ONCE = 200;
/**
 * Whoever began to place an order before a reservation's `until` has ended by then: a statement
 * takes 10 s at most, and a transaction that stands still 5 s.
 */
const PLACING_MS = 60_000;

type Scope = Pick<Ctx, 'actor'>;

/** An entry, and the balance with it; nothing where it was written before. */
async function write(
  { actor }: Scope,
  tx: Tx,
  entry: {
    readonly creditId: CreditId;
    readonly kind: EntryKind;
    readonly source: string;
    readonly amountMinor: number;
    readonly eventId: EventId;
    readonly orderId: string | null;
  },
): Promise<void> {
  if (entry.amountMinor === 0) return;
  const written = await run(tx, insertEntry({ ...entry, actor }));
  if (written === 1) await run(tx, addToBalance(entry.creditId, entry.amountMinor));
}

/** The order stands: so much of what was kept is spent, the rest can be spent again. Once. */
export function spendCredit(
  ctx: Ctx,
  spent: {
    readonly reservationId: string;
    readonly orderId: string;
    readonly amountMinor: number;
  },
): Promise<Result<null, Busy>> {
  const { reservationId, orderId, amountMinor } = spent;
  return inTx({ ...ctx, once: null }, async (tx) => {
    const reservation = await lockReservation(tx, reservationId);
    assert(reservation, `no reservation ${reservationId}`);
    if (reservation.orderId === orderId) return ok(null);
    const { creditId, eventId } = reservation;
    await release(ctx, tx, reservation);
    // Where it was given back before, because the order had come to nothing, it is taken again; a
    // balance below nothing is refused by its table, and the job that asks is parked for a person.
    await write(ctx, tx, {
      creditId,
      kind: 'spent',
      source: orderId,
      amountMinor: -amountMinor,
      eventId,
      orderId,
    });
    await run(tx, endReservation(reservationId, orderId));
    await takeBack(ctx, tx, creditId);
    return ok(null);
  });
}

/** The order came to nothing: what was kept for it can be spent again. */
export function releaseCredit(ctx: Ctx, reservationId: string): Promise<Result<null, Busy>> {
  return inTx({ ...ctx, once: null }, async (tx) => {
    const reservation = await lockReservation(tx, reservationId);
    if (!reservation) return ok(null);
    await release(ctx, tx, reservation);
    await takeBack(ctx, tx, reservation.creditId);
    return ok(null);
  });
}

/**
 * Gives back what was kept for a booking that never came to an order. Not where somebody has begun
 * with the same booking again meanwhile.
 */
export async function releaseDue(ctx: Ctx, due: ReservationRow): Promise<Result<null, Busy>> {
  await ctx.pause('credit.before_release');
  return inTx({ ...ctx, once: null }, async (tx) => {
    const now = await lockReservation(tx, due.reservationId);
    if (now?.until.getTime() !== due.until.getTime()) return ok(null);
    await release(ctx, tx, now);
    await takeBack(ctx, tx, now.creditId);
    return ok(null);
  });
}

/** With its credit's row, which whoever changes either of them holds. */
async function lockReservation(tx: Tx, reservationId: string): Promise<ReservationRow | null> {
  const found = await maybe(tx, selectReservation(reservationId));
  if (!found) return null;
  await one(tx, lockCredit(found.creditId));
  return maybe(tx, selectReservation(reservationId));
}

async function release(ctx: Scope, tx: Tx, reservation: ReservationRow): Promise<void> {
  const { reservationId, creditId, eventId, openMinor, attempt } = reservation;
  await write(ctx, tx, {
    creditId,
    kind: 'released',
    source: `${reservationId}:${attempt}`,
    amountMinor: openMinor,
    eventId,
    orderId: null,
  });
  await run(tx, endReservation(reservationId, null));
}

/** What an order had paid with credit comes back to it, once for each refund. */
export function returnCredit(
  ctx: Ctx,
  returned: {
    readonly creditId: CreditId;
    readonly eventId: EventId;
    readonly orderId: string;
    readonly refundId: string;
    readonly amountMinor: number;
  },
): Promise<Result<null, Busy>> {
  const { refundId, ...entry } = returned;
  return inTx({ ...ctx, once: null }, async (tx) => {
    await one(tx, lockCredit(entry.creditId));
    const until = new Date((await readNow(tx, ctx.clock)).getTime() + RETURNED_MS);
    await write(ctx, tx, { ...entry, kind: 'returned', source: refundId });
    await run(tx, keepUntil(entry.creditId, until));
    await takeBack(ctx, tx, entry.creditId);
    return ok(null);
  });
}

type Named = { readonly eventId: EventId; readonly orderId: string };

/**
 * What was paid for an order went back through its buyer's bank, after the value of `source` (the
 * order itself, or the one that its voucher became) had become credit: so much of that is lost.
 * What is there is taken back now, the rest when it comes back.
 */
export function loseCredits(ctx: Ctx, source: Named, paid: Named): Promise<Result<null, Busy>> {
  return inTx({ ...ctx, once: null }, async (tx) => {
    const marked = await all(tx, markLost(source, paid));
    for (const { creditId } of marked) await takeBack(ctx, tx, creditId);
    return ok(null);
  });
}

/** Whenever something has come into a credit; the books have it where the dispute's loss stands. */
async function takeBack({ actor }: Scope, tx: Tx, creditId: CreditId): Promise<void> {
  const taken = await maybe(tx, takeLost(creditId, actor));
  if (!taken) return;
  const { source, ...lost } = taken;
  const sides = { debit: 'credit_liability', credit: 'losses' } as const;
  const kind = 'credit_spent';
  await one(tx, postCredit({ ...lost, ...sides, kind, source: `lost:${creditId}:${source}` }));
}

/** Reservations that no order can be placed on any more, and that nothing has ended yet. */
export async function dueReservations(ctx: Ctx): Promise<readonly ReservationRow[]> {
  const now = await readNow(ctx.db, ctx.clock);
  return all(ctx.db, selectDueReservations(new Date(now.getTime() - PLACING_MS), AT_ONCE));
}

/** Its order is still pending: it is looked at again later. */
export async function lookLater(ctx: Ctx, { reservationId }: ReservationRow): Promise<void> {
  const now = await readNow(ctx.db, ctx.clock);
  await run(ctx.db, keepReservation(reservationId, new Date(now.getTime() + RESERVED_MS)));
}

/** What is left of credit whose time is over ends with it: the organizer has earned it. */
export async function expireCredits(ctx: Ctx): Promise<void> {
  await inTxOrNotNow({ ...ctx, once: null }, async (tx) => {
    const due = await all(tx, expireDue(ctx.clock.now(), AT_ONCE));
    for (const { source, isOwed, ...ended } of due) {
      if (!isOwed) continue;
      const kind = 'credit_spent';
      const name = `expired:${ended.creditId}:${source}`;
      const sides = { debit: 'credit_liability', credit: 'sales' } as const;
      await one(tx, postCredit({ ...ended, ...sides, kind, source: name }));
    }
  });
}
