import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { inTurn } from '../../kernel/lanes.ts';
import { readNow } from '../../kernel/now.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type EventView, eventView, moveDates, type NewDates } from '../catalog/index.ts';
import { noVoucher, recordChange } from './cancel-event.ts';
import { planRemedies, type RemediesWanted } from './rules.ts';

type RescheduleRefusal =
  | RefusalOf<'not_found' | 'event_over' | 'validation_failed' | 'capacity_below_committed'>
  | Busy;

/**
 * Moves an event to another date. Tickets stay valid: who does not want theirs any more may ask for
 * what is offered, until the time to choose is over.
 */
export async function rescheduleEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  { dates, ...wanted }: RemediesWanted & { readonly dates: NewDates },
): Promise<Result<EventView, RescheduleRefusal>> {
  const done = await inTurn(ctx, eventId, async (tx) => {
    const now = await readNow(tx, ctx.clock);
    const moved = await moveDates(tx, actor, dates, now);
    if (!moved.ok) return moved;
    const { planned, issues } = planRemedies('reschedule', wanted, {
      now,
      endsBefore: dates.startsAt,
    });
    if (issues.length > 0) return refused('validation_failed', { issues });
    await recordChange(ctx, tx, 'reschedule', planned, noVoucher);
    return ok(await eventView(tx, moved.value, 'staff'));
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}
