import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe, run } from '../../kernel/db.ts';
import { eventOf, type HoldId, type SessionId } from '../../kernel/ids.ts';
import { type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { opensWith } from '../identity/index.ts';
import { readHold } from '../inventory/index.ts';
import { type OrderRow, readOrder } from '../orders/index.ts';
import { type Standing, standingOf } from './rules-session.ts';
import { type SessionParts, type SessionRow, selectSession, updateSession } from './session.sql.ts';

type HoldRow = NonNullable<Awaited<ReturnType<typeof readHold>>>;

export type Session = {
  readonly row: SessionRow;
  readonly standing: Standing;
  /** The order that was made of it last. */
  readonly order: OrderRow | null;
  /** What it holds, or has bought; null where its places are gone. */
  readonly hold: HoldRow | null;
};

/** A session as it is now, whoever asks. */
export async function readSession(ctx: Ctx, sessionId: SessionId): Promise<Session | null> {
  const eventId = eventOf(sessionId);
  const row = await maybe(ctx.db, selectSession(eventId, sessionId, ctx.clock.now()));
  if (!row) return null;
  const order = row.orderId ? await readOrder(ctx.db, eventId, row.orderId) : null;
  const hold = row.holdId ? await liveHold(ctx, row.holdId) : null;
  return { row, standing: standingOf(row, order), order, hold };
}

async function liveHold(ctx: Ctx, holdId: HoldId): Promise<HoldRow | null> {
  const hold = await readHold(ctx, holdId);
  return hold && hold.status !== 'released' && hold.status !== 'lapsed' ? hold : null;
}

/**
 * The session, where this actor may have it: the access token that came with it, the person whose
 * own key made it, or the organizer's staff with that scope.
 */
export async function findSession(
  ctx: Ctx,
  actor: Actor,
  sessionId: SessionId,
  scope: 'orders:read' | 'orders:write',
): Promise<Session | null> {
  const session = await readSession(ctx, sessionId);
  if (!session) return null;
  const { organizerId, userId } = session.row;
  if (isStaffOf(actor, organizerId, scope)) return session;
  const own = actor.kind === 'key' && actor.userId !== null && actor.userId === userId;
  return own || opensWith(ctx.secrets, actor, sessionId) ? session : null;
}

export type NotOpen = RefusalOf<'session_locked' | 'session_expired' | 'session_ended'>;

/** Null where the session may be changed; or why not. */
export function notOpen({ standing: { status } }: Session): Result<never, NotOpen> | null {
  switch (status) {
    case 'open':
      return null;
    case 'purchasing':
      return refused('session_locked');
    case 'expired':
      return refused('session_expired');
    default:
      return refused('session_ended', { extra: { sessionStatus: status } });
  }
}

/**
 * Writes down what the session is now, with what has changed besides. False where somebody else has
 * changed it since it was read, or its time is over: then it is to be read again.
 */
export async function saveSession(
  ctx: Ctx,
  { row, standing }: Session,
  changed: Partial<SessionParts> = {},
): Promise<boolean> {
  const parts: SessionParts = { ...row, ...standing, ...changed };
  return (await run(ctx.db, updateSession(row, parts, ctx.clock.now()))) === 1;
}

/** After its order or its time has moved it on: writes that down, where nobody has yet. */
export async function followSession(ctx: Ctx, sessionId: SessionId): Promise<Session | null> {
  const session = await readSession(ctx, sessionId);
  if (!session || session.standing.status === session.row.status) return session;
  await saveSession(ctx, session);
  return readSession(ctx, sessionId);
}
