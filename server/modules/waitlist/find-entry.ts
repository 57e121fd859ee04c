import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import { eventOf } from '../../kernel/ids.ts';
import { opensWith } from '../identity/index.ts';
import { type EntryRow, type OfferRow, selectEntry, selectOffer } from './waitlist.sql.ts';
import type { EntryId, OfferId } from './waitlist-kinds.ts';

type Scope = 'orders:read' | 'orders:write';

/**
 * The entry, where this actor may have it: its access token, the person whose own key made it, or
 * the organizer's staff with that scope.
 */
export async function findEntry(
  ctx: Ctx,
  actor: Actor,
  entryId: EntryId,
  scope: Scope,
): Promise<EntryRow | null> {
  const row = await maybe(ctx.db, selectEntry(eventOf(entryId), entryId));
  return row && mayHave(ctx, actor, row, scope) ? row : null;
}

/** The token of an entry opens its offers, too. */
export async function findOffer(
  ctx: Ctx,
  actor: Actor,
  offerId: OfferId,
  scope: Scope,
): Promise<OfferRow | null> {
  const row = await maybe(ctx.db, selectOffer(eventOf(offerId), offerId, ctx.clock.now()));
  return row && mayHave(ctx, actor, row, scope) ? row : null;
}

function mayHave(
  ctx: Ctx,
  actor: Actor,
  { entryId, organizerId, userId }: Pick<EntryRow, 'entryId' | 'organizerId' | 'userId'>,
  scope: Scope,
): boolean {
  if (isStaffOf(actor, organizerId, scope)) return true;
  const own = actor.kind === 'key' && actor.userId !== null && actor.userId === userId;
  return own || opensWith(ctx.secrets, actor, entryId);
}
