import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe, run } from '../../kernel/db.ts';
import { type EventId, newScopedId, type SessionId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findEvent } from '../catalog/index.ts';
import { accessTokenFor } from '../identity/index.ts';
import { readAvailability, refusedWhileStopped, type SaleStatus } from '../inventory/index.ts';
import { readSession, type Session } from './find-session.ts';
import { insertSession, selectSessionByKey } from './session.sql.ts';
import { type SessionView, sessionView, viewOf } from './session-view.ts';

export type StartRefusal = RefusalOf<
  'not_found' | 'event_cancelled' | 'sale_not_open' | 'sale_paused' | 'sale_closed'
>;

/**
 * A buyer lands on the selection page: their countdown runs from here on. The same caller and key
 * get the same session again, as it was then; whoever has nothing but the key gets no token.
 */
export async function startSession(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  once: { readonly caller: string; readonly key: string } | null,
): Promise<Result<SessionView, StartRefusal>> {
  const stopped = await refusedWhileStopped(ctx, eventId);
  if (stopped) return stopped;
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || seen.event.status === 'draft') return refused('not_found');
  const known = once && (await maybe(ctx.db, selectSessionByKey(eventId, once.caller, once.key)));
  if (known) return asStarted(ctx, known.sessionId, once.caller !== 'anonymous');
  const availability = await readAvailability(ctx, eventId);
  const refusal = present(availability, 'the sale of an event').status;
  const code = refusalOf(refusal);
  if (code) return refused(code);
  // Where the event has a waiting room, its pass is asked for here.
  const { organizerId, currency, shoppingMinutes } = seen.event;
  const sessionId = newScopedId(ctx.ids, 'ssn', eventId);
  const made = await run(
    ctx.db,
    insertSession(
      {
        ...{ eventId, sessionId, organizerId, currency, userId: buyingPerson(actor) },
        ...{ caller: once?.caller ?? 'nobody', key: once?.key ?? null, minutes: shoppingMinutes },
      },
      ctx.clock.now(),
    ),
  );
  if (made === 1) return asStarted(ctx, sessionId, true);
  // The same request came twice at once.
  return startSession(ctx, actor, eventId, once);
}

/** Somebody may still choose where all is held: places come back. */
function refusalOf(status: SaleStatus): StartRefusal['code'] | null {
  switch (status) {
    case 'on_sale':
    case 'sold_out':
      return null;
    case 'scheduled':
      return 'sale_not_open';
    case 'paused':
      return 'sale_paused';
    case 'cancelled':
      return 'event_cancelled';
    case 'closed':
    case 'past':
      return 'sale_closed';
  }
}

/** A session that was begun for somebody, with its token; they have shown who they are. */
export async function openedSession(
  ctx: Ctx,
  sessionId: SessionId,
): Promise<Result<SessionView, RefusalOf<'not_found'>>> {
  const session = await readSession(ctx, sessionId);
  if (!session) return refused('not_found');
  const accessToken = accessTokenFor(ctx.secrets, sessionId);
  return ok({ ...(await sessionView(ctx, session)), accessToken });
}

/** Nothing of it was known then, and nothing of what was said since is told by a key alone. */
async function asStarted(
  ctx: Ctx,
  sessionId: SessionId,
  withToken: boolean,
): Promise<Result<SessionView, StartRefusal>> {
  const { row } = present(await readSession(ctx, sessionId), 'a session');
  const empty: Session = {
    row: {
      ...row,
      ...{ holdId: null, buyer: null, attendees: null, method: null, overLimit: null },
      promoCode: null,
    },
    standing: { status: 'open', declineCode: null },
    order: null,
    hold: null,
  };
  const view = await viewOf(ctx, empty, null, null);
  if (!withToken) return ok(view);
  return ok({ ...view, accessToken: accessTokenFor(ctx.secrets, sessionId) });
}
