/**
 * Who makes the offers: each process that does work looks at the lists whose sale has changed. It
 * is woken by what this process commits, and finds what others did within a quarter of a second.
 * Nothing is decided here: two processes that look at one list do so one after the other.
 */
import { eachOf } from '../../kernel/concurrent.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, isAway } from '../../kernel/db.ts';
import { type EventId, newScopedId } from '../../kernel/ids.ts';
import { refusedWhileStopped } from '../inventory/index.ts';
import { selectLive } from './due.view.sql.ts';
import { changeKind, OFFER_KIND, type OfferSlot, offerKind } from './waitlist-kinds.ts';

const POLL_MS = 250;
/** A list is not looked at more often than that: what comes together is decided together. */
const REST_MS = 20;
const LISTS_MAX = 5_000;
const LISTS_AT_ONCE = 4;
const OFFERS_PER_LOOK = 256;
/** Then others have their turn; the next round goes on. */
const LOOKS_MAX = 20;

export type OfferMaker = {
  readonly start: () => void;
  /** Something of the event was committed in this process. */
  readonly wake: (eventId: EventId, kind: string | null) => void;
  readonly stop: () => Promise<void>;
};

export function createOfferMaker(getCtx: () => Ctx): OfferMaker {
  /** The lists that somebody is on, as of the last poll. */
  let live: ReadonlySet<EventId> = new Set();
  let woken = new Set<EventId>();
  let isStopping = false;
  let running: Promise<void> | undefined;
  let endPause = () => {};

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const takeWoken = () => {
    const taken = woken;
    woken = new Set();
    return taken;
  };

  const poll = async (ctx: Ctx) => {
    const found = await all(ctx.db, selectLive(ctx.clock.now(), LISTS_MAX));
    live = new Set(found.map(({ eventId }) => eventId));
    return found.filter(({ isDue }) => isDue).map(({ eventId }) => eventId);
  };

  const loop = async () => {
    let polledAt = Number.NEGATIVE_INFINITY;
    while (!isStopping) {
      const beganAt = performance.now();
      const isPoll = beganAt - polledAt >= POLL_MS;
      try {
        const ctx = { ...getCtx(), actor: 'waitlist' };
        const events = takeWoken();
        if (isPoll) for (const eventId of await poll(ctx)) events.add(eventId);
        if (isPoll) polledAt = beganAt;
        await eachOf([...events], LISTS_AT_ONCE, (eventId) => lookLogged(ctx, eventId));
      } catch (error) {
        getCtx().log.warn({ err: error }, 'the waitlists could not be looked at');
        await pause(POLL_MS);
      }
      if (isStopping) break;
      if (woken.size === 0) await pause(Math.max(1, polledAt + POLL_MS - performance.now()));
      const restMs = beganAt + REST_MS - performance.now();
      if (restMs > 0 && !isStopping) await pauseWhole(restMs);
    }
  };

  return {
    start: () => {
      running ??= loop();
    },
    wake: (eventId, kind) => {
      if (kind === OFFER_KIND || (kind !== changeKind.name && !live.has(eventId))) return;
      woken.add(eventId);
      endPause();
    },
    stop: async () => {
      isStopping = true;
      endPause();
      await running;
    },
  };
}

const pauseWhole = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function lookLogged(ctx: Ctx, eventId: EventId): Promise<void> {
  try {
    await lookAtList(ctx, eventId);
  } catch (error) {
    // Nothing else can be done either while the database is away.
    if (isAway(error)) throw error;
    ctx.log.error({ err: error, eventId }, 'a waitlist could not be looked at');
  }
}

/** Settles what is due on a list, and offers what is reserved. Returns how many were offered. */
export async function lookAtList(ctx: Ctx, eventId: EventId): Promise<number> {
  let offers = 0;
  const isStopped = (await refusedWhileStopped(ctx, eventId)) !== null;
  for (let look = 0; look < LOOKS_MAX; look++) {
    await ctx.pause('waitlist.before_look');
    const slots = isStopped ? [] : newSlots(ctx, eventId);
    const asked = await ctx.lanes.ask(ctx, offerKind, eventId, { slots });
    if (!asked.ok) {
      // The next round asks again. Where it goes on like that, those who wait are not served.
      ctx.log.warn({ eventId }, 'a waitlist could not be looked at: its event is busy');
      break;
    }
    offers += asked.value.offers;
    ctx.metrics.waitlistOffers.inc(asked.value.offers);
    ctx.metrics.waitlistPlaces.inc(asked.value.places);
    for (const ms of asked.value.waitedMs) ctx.metrics.waitlistWaited.observe(ms / 1_000);
    if (!asked.value.again) break;
  }
  return offers;
}

function newSlots(ctx: Ctx, eventId: EventId): readonly OfferSlot[] {
  return Array.from({ length: OFFERS_PER_LOOK }, () => ({
    offerId: newScopedId(ctx.ids, 'off', eventId),
    holdId: newScopedId(ctx.ids, 'hld', eventId),
    sessionId: newScopedId(ctx.ids, 'ssn', eventId),
  }));
}

/** Looks at all lists where there is something to do, once; for tests and commands. */
export async function lookAtLists(ctx: Ctx): Promise<number> {
  const found = await all(ctx.db, selectLive(ctx.clock.now(), LISTS_MAX));
  let offers = 0;
  for (const { eventId, isDue } of found) if (isDue) offers += await lookAtList(ctx, eventId);
  return offers;
}
