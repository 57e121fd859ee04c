import type { Ctx } from '../../kernel/context.ts';
import { inTx } from '../../kernel/db.ts';
import { eventOf, newScopedId, type OrderId } from '../../kernel/ids.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import { assertNever, ok, present } from '../../kernel/result.ts';
import { PAYING_RANK, releaseHold } from '../inventory/index.ts';
import {
  callerOfVoucher,
  fallBackToRefund,
  finishRemedy,
  type OrderRow,
  type RemedyRow,
  readOrder,
} from '../orders/index.ts';
import { issueCredit, reserveCredit } from '../promotions/index.ts';
import { type ChangeRow, callRedeemBatch } from './change.sql.ts';

/** How long after the time to choose places stay held: for whoever chose in the last second. */
export const SLACK_MS = 86_400_000;

/** Why money goes back, as the order says it. */
export function reasonOf({ kind }: Pick<ChangeRow, 'kind'>): string {
  return kind === 'cancellation' ? 'event_cancelled' : 'event_rescheduled';
}

/** Known before anything is done, so that doing it again is doing the same. */
export function newOrderOf(ctx: Ctx, { voucherEventId }: ChangeRow): OrderId | null {
  return voucherEventId && newScopedId(ctx.ids, 'ord', voucherEventId);
}

/**
 * Carries out what was chosen, as far as it is not its own event's: each step is a transaction of
 * one event, and may be done again. Answers false where it could not be done now, `disputed` where
 * a bank decides first.
 */
export async function settleRemedy(
  ctx: Ctx,
  change: ChangeRow,
  row: RemedyRow,
): Promise<boolean | 'disputed'> {
  const chosen = present(row.chosen, 'what was chosen');
  switch (chosen) {
    case 'voucher':
      return redeem(ctx, change, row);
    case 'credit':
      return (await letGo(ctx, row)) && issue(ctx, row);
    case 'refund':
      if (!(await letGo(ctx, row))) return false;
      // A voucher that came to nothing, and whose money could not go back yet.
      if (row.refundId === null) return fallBack(ctx, change, row);
      return (await finishRemedy(ctx, row, {})).ok;
    case 'keep':
      return (await letGo(ctx, row)) && (await finishRemedy(ctx, row, {})).ok;
    default:
      return assertNever(chosen);
  }
}

/** Places that were kept for nothing. */
async function letGo(ctx: Ctx, { holdId }: RemedyRow): Promise<boolean> {
  if (holdId === null) return true;
  const released = await releaseHold(ctx, holdId);
  return released.ok || released.refusal.code !== 'busy';
}

/** The value that has left the order, as credit with its organizer. */
async function issue(ctx: Ctx, row: RemedyRow): Promise<boolean> {
  const order = present(await readOrder(ctx.db, row.eventId, row.orderId), 'the order of a remedy');
  const amountMinor = present(row.valueMinor, 'what has left the order');
  const issued = amountMinor === 0 ? ok(null) : await issueFor(ctx, order, row, amountMinor, null);
  await ctx.pause('credit.before_finish');
  return issued.ok && (await finishRemedy(ctx, row, { creditId: issued.value?.creditId })).ok;
}

/** In a transaction of its own, which is no event's; asked again, the same credit. */
function issueFor(
  ctx: Ctx,
  { organizerId, currency }: OrderRow,
  { eventId, orderId, changeNo, chosen }: RemedyRow,
  amountMinor: number,
  expiresAt: Date | null,
) {
  return inTx({ ...ctx, once: null }, async (tx) =>
    ok(
      await issueCredit(ctx, tx, {
        ...{ organizerId, currency, amountMinor, expiresAt },
        source: { kind: 'remedy', eventId, orderId },
        key: `${chosen} ${orderId} ${changeNo}`,
      }),
    ),
  );
}

type Redemption = ReturnType<typeof redemptionOf> & {
  readonly creditId: string | null;
  readonly creditReservation: string | null;
  readonly creditUntil: Date | null;
  /** Nothing is left that could pay for it. */
  readonly isGone: boolean;
};

const redeemKind: LaneKind<Redemption, string> = {
  name: 'redeem_voucher',
  rank: PAYING_RANK,
  queueMax: 5_000,
  batchMax: 64,
  waitMaxMs: null,
  call: callRedeemBatch,
  nameOf: ({ orderId }) => orderId,
};

/**
 * First the other event's: the places that were kept become a confirmed order, paid by credit that
 * is kept for it alone. Then this event's: the old order ends, and its value has gone there. Where
 * the places are gone, money goes back, and nobody ever learns of the credit, which ends by itself.
 */
async function redeem(ctx: Ctx, change: ChangeRow, row: RemedyRow): Promise<boolean | 'disputed'> {
  const { eventId, orderId } = row;
  await ctx.pause('voucher.before_redeem');
  const order = present(await readOrder(ctx.db, eventId, orderId), 'the order of a remedy');
  const redemption = redemptionOf(ctx, order, row);
  const there = eventOf(redemption.orderId);
  // Where it is there already, what paid for it is spent, and cannot be kept once more.
  if (!(await readOrder(ctx.db, there, redemption.orderId))) {
    const paid = await payFor(ctx, change, row, order, redemption);
    if (!paid) return false;
    // Also where its credit is gone the other event decides: it may have paid for the order by now.
    const isGone = paid === 'gone';
    const request = { ...redemption, ...(isGone ? noCredit : paid), isGone };
    const asked = await ctx.lanes.ask(ctx, redeemKind, there, request);
    if (!asked.ok || asked.value === 'again') return false;
    if (asked.value !== 'placed') return fallBack(ctx, change, row);
  }
  await ctx.pause('voucher.before_finish');
  return (await finishRemedy(ctx, row, { valueMinor: redemption.creditMinor })).ok;
}

/** Money goes back instead; a bank may have to decide first whose it is. */
async function fallBack(
  ctx: Ctx,
  change: ChangeRow,
  { eventId, orderId, changeNo }: RemedyRow,
): Promise<boolean | 'disputed'> {
  const concerned = { orderId, changeNo, reason: reasonOf(change) };
  const done = await fallBackToRefund(ctx, eventId, concerned);
  if (!done.ok) return false;
  return done.value || 'disputed';
}

const noCredit = { creditId: null, creditReservation: null, creditUntil: null } as const;

/**
 * The voucher: credit that is kept for this one order; null where that could not be done now,
 * `gone` where its time is over.
 */
async function payFor(
  ctx: Ctx,
  { chooseBy }: ChangeRow,
  row: RemedyRow,
  order: OrderRow,
  {
    orderId,
    caller,
    key,
    bodyHash,
    creditMinor,
    organizerId,
    currency,
  }: ReturnType<typeof redemptionOf>,
): Promise<Pick<Redemption, 'creditId' | 'creditReservation' | 'creditUntil'> | 'gone' | null> {
  if (creditMinor === 0) return noCredit;
  const expiresAt = new Date(chooseBy.getTime() + SLACK_MS);
  const issued = await issueFor(ctx, order, row, creditMinor, expiresAt);
  if (!issued.ok) return null;
  const kept = await reserveCredit(ctx, {
    ...{ organizerId, currency, code: issued.value.code, totalMinor: creditMinor },
    eventId: eventOf(orderId),
    byRight: true,
    once: { caller, key, bodyHash: Buffer.from(bodyHash, 'hex') },
  });
  if (!kept.ok) return kept.refusal.code === 'busy' ? null : 'gone';
  const { creditId, reservationId, until } = kept.value;
  return { creditId, creditReservation: reservationId, creditUntil: until };
}

function redemptionOf(ctx: Ctx, order: OrderRow, row: RemedyRow) {
  const orderId = present(row.newOrderId, 'the id of the order that the voucher becomes');
  const lines = Object.values(present(row.holdLines, 'what was kept'));
  const places = lines.reduce((sum, line) => sum + line.quantity, 0);
  const { organizerId, userId, buyerName, buyerEmail, buyerPhone, buyerLanguage } = order;
  const { currency, method } = order;
  return {
    ...{ orderId, organizerId, userId, buyerName, buyerEmail, buyerPhone, buyerLanguage },
    ...{ currency, method },
    holdId: present(row.holdId, 'the places that were kept'),
    // Its value came as a voucher, and goes back with its event's remedies only.
    refundableUntil: null,
    caller: callerOfVoucher(order.orderId),
    key: `${row.changeNo}`,
    bodyHash: order.bodyHash.toString('hex'),
    prices: Object.fromEntries(lines.map((line) => [line.ticketTypeId, line.unitPriceMinor])),
    creditMinor: lines.reduce((sum, line) => sum + line.quantity * line.unitPriceMinor, 0),
    ticketIds: Array.from({ length: places }, () => {
      return newScopedId(ctx.ids, 'tkt', eventOf(orderId));
    }),
    actor: ctx.actor,
  };
}
