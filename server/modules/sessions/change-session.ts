/**
 * The writable places of a session but its selection: who buys, who comes, how it is paid. Each is
 * replaced as a whole; where two devices write the same one, the later stays.
 */
import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import type { SessionId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { nameHolder } from '../inventory/index.ts';
import { findCredit } from '../promotions/index.ts';
import { keysOfBuyer, type PaymentMethod, returnUrlFor } from '../shopping/index.ts';
import { findSession, type NotOpen, notOpen, type Session, saveSession } from './find-session.ts';
import type { SessionParts, SessionRow } from './session.sql.ts';
import { type SessionView, sessionView } from './session-view.ts';

/** Somebody else changed it each time: two people at it do not come that far. */
export const TRIES_MAX = 8;

export type ChangeRefusal = RefusalOf<'not_found'> | NotOpen | Busy;

export async function changeSession(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  parts: Partial<
    Pick<
      SessionParts,
      'buyer' | 'attendees' | 'method' | 'returnUrl' | 'promoCode' | 'creditId' | 'declineCode'
    >
  >,
): Promise<Result<SessionView, ChangeRefusal>> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const session = await findSession(ctx, actor, sessionId, 'orders:write');
    if (!session) return refused('not_found');
    const no = notOpen(session);
    if (no) return no;
    await ctx.pause('session.before_change');
    if (!(await saveSession(ctx, session, parts))) continue;
    if (parts.buyer) {
      const counted = await countForBuyer(ctx, actor, sessionId);
      if (!counted.ok) return counted;
    }
    return showSession(ctx, actor, sessionId, 'orders:write');
  }
  return refused('busy');
}

/** How it is to be paid; what is told of a payment that was declined is over with that. */
export async function choosePayment(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  method: PaymentMethod,
  wanted: string | undefined,
): Promise<Result<SessionView, ChangeRefusal | RefusalOf<'return_url_not_allowed'>>> {
  const session = await findSession(ctx, actor, sessionId, 'orders:write');
  if (!session) return refused('not_found');
  const returnUrl = returnUrlFor(ctx.config, actor, session.row.organizerId, wanted);
  if (returnUrl === null) return refused('return_url_not_allowed');
  const parts = { method, returnUrl: wanted === undefined ? null : returnUrl, declineCode: null };
  return changeSession(ctx, actor, sessionId, parts);
}

/**
 * With which credit a part is paid; null: with none. Nothing of it is kept before the purchase:
 * what is left of it then is what it pays.
 */
export async function chooseCredit(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  code: string | null,
): Promise<Result<SessionView, ChangeRefusal | RefusalOf<'credit_invalid'>>> {
  if (code === null) return changeSession(ctx, actor, sessionId, { creditId: null });
  const session = await findSession(ctx, actor, sessionId, 'orders:write');
  if (!session) return refused('not_found');
  const credit = await findCredit(ctx, session.row.organizerId, code);
  // As in a booking: unknown, another's and expired are all the same.
  if (!credit || credit.expired || credit.currency !== session.row.currency) {
    return refused('credit_invalid');
  }
  return changeSession(ctx, actor, sessionId, { creditId: credit.creditId });
}

/** The session as it is now. */
export async function showSession(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  scope: 'orders:read' | 'orders:write',
): Promise<Result<SessionView, RefusalOf<'not_found'>>> {
  const session = await findSession(ctx, actor, sessionId, scope);
  return session ? ok(await sessionView(ctx, session)) : refused('not_found');
}

/**
 * What a session is counted under: itself, so that its selection is within the cap before anybody
 * is named, and its buyer.
 */
export async function keysOf(ctx: Ctx, row: SessionRow): Promise<readonly string[]> {
  const own = `session_${row.sessionId}`;
  if (!row.buyer) return [own];
  const { buyer, userId, organizerId } = row;
  return [own, ...(await keysOfBuyer(ctx, organizerId, { ...buyer, userId }))];
}

/**
 * Counts the selection for whoever buys; where they have too much already, that becomes an issue
 * and the selection stays: another buyer, or fewer places, may still do.
 */
export async function countForBuyer(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
): Promise<Result<null, Busy>> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const session = await findSession(ctx, actor, sessionId, 'orders:write');
    if (!session || notOpen(session) || !session.hold || !session.row.buyer) return ok(null);
    const counted = await nameBuyer(ctx, session);
    if (!counted.ok) return counted;
    const overLimit = counted.value;
    if (overLimit === session.row.overLimit) return ok(null);
    if (await saveSession(ctx, session, { overLimit })) return ok(null);
  }
  return refused('busy');
}

/** Null where the selection now counts for the buyer; else the cap that they are over. */
export async function nameBuyer(
  ctx: Ctx,
  { row, hold }: Session,
): Promise<Result<number | null, Busy>> {
  if (!hold) return ok(null);
  const keys = await keysOf(ctx, row);
  await ctx.pause('session.before_naming');
  const named = await nameHolder(ctx, hold.holdId, keys);
  if (named.ok) return ok(null);
  const { refusal } = named;
  if (refusal.code === 'busy') return refused('busy');
  if (refusal.code !== 'per_person_limit') return ok(null);
  const limit = refusal.extra?.['limit'];
  return ok(typeof limit === 'number' ? limit : 0);
}
