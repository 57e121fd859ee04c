/**
 * What a session holds. The first selection makes its hold, which ends with the countdown; others
 * swap it, and the old one is lost only if the new one is granted; an empty one gives it up.
 */
import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { HoldId, SessionId } from '../../kernel/ids.ts';
import { ok, type Result, refused } from '../../kernel/result.ts';
import {
  changeHold,
  type Hold,
  type HoldItem,
  type HoldRefusal,
  holdPlaces,
  releaseHold,
} from '../inventory/index.ts';
import type { PromoRefusal } from '../promotions/index.ts';
import { openingFor } from '../shopping/index.ts';
import {
  type ChangeRefusal,
  countForBuyer,
  keysOf,
  showSession,
  TRIES_MAX,
} from './change-session.ts';
import { findSession, notOpen, type Session, saveSession } from './find-session.ts';
import type { SessionView } from './session-view.ts';

/** The same request for all of them: a hold that was made and not written down is found again. */
const NO_BODY = Buffer.alloc(32);

type Refusal = HoldRefusal | ChangeRefusal | PromoRefusal;

/** What came of one try; `again` where somebody else was faster. */
type Tried = Result<{ readonly kind: 'done' } | { readonly kind: 'again' }, Refusal>;
const done: Tried = ok({ kind: 'done' });
const again: Tried = ok({ kind: 'again' });

export async function selectPlaces(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  items: readonly HoldItem[],
): Promise<Result<SessionView, Refusal>> {
  const made = new Set<HoldId>();
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const session = await findSession(ctx, actor, sessionId, 'orders:write');
    if (!session) return refused('not_found');
    const no = notOpen(session);
    if (no) {
      await giveBack(ctx, session, made);
      return no;
    }
    await ctx.pause('session.before_selection');
    const tried = await select(ctx, session, items, made);
    if (!tried.ok) return tried;
    if (tried.value.kind === 'again') continue;
    const counted = await countForBuyer(ctx, actor, sessionId);
    if (!counted.ok) return counted;
    return showSession(ctx, actor, sessionId, 'orders:write');
  }
  return refused('busy');
}

async function select(
  ctx: Ctx,
  session: Session,
  items: readonly HoldItem[],
  made: Set<HoldId>,
): Promise<Tried> {
  const { hold } = session;
  if (items.length === 0) return giveUpSelection(ctx, session);
  if (!hold) return makeHold(ctx, session, items, made);
  const opening = await openingFor(ctx, session.row.eventId, session.row.promoCode, items);
  if (!opening.ok) return opening;
  const changed = await changeHold(ctx, hold.holdId, items, opening.value);
  if (changed.ok) return done;
  const { code } = changed.refusal;
  // It ended, or was bought, since the session was read.
  return code === 'hold_ended' || code === 'hold_already_booked' ? again : changed;
}

async function giveUpSelection(ctx: Ctx, session: Session): Promise<Tried> {
  const { hold } = session;
  if (!(await saveSession(ctx, session, { holdId: null, overLimit: null }))) return again;
  // Where this is lost the places come back with the countdown.
  const released = hold ? await releaseHold(ctx, hold.holdId) : ok(null);
  return !released.ok && released.refusal.code === 'busy' ? refused('busy') : done;
}

async function makeHold(
  ctx: Ctx,
  session: Session,
  items: readonly HoldItem[],
  made: Set<HoldId>,
): Promise<Tried> {
  const { row } = session;
  const holdNo = row.holdNo + 1;
  const opening = await openingFor(ctx, row.eventId, row.promoCode, items);
  if (!opening.ok) return opening;
  const held: Result<Hold, HoldRefusal> = await holdPlaces(ctx, {
    eventId: row.eventId,
    items,
    personKeys: await keysOf(ctx, row),
    caller: row.sessionId,
    key: `selection:${holdNo}`,
    bodyHash: NO_BODY,
    guarded: true,
    // Whoever made the session saw the sale.
    sees: row.organizerId,
    expiresAt: row.expiresAt,
    opening: opening.value,
  });
  if (!held.ok && held.refusal.code === 'hold_ended') return refused('session_expired');
  if (!held.ok) return held;
  made.add(held.value.id);
  await ctx.pause('session.after_hold');
  const saved = await saveSession(ctx, session, {
    holdId: held.value.id,
    holdNo,
    overLimit: null,
  });
  // A repeated one was made by another request, maybe for something else: it is swapped now.
  return saved && !held.value.replayed ? done : again;
}

/** What was made for a session that ended meanwhile. */
async function giveBack(ctx: Ctx, { row }: Session, made: ReadonlySet<HoldId>): Promise<void> {
  for (const holdId of made) {
    if (holdId !== row.holdId || row.status !== 'purchasing') await releaseHold(ctx, holdId);
  }
}
