import { run } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import type { Turn } from '../../kernel/lanes.ts';
import { record } from '../../kernel/outbox.ts';
import { setSaleState } from '../inventory/index.ts';
import { setEventStatus } from './event.sql.ts';

/**
 * The event does not take place and nothing of it is sold any more. What becomes of those who
 * bought is the caller's (room `changes`). False where it was cancelled or archived before.
 */
export async function markCancelled(tx: Turn, eventId: EventId): Promise<boolean> {
  if ((await run(tx, setEventStatus(eventId, ['draft', 'published'], 'cancelled'))) === 0) {
    return false;
  }
  await setSaleState(tx, eventId, ['unpublished', 'open', 'paused', 'closed'], 'cancelled');
  await record(tx, { kind: 'event_cancelled', eventId, data: {} });
  return true;
}
