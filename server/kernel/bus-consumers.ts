/**
 * Consumers as groups of a bus: the same ones, with the same promises, that otherwise run on the
 * log in the database. The sink publishes from the log; each group reads the topic of all facts.
 *
 * What a group has handled is also written down as its position in the log: it tells how far behind
 * the group is and what may be forgotten, where the consumer goes on without the bus, and what it
 * need not hear again when the bus does not remember it.
 */
import { createMarks, keepMarking, positionOf } from './bus-marks.ts';
import { type Consumer, type Consumers, createConsumers, ensureConsumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import type { BusMessage, BusSubscription, FactBus } from './fact-bus.ts';
import { factOf, numberOf } from './fact-envelope.ts';
import { ALL_FACTS } from './fact-sink.ts';
import { handleFacts } from './handle-facts.ts';
import type { Relayed } from './relay.ts';

const DRAIN_LOOK_MS = 50;
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
  const names = consumers.map(({ name }) => name);
  const state = { stopping: false };
  let beginning: Promise<void> | undefined;
  let subscriptions: readonly BusSubscription[] | undefined;
  let stopMarking: (() => Promise<void>) | undefined;

  /** Before anything is published: what comes from now on is theirs. */
  const ensureAll = async () => {
    for (const consumer of consumers) await ensureConsumer(getCtx(), consumer);
  };

  const subscribe = () => {
    subscriptions ??= consumers.map((consumer) => {
      const handle = handlerOf(getCtx, consumer);
      return bus.subscribe({ name: consumer.name, topic: ALL_FACTS, handle });
    });
  };

  const begin = async () => {
    await untilDone(ensureAll, state, (error) =>
      getCtx().log.warn({ err: error }, 'consumers could not begin'),
    );
    if (state.stopping) return;
    publishing.start();
    subscribe();
    stopMarking = keepMarking(getCtx, marks, names);
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
      await ensureAll();
      subscribe();
      await untilDone(publishing.drain, state);
      const mark = await untilDone(marks.take, state);
      if (!mark) return;
      for (const name of names) {
        const isThere = () => untilDone(() => marks.writeDown(name, mark), state);
        while (!(await isThere()) && !state.stopping) await wait(DRAIN_LOOK_MS);
      }
    },
    stop: async () => {
      state.stopping = true;
      await beginning;
      const stopped = publishing.stop();
      await Promise.race([stopped, wait(STOP_MAX_MS)]);
      await Promise.all((subscriptions ?? []).map((each) => each.stop()));
      // What is still being published is given up, and comes again.
      await bus.close();
      await Promise.all([stopped, stopMarking?.()]);
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

function handlerOf(getCtx: () => Ctx, consumer: Consumer) {
  const kinds = new Set(consumer.kinds);
  let begins: number | undefined;

  const read = (message: BusMessage): readonly Relayed[] => {
    const fact = factOf(message);
    if (fact) return [fact];
    const { topic, headers } = message;
    getCtx().log.error({ topic, id: headers['fact-id'] }, 'a message of the bus is no fact');
    return [];
  };

  return async (messages: readonly BusMessage[]): Promise<void> => {
    const ctx = { ...getCtx(), actor: `consumer:${consumer.name}` };
    begins ??= await positionOf(ctx, consumer.name);
    const least = begins;
    const wanted = messages.filter(
      (message) => kinds.has(message.headers['kind'] ?? '') && (numberOf(message) ?? 0) > least,
    );
    await handleFacts(ctx, consumer, wanted.flatMap(read));
  };
}
