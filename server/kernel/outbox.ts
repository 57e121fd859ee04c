/**
 * Facts: what a room announces, in the past tense, in the transaction that makes it true. The relay
 * numbers and publishes them later; they carry ids, not personal data.
 */
import { run, type Tx } from './db.ts';
import type { EventId } from './ids.ts';
import { command } from './sql.ts';

export type Fact = {
  readonly kind: string;
  readonly eventId: EventId;
  readonly data: Readonly<Record<string, unknown>>;
};

const insertFacts = (eventIds: string[], kinds: string[], data: string[]) => command`
  insert into kernel.outbox (event_id, kind, data)
  select f.event_id, f.kind, f.data
  from unnest(${eventIds}::text[], ${kinds}::text[], ${data}::jsonb[]) as f(event_id, kind, data)`;

export async function record(tx: Tx, ...facts: readonly Fact[]): Promise<void> {
  if (facts.length === 0) return;
  await run(
    tx,
    insertFacts(
      facts.map((fact) => fact.eventId),
      facts.map((fact) => fact.kind),
      facts.map((fact) => JSON.stringify(fact.data)),
    ),
  );
}
