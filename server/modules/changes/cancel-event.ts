import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, one, run } from '../../kernel/db.ts';
import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { readNow } from '../../kernel/now.ts';
import {
  type Issue,
  ok,
  present,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import {
  type EventRow,
  type EventView,
  eventView,
  findEvent,
  markCancelled,
  readEventWords,
} from '../catalog/index.ts';
import type { Remedy } from '../orders/index.ts';
import { insertChange, supersedeChanges } from './change.sql.ts';
import { enqueueFollowing } from './follow-change.ts';
import {
  type ChangeKind,
  planRemedies,
  type RemediesPlanned,
  type RemediesWanted,
  typesAlike,
} from './rules.ts';

export type CancelWanted = RemediesWanted & {
  readonly rescheduledEventId: EventId | null;
  /** By ticket type, which one at the rescheduled event; others go by their names. */
  readonly ticketTypes: Readonly<Record<string, string>>;
};

type CancelRefusal =
  | RefusalOf<'not_found' | 'event_over' | 'remedy_unavailable' | 'validation_failed'>
  | Busy;

/**
 * Cancels an event; nothing of it is sold from that moment, and everybody who has bought gets a
 * remedy. Refusals: `not_found`, `event_over` where it was cancelled or archived before,
 * `remedy_unavailable` where vouchers are for no event that they could be for.
 */
export async function cancelEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  wanted: CancelWanted,
): Promise<Result<EventView, CancelRefusal>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || !isStaffOf(actor, seen.event.organizerId, 'events:write')) {
    return refused('not_found');
  }
  if (seen.event.status === 'cancelled' || seen.event.status === 'archived') {
    return refused('event_over');
  }
  const now = await readNow(ctx.db, ctx.clock);
  const voucher = wanted.remedies.includes('voucher')
    ? await voucherFor(ctx, actor, seen.event, wanted, now)
    : ok(noVoucher);
  if (!voucher.ok) return voucher;
  const { planned, issues } = planRemedies('cancellation', wanted, {
    now,
    endsBefore: voucher.value.startsAt,
  });
  if (issues.length > 0) return refused('validation_failed', { issues });
  const done = await inTurn(ctx, eventId, async (tx) => {
    if (!(await markCancelled(tx, eventId))) return refused('event_over');
    await recordChange(ctx, tx, 'cancellation', planned, voucher.value);
    const after = present(await findEvent(ctx, actor, eventId, tx), 'the event');
    return ok(await eventView(tx, after.event, 'staff'));
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}

type VoucherFor = {
  readonly eventId: EventId | null;
  readonly startsAt: Date | null;
  readonly types: Readonly<Record<string, TicketTypeId>>;
};

export const noVoucher: VoucherFor = { eventId: null, startsAt: null, types: {} };

/** In the transaction that has changed the event: what is to be done for those who have bought. */
export async function recordChange(
  ctx: Ctx,
  turn: Turn,
  kind: ChangeKind,
  planned: RemediesPlanned,
  voucher: VoucherFor,
): Promise<void> {
  await run(turn, supersedeChanges(turn.eventId));
  await one(turn, insertChange(turn.eventId, kind, planned, voucher, ctx.clock.now()));
  await enqueueFollowing(turn, turn.eventId);
}

/** The other event has to be the same organizer's, on sale or to be, in the same money, to come. */
async function voucherFor(
  ctx: Ctx,
  actor: Actor,
  event: EventRow,
  { rescheduledEventId: eventId, ticketTypes }: CancelWanted,
  now: Date,
): Promise<Result<VoucherFor, RefusalOf<'remedy_unavailable' | 'validation_failed'>>> {
  const other = eventId === null ? null : await findEvent(ctx, actor, eventId);
  const why =
    eventId === null
      ? 'is needed for vouchers'
      : !other || other.event.organizerId !== event.organizerId
        ? 'is no event of the same organizer'
        : eventId === event.eventId
          ? 'is the event that is cancelled'
          : other.event.status !== 'published' || other.event.startsAt <= now
            ? 'is not published, or not in the future'
            : other.event.currency !== event.currency
              ? 'is sold in another currency'
              : null;
  if (why !== null || !other) {
    const issues: Issue[] = [
      { path: 'rescheduledEventId', code: 'not_suitable', message: why ?? 'is not suitable' },
    ];
    return refused('remedy_unavailable', { issues });
  }
  const [here, there] = [
    await typeNames(ctx, event.eventId),
    await typeNames(ctx, other.event.eventId),
  ];
  const { types, issues } = typesAlike(here, there, ticketTypes);
  if (issues.length > 0) return refused('validation_failed', { issues });
  return ok({ eventId: other.event.eventId, startsAt: other.event.startsAt, types });
}

async function typeNames(ctx: Ctx, eventId: EventId) {
  const { typeNames: names } = await readEventWords(ctx, eventId, []);
  return [...names].map(([ticketTypeId, name]) => ({ ticketTypeId, name }));
}

/** What an organizer may offer where an event is cancelled. */
export const cancelRemedies = ['refund', 'credit', 'voucher'] as const satisfies readonly Remedy[];
