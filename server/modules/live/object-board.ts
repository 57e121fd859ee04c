/**
 * What listeners of an order or a shopping session are told: what it is now, whenever a fact says
 * that something of it has changed. The facts of all objects that have listeners are read together,
 * once in a process; what is told is read from the object itself, so a fact that comes twice or
 * late tells nothing wrong.
 */
import type { Ctx } from '../../kernel/context.ts';
import { lastSeq, readFacts } from '../../kernel/fact-reader.ts';
import { groupBy } from '../../kernel/group-by.ts';
import { type EventId, eventOf, isId, type OrderId, type SessionId } from '../../kernel/ids.ts';
import { lastFact, type Relayed } from '../../kernel/relay.ts';
import { readOrderStates } from '../orders/index.ts';
import { referencesOfPayments } from '../payments/index.ts';
import { readSession } from '../sessions/index.ts';
import type { Crowd, Group } from './crowd.ts';
import { encodeMessages, isFinal, RETRY_ENDED_MS, RETRY_MS, seenId, seenIn } from './messages.ts';
import { createPulse } from './pulse.ts';

const LOOK_MS = 250;
const FACTS_AT_ONCE = 2_000;
/** A session whose time is over is looked at again after so long, until it has ended. */
const LOOK_AGAIN_MS = 2_000;
/** Nobody has come to listen after so long: whoever asked was told no, or has gone. */
const UNUSED_MS = 30_000;

type ObjectId = OrderId | SessionId;

type Channel = {
  readonly id: ObjectId;
  readonly group: Group;
  status: string | null;
  /** The number of the fact that it was told with. */
  seq: number;
  /** Of a session: when its time is over. */
  lookAtMs: number;
  finalAt: number | null;
  usedAt: number;
};

export type ObjectBoard = {
  /**
   * From now on what happens to it is noticed; to be called before it is read. The answer takes
   * what was read, and the id that the listener has seen last.
   */
  readonly open: (id: ObjectId) => Promise<{
    readonly group: Group;
    readonly first: (status: string, endsAt: Date | null, lastId: string | null) => Buffer;
  }>;
  readonly factsCame: () => void;
  readonly stop: () => Promise<void>;
};

export function createObjectBoard(ctx: Ctx, crowd: Crowd, overMs: number): ObjectBoard {
  const channels = new Map<ObjectId, Channel>();
  const state: { position: number | null; beginning: Promise<number> | null } = {
    position: null,
    beginning: null,
  };
  const begin = async () => {
    if (state.position !== null) return;
    state.beginning ??= lastFact(ctx).finally(() => {
      state.beginning = null;
    });
    const position = await state.beginning;
    state.position ??= position;
  };
  const pulse = createPulse({
    everyMs: LOOK_MS,
    isNeeded: () => channels.size > 0,
    log: ctx.log,
    work: async () => {
      if (state.position !== null) {
        state.position = await follow(ctx, crowd, channels, state.position);
      }
      await lookAtSessions(ctx, crowd, channels);
      forget(crowd, channels, overMs);
      if (channels.size === 0) state.position = null;
    },
  });
  return {
    open: async (id) => {
      const channel = channels.get(id) ?? newChannel(id);
      channel.usedAt = performance.now();
      channels.set(id, channel);
      await begin();
      const seq = await lastSeq(ctx, eventOf(id));
      const first = (status: string, endsAt: Date | null, lastId: string | null): Buffer => {
        channels.set(id, channel);
        if (endsAt !== null) channel.lookAtMs = endsAt.getTime();
        if (channel.seq <= seq) become(channel, status, seq);
        const missed = hasSeen(channel, lastId) ? [] : [messageOf(channel)];
        return encodeMessages(missed, RETRY_MS);
      };
      return { group: channel.group, first };
    },
    factsCame: pulse.wake,
    stop: pulse.stop,
  };
}

function newChannel(id: ObjectId): Channel {
  const topic = isId('ssn', id) ? 'session' : 'order';
  return {
    id,
    group: { topic, listeners: new Set() },
    status: null,
    seq: 0,
    lookAtMs: Number.POSITIVE_INFINITY,
    finalAt: null,
    usedAt: 0,
  };
}

function become(channel: Channel, status: string, seq: number): void {
  channel.status = status;
  channel.seq = Math.max(channel.seq, seq);
  channel.finalAt = isFinal(status) ? (channel.finalAt ?? performance.now()) : null;
}

function hasSeen({ status, seq }: Channel, lastId: string | null): boolean {
  const seen = seenIn(lastId);
  return seen !== null && seen.seq >= seq && seen.status === status;
}

function messageOf({ id, status, seq }: Channel) {
  const name = seenId({ seq, status: status ?? '' });
  return { event: 'changed', data: { id, status, version: seq }, id: name };
}

async function tell(crowd: Crowd, channel: Channel, status: string, seq: number): Promise<void> {
  become(channel, status, seq);
  if (channel.group.listeners.size === 0) return;
  await crowd.send(channel.group, encodeMessages([messageOf(channel)]));
}

type Channels = Map<ObjectId, Channel>;

/** Tells what the facts after this position mean; answers the position after them. */
async function follow(
  ctx: Ctx,
  crowd: Crowd,
  channels: Channels,
  position: number,
): Promise<number> {
  const upTo = await lastFact(ctx);
  if (upTo <= position) return position;
  const eventIds = [...new Set([...channels.keys()].map(eventOf))];
  const facts = await readFacts(ctx, { after: position, upTo, most: FACTS_AT_ONCE }, eventIds);
  for (const [eventId, own] of groupBy(facts, (fact) => fact.eventId)) {
    const seqs = await ordersIn(ctx, eventId, own);
    await tellOfOrders(ctx, crowd, channels, eventId, seqs);
  }
  return facts.length < FACTS_AT_ONCE ? upTo : (facts.at(-1)?.n ?? upTo);
}

/** The orders that these facts are about, each with the number of the last one. */
async function ordersIn(
  ctx: Ctx,
  eventId: EventId,
  facts: readonly Relayed[],
): Promise<ReadonlyMap<string, number>> {
  const seqs = new Map<string, number>();
  const ofPayments = new Map<string, number>();
  for (const { data, seq } of facts) {
    const { orderId, reference, paymentId } = data;
    const named = orderId ?? reference;
    if (typeof named === 'string') seqs.set(named, seq);
    else if (typeof paymentId === 'string') ofPayments.set(paymentId, seq);
  }
  if (ofPayments.size === 0) return seqs;
  for (const found of await referencesOfPayments(ctx.db, eventId, [...ofPayments.keys()])) {
    const seq = ofPayments.get(found.paymentId) ?? 0;
    seqs.set(found.reference, Math.max(seq, seqs.get(found.reference) ?? 0));
  }
  return seqs;
}

async function tellOfOrders(
  ctx: Ctx,
  crowd: Crowd,
  channels: Channels,
  eventId: EventId,
  seqs: ReadonlyMap<string, number>,
): Promise<void> {
  if (seqs.size === 0) return;
  for (const order of await readOrderStates(ctx.db, eventId, [...seqs.keys()])) {
    const seq = seqs.get(order.orderId) ?? 0;
    const own = channels.get(order.orderId);
    if (own) await tell(crowd, own, order.status, seq);
    const session = isId('ssn', order.caller) ? channels.get(order.caller) : undefined;
    if (session) await tellOfSession(ctx, crowd, session, seq);
  }
}

async function tellOfSession(ctx: Ctx, crowd: Crowd, channel: Channel, seq: number) {
  // Only sessions are told of in this way.
  const session = await readSession(ctx, channel.id as SessionId);
  if (session) await tell(crowd, channel, session.standing.status, seq);
}

/** No fact says that the time of a session is over. */
async function lookAtSessions(ctx: Ctx, crowd: Crowd, channels: Channels): Promise<void> {
  const nowMs = ctx.clock.now()?.getTime() ?? ctx.ids.nowMs();
  for (const channel of channels.values()) {
    if (channel.lookAtMs > nowMs || channel.status === null) continue;
    // Only a session has such a time.
    const session = await readSession(ctx, channel.id as SessionId);
    const status = session?.standing.status ?? channel.status;
    channel.lookAtMs = isFinal(status) ? Number.POSITIVE_INFINITY : nowMs + LOOK_AGAIN_MS;
    if (status !== channel.status) await tell(crowd, channel, status, channel.seq);
  }
}

function forget(crowd: Crowd, channels: Channels, overMs: number): void {
  const now = performance.now();
  for (const channel of channels.values()) {
    const { id, group, finalAt, usedAt } = channel;
    if (finalAt !== null && now - finalAt > overMs && group.listeners.size > 0) {
      crowd.end(group, encodeMessages([{ ...messageOf(channel), event: 'end' }], RETRY_ENDED_MS));
    }
    if (group.listeners.size === 0 && now - usedAt > UNUSED_MS) channels.delete(id);
  }
}
