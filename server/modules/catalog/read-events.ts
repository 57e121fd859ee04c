import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, type Queryable } from '../../kernel/db.ts';
import type { EventId, OrganizerId, TicketTypeId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { readCursor, toPage } from '../../kernel/page.ts';
import { ok, present } from '../../kernel/result.ts';
import { type ConfigurationId, readPlan } from '../venues/index.ts';
import {
  type EventRow,
  selectEvent,
  selectEvents,
  selectEventsInPlans,
  selectOrganizer,
  selectTicketTypeTexts,
} from './event.sql.ts';
import { eventViews } from './event-view.ts';

export type Seen = { readonly event: EventRow; readonly audience: 'staff' | 'public' };

/**
 * The event, if this actor may see it: its organizer's staff always; everybody else from its
 * publication (and, if scheduled, its public hour) on. A hidden one opens to whoever has its id.
 */
export async function findEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  on: Queryable = ctx.db,
): Promise<Seen | null> {
  const event = await maybe(on, selectEvent(eventId));
  if (!event) return null;
  if (isStaffOf(actor, event.organizerId, 'events:read')) return { event, audience: 'staff' };
  if (event.status === 'draft') return null;
  if (event.visibility === 'scheduled') {
    const now = await readNow(on, ctx.clock);
    if (present(event.publicAt, 'public hour') > now) return null;
  }
  return { event, audience: 'public' };
}

/** Whoever may see it; null where there is none. */
export function eventById(on: Queryable, eventId: EventId): Promise<EventRow | null> {
  return maybe(on, selectEvent(eventId));
}

/** Whose event it is; it never changes. */
export async function organizerOf(on: Queryable, eventId: EventId): Promise<OrganizerId | null> {
  return (await maybe(on, selectOrganizer(eventId)))?.organizerId ?? null;
}

export type EventQuery = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly q?: string | undefined;
  readonly venue?: string | undefined;
  readonly configuration?: ConfigurationId | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly status?: string | undefined;
};

/** A page of events by start time: the public ones, or the organizer's own. */
export async function listEvents(ctx: Ctx, actor: Actor, query: EventQuery) {
  const cursor = readCursor(ctx.secrets, 'events', query.cursor);
  if (!cursor.ok) return cursor;
  const staff = actor.kind === 'key' && actor.scopes.has('events:read') ? actor : null;
  const [startsAt, eventId] = cursor.value ?? [];
  const found = await all(
    ctx.db,
    selectEvents(
      {
        staffOf: staff ? { organizerId: staff.platform ? null : staff.organizerId } : null,
        pattern: query.q === undefined ? null : `%${query.q.replace(/[\\%_]/g, '\\$&')}%`,
        venue: query.venue ?? null,
        configurationId: query.configuration ?? null,
        from: query.from ?? null,
        to: query.to ?? null,
        status: query.status ?? null,
        after: startsAt && eventId ? [new Date(startsAt), eventId] : null,
        now: ctx.clock.now(),
      },
      query.limit + 1,
    ),
  );
  const page = toPage(ctx.secrets, 'events', found, query.limit, {
    view: (row) => row,
    key: (row) => [row.startsAt.toISOString(), row.eventId],
  });
  const audience = staff ? 'staff' : 'public';
  const data = await eventViews(ctx.db, page.data, audience);
  return ok({ data, nextCursor: page.nextCursor });
}

/** A page of the events to come in any of these floor plans, the earliest first. */
export async function eventsInPlans(
  ctx: Ctx,
  configurationIds: readonly ConfigurationId[],
  { limit, cursor: given }: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const list = `events in ${configurationIds.join()}`;
  const cursor = readCursor(ctx.secrets, list, given);
  if (!cursor.ok) return cursor;
  const [startsAt, eventId] = cursor.value ?? [];
  const after = startsAt && eventId ? ([new Date(startsAt), eventId] as const) : null;
  const found = await all(
    ctx.db,
    selectEventsInPlans(configurationIds, ctx.clock.now(), after, limit + 1),
  );
  return ok(
    toPage(ctx.secrets, list, found, limit, {
      view: (row) => row,
      key: (row) => [row.startsAt.toISOString(), row.eventId],
    }),
  );
}

/** A seat as its ticket names it, and through which gate one gets there. */
export type SeatWords = {
  readonly section: string;
  readonly row: string;
  readonly number: string;
  readonly gate: string | null;
};

export type EventWords = {
  readonly event: EventRow;
  /** Of all its ticket types, also of those that are no longer sold. */
  readonly typeNames: ReadonlyMap<TicketTypeId, string>;
  /** Of the seats asked for, those that the floor plan has, by id. */
  readonly seats: ReadonlyMap<string, SeatWords>;
};

/**
 * What a ticket says of its event, for whoever has decided already who may read it: somebody who
 * has bought one may, whatever became of the event's visibility.
 */
export async function readEventWords(
  ctx: Ctx,
  eventId: EventId,
  seatKeys: readonly string[],
): Promise<EventWords> {
  const event = present(await maybe(ctx.db, selectEvent(eventId)), 'the event of a ticket');
  const texts = await all(ctx.db, selectTicketTypeTexts([eventId]));
  const typeNames = new Map(texts.map(({ ticketTypeId, name }) => [ticketTypeId, name]));
  return { event, typeNames, seats: await seatWords(ctx, event, new Set(seatKeys)) };
}

async function seatWords(
  ctx: Ctx,
  { configurationId }: EventRow,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, SeatWords>> {
  if (configurationId === null || wanted.size === 0) return new Map();
  const { plan, survey } = await readPlan(ctx, configurationId);
  const gates = new Map(plan.sections.map(({ name, gate }) => [name, gate ?? null]));
  return new Map(
    survey.seats
      .filter(({ key }) => wanted.has(key))
      .map(({ key, section, rowLabel: row, number }) => {
        return [key, { section, row, number, gate: gates.get(section) ?? null }];
      }),
  );
}
