/** What a process does that nobody has asked it for: jobs, what recurs, facts, offers. */
import { buildWorker } from './app.ts';
import { consumersOf } from './consumers.ts';
import type { Config } from './kernel/config.ts';
import type { Consumers } from './kernel/consumers.ts';
import type { Ctx } from './kernel/context.ts';
import type { Worker } from './kernel/jobs.ts';
import { createRelay, type Relay } from './kernel/relay.ts';
import { createOfferMaker, type OfferMaker } from './modules/waitlist/index.ts';

export type Work = {
  readonly worker: Worker;
  readonly relay: Relay;
  readonly consumers: Consumers;
  readonly offers: OfferMaker;
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
  lanes.onCommit(relay.wake);
  lanes.onCommit(offers.wake);
  relay.onFacts(consumers.wake);
  return {
    worker,
    relay,
    consumers,
    offers,
    startWork: () => {
      worker.start();
      relay.start();
      consumers.start();
      offers.start();
    },
    stopWork: async () => {
      await Promise.all([worker.stop(), relay.stop(), consumers.stop(), offers.stop()]);
    },
  };
}
