import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, one } from '../../kernel/db.ts';
import { type EventId, newScopedId, type TicketTypeId } from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import {
  AssertionError,
  ok,
  present,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import { findEvent } from '../catalog/index.ts';
import { accessTokenFor } from '../identity/index.ts';
import { holdRefusals } from '../inventory/index.ts';
import { keysOfBuyer } from '../shopping/index.ts';
import { usualClosing } from './closing-time.ts';
import { type EntryView, entryView } from './entry-view.ts';
import { selectEntry } from './waitlist.sql.ts';
import { changeKind } from './waitlist-kinds.ts';

export const joinRefusals = {
  already_waiting: { status: 409, title: 'This person waits for the event already' },
  still_available: { status: 409, title: 'So many are still to be had: buy them' },
  waitlist_closed: { status: 409, title: 'The waitlist is closed' },
  per_person_limit: holdRefusals.per_person_limit,
  unknown_ticket_type: { status: 422, title: 'Nothing of this event can be waited for like that' },
  idempotency_key_reused: holdRefusals.idempotency_key_reused,
} as const satisfies RefusalTable<string>;

type JoinRefusal = RefusalOf<keyof typeof joinRefusals | 'not_found'> | Busy;

export type JoinInput = {
  readonly email: string;
  readonly name: string | null;
  readonly language: Language | null;
  readonly quantity: number;
  readonly acceptsFewer: boolean;
  /** In the order in which they are wanted; null: any. */
  readonly ticketTypeIds: readonly TicketTypeId[] | null;
  /** Null: anywhere. */
  readonly sections: readonly string[] | null;
};

/**
 * Somebody joins the waitlist: their rank is drawn under the event's lock. The same caller and key
 * get the same entry again; whoever has nothing but the key gets no token.
 */
export async function joinWaitlist(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  input: JoinInput,
  once: { readonly caller: string; readonly key: string; readonly bodyHash: Buffer } | null,
): Promise<Result<EntryView, JoinRefusal>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || seen.event.status === 'draft') return refused('not_found');
  const { event } = seen;
  const userId = buyingPerson(actor);
  const { organizerId } = event;
  const entryId = newScopedId(ctx.ids, 'wle', eventId);
  const personKeys = await keysOfBuyer(ctx, organizerId, { email: input.email, userId });
  await ctx.pause('waitlist.before_join');
  const asked = await ctx.lanes.ask(ctx, changeKind, eventId, {
    do: 'join',
    entryId,
    organizerId,
    closesAt: usualClosing(event),
    caller: once?.caller ?? entryId,
    key: once?.key ?? null,
    bodyHash: once?.bodyHash.toString('hex') ?? '',
    quantity: input.quantity,
    acceptsFewer: input.acceptsFewer,
    ticketTypeIds: input.ticketTypeIds,
    sections: input.sections,
    personKeys: [...new Set(personKeys)],
    person: { name: input.name, email: input.email, language: input.language },
    userId,
  });
  if (!asked.ok) return asked;
  const { verdict, limit } = asked.value;
  if (verdict !== 'joined') return refusalOf(verdict, limit ?? null);
  const joined = present(asked.value.entryId, 'the entry');
  const view = await entryView(ctx, await one(ctx.db, selectEntry(eventId, joined)));
  if (joined !== entryId && once?.caller === 'anonymous') return ok(view);
  return ok({ ...view, accessToken: accessTokenFor(ctx.secrets, joined) });
}

function refusalOf(verdict: string, limit: number | null): Result<never, JoinRefusal> {
  switch (verdict) {
    case 'per_person_limit':
      return refused(verdict, { extra: { limit } });
    case 'already_waiting':
    case 'still_available':
    case 'waitlist_closed':
    case 'unknown_ticket_type':
    case 'idempotency_key_reused':
      return refused(verdict);
    default:
      throw new AssertionError(`unknown verdict ${verdict}`);
  }
}
