import type { Ctx } from '../../kernel/context.ts';
import { one } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { callArchiveHolds } from './hold.sql.ts';

const SLICE_HOLDS = 1_000;

/** Moves one slice of a past event's ended holds out of the live tables; true while more remain. */
export async function archiveHolds(ctx: Ctx, eventId: EventId): Promise<boolean> {
  const { moved } = await one(ctx.db, callArchiveHolds(eventId, SLICE_HOLDS));
  return moved === SLICE_HOLDS;
}
