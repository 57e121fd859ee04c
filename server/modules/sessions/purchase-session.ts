/**
 * A session is purchased: its buyer is counted, it is locked and an order is made of what it holds
 * in one transaction, then the provider is asked for the intent. Each step is found again, so that
 * a repeated request, a second tab or another device goes on where the first one stopped; there is
 * one order at a time.
 */
import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import type { EventId, OrderId, SessionId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findEvent } from '../catalog/index.ts';
import { refusedWhileStopped } from '../inventory/index.ts';
import { type OrderRow, orderByKey, readOrder, referencesOf } from '../orders/index.ts';
import { paymentsOf } from '../payments/index.ts';
import { codeOfCredit } from '../promotions/index.ts';
import {
  type BookAnswer,
  type BookingRefusal,
  makeOrder,
  type OrderWish,
  pay,
  returnUrlFor,
  settlePayment,
} from '../shopping/index.ts';
import { type ChangeRefusal, keysOf, nameBuyer, TRIES_MAX } from './change-session.ts';
import { findSession, followSession, notOpen, type Session, saveSession } from './find-session.ts';
import { blockingOf } from './rules-session.ts';
import { purchaseKind } from './session-kinds.ts';
import { issuesIn, type SessionView, sessionView, viewOf } from './session-view.ts';

export type PurchaseRefusal = BookingRefusal | ChangeRefusal | RefusalOf<'session_has_issues'>;

/** All purchases of a session ask for the same: what it holds. */
const NO_BODY = Buffer.alloc(32);

export async function purchaseSession(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  key: string,
): Promise<Result<SessionView, PurchaseRefusal>> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const session = await findSession(ctx, actor, sessionId, 'orders:write');
    if (!session) return refused('not_found');
    const known = await orderByKey(ctx.db, session.row.eventId, sessionId, key);
    if (known) return payFor(ctx, session, known, known.status !== 'pending');
    // Another tab has purchased it: this one pays the same order.
    const { order, standing } = session;
    if (standing.status === 'purchasing' && order) return payFor(ctx, session, order, false);
    const no = notOpen(session);
    if (no) return no;
    const made = await purchase(ctx, actor, session, key);
    if (!made.ok) return made;
    await ctx.pause('session.after_purchase');
    if (made.value) return payFor(ctx, session, made.value, false);
  }
  return refused('busy');
}

/** Null where the session was changed since it was looked at: look again. */
async function purchase(
  ctx: Ctx,
  actor: Actor,
  session: Session,
  key: string,
): Promise<Result<OrderRow | null, PurchaseRefusal>> {
  const { row, hold } = session;
  const stopped = await refusedWhileStopped(ctx, row.eventId);
  if (stopped) return stopped;
  const overLimit = row.buyer ? await nameBuyer(ctx, session) : ok(row.overLimit);
  if (!overLimit.ok) return overLimit;
  // What a payment that failed has left behind is written down first, as what it is now.
  const isStale = row.status !== 'open' || overLimit.value !== row.overLimit;
  if (isStale) {
    await saveSession(ctx, session, { overLimit: overLimit.value });
    return ok(null);
  }
  const blocking = blockingOf(await issuesIn(ctx, session));
  if (blocking.length > 0) return refused('session_has_issues', { issues: blocking });
  const seen = await findEvent(ctx, actor, row.eventId);
  if (!seen) return refused('not_found');
  const held = present(hold, 'the hold of a session without issues');
  const wish = await wishOf(ctx, actor, session);
  await ctx.pause('session.before_purchase');
  const { sessionId, version, eventId } = row;
  const once = { caller: sessionId, key, bodyHash: NO_BODY };
  const made = await makeOrder(ctx, seen, { ...held, id: held.holdId }, wish, once, (request) =>
    asked(ctx, eventId, { ...request, sessionId, version }),
  );
  if (made.ok) return made;
  const { refusal } = made;
  switch (refusal.code) {
    // It is not any more what was looked at, or its hold is not: both are seen in what it is now.
    case 'session_changed':
    case 'hold_ended':
    case 'hold_already_booked':
    case 'per_person_limit':
      return ok(null);
    default:
      return { ok: false, refusal };
  }
}

/** What a session is that is not any more what was looked at, or whose hold or buyer is not. */
const CHANGED: ReadonlySet<string> = new Set([
  ...['changed', 'purchasing', 'completed', 'expired', 'abandoned'],
  ...['hold_changed', 'per_person_limit'],
]);

async function asked(
  ctx: Ctx,
  eventId: EventId,
  request: Parameters<NonNullable<typeof purchaseKind.nameOf>>[0],
): Promise<Result<BookAnswer, Busy | RefusalOf<'session_changed'>>> {
  const answer = await ctx.lanes.ask(ctx, purchaseKind, eventId, request);
  return answer.ok && CHANGED.has(answer.value.verdict) ? refused('session_changed') : answer;
}

/** What the order is to be, of a session that has no issues. */
async function wishOf(ctx: Ctx, actor: Actor, { row }: Session): Promise<OrderWish> {
  const { name, email, phone, language } = present(
    row.buyer,
    'the buyer of a session without issues',
  );
  const home = returnUrlFor(ctx.config, actor, row.organizerId, undefined);
  return {
    buyer: { name, email, phone: phone ?? undefined, language: language ?? undefined },
    userId: row.userId,
    personKeys: await keysOf(ctx, row),
    promoCode: row.promoCode,
    credit: row.creditId ? { code: codeOfCredit(ctx, row.creditId) } : undefined,
    // Where nothing has to be paid, nobody has said how.
    method: row.method ?? undefined,
    returnUrl: row.returnUrl ?? present(home, 'a page of this installation'),
  };
}

/** The last beat: how to pay; and the session as it is with that. */
async function payFor(
  ctx: Ctx,
  { row }: Session,
  order: OrderRow,
  again: boolean,
): Promise<Result<SessionView, PurchaseRefusal>> {
  const paying = await (again ? pay(ctx, order, { secrets: true, again }) : payOnce(ctx, order));
  if (!paying.ok) {
    if (paying.refusal.code === 'payment_refused') await settleRefused(ctx, order);
    return paying;
  }
  const session = present(await followSession(ctx, row.sessionId), 'a session');
  const { status: now } = session.standing;
  // A repeated request gets the first answer, whatever has become of its order since.
  const isFirst = session.order?.orderId === order.orderId && !again;
  const goesOn = now === 'purchasing' || now === 'completed';
  const { order: view, payment } = paying.value;
  // Of an order that nobody could have paid there was no answer.
  const isDead = view.status === 'failed' || view.status === 'cancelled';
  if ((isFirst && !goesOn) || isDead) return ok(await sessionView(ctx, session));
  const placed = present(await readOrder(ctx.db, row.eventId, order.orderId), 'the order');
  const status = payment.provider === 'none' ? 'completed' : isFirst ? now : 'purchasing';
  const asPurchased = { ...session, standing: { status, declineCode: null }, order: placed };
  return ok(await viewOf(ctx, asPurchased, view, payment));
}

const underWay = new Map<OrderId, ReturnType<typeof pay>>();

/**
 * Who asks at once, as by a double click, waits for the same answer of the provider, who would
 * refuse the second for being asked while the first is under way. Between two servers it does: then
 * the caller is told to ask again.
 */
function payOnce(ctx: Ctx, order: OrderRow): ReturnType<typeof pay> {
  const { orderId } = order;
  const paying =
    underWay.get(orderId) ??
    pay(ctx, order, { secrets: true, again: false }).finally(() => underWay.delete(orderId));
  underWay.set(orderId, paying);
  return paying;
}

/** The provider does not take this payment at all: the session is open again at once. */
async function settleRefused(ctx: Ctx, order: OrderRow): Promise<void> {
  for (const { eventId, paymentId } of await paymentsOf(ctx.db, referencesOf([order]))) {
    await settlePayment(ctx, eventId, paymentId);
  }
}
