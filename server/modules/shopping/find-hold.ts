import { type Actor, callerOf, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { HoldId } from '../../kernel/ids.ts';
import { readHold } from '../inventory/index.ts';

/** A caller's name for one request of theirs. */
export type Once = { readonly caller: string; readonly key: string; readonly bodyHash: Buffer };

/**
 * The hold, where this actor may have it. A hold of an anonymous buyer opens to whoever knows its
 * id, which cannot be guessed; one made with a credential opens to that caller and to staff: to
 * look at with `orders:read`, to change, give up or book with `orders:write`.
 */
export async function findHold(
  ctx: Ctx,
  actor: Actor,
  holdId: HoldId,
  staffNeeds: 'orders:read' | 'orders:write',
) {
  const hold = await readHold(ctx, holdId);
  if (!hold) return null;
  if (isStaffOf(actor, hold.organizerId, staffNeeds)) return hold;
  if (!hold.guarded) return hold;
  return hold.caller === callerOf(actor) ? hold : null;
}
