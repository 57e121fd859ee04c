/** Who may listen to what, and what they are told first. */
import type { ServerResponse } from 'node:http';
import type { Actor } from '../../kernel/actor.ts';
import { countedAs } from '../../kernel/caller-network.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { EventId, OrderId, SessionId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findEvent } from '../catalog/index.ts';
import { findOrder } from '../orders/index.ts';
import { findSession } from '../sessions/index.ts';
import type { CrowdRefusal, Group } from './crowd.ts';
import { liveOf } from './live.ts';

export type Listening = {
  readonly actor: Actor;
  readonly network: string;
  /** What the caller has seen last, before its connection was lost. */
  readonly lastId: string | null;
};

type Stream = (response: ServerResponse) => void;
type Outcome = Promise<Result<Stream, RefusalOf<'not_found' | CrowdRefusal>>>;

/** What an order or a session is at this moment, and when its time is over. */
type Current = { readonly status: string; readonly endsAt: Date | null };

/** What is free, as everybody is shown it; staff may listen before an event is published. */
export async function listenToEvent(ctx: Ctx, listening: Listening, eventId: EventId): Outcome {
  if (!(await findEvent(ctx, listening.actor, eventId))) return refused('not_found');
  const refusal = refusalFor(ctx, listening);
  if (refusal) return refused(refusal);
  const { group, first } = await liveOf(ctx).events.open(eventId);
  return join(ctx, listening, group, () => first(listening.lastId));
}

export function listenToOrder(ctx: Ctx, listening: Listening, orderId: OrderId): Outcome {
  return listenTo(ctx, listening, orderId, async () => {
    const found = await findOrder(ctx, listening.actor, orderId, 'orders:read');
    return found && { status: found.order.status, endsAt: null };
  });
}

export function listenToSession(ctx: Ctx, listening: Listening, id: SessionId): Outcome {
  return listenTo(ctx, listening, id, async () => {
    const session = await findSession(ctx, listening.actor, id, 'orders:read');
    return session && { status: session.standing.status, endsAt: session.row.expiresAt };
  });
}

async function listenTo(
  ctx: Ctx,
  listening: Listening,
  id: OrderId | SessionId,
  read: () => Promise<Current | null>,
): Outcome {
  // What is opened is followed for a while: only for whoever may listen.
  if (!(await read())) return refused('not_found');
  const refusal = refusalFor(ctx, listening);
  if (refusal) return refused(refusal);
  const { group, first } = await liveOf(ctx).objects.open(id);
  // Again: what was read before it was opened may have changed unnoticed.
  const now = await read();
  if (!now) return refused('not_found');
  return join(ctx, listening, group, () => first(now.status, now.endsAt, listening.lastId));
}

function refusalFor(ctx: Ctx, { actor, network }: Listening): CrowdRefusal | null {
  return liveOf(ctx).crowd.refusalFor(countedAs(actor, network));
}

function join(ctx: Ctx, listening: Listening, group: Group, first: () => Buffer): Awaited<Outcome> {
  // Others may have come meanwhile.
  const refusal = refusalFor(ctx, listening);
  if (refusal) return refused(refusal);
  const caller = countedAs(listening.actor, listening.network);
  // Nothing is said that came between the first message and what follows it.
  return ok((response) => liveOf(ctx).crowd.join(group, caller, response, first()));
}
