/** The consumer: a fact becomes a message for each endpoint of its event's organizer. */
import type { Consumer } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import { run } from '../../kernel/db.ts';
import type { FactDefinitions } from '../../kernel/facts.ts';
import { newScopedId, type OrganizerId } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';
import type { Relayed } from '../../kernel/relay.ts';
import { insertDeliveries } from './delivery.sql.ts';
import { SEND_JOB, type SendJob } from './jobs.ts';
import { ownerOf, takersOf } from './takers.ts';

/** What comes with every hold has to be asked for by name. */
const FREQUENT = 'ticket_availability';

export function webhooksConsumer(facts: FactDefinitions): Consumer {
  const isFrequent = (kind: string) => facts[kind]?.topic === FREQUENT;
  return {
    name: 'webhooks',
    kinds: Object.keys(facts),
    keyOf: (fact) => fact.eventId,
    handle: async (ctx, fact) => {
      const organizerId = await organizerOfFact(ctx, fact);
      if (organizerId === null) return;
      const { kind } = fact;
      const wanting = (await takersOf(ctx, organizerId)).filter(({ kinds }) =>
        kinds === null ? !isFrequent(kind) : kinds.includes(kind),
      );
      if (wanting.length === 0) return;
      const to = wanting.map(({ endpointId }) => ({
        endpointId,
        deliveryId: newScopedId(ctx.ids, 'whd', endpointId),
      }));
      const body = messageOf(kind, fact.at, bodyOf(fact));
      await run(ctx.db, insertDeliveries({ ...fact, body }, to, ctx.clock.now()));
      // What comes too late for a job that is just ending is found by what looks for due ones.
      for (const { endpointId, isActive } of wanting) {
        if (!isActive) continue;
        const data: SendJob = { endpointId };
        await enqueue(ctx.db, { kind: SEND_JOB, key: endpointId, data, onlyIfMissing: true });
      }
      ctx.wakeJobs();
    },
  };
}

const bodyOf = ({ eventId, seq, version, data }: Relayed) => ({ ...data, eventId, seq, version });

/** As Standard Webhooks has it. */
export function messageOf(type: string, at: Date, data: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}

/** An event that was deleted names its organizer in the fact that says so. */
async function organizerOfFact(ctx: Ctx, fact: Relayed): Promise<OrganizerId | null> {
  const { organizerId } = fact.data;
  // Written by the catalogue, from its own row.
  if (typeof organizerId === 'string') return organizerId as OrganizerId;
  return ownerOf(ctx, fact.eventId);
}
