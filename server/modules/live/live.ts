/** The live updates of one process: its listeners, and what they are told. */
import type { Ctx } from '../../kernel/context.ts';
import { type EventId, isId } from '../../kernel/ids.ts';
import type { Lanes } from '../../kernel/lanes.ts';
import type { Relay } from '../../kernel/relay.ts';
import { present } from '../../kernel/result.ts';
import type { Shared } from '../../kernel/shared.ts';
import { type Crowd, createCrowd } from './crowd.ts';
import { createEventBoard, type EventBoard } from './event-board.ts';
import { createObjectBoard, type ObjectBoard } from './object-board.ts';

const TELL_MS = 20;
/** What is over for good is still told so long to whoever comes to see it; then the stream ends. */
const OVER_MS = 30_000;

export type Live = {
  readonly crowd: Crowd;
  readonly events: EventBoard;
  readonly objects: ObjectBoard;
  /** Sends all listeners away: they come back to another process, or to the next one. */
  readonly close: () => Promise<void>;
};

/** One for each process's context. */
const lives = new WeakMap<Lanes, Live>();

export function startLive(
  ctx: Ctx,
  relay: Pick<Relay, 'onFacts'>,
  { overMs = OVER_MS }: { readonly overMs?: number } = {},
): Live {
  const crowd = createCrowd({
    metrics: ctx.metrics,
    listenersMax: ctx.config.LIVE_LISTENERS,
    perCallerMax: ctx.config.LIVE_PER_CALLER,
  });
  const events = createEventBoard(ctx, crowd, overMs);
  const objects = createObjectBoard(ctx, crowd, overMs);
  const toOthers = tellOthers(ctx.shared);
  ctx.lanes.onCommit((eventId) => {
    events.changed(eventId);
    toOthers(eventId);
  });
  relay.onFacts(() => {
    objects.factsCame();
    ctx.shared.tell('facts', '');
  });
  ctx.shared.onTold('facts', objects.factsCame);
  ctx.shared.onTold('events', (message) => {
    for (const id of message.split(',')) if (isId('evt', id)) events.changedElsewhere(id);
  });
  const live: Live = {
    crowd,
    events,
    objects,
    close: async () => {
      crowd.close();
      await Promise.all([events.stop(), objects.stop()]);
    },
  };
  lives.set(ctx.lanes, live);
  return live;
}

/** What changes within a moment is told together: each event once, however often it changed. */
function tellOthers(shared: Shared): (eventId: EventId) => void {
  const changed = new Set<EventId>();
  return (eventId) => {
    if (shared.isAlone) return;
    const isFirst = changed.size === 0;
    changed.add(eventId);
    if (!isFirst) return;
    setTimeout(() => {
      shared.tell('events', [...changed].join(','));
      changed.clear();
    }, TELL_MS).unref();
  };
}

export function liveOf(ctx: Ctx): Live {
  return present(lives.get(ctx.lanes), 'the live updates of this process');
}
