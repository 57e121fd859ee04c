/** What a process does that nobody has asked it for: jobs, what recurs, facts, offers. */
import { buildWorker } from './app.ts';
import { consumersOf, knownKinds } from './consumers.ts';
import type { Config } from './kernel/config.ts';
import type { Consumers } from './kernel/consumers.ts';
import type { Ctx } from './kernel/context.ts';
import { type Every, every } from './kernel/every.ts';
import type { Worker } from './kernel/jobs.ts';
import { createTeller } from './kernel/known-kinds.ts';
import { createRelay, type Relay } from './kernel/relay.ts';
import { createOfferMaker, type OfferMaker } from './modules/waitlist/index.ts';

/** Several times within the minutes after which a version that says nothing is taken to be gone. */
const TELL_MS = 30_000;

export type Work = {
  readonly worker: Worker;
  readonly relay: Relay;
  readonly consumers: Consumers;
  readonly offers: OfferMaker;
  /**
   * Resolves when others know what the consumers of this version know, so that none leaves out what
   * this process announces from now on; goes on until the work is stopped.
   */
  readonly tellKinds: () => Promise<void>;
  readonly startWork: () => void;
  readonly stopWork: () => Promise<void>;
};

export async function createWork(
  getCtx: () => Ctx,
  lanes: Ctx['lanes'],
  config: Config,
): Promise<Work> {
  const worker = buildWorker(getCtx);
  const relay = createRelay(getCtx);
  const consumers = await consumersOf(getCtx, config);
  const offers = createOfferMaker(getCtx);
  const tellers = knownKinds.map(createTeller);
  let telling: Every | undefined;
  const tellAll = async () => {
    for (const tell of tellers) await tell(getCtx());
  };
  lanes.onCommit(relay.wake);
  lanes.onCommit(offers.wake);
  relay.onFacts(consumers.wake);
  return {
    worker,
    relay,
    consumers,
    offers,
    tellKinds: async () => {
      await tellAll();
      telling ??= every(TELL_MS, tellAll, (error) =>
        getCtx().log.warn({ err: error }, 'it could not be told what facts this version knows'),
      );
    },
    startWork: () => {
      worker.start();
      relay.start();
      consumers.start();
      offers.start();
    },
    stopWork: async () => {
      await telling?.stop();
      await Promise.all([worker.stop(), relay.stop(), consumers.stop(), offers.stop()]);
    },
  };
}
