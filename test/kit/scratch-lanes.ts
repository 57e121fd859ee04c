/**
 * A lane's call that does next to nothing, for tests of the lanes: it takes the event's lock and
 * writes down each word that it is told, once. Some words misbehave.
 */
import type { Clock } from '../../server/kernel/clock.ts';
import { databaseClock } from '../../server/kernel/clock.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import { createLanes, type LaneKind, type Lanes } from '../../server/kernel/lanes.ts';
import { createMetrics } from '../../server/kernel/metrics.ts';
import { listOf, rows, text } from '../../server/kernel/sql.ts';
import { connect } from './kernel.ts';
import { openSession } from './variants.ts';

export type Say = { readonly word: string };

/**
 * poison: a data error. once-SQLSTATE: that error, the first time. never-SQLSTATE: every time.
 * after-N: undecided for N calls. late: the commit waits for the row of scratch.inner.
 */
const SCHEMA = `
create schema scratch;
create table scratch.door (event_id text primary key);
create table scratch.inner (only_row boolean primary key);
insert into scratch.inner values (true);
create table scratch.said (
  seq bigint generated always as identity, event_id text, word text, batch xid8, size int,
  role text, told_at timestamptz, pid int, primary key (event_id, word));
create table scratch.effect (event_id text, word text);
create table scratch.failure (id bigint generated always as identity);
create sequence scratch.tries;
create function scratch.wait_inside() returns trigger language plpgsql as $$
begin
  if new.word like 'late%' then perform from scratch.inner for update; end if;
  return null;
end $$;
create constraint trigger late after insert on scratch.said deferrable initially deferred
  for each row execute function scratch.wait_inside();
create function scratch.say(p_event text, p_now timestamptz, p_requests jsonb) returns jsonb
language plpgsql as $$
declare
  r record;
  v_answers jsonb := '[]';
  v_verdict text;
begin
  perform from scratch.door d where d.event_id = p_event for no key update;
  for r in select x.word from jsonb_to_recordset(p_requests) as x(word text) loop
    v_verdict := 'said ' || r.word;
    if r.word like 'poison%' then
      raise exception 'poison' using errcode = '22000';
    elsif r.word like 'once-%' and nextval('scratch.tries') = 1 then
      raise exception 'once' using errcode = split_part(r.word, '-', 2);
    elsif r.word like 'never-%' then
      perform nextval('scratch.tries');
      raise exception 'never' using errcode = split_part(r.word, '-', 2);
    elsif r.word like 'after-%' and nextval('scratch.tries') <= split_part(r.word, '-', 2)::int then
      v_verdict := 'again';
    end if;
    if v_verdict <> 'again' then
      insert into scratch.said (event_id, word, batch, size, role, told_at, pid)
      values (p_event, r.word, pg_current_xact_id(), jsonb_array_length(p_requests),
        current_role, p_now, pg_backend_pid())
      on conflict do nothing;
      if found then insert into scratch.effect values (p_event, r.word); end if;
    end if;
    v_answers := v_answers || to_jsonb(v_verdict);
  end loop;
  return v_answers;
end $$;
grant usage on schema scratch to fanfare_lane, fanfare_app;
grant all on all tables in schema scratch to fanfare_lane, fanfare_app;
grant all on all sequences in schema scratch to fanfare_lane, fanfare_app;
`;

export const callSay = (eventId: EventId, now: Date | null, requests: string) =>
  rows({
    answers: listOf(text),
  })`select scratch.say(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export type SayKind = LaneKind<Say, string>;

export const sayKind: SayKind = {
  name: 'say',
  rank: 2,
  queueMax: 1_000,
  batchMax: 100,
  waitMaxMs: null,
  call: callSay,
};

export type Said = {
  readonly word: string;
  readonly batch: string;
  readonly size: number;
  readonly role: string;
  readonly told_at: Date | null;
  readonly pid: number;
};

export type Scratch = Awaited<ReturnType<typeof openScratch>>;

export async function openScratch(url: string) {
  const outside = await connect(url);
  await outside.query(SCHEMA);
  const made: Lanes[] = [];
  let events = 0;
  const ofEvent = async <Row>(text: string, eventId: EventId) =>
    (await outside.query(text, [eventId])).rows as Row[];
  return {
    url,
    outside,
    lanes: (options: { connections?: number; url?: string } = {}): Lanes => {
      const lanes = createLanes({
        url: options.url ?? url,
        connections: options.connections ?? 3,
        metrics: createMetrics(),
        onError: () => {},
      });
      let closed: Promise<void> | undefined;
      const own = { ...lanes, close: () => (closed ??= lanes.close()) };
      made.push(own);
      return own;
    },
    newEvent: async (): Promise<EventId> => {
      events += 1;
      await outside.query('insert into scratch.door values ($1)', [`evt_${events}`]);
      await outside.query(`select setval('scratch.tries', 1, false)`);
      // Made as an id is.
      return `evt_${events}` as EventId;
    },
    /** What was said, in order, and how often it took effect. */
    said: (eventId: EventId) =>
      ofEvent<Said>('select * from scratch.said where event_id = $1 order by seq', eventId),
    effects: async (eventId: EventId) =>
      (
        await ofEvent<{ word: string }>(
          'select word from scratch.effect where event_id = $1 order by word',
          eventId,
        )
      ).map((row) => row.word),
    /** Somebody else has the event's lock until they open the door. */
    shut: async (eventId: EventId) => {
      const session = await openSession(url);
      await session.query('select from scratch.door where event_id = $1 for update', [eventId]);
      let isOpen = false;
      return {
        pid: session.pid,
        open: async () => {
          if (isOpen) return;
          isOpen = true;
          await session.rollback();
          await session.end();
        },
      };
    },
    close: async () => {
      for (const lanes of made) await lanes.close();
      await outside.end();
    },
  };
}

export const scopeOf = (lanes: Lanes, more: { clock?: Clock; isGone?: () => boolean } = {}) => ({
  lanes,
  clock: databaseClock,
  ...more,
});
