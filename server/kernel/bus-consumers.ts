/**
 * Consumers as groups of a bus: the same ones, with the same promises, that otherwise run on the
 * log in the database. The sink publishes from the log; each group reads the topic of all facts.
 *
 * What a group has handled is also written down as its position in the log: it tells how far behind
 * the group is and what may be forgotten, where the consumer goes on without the bus, and what it
 * need not hear again when the bus does not remember it.
 */
import { createMarks, keepMarking } from './bus-marks.ts';
import { createBusMembers } from './bus-member.ts';
import { type Consumer, type Consumers, createConsumers } from './consumers.ts';
import type { Ctx } from './context.ts';
import { type Every, every } from './every.ts';
import type { FactBus } from './fact-bus.ts';

const DRAIN_LOOK_MS = 50;
/** Who knows more kinds may come and go. */
const LOOK_MS = 2_000;
const TRY_AGAIN_MS = 1_000;
/** What is being published when the process is told to stop gets so long. */
const STOP_MAX_MS = 5_000;

export function createBusConsumers(
  getCtx: () => Ctx,
  bus: FactBus,
  sink: Consumer,
  consumers: readonly Consumer[],
): Consumers {
  const publishing = createConsumers(getCtx, [sink]);
  const marks = createMarks(getCtx, bus, sink.name);
  const members = createBusMembers(getCtx, bus, consumers);
  const names = consumers.map(({ name }) => name);
  const state = { stopping: false };
  let beginning: Promise<void> | undefined;
  let looking: Every | undefined;
  let marking: Every | undefined;

  const begin = async () => {
    await untilDone(members.ensureAll, state, (error) =>
      getCtx().log.warn({ err: error }, 'consumers could not begin'),
    );
    if (state.stopping) return;
    publishing.start();
    looking = every(LOOK_MS, members.lookAll, (error) =>
      getCtx().log.warn({ err: error }, 'who takes part in the groups of the bus is not known'),
    );
    await looking.turn();
    marking = keepMarking(getCtx, marks, names);
    // Whoever starts the process is told at once; it sells all the same.
    bus.prepare().catch((error: unknown) => {
      getCtx().log.error({ err: error }, 'facts are kept in the database until the bus is there');
    });
  };

  return {
    list: [sink, ...consumers],
    start: () => {
      beginning ??= begin();
    },
    wake: publishing.wake,
    drain: async () => {
      await members.ensureAll();
      await members.lookAll();
      await untilDone(publishing.drain, state);
      const mark = await untilDone(marks.take, state);
      if (!mark) return;
      for (const { name, look } of members.list) {
        if (!(await look())) continue;
        const isThere = () => untilDone(() => marks.writeDown(name, mark), state);
        while (!(await isThere()) && !state.stopping) await wait(DRAIN_LOOK_MS);
      }
    },
    stop: async () => {
      state.stopping = true;
      await beginning;
      const stopped = publishing.stop();
      await Promise.race([stopped, wait(STOP_MAX_MS)]);
      await looking?.stop();
      await members.leaveAll();
      // What is still being published is given up, and comes again.
      await bus.close();
      await Promise.all([stopped, marking?.stop()]);
    },
  };
}

/** Again and again until it works; undefined once it was told to stop. */
async function untilDone<T>(
  what: () => Promise<T>,
  state: { readonly stopping: boolean },
  onFailure: (error: unknown) => void = () => {},
): Promise<T | undefined> {
  while (!state.stopping) {
    try {
      return await what();
    } catch (error) {
      onFailure(error);
      await wait(TRY_AGAIN_MS);
    }
  }
  return undefined;
}

const wait = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref();
  });
