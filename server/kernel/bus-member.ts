/** The part of this process in the groups of consumers: what it takes or leaves, and hears. */
import { positionOf } from './bus-marks.ts';
import { type Consumer, ensureConsumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import type { BusMessage, BusSubscription, FactBus } from './fact-bus.ts';
import { factOf, numberOf } from './fact-envelope.ts';
import { ALL_FACTS } from './fact-sink.ts';
import { handleFacts } from './handle-facts.ts';
import { createTeller, isKnown } from './known-kinds.ts';
import type { Relayed } from './relay.ts';

type BusMember = {
  readonly name: string;
  /** Takes part, or leaves it to a newer version that knows more; tells whether it takes part. */
  readonly look: () => Promise<boolean>;
  readonly leave: () => Promise<void>;
};

export type BusMembers = {
  readonly list: readonly BusMember[];
  /** Before anything is published: what comes from now on is theirs. */
  readonly ensureAll: () => Promise<void>;
  readonly lookAll: () => Promise<void>;
  readonly leaveAll: () => Promise<void>;
};

export function createBusMembers(
  getCtx: () => Ctx,
  bus: FactBus,
  consumers: readonly Consumer[],
): BusMembers {
  const list = consumers.map((consumer) => createBusMember(getCtx, bus, consumer));
  return {
    list,
    ensureAll: async () => {
      for (const consumer of consumers) await ensureConsumer(getCtx(), consumer);
    },
    lookAll: async () => {
      for (const { look } of list) await look();
    },
    leaveAll: async () => {
      await Promise.all(list.map(({ leave }) => leave()));
    },
  };
}

function createBusMember(getCtx: () => Ctx, bus: FactBus, consumer: Consumer): BusMember {
  const { name } = consumer;
  const tell = createTeller(consumer);
  let subscription: BusSubscription | undefined;
  const leave = async () => {
    const leaving = subscription;
    subscription = undefined;
    await leaving?.stop();
  };
  return {
    name,
    leave,
    look: async () => {
      const isOurs = await tell(getCtx());
      if (!isOurs) await leave();
      else
        subscription ??= bus.subscribe({
          name,
          topic: ALL_FACTS,
          handle: handlerOf(getCtx, consumer),
        });
      return isOurs;
    },
  };
}

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
    // Whoever knows what this version does not announced it before: it is written down by now.
    if (!(await isKnown(ctx, consumer))) throw new Error('a newer version knows more kinds');
    begins ??= await positionOf(ctx, consumer.name);
    const least = begins;
    const wanted = messages.filter(
      (message) => kinds.has(message.headers['kind'] ?? '') && (numberOf(message) ?? 0) > least,
    );
    await handleFacts(ctx, consumer, wanted.flatMap(read));
  };
}
