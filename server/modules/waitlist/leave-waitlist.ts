import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import { eventOf } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findEntry } from './find-entry.ts';
import { changeKind, type EntryId } from './waitlist-kinds.ts';

/** What was offered to them goes to the next; who has accepted leaves by the session. */
export async function leaveWaitlist(
  ctx: Ctx,
  actor: Actor,
  entryId: EntryId,
): Promise<Result<null, RefusalOf<'not_found' | 'waitlist_entry_ended'> | Busy>> {
  const entry = await findEntry(ctx, actor, entryId, 'orders:write');
  if (!entry) return refused('not_found');
  const asked = await ctx.lanes.ask(ctx, changeKind, eventOf(entryId), { do: 'leave', entryId });
  if (!asked.ok) return asked;
  return asked.value.verdict === 'left' ? ok(null) : refused('waitlist_entry_ended');
}
