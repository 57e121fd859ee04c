/** Facts of made-up kinds, and consumers that write down what they hear. */
import { z } from 'zod';
import type { Consumer } from '../../server/kernel/consumers.ts';
import type { Ctx } from '../../server/kernel/context.ts';
import { inTx } from '../../server/kernel/db.ts';
import type { FactDefinition, FactDefinitions, Topic } from '../../server/kernel/facts.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import { record } from '../../server/kernel/outbox.ts';
import { relayFacts } from '../../server/kernel/relay.ts';
import { ok } from '../../server/kernel/result.ts';
import { scopeOn } from './kernel.ts';

const onTopic = (topic: Topic): FactDefinition => ({
  topic,
  version: 1,
  says: 'Something happened.',
  data: z.object({}),
  example: {},
});

/** Kinds of one letter, on two topics. */
export const letterFacts: FactDefinitions = {
  a: onTopic('orders'),
  b: onTopic('orders'),
  c: onTopic('events'),
};

export async function announce(
  ctx: Ctx,
  event: string,
  kinds: readonly string[],
  data: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  // An id of no real event; nobody looks for it.
  const eventId = event as EventId;
  await inTx(scopeOn(ctx.db), async (tx) => {
    await record(tx, ...kinds.map((kind) => ({ kind, eventId, data })));
    return ok(null);
  });
  await relayFacts(ctx);
}

export type Listener = {
  readonly consumer: Consumer;
  /** Event, number and kind of each. */
  readonly heard: string[];
  /** Event and kind, and what is thrown for it. */
  readonly broken: Map<string, Error>;
};

export function listener(name: string, kinds: readonly string[] = ['a', 'b', 'c']): Listener {
  const heard: string[] = [];
  const broken = new Map<string, Error>();
  return {
    heard,
    broken,
    consumer: {
      name,
      kinds,
      keyOf: ({ eventId }) => eventId,
      handle: async (_ctx, { eventId, seq, kind }) => {
        const error = broken.get(`${eventId} ${kind}`);
        if (error) throw error;
        heard.push(`${eventId} ${seq} ${kind}`);
      },
    },
  };
}

/** Without what was heard again, which a reader leaves; throws where a later one came first. */
export function firstTimes(heard: readonly string[]): readonly string[] {
  const last = new Map<string, number>();
  return heard.filter((line) => {
    const [event = '', seq] = line.split(' ');
    if (Number(seq) <= (last.get(event) ?? 0)) return false;
    last.set(event, Number(seq));
    return true;
  });
}
