import type { Ctx } from '../../kernel/context.ts';
import { all, run } from '../../kernel/db.ts';
import { inTurn } from '../../kernel/lanes.ts';
import { readNow } from '../../kernel/now.ts';
import { record } from '../../kernel/outbox.ts';
import { ok } from '../../kernel/result.ts';
import { archiveHolds, setSaleState } from '../inventory/index.ts';
import { selectEventsToArchive, setEventStatus } from './event.sql.ts';

/** Card networks allow a dispute for 120 days; until then an event's places stay at hand. */
const ARCHIVE_AFTER_DAYS = 120;
const EVENTS_PER_RUN = 100;
const DAY_MS = 86_400_000;

/**
 * Moves the holds of events past their refund, dispute and idempotency windows out of the live
 * tables, slice by slice, each in its own transaction. Returns how many events were archived.
 */
export async function archivePastEvents(ctx: Ctx): Promise<number> {
  const now = await readNow(ctx.db, ctx.clock);
  const before = new Date(now.getTime() - ARCHIVE_AFTER_DAYS * DAY_MS);
  const due = await all(ctx.db, selectEventsToArchive(before, EVENTS_PER_RUN));
  for (const { eventId } of due) {
    await inTurn(ctx, eventId, async (tx) => {
      await setSaleState(tx, eventId, ['unpublished', 'open', 'paused'], 'closed');
      return ok(null);
    });
    let more = true;
    while (more) more = await archiveHolds(ctx, eventId);
    await inTurn(ctx, eventId, async (tx) => {
      await run(tx, setEventStatus(eventId, ['published', 'cancelled'], 'archived'));
      await record(tx, { kind: 'event_archived', eventId, data: {} });
      return ok(null);
    });
  }
  return due.length;
}
