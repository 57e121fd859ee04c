/** Offers are accepted or declined, each once; the same answer again changes nothing. */
import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, one } from '../../kernel/db.ts';
import { eventOf } from '../../kernel/ids.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findEvent } from '../catalog/index.ts';
import { refusedWhileStopped } from '../inventory/index.ts';
import { openedSession, type SessionView } from '../sessions/index.ts';
import { type OfferView, offerView } from './entry-view.ts';
import { findOffer } from './find-entry.ts';
import { selectOffer } from './waitlist.sql.ts';
import { changeKind, type OfferId } from './waitlist-kinds.ts';

export const offerRefusals = {
  offer_expired: { status: 409, title: 'The time of the offer is over' },
  offer_answered: { status: 409, title: 'The offer was answered otherwise, or withdrawn' },
} as const satisfies RefusalTable<string>;

type AnswerRefusal = RefusalOf<keyof typeof offerRefusals | 'not_found'> | Busy;

/** The session that the offer becomes, with its places held and its token, however often asked. */
export async function acceptOffer(
  ctx: Ctx,
  actor: Actor,
  offerId: OfferId,
): Promise<Result<SessionView, AnswerRefusal | RefusalOf<'sale_paused'>>> {
  const offer = await findOffer(ctx, actor, offerId, 'orders:write');
  if (!offer) return refused('not_found');
  const eventId = eventOf(offerId);
  const stopped = await refusedWhileStopped(ctx, eventId);
  if (stopped) return stopped;
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen) return refused('not_found');
  await ctx.pause('waitlist.before_accept');
  const asked = await ctx.lanes.ask(ctx, changeKind, eventId, {
    do: 'accept',
    offerId,
    shoppingMs: seen.event.shoppingMinutes * 60_000,
  });
  if (!asked.ok) return asked;
  if (asked.value.verdict !== 'accepted') return answered(asked.value.verdict);
  return openedSession(ctx, offer.sessionId);
}

/** Its places go to the next. */
export async function declineOffer(
  ctx: Ctx,
  actor: Actor,
  offerId: OfferId,
): Promise<Result<OfferView, AnswerRefusal>> {
  const offer = await findOffer(ctx, actor, offerId, 'orders:write');
  if (!offer) return refused('not_found');
  const eventId = eventOf(offerId);
  await ctx.pause('waitlist.before_decline');
  const asked = await ctx.lanes.ask(ctx, changeKind, eventId, { do: 'decline', offerId });
  if (!asked.ok) return asked;
  if (asked.value.verdict !== 'declined') return answered(asked.value.verdict);
  const row = await one(ctx.db, selectOffer(eventId, offerId, ctx.clock.now()));
  return ok(await offerView(ctx, row));
}

function answered(verdict: string): Result<never, AnswerRefusal> {
  if (verdict === 'not_found') return refused('not_found');
  if (verdict === 'expired') return refused('offer_expired');
  return refused('offer_answered', { extra: { offerStatus: verdict } });
}
