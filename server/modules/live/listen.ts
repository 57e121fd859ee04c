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

/** What is free, as everybody is shown it; staff may listen before an event is published. */
export async function listenToEvent(ctx: Ctx, listening: Listening, eventId: EventId): Outcome {
  if (!(await findEvent(ctx, listening.actor, eventId))) return refused('not_found');
  const { group, first } = await liveOf(ctx).events.open(eventId);
  return join(ctx, listening, group, () => first(listening.lastId));
}

export async function listenToOrder(ctx: Ctx, listening: Listening, orderId: OrderId): Outcome {
  const { group, first } = await liveOf(ctx).objects.open(orderId);
  const found = await findOrder(ctx, listening.actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  return join(ctx, listening, group, () => first(found.order.status, null, listening.lastId));
}

export async function listenToSession(ctx: Ctx, listening: Listening, id: SessionId): Outcome {
  const { group, first } = await liveOf(ctx).objects.open(id);
  const session = await findSession(ctx, listening.actor, id, 'orders:read');
  if (!session) return refused('not_found');
  const { standing, row } = session;
  return join(ctx, listening, group, () => first(standing.status, row.expiresAt, listening.lastId));
}

function join(
  ctx: Ctx,
  { actor, network }: Listening,
  group: Group,
  first: () => Buffer,
): Awaited<Outcome> {
  const { crowd } = liveOf(ctx);
  const caller = countedAs(actor, network);
  const refusal = crowd.refusalFor(caller);
  if (refusal) return refused(refusal);
  // Nothing is said that came between the first message and what follows it.
  return ok((response) => crowd.join(group, caller, response, first()));
}
