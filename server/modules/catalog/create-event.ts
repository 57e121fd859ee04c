import type { Ctx } from '../../kernel/context.ts';
import { type Busy, one, run } from '../../kernel/db.ts';
import { type EventId, newRootId, newScopedId, type OrganizerId } from '../../kernel/ids.ts';
import { inTurn, type Turn } from '../../kernel/lanes.ts';
import { record } from '../../kernel/outbox.ts';
import { type Issue, ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { openSale, setSaleState } from '../inventory/index.ts';
import { insertEvent, insertImportRef, selectEvent } from './event.sql.ts';
import { type EventInput, eventFields, saleTerms, ticketTypesOf } from './event-input.ts';
import { type EventView, eventView } from './event-view.ts';
import { endOf, eventIssues, ticketTypeIssues } from './rules.ts';
import { type SupplyRefusal, writeTicketType } from './write-ticket-type.ts';

export type CreateRefusal = SupplyRefusal | RefusalOf<'validation_failed'> | Busy;

/** Makes an event with its ticket types, published unless `publish` is false. */
export function createEvent(
  ctx: Ctx,
  organizerId: OrganizerId,
  input: EventInput,
): Promise<Result<EventView, CreateRefusal>> {
  return inTurn(ctx, newRootId(ctx.ids, 'evt'), async (tx) => {
    const made = await createEventIn(ctx, tx, organizerId, input, null);
    if (!made.ok) return made;
    return ok(await eventView(tx, await one(tx, selectEvent(made.value)), 'staff'));
  });
}

/**
 * The same inside the turn of an event that does not exist yet; `externalId` remembers where an
 * imported event came from.
 */
export async function createEventIn(
  ctx: Ctx,
  tx: Turn,
  organizerId: OrganizerId,
  input: EventInput,
  externalId: string | null,
): Promise<Result<EventId, CreateRefusal>> {
  const issues = issuesOf(input);
  if (issues.length > 0) return refused('validation_failed', { issues });
  const { eventId } = tx;
  const published = input.publish ?? true;
  const fields = eventFields(input, { eventId, organizerId, currency: input.currency });
  if (externalId !== null) {
    const first = await run(tx, insertImportRef(organizerId, externalId, eventId));
    const message = 'an event was imported under this identifier before';
    const issue = { path: 'identifier', code: 'already_imported', message };
    if (first === 0) return refused('validation_failed', { issues: [issue] });
  }
  await run(tx, insertEvent(fields, published ? 'published' : 'draft'));
  await openSale(tx, saleTerms(input, eventId), organizerId, input.currency);
  for (const type of ticketTypesOf(input)) {
    const id = newScopedId(ctx.ids, 'tt', eventId);
    const written = await writeTicketType(ctx, tx, eventId, id, type, null);
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
