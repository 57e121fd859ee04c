import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import { chargesIssues } from '../../kernel/charges.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, maybe, one, run, type Tx } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { record } from '../../kernel/outbox.ts';
import {
  type Issue,
  ok,
  present,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import { keepWallClockDistance } from '../../kernel/time.ts';
import {
  dropSale,
  readSupply,
  type SaleTerms,
  setSale,
  setSaleState,
  setTicketType,
} from '../inventory/index.ts';
import {
  deleteEvent,
  deleteImportRefs,
  type EventFields,
  type EventRow,
  lockEvent,
  selectEvent,
  setEventStatus,
  updateEvent,
} from './event.sql.ts';
import { type EventCommon, eventFields, saleTerms } from './event-input.ts';
import { planLimits, withinLegal } from './event-places.ts';
import { type EventView, eventView } from './event-view.ts';
import { type EventTimes, endOf, eventIssues, movedTimes } from './rules.ts';
import type { SupplyRefusal } from './write-ticket-type.ts';

type NotFound = RefusalOf<'not_found'>;

/** The event, locked, where this actor may change it. */
export async function lockOwn(tx: Tx, actor: Actor, eventId: EventId): Promise<EventRow | null> {
  const event = await maybe(tx, lockEvent(eventId));
  return event && isStaffOf(actor, event.organizerId, 'events:write') ? event : null;
}

/**
 * Replaces an event's own fields. Refusals: `version_conflict` where somebody else changed it
 * since it was read, `use_reschedule` where its date would move under people who have tickets,
 * `event_over` for a cancelled or archived one.
 */
export function replaceEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  input: EventCommon & { version: number; currency?: string | undefined },
): Promise<
  Result<
    EventView,
    | NotFound
    | Busy
    | RefusalOf<'version_conflict' | 'use_reschedule' | 'event_over' | 'validation_failed'>
    | SupplyRefusal
  >
> {
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    if (event.version !== input.version) {
      return refused('version_conflict', { extra: { version: event.version } });
    }
    if (event.status === 'cancelled' || event.status === 'archived') return refused('event_over');
    const { currency } = event;
    const visibility = input.visibility ?? 'public';
    const moved = input.startsAt.getTime() !== event.startsAt.getTime();
    // Where it stays when it is, a version that has ended since does not keep it from being edited.
    const limits = await planLimits(tx, event.configurationId, moved ? input.startsAt : null);
    const issues = [
      ...eventIssues({ ...input, currency, visibility }),
      ...chargesIssues(input.charges, currency),
      ...limits.issues,
    ];
    if (input.currency !== undefined && input.currency !== event.currency) {
      const message = 'cannot change: prices are in it';
      issues.push({ path: 'currency', code: 'immutable', message });
    }
    if (issues.length > 0) return refused('validation_failed', { issues });
    if (moved && (await hasCommitted(tx, eventId))) return refused('use_reschedule');
    const terms = withinLegal(saleTerms(input, eventId), limits.legalCapacity);
    const sale = await setSale(tx, terms);
    if (sale !== 'done') return refused(sale);
    await run(tx, updateEvent(eventFields(input, { ...event, eventId }), input.version));
    await record(tx, { kind: 'event_changed', eventId, data: {} });
    return ok(await eventView(tx, await one(tx, selectEvent(eventId)), 'staff'));
  });
}

/** What an event that moves may be told to begin with; times that are not given move with it. */
export type NewDates = EventTimes;

/**
 * Moves an event to another date with its sales windows and those of its ticket types, whoever has
 * bought; what becomes of those is the caller's (room `changes`).
 */
export async function moveDates(
  turn: Turn,
  actor: Actor,
  dates: NewDates,
  now: Date,
): Promise<
  Result<
    EventRow,
    NotFound | RefusalOf<'event_over' | 'validation_failed' | 'capacity_below_committed'>
  >
> {
  const { eventId } = turn;
  const event = await lockOwn(turn, actor, eventId);
  if (!event) return refused('not_found');
  if (event.status === 'cancelled' || event.status === 'archived') return refused('event_over');
  const supply = present(await readSupply(turn, eventId), 'the sale of an event');
  const { sale } = supply;
  const shift = (time: Date) =>
    keepWallClockDistance(time, event.startsAt, dates.startsAt, event.timezone);
  const before = { ...event, salesOpenAt: sale.opensAt, salesCloseAt: sale.closesAt };
  const times = movedTimes(before, dates, now, shift);
  const limits = await planLimits(turn, event.configurationId, dates.startsAt);
  const issues = [...movedIssues(event, dates, now), ...limits.issues];
  issues.push(...eventIssues({ ...event, ...times }));
  if (issues.length > 0) return refused('validation_failed', { issues });
  const fields: EventFields = {
    ...event,
    startsAt: times.startsAt,
    endsAt: times.endsAt ?? null,
    doorsAt: times.doorsAt ?? null,
    publicAt: times.publicAt ?? null,
    refundableUntil: times.refundableUntil ?? null,
  };
  const terms: SaleTerms = {
    ...sale,
    publicAt: fields.publicAt,
    endsAt: endOf(times),
    opensAt: times.salesOpenAt ?? null,
    closesAt: times.salesCloseAt ?? null,
  };
  const verdict = await setSale(turn, withinLegal(terms, limits.legalCapacity));
  if (verdict !== 'done') return refused(verdict);
  const later = (at: Date | null) => (at && at > now ? shift(at) : at);
  for (const type of supply.ticketTypes) {
    if (type.withdrawn) continue;
    const windows = { opensAt: later(type.opensAt), closesAt: later(type.closesAt) };
    await setTicketType(turn, { ...type, ...windows });
  }
  await run(turn, updateEvent(fields, event.version));
  const data = { from: event.startsAt.toISOString(), to: dates.startsAt.toISOString() };
  await record(turn, { kind: 'event_rescheduled', eventId, data });
  return ok(await one(turn, selectEvent(eventId)));
}

function movedIssues(event: EventRow, { startsAt }: NewDates, now: Date): Issue[] {
  const issue = (code: string, message: string) => [{ path: 'startsAt', code, message }];
  if (startsAt.getTime() === event.startsAt.getTime()) return issue('unchanged', 'is its date now');
  return startsAt <= now ? issue('in_the_past', 'must be in the future') : [];
}

async function hasCommitted(tx: Tx, eventId: EventId): Promise<boolean> {
  const supply = present(await readSupply(tx, eventId), 'the sale of an event');
  return supply.pools.some((pool) => pool.held + pool.claimed + pool.sold > 0);
}

/** Deletes an event that nobody bought for, with everything of it; else `event_has_sales`. */
export function removeEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<Result<null, NotFound | Busy | RefusalOf<'event_has_sales'>>> {
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    const { organizerId } = event;
    const dropped = await dropSale(tx, eventId);
    if (dropped === 'event_has_sales') return refused(dropped);
    await run(tx, deleteImportRefs(eventId));
    await run(tx, deleteEvent(eventId));
    await record(tx, { kind: 'event_deleted', eventId, data: { organizerId } });
    return ok(null);
  });
}

/** Makes a draft visible and its sale open. Publishing again changes nothing. */
export function publishEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<Result<EventView, NotFound | Busy | RefusalOf<'event_over'>>> {
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    if (event.status === 'cancelled' || event.status === 'archived') return refused('event_over');
    if (event.status === 'draft') {
      await run(tx, setEventStatus(eventId, ['draft'], 'published'));
      await setSaleState(tx, eventId, ['unpublished'], 'open');
      await record(tx, { kind: 'event_published', eventId, data: {} });
    }
    return ok(await eventView(tx, await one(tx, selectEvent(eventId)), 'staff'));
  });
}

const saleMoves = {
  pause: { from: ['open'], to: 'paused' },
  resume: { from: ['paused', 'closed'], to: 'open' },
  close: { from: ['open', 'paused'], to: 'closed' },
} as const;

/** Pauses, resumes or closes the sale; `sale_state` where its state forbids that. */
export function moveSale(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  move: keyof typeof saleMoves,
): Promise<Result<EventView, NotFound | Busy | RefusalOf<'sale_state'>>> {
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    const { from, to } = saleMoves[move];
    const verdict = await setSaleState(tx, eventId, from, to);
    if (verdict !== 'done') {
      return refused('sale_state', {
        detail: `The sale is ${verdict}.`,
        extra: { state: verdict },
      });
    }
    return ok(await eventView(tx, event, 'staff'));
  });
}
