/**
 * The consumer that publishes: every fact on the topic of all facts, where they are in order for
 * each event whatever they are about, and on the topic of its kind. Slice by slice, and none is
 * passed before the bus has it.
 */
import type { Consumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import type { BusMessage, FactBus } from './fact-bus.ts';
import { messageOf } from './fact-envelope.ts';
import type { FactDefinitions, Topic } from './facts.ts';
import { groupBy } from './group-by.ts';
import type { Relayed } from './relay.ts';

/** The topic of all facts: what our own consumers read. */
export const ALL_FACTS = 'facts';

/** What a topic's messages say beside the fact, by the number of the fact. */
type Beside = (ctx: Ctx, facts: readonly Relayed[]) => Promise<ReadonlyMap<number, object>>;

export type SinkOptions = {
  readonly name: string;
  readonly bus: FactBus;
  readonly definitions: FactDefinitions;
  readonly beside: Readonly<Partial<Record<Topic, Beside>>>;
};

export function createSink({ name, bus, definitions, beside }: SinkOptions): Consumer {
  const publish = async (ctx: Ctx, facts: readonly Relayed[]) => {
    // A kind of a newer version has no topic here; it is among all facts even so.
    const placed = facts.map((fact) => ({ fact, topic: definitions[fact.kind]?.topic }));
    const known = placed.flatMap(({ fact, topic }) => (topic ? [{ fact, topic }] : []));
    const more = new Map<number, object>();
    for (const [topic, those] of groupBy(known, (each) => each.topic)) {
      const told = await beside[topic]?.(
        ctx,
        those.map(({ fact }) => fact),
      );
      for (const [n, members] of told ?? []) more.set(n, members);
    }
    const messages = placed.flatMap(({ fact, topic }): BusMessage[] => [
      messageOf(ALL_FACTS, fact),
      ...(topic ? [messageOf(topic, fact, more.get(fact.n))] : []),
    ]);
    await bus.publish(messages);
    for (const { topic } of known) ctx.metrics.factsPublished.inc({ topic });
  };
  return {
    name,
    kinds: Object.keys(definitions),
    takesAll: true,
    keyOf: (fact) => fact.eventId,
    beginsWithSlowest: true,
    handle: (ctx, fact) => publish(ctx, [fact]),
    handleMany: publish,
  };
}
