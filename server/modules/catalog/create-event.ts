import { chargesIssues } from '../../kernel/charges.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, one, run } from '../../kernel/db.ts';
import { type EventId, newRootId, newScopedId, type OrganizerId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { record } from '../../kernel/outbox.ts';
import { type Issue, ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { openSale, setSaleState } from '../inventory/index.ts';
import { insertEvent, insertImportRef, selectEvent } from './event.sql.ts';
import { type EventInput, eventFields, saleTerms, ticketTypesOf } from './event-input.ts';
import { type EventPlaces, openPlaces, takePlaces, withinLegal } from './event-places.ts';
import { type EventView, eventView } from './event-view.ts';
import { endOf, eventIssues, ticketTypeIssues } from './rules.ts';
import { type SupplyRefusal, writeTicketType } from './write-ticket-type.ts';

export type CreateRefusal = SupplyRefusal | RefusalOf<'validation_failed'> | Busy;

/** Makes an event with its ticket types, published unless `publish` is false. */
export async function createEvent(
  ctx: Ctx,
  organizerId: OrganizerId,
  input: EventInput,
): Promise<Result<EventView, CreateRefusal>> {
  const groups = ticketTypesOf(input).flatMap(({ seatCategories }) =>
    seatCategories ? [seatCategories] : [],
  );
  const places = await takePlaces(ctx, organizerId, input, groups);
  if (!places.ok) return places;
  return inTurn(ctx, newRootId(ctx.ids, 'evt'), async (tx) => {
    const made = await createEventIn(ctx, tx, organizerId, input, { places: places.value });
    if (!made.ok) return made;
    return ok(await eventView(tx, await one(tx, selectEvent(made.value)), 'staff'));
  });
}

export type Origin = {
  /** Remembers where an imported event came from. */
  readonly externalId?: string;
  /** The places of the floor plan that was taken for it. */
  readonly places?: EventPlaces | null;
};

/** The same inside the turn of an event that does not exist yet. */
export async function createEventIn(
  ctx: Ctx,
  tx: Turn,
  organizerId: OrganizerId,
  input: EventInput,
  { externalId, places = null }: Origin,
): Promise<Result<EventId, CreateRefusal>> {
  const issues = issuesOf(input);
  if (issues.length > 0) return refused('validation_failed', { issues });
  const { eventId } = tx;
  const published = input.publish ?? true;
  const fields = eventFields(input, { eventId, organizerId, currency: input.currency });
  if (externalId !== undefined) {
    const first = await run(tx, insertImportRef(organizerId, externalId, eventId));
    const message = 'an event was imported under this identifier before';
    const issue = { path: 'identifier', code: 'already_imported', message };
    if (first === 0) return refused('validation_failed', { issues: [issue] });
  }
  const inPlan = {
    configurationId: places?.configurationId ?? null,
    sectionChoices: places?.sectionChoices ?? {},
    venueName: fields.venueName ?? places?.venueName ?? null,
  };
  await run(tx, insertEvent({ ...fields, ...inPlan }, published ? 'published' : 'draft'));
  const terms = withinLegal(saleTerms(input, eventId), places?.legalCapacity ?? null);
  await openSale(tx, terms, organizerId, input.currency);
  const opened = places ? await openPlaces(ctx, tx, places) : ok(new Map());
  if (!opened.ok) return opened;
  for (const type of ticketTypesOf(input)) {
    const id = newScopedId(ctx.ids, 'tt', eventId);
    const written = await writeTicketType(ctx, tx, eventId, id, type, null, opened.value);
    if (!written.ok) return written;
  }
  if (published) await setSaleState(tx, eventId, ['unpublished'], 'open');
  await record(tx, {
    kind: published ? 'event_published' : 'event_drafted',
    eventId,
    data: { organizerId },
  });
  return ok(eventId);
}

function issuesOf(input: EventInput): readonly Issue[] {
  const found = [...eventIssues({ ...input, visibility: input.visibility ?? 'public' })];
  found.push(...chargesIssues(input.charges, input.currency));
  const shortForm = [input.totalTickets, input.ticketPrice].filter((v) => v !== undefined).length;
  if (shortForm === 1) {
    const message = 'totalTickets and ticketPrice go together';
    found.push({ path: 'totalTickets', code: 'incomplete_short_form', message });
  }
  if (shortForm > 0 && input.ticketTypes) {
    const message = 'either ticketTypes or the short form';
    found.push({ path: 'ticketTypes', code: 'two_forms', message });
  }
  const event = { currency: input.currency, endsAt: endOf(input) };
  for (const [i, type] of ticketTypesOf(input).entries()) {
    found.push(...ticketTypeIssues(type, event, shortForm > 0 ? '' : `ticketTypes.${i}`));
    if (type.poolId !== undefined) {
      const message = 'a new event has no pools yet: give a capacity, or add the type afterwards';
      found.push({ path: `ticketTypes.${i}.poolId`, code: 'unknown_pool', message });
    }
  }
  return found;
}
