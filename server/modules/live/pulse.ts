/**
 * Work that is done as soon as somebody asks for it, and now and then by itself for as long as
 * there is a reason to. Never beside itself, and with a rest in between.
 */
import type { Logger } from 'pino';

const REST_MS = 20;
/** After a failure: the database is away, or restarts. */
const FAILED_MS = 1_000;

export type Pulse = {
  readonly wake: () => void;
  readonly stop: () => Promise<void>;
};

export function createPulse(options: {
  readonly everyMs: number;
  /** Without one, nothing is done. */
  readonly isNeeded: () => boolean;
  readonly work: () => Promise<void>;
  readonly log: Logger;
}): Pulse {
  const state = { isWoken: false, isStopped: false };
  let running: Promise<void> | undefined;
  const run = async () => {
    while (state.isWoken && !state.isStopped) {
      state.isWoken = false;
      let restMs = REST_MS;
      try {
        if (options.isNeeded()) await options.work();
      } catch (error) {
        options.log.warn({ err: error }, 'live updates could not be read');
        restMs = FAILED_MS;
      }
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  };
  const wake = () => {
    if (!options.isNeeded()) return;
    state.isWoken = true;
    running ??= run().finally(() => {
      running = undefined;
      if (state.isWoken && !state.isStopped) wake();
    });
  };
  const timer = setInterval(wake, options.everyMs).unref();
  return {
    wake,
    stop: async () => {
      state.isStopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
