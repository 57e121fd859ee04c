/** The live updates of one process: its listeners, and what they are told. */
import type { Ctx } from '../../kernel/context.ts';
import type { EventId } from '../../kernel/ids.ts';
import type { Lanes } from '../../kernel/lanes.ts';
import { present } from '../../kernel/result.ts';
import { type Crowd, createCrowd } from './crowd.ts';
import { createEventBoard, type EventBoard } from './event-board.ts';
import { createObjectBoard, type ObjectBoard } from './object-board.ts';

export type Live = {
  readonly crowd: Crowd;
  readonly events: EventBoard;
  readonly objects: ObjectBoard;
  /** Another process has changed something of this event. */
  readonly changedElsewhere: (eventId: EventId) => void;
  /** There are new facts, of whoever's making. */
  readonly factsCame: () => void;
  /** Sends all listeners away: they come back to another process, or to the next one. */
  readonly close: () => Promise<void>;
};

/** One for each process's context. */
const lives = new WeakMap<Lanes, Live>();

export function startLive(ctx: Ctx): Live {
  const crowd = createCrowd({
    metrics: ctx.metrics,
    listenersMax: ctx.config.LIVE_LISTENERS,
    perCallerMax: ctx.config.LIVE_PER_CALLER,
  });
  const events = createEventBoard(ctx, crowd);
  const objects = createObjectBoard(ctx, crowd);
  ctx.lanes.onCommit((eventId) => events.changed(eventId));
  const live: Live = {
    crowd,
    events,
    objects,
    changedElsewhere: events.changedElsewhere,
    factsCame: objects.factsCame,
    close: async () => {
      crowd.close();
      await Promise.all([events.stop(), objects.stop()]);
    },
  };
  lives.set(ctx.lanes, live);
  return live;
}

export function liveOf(ctx: Ctx): Live {
  return present(lives.get(ctx.lanes), 'the live updates of this process');
}
