/**
 * What listeners of an event are told: the state of its places as everybody is shown it, and every
 * change of it, encoded once. A change is noticed by the commits of this process, by what other
 * processes tell, and by looking at all events that have listeners several times a second; what is
 * sent is always read anew, so nothing depends on who noticed it or how often.
 */
import { anonymous } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { EventId } from '../../kernel/ids.ts';
import { forgetAvailability, showAvailability } from '../catalog/index.ts';
import { readAvailabilities } from '../inventory/index.ts';
import type { Crowd, Group } from './crowd.ts';
import {
  changesBetween,
  encodeMessages,
  isSaleOver,
  type Message,
  type PlacesAt,
  placesId,
  RETRY_ENDED_MS,
  RETRY_MS,
  snapshotOf,
} from './messages.ts';
import { createPulse } from './pulse.ts';

/** How late what another process changed is noticed, where nobody tells. */
const LOOK_MS = 300;
const LOOKED_AT_ONCE = 500;
/** What no look can see (a word of a ticket type) is shown so late at most. */
const READ_ANEW_MS = 10_000;
/** Between two messages to the same listeners; and a share of the time that the last one took. */
const REST_MIN_MS = 100;
const REST_SHARE = 4;
const REST_MAX_MS = 800;
const FAILED_MS = 1_000;
/** Who has missed no more than so many states is told what changed since. */
const PAST_MAX = 64;
/** Beyond so many, those that nobody listens to any more are not kept for who comes back. */
const CHANNELS_MAX = 200;
/** Nobody has come to listen after so long: whoever asked was told no, or has gone. */
const UNUSED_MS = 30_000;

type Channel = {
  readonly eventId: EventId;
  readonly group: Group;
  /** Null until it was read, and where the public does not see the event. */
  current: PlacesAt | null;
  readonly past: PlacesAt[];
  /** For whoever comes, made when the first one does. */
  first: Buffer | null;
  /** What the look saw last. */
  seen: string | null;
  readAt: number;
  overAt: number | null;
  /** How many are just opening it, and when the last one did. */
  opening: number;
  usedAt: number;
  isStale: boolean;
  updating: Promise<void> | null;
};

export type EventBoard = {
  /** Reads the event, where nobody listens to it yet. */
  readonly open: (eventId: EventId) => Promise<{
    readonly group: Group;
    /** What somebody is told first who has seen this id last. */
    readonly first: (lastId: string | null) => Buffer;
  }>;
  /** Something of the event has changed, here. */
  readonly changed: (eventId: EventId) => void;
  /** Something has changed in another process. */
  readonly changedElsewhere: (eventId: EventId) => void;
  readonly stop: () => Promise<void>;
};

export function createEventBoard(ctx: Ctx, crowd: Crowd, overMs: number): EventBoard {
  const channels = new Map<EventId, Channel>();
  const update = (channel: Channel): Promise<void> => {
    channel.isStale = true;
    channel.updating ??= keepUp(ctx, crowd, channel).finally(() => {
      channel.updating = null;
    });
    return channel.updating;
  };
  const channelOf = (eventId: EventId): Channel => {
    const channel = channels.get(eventId) ?? newChannel(eventId);
    // The one that somebody came to last is the last to be let go.
    channels.delete(eventId);
    channels.set(eventId, channel);
    channel.usedAt = performance.now();
    letGo(channels);
    return channel;
  };
  const listenedTo = () => [...channels.values()].filter(({ group }) => group.listeners.size > 0);
  const pulse = createPulse({
    everyMs: LOOK_MS,
    isNeeded: () => crowd.count() > 0,
    log: ctx.log,
    work: async () => {
      const open = listenedTo();
      for (let at = 0; at < open.length; at += LOOKED_AT_ONCE) {
        const stale = await look(ctx, open.slice(at, at + LOOKED_AT_ONCE));
        for (const channel of stale) void update(channel);
      }
      for (const channel of open) endWhereOver(crowd, channel, overMs);
    },
  });
  const changed = (eventId: EventId): void => {
    const channel = channels.get(eventId);
    if (!channel || channel.group.listeners.size === 0) return;
    forgetAvailability(ctx, eventId);
    void update(channel);
  };
  return {
    open: async (eventId) => {
      const channel = channelOf(eventId);
      if (channel.current === null || channel.group.listeners.size === 0) {
        channel.opening += 1;
        await readState(ctx, crowd, channel).finally(() => {
          channel.opening -= 1;
          channel.usedAt = performance.now();
        });
      }
      return { group: channel.group, first: (lastId) => firstOf(channel, lastId) };
    },
    changed,
    changedElsewhere: (eventId) => {
      // Also for those who do not listen but ask.
      forgetAvailability(ctx, eventId);
      changed(eventId);
    },
    stop: pulse.stop,
  };
}

function newChannel(eventId: EventId): Channel {
  return {
    eventId,
    group: { topic: 'event', listeners: new Set() },
    current: null,
    past: [],
    first: null,
    seen: null,
    readAt: 0,
    overAt: null,
    opening: 0,
    usedAt: 0,
    isStale: false,
    updating: null,
  };
}

/** What nobody listens to, and nobody is about to. */
function letGo(channels: Map<EventId, Channel>): void {
  const before = performance.now() - UNUSED_MS;
  for (const [oldest, { group, opening, usedAt }] of channels) {
    if (channels.size <= CHANNELS_MAX) return;
    if (group.listeners.size > 0 || opening > 0 || usedAt > before) continue;
    channels.delete(oldest);
  }
}

/** Those of which something is different from what was seen last. */
async function look(ctx: Ctx, channels: readonly Channel[]): Promise<readonly Channel[]> {
  const found = await readAvailabilities(
    ctx,
    channels.map(({ eventId }) => eventId),
  );
  const stale: Channel[] = [];
  for (const channel of channels) {
    const { eventId } = channel;
    const isStopped = (await ctx.stops.of(eventId)) !== null;
    const seen = JSON.stringify([isStopped, found.get(eventId) ?? null]);
    const isOld = performance.now() - channel.readAt > READ_ANEW_MS;
    // During a storm of changes what was read may have been a little old already.
    const isBehind =
      channel.current !== null && channel.current.body.version < (found.get(eventId)?.version ?? 0);
    if (seen === channel.seen && !isOld && !isBehind) continue;
    // What another process changed is not in what this one has kept.
    forgetAvailability(ctx, eventId);
    channel.seen = seen;
    stale.push(channel);
  }
  return stale;
}

/** Reads and tells for as long as something changes meanwhile, with rests. */
async function keepUp(ctx: Ctx, crowd: Crowd, channel: Channel): Promise<void> {
  while (channel.isStale) {
    channel.isStale = false;
    let restMs = REST_MIN_MS;
    try {
      const startedAt = performance.now();
      await readState(ctx, crowd, channel);
      restMs = Math.min(
        REST_MAX_MS,
        Math.max(REST_MIN_MS, (performance.now() - startedAt) * REST_SHARE),
      );
    } catch (error) {
      ctx.log.warn({ err: error }, 'the places of an event were not read for its listeners');
      channel.isStale = true;
      restMs = FAILED_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, restMs).unref());
    if (channel.group.listeners.size === 0) return;
  }
}

/** Reads what is shown now; where that is something else, it is sent to all who listen. */
async function readState(ctx: Ctx, crowd: Crowd, channel: Channel): Promise<void> {
  const startedAt = performance.now();
  const shown = await showAvailability(ctx, anonymous, channel.eventId);
  channel.readAt = startedAt;
  if (!shown) return;
  const before = channel.current;
  const now = { id: placesId(shown.body, shown.encoded), body: shown.body };
  // Two may read at once; what is older came later.
  if (before && (before.id === now.id || before.body.version > now.body.version)) return;
  if (before) channel.past.push(before);
  if (channel.past.length > PAST_MAX) channel.past.shift();
  channel.current = now;
  channel.first = null;
  channel.overAt = isSaleOver(now.body.status) ? startedAt : null;
  const messages = before ? changesBetween(before, now) : snapshotOf(now);
  if (channel.group.listeners.size === 0) return;
  await crowd.send(channel.group, encodeMessages(messages));
  ctx.metrics.liveFanOut.observe((performance.now() - startedAt) / 1_000);
}

/** Nothing where nothing was missed, what has changed since, or all of it. */
function firstOf(channel: Channel, lastId: string | null): Buffer {
  const { current, past } = channel;
  const missed = (): readonly Message[] | null => {
    if (current === null || lastId === current.id) return [];
    const known = lastId === null ? undefined : past.find(({ id }) => id === lastId);
    return known ? changesBetween(known, current) : null;
  };
  const messages = missed();
  if (messages !== null || current === null) return encodeMessages(messages ?? [], RETRY_MS);
  channel.first ??= encodeMessages(snapshotOf(current), RETRY_MS);
  return channel.first;
}

function endWhereOver(crowd: Crowd, { current, group, overAt }: Channel, overMs: number): void {
  if (current === null || overAt === null || performance.now() - overAt < overMs) return;
  const { eventId, version, status } = current.body;
  const end = { event: 'end', data: { eventId, version, status }, id: current.id };
  crowd.end(group, encodeMessages([end], RETRY_ENDED_MS));
}
