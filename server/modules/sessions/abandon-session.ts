import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import type { SessionId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { releaseHold } from '../inventory/index.ts';
import { giveUp } from '../orders/index.ts';
import { TRIES_MAX } from './change-session.ts';
import { findSession, type Session, saveSession } from './find-session.ts';

export type AbandonRefusal =
  | RefusalOf<'not_found' | 'session_ended' | 'payment_in_progress'>
  | Busy;

/**
 * The buyer leaves: their places are free at once, and an order that waits for its payment is given
 * up. One that has ended without a sale stays as it is.
 */
export async function abandonSession(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
): Promise<Result<null, AbandonRefusal>> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const session = await findSession(ctx, actor, sessionId, 'orders:write');
    if (!session) return refused('not_found');
    const { status } = session.standing;
    if (status === 'completed')
      return refused('session_ended', { extra: { sessionStatus: status } });
    if (status === 'purchasing') {
      const ended = await giveUpOrder(ctx, session);
      if (!ended.ok) return ended;
      if (!ended.value) continue;
    }
    // Written down first: whoever makes a hold for it now finds that it has ended.
    const isOver = status === 'expired' || status === 'abandoned';
    if (!isOver && !(await saveSession(ctx, session, { status: 'abandoned' }))) continue;
    const released = session.hold ? await releaseHold(ctx, session.hold.holdId) : ok(null);
    if (!released.ok && released.refusal.code === 'busy') return refused('busy');
    return ok(null);
  }
  return refused('busy');
}

/** True where the order has ended; false where its payment decided something else meanwhile. */
async function giveUpOrder(
  ctx: Ctx,
  { order }: Session,
): Promise<Result<boolean, RefusalOf<'payment_in_progress'> | Busy>> {
  if (!order) return ok(true);
  const ended = await giveUp(ctx, order, 'cancelled_by_buyer');
  if (!ended.ok) return ended;
  if (ended.value === 'claimed') return refused('payment_in_progress');
  return ok(ended.value === 'ended');
}
