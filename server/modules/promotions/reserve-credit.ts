/**
 * Credit at a booking. It is kept for the booking before its order is placed, in a transaction of
 * its own, under a name that follows from the booking's key: whoever comes again after a crash
 * finds it. From `until` on no order is placed on it, so that it can be given back without asking
 * whether one is just being placed.
 */
import { createHash } from 'node:crypto';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, maybe, one, run, type Tx } from '../../kernel/db.ts';
import type { CreditId, EventId, OrganizerId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import {
  addToBalance,
  type CreditRow,
  insertEntry,
  keepReservation,
  lockCredit,
  openReservation,
  type ReservationRow,
  selectIsDisputed,
  selectReservation,
} from './credit.sql.ts';
import { findCredit } from './issue-credit.ts';

/** Longer than a booking takes from here to its order, however busy the event is. */
export const RESERVED_MS = 300_000;

export const creditRefusals = {
  credit_invalid: { status: 422, title: 'This credit cannot be used here' },
  credit_used_up: { status: 409, title: 'Nothing is left of this credit' },
} as const;

export type CreditRefusal = RefusalOf<keyof typeof creditRefusals>;

export type ReserveWanted = {
  readonly organizerId: OrganizerId;
  readonly eventId: EventId;
  readonly currency: string;
  readonly code: string;
  /** The booking: its caller, key and body. */
  readonly once: { readonly caller: string; readonly key: string; readonly bodyHash: Buffer };
  /** So much of it at most. */
  readonly totalMinor: number;
  /** For the order that it was issued for: also while a bank decides about its money. */
  readonly byRight?: boolean;
};

export type Reserved = {
  readonly reservationId: string;
  readonly creditId: CreditId;
  readonly amountMinor: number;
  readonly until: Date;
};

/**
 * Refused where the code opens no credit of this organizer and currency that can be spent now (not
 * while a bank decides about the money that it came from), or where nothing is left of it that this
 * booking has not kept.
 */
export async function usableCredit(
  ctx: Ctx,
  wanted: Omit<ReserveWanted, 'totalMinor'>,
): Promise<Result<CreditRow, CreditRefusal>> {
  const credit = await findCredit(ctx, wanted.organizerId, wanted.code);
  // Unknown, another's, expired: all the same to whoever guesses.
  if (!credit || credit.expired || credit.currency !== wanted.currency) {
    return refused('credit_invalid');
  }
  const { sourceEventId, sourceOrderId } = credit;
  if (sourceEventId !== null && sourceOrderId !== null && !wanted.byRight) {
    const { isDisputed } = await one(ctx.db, selectIsDisputed(sourceEventId, sourceOrderId));
    if (isDisputed) return refused('credit_invalid');
  }
  if (credit.balanceMinor === 0) {
    const own = await maybe(ctx.db, selectReservation(reservationOf(wanted)));
    if (!own?.openMinor) return refused('credit_used_up');
  }
  return ok(credit);
}

/** Keeps as much as the booking costs, or as there is. */
export async function reserveCredit(
  ctx: Ctx,
  wanted: ReserveWanted,
): Promise<Result<Reserved, CreditRefusal | Busy>> {
  const usable = await usableCredit(ctx, wanted);
  if (!usable.ok) return usable;
  const { creditId } = usable.value;
  await ctx.pause('credit.before_reserve');
  // The answer to the request is not this transaction's to keep.
  return inTx({ ...ctx, once: null }, async (tx) => {
    const credit = await one(tx, lockCredit(creditId));
    const name = { reservationId: reservationOf(wanted), creditId };
    const until = new Date((await readNow(tx, ctx.clock)).getTime() + RESERVED_MS);
    const known = await maybe(tx, selectReservation(name.reservationId));
    const kept = known ? await keptBefore(tx, known, until) : 0;
    if (kept > 0) {
      return ok({ ...name, amountMinor: Math.min(kept, wanted.totalMinor), until });
    }
    const amountMinor = Math.min(credit.balanceMinor, wanted.totalMinor);
    if (amountMinor === 0) return refused('credit_used_up');
    await open(ctx, tx, { ...name, ...wanted, ...wanted.once }, amountMinor, until);
    return ok({ ...name, amountMinor, until });
  });
}

/** One name for each booking: its answer to the same request is the same. */
function reservationOf({ eventId, once }: Pick<ReserveWanted, 'eventId' | 'once'>): string {
  const { caller, key, bodyHash } = once;
  const name = JSON.stringify([eventId, caller, key, bodyHash.toString('hex')]);
  return createHash('sha256').update(name).digest('base64url');
}

/** What an earlier attempt of the same booking has kept, and nobody has given back. */
async function keptBefore(tx: Tx, known: ReservationRow, until: Date): Promise<number> {
  if (known.openMinor > 0) await run(tx, keepReservation(known.reservationId, until));
  return known.openMinor;
}

async function open(
  ctx: Ctx,
  tx: Tx,
  name: Pick<ReservationRow, 'reservationId' | 'creditId' | 'eventId' | 'caller' | 'key'>,
  amountMinor: number,
  until: Date,
): Promise<void> {
  const { reservationId, creditId, eventId } = name;
  const { attempt } = present(
    await maybe(tx, openReservation(name, amountMinor, until)),
    'a reservation',
  );
  await run(tx, addToBalance(creditId, -amountMinor));
  await run(
    tx,
    insertEntry({
      creditId,
      kind: 'reserved',
      source: `${reservationId}:${attempt}`,
      amountMinor: -amountMinor,
      eventId,
      orderId: null,
      actor: ctx.actor,
    }),
  );
}
