/**
 * The timeline of an event: every change of an order, ticket, payment, refund or of the event
 * itself, with its actor, in an order that is fixed once and hash-chained.
 *
 * What is chained is `kernel.state_change` and nothing else. The guards of the tables write it in
 * the transaction that makes the change, whoever makes it and by whatever statement, and triggers
 * add what changes without a state; facts (the outbox) say the same to subscribers, without an
 * actor, and may be thrown away once they are delivered.
 *
 * Sealing comes after: a line is chained once no transaction with a lower number runs any more,
 * about a second after its commit (timeline.fn.sql). Whoever sells writes one column more and waits
 * for nobody.
 */
import type { Ctx } from './context.ts';
import { all, type Db, one, type Queryable } from './db.ts';
import type { EventId } from './ids.ts';
import type { Recurring } from './jobs.ts';
import { bytes, int, intOrNull, listOf, rows, text, textOrNull } from './sql.ts';
import { type Change, firstHash, type Link, nextHash } from './timeline-chain.ts';

const SEAL_MS = 1_000;
/** In one transaction. */
const SEALED_AT_ONCE = 5_000;

const callSealChanges = (most: number) => rows({ sealed: int })`
  select kernel.seal_changes@v(${most}) as sealed`;

const sealed = {
  firstPosition: int,
  seqs: listOf(int),
  hashBefore: bytes,
  hash: bytes,
};

/** As JSON: the driver makes no numbers of a list of bigint. */
const selectSealed = (eventId: EventId, from: number, before: number) => rows(sealed)`
  select first_position as "firstPosition", to_json(seqs) as seqs, hash_before as "hashBefore", hash
  from kernel.timeline
  where event_id = ${eventId} and first_position >= coalesce((
    select max(t.first_position) from kernel.timeline t
    where t.event_id = ${eventId} and t.first_position <= ${from}
  ), 1) and first_position < ${before}
  order by first_position`;

const changeColumns = {
  seq: int,
  machine: text,
  objectId: text,
  from: textOrNull,
  to: text,
  actor: text,
  requestId: textOrNull,
  at: text,
  amountMinor: intOrNull,
  note: textOrNull,
};

const selectChanges = (eventId: EventId, seqs: readonly number[], least: number, last: number) =>
  rows(changeColumns)`
  select seq, machine, object_id as "objectId", from_state as "from", to_state as "to", actor,
    request_id as "requestId",
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
    amount_minor as "amountMinor", note
  from kernel.state_change
  where event_id = ${eventId} and seq = any(${seqs}::bigint[])
    and seq between ${least} and ${last}`;

const selectHead = (eventId: EventId) => rows({ position: int, hash: bytes })`
  select first_position + cardinality(seqs) - 1 as position, hash
  from kernel.timeline where event_id = ${eventId} order by first_position desc limit 1`;

/** Seals what is final, slice by slice, until nothing is left or somebody else is at it. */
export async function sealChanges(db: Db, atOnce = SEALED_AT_ONCE): Promise<number> {
  let total = 0;
  for (;;) {
    const { sealed: count } = await one(db, callSealChanges(atOnce));
    total += Math.max(0, count);
    if (count < atOnce) return total;
  }
}

export const sealRecurring: Recurring = {
  name: 'seal_timeline',
  everyMs: SEAL_MS,
  run: async (ctx: Ctx) => {
    await sealChanges(ctx.db);
  },
};

export type Head = { readonly position: number; readonly hash: string };

/** The last line that is chained; position 0 before the first. */
export async function headOf(on: Queryable, eventId: EventId): Promise<Head> {
  const [head] = await all(on, selectHead(eventId));
  const { position, hash } = head ?? { position: 0, hash: firstHash(eventId) };
  return { position, hash: hash.toString('hex') };
}

/** Sealed together: the lines that are there, by position, and the hashes around them. */
export type Stretch = {
  readonly firstPosition: number;
  /** Null where the line is gone. */
  readonly changes: readonly (Change | null)[];
  readonly hashBefore: Buffer;
  readonly hash: Buffer;
};

/** The stretches that hold the positions from one up to another, that one left out. */
export async function readStretches(
  on: Queryable,
  eventId: EventId,
  from: number,
  before: number,
): Promise<readonly Stretch[]> {
  const around = await all(on, selectSealed(eventId, from, before));
  // The first one may end before.
  const found = around.filter(({ firstPosition, seqs }) => firstPosition + seqs.length > from);
  const seqs = found.flatMap((stretch) => stretch.seqs);
  if (seqs.length === 0) return [];
  const least = seqs.reduce((a, b) => Math.min(a, b));
  const last = seqs.reduce((a, b) => Math.max(a, b));
  const changes = await all(on, selectChanges(eventId, seqs, least, last));
  const bySeq = new Map(changes.map(({ seq, ...change }) => [seq, change]));
  return found.map(({ firstPosition, seqs: own, hashBefore, hash }) => ({
    firstPosition,
    changes: own.map((seq, i) => {
      const change = bySeq.get(seq);
      return change ? { position: firstPosition + i, ...change } : null;
    }),
    hashBefore,
    hash,
  }));
}

/** At most so many lines from a position on, each with its hash. A line that is gone ends them. */
export async function readTimeline(
  on: Queryable,
  eventId: EventId,
  from: number,
  most: number,
): Promise<readonly Link[]> {
  const links: Link[] = [];
  for (const stretch of await readStretches(on, eventId, from, from + most)) {
    let hash = stretch.hashBefore;
    for (const change of stretch.changes) {
      if (change === null || links.length === most) return links;
      hash = nextHash(hash, eventId, change);
      if (change.position >= from) links.push({ ...change, hash: hash.toString('hex') });
    }
  }
  return links;
}
