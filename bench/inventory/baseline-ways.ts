/**
 * How others hold tickets, one request at a time, on throw-away tables: the bare minimum that does
 * not oversell. No windows, no caps, no idempotency, no facts, one insert, one counter.
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Outcome } from './tally.ts';

export const baselineSchema = `
  create schema bench;
  create table bench.sale (
    event_id text primary key, capacity int not null, version int not null default 0,
    held int not null default 0 check (held <= capacity));
  create table bench.hold (
    event_id text not null, hold_id text not null, person text not null, key text not null,
    quantity int not null, expires_at timestamptz not null, primary key (event_id, hold_id));
  create table bench.ticket (
    event_id text not null, ticket_no int not null, hold_id text,
    primary key (event_id, ticket_no));
  create index ticket_free on bench.ticket (event_id, ticket_no) where hold_id is null;`;

export type Ask = { readonly eventId: string; readonly person: string; readonly key: string };
/** Resolves after the commit. */
export type Hold = (ask: Ask) => Promise<Outcome>;

const RETRIES_MAX = 1_000;
const SOLD_OUT: Outcome = { refused: 'sold_out' };

const insertHold =
  'insert into bench.hold (event_id, hold_id, person, key, quantity, expires_at)' as const;
const until = `clock_timestamp() + interval '10 minutes'`;

type Run = (name: string, text: string, values: readonly unknown[]) => Promise<pg.QueryResult>;

async function inTransaction<T>(pool: pg.Pool, work: (run: Run) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const value = await work((name, text, values) =>
      client.query({ name, text, values: [...values] }),
    );
    await client.query('commit');
    client.release();
    return value;
  } catch (error) {
    // A connection in an unknown state does not go back to the pool.
    client.release(true);
    throw error;
  }
}

const freeOf = (found: pg.QueryResult) => Number(found.rows[0]?.free ?? 0);

/** The two writes that every locking way ends with. */
async function takeOne(run: Run, { eventId, person, key }: Ask): Promise<Outcome> {
  const id = randomUUID();
  await run('take', 'update bench.sale set held = held + 1 where event_id = $1', [eventId]);
  await run('place', `${insertHold} values ($1, $2, $3, $4, 1, ${until})`, [
    ...[eventId, id, person, key],
  ]);
  return { id };
}

export function rowLock(pool: pg.Pool): Hold {
  const text = 'select capacity - held as free from bench.sale where event_id = $1 for update';
  return (ask) =>
    inTransaction(pool, async (run) => {
      const isFree = freeOf(await run('row_lock', text, [ask.eventId])) > 0;
      return isFree ? takeOne(run, ask) : SOLD_OUT;
    });
}

export function advisoryLock(pool: pg.Pool): Hold {
  const lock = 'select pg_advisory_xact_lock(hashtextextended($1, 0))';
  const text = 'select capacity - held as free from bench.sale where event_id = $1';
  return (ask) =>
    inTransaction(pool, async (run) => {
      await run('advisory', lock, [ask.eventId]);
      // A statement of its own: it must not see the world as it was before the lock.
      const isFree = freeOf(await run('advisory_free', text, [ask.eventId])) > 0;
      return isFree ? takeOne(run, ask) : SOLD_OUT;
    });
}

export function conditionalUpdate(pool: pg.Pool): Hold {
  const text = `
    with taken as (update bench.sale set held = held + 1
      where event_id = $1 and held < capacity returning event_id)
    ${insertHold} select event_id, $2, $3, $4, 1, ${until} from taken`;
  return async ({ eventId, person, key }) => {
    const id = randomUUID();
    const values = [eventId, id, person, key];
    const { rowCount } = await pool.query({ name: 'conditional', text, values });
    return rowCount === 1 ? { id } : SOLD_OUT;
  };
}

export function optimisticVersion(pool: pg.Pool): Hold {
  const read = 'select version, capacity - held as free from bench.sale where event_id = $1';
  const text = `
    with taken as (update bench.sale set held = held + 1, version = version + 1
      where event_id = $1 and version = $5 and held < capacity returning event_id)
    ${insertHold} select event_id, $2, $3, $4, 1, ${until} from taken`;
  return async ({ eventId, person, key }) => {
    const id = randomUUID();
    for (let attempt = 0; attempt < RETRIES_MAX; attempt += 1) {
      const seen = await pool.query({ name: 'version', text: read, values: [eventId] });
      if (freeOf(seen) <= 0) return SOLD_OUT;
      const values = [eventId, id, person, key, seen.rows[0]?.version];
      const { rowCount } = await pool.query({ name: 'optimistic', text, values });
      if (rowCount === 1) return { id };
    }
    return { refused: 'busy' };
  };
}

/** One row for each ticket, made before the sale. */
export function skipLocked(pool: pg.Pool): Hold {
  const text = `
    with picked as (select event_id, ticket_no from bench.ticket
      where event_id = $1 and hold_id is null
      order by ticket_no limit 1 for update skip locked),
    taken as (update bench.ticket t set hold_id = $2 from picked p
      where t.event_id = p.event_id and t.ticket_no = p.ticket_no returning t.event_id)
    ${insertHold} select event_id, $2, $3, $4, 1, ${until} from taken`;
  return async ({ eventId, person, key }) => {
    const id = randomUUID();
    const values = [eventId, id, person, key];
    const { rowCount } = await pool.query({ name: 'skip_locked', text, values });
    return rowCount === 1 ? { id } : SOLD_OUT;
  };
}

export async function openBaselineEvent(
  pool: pg.Pool,
  eventId: string,
  sale: { readonly capacity: number; readonly rowPerTicket: boolean },
): Promise<void> {
  await pool.query('insert into bench.sale (event_id, capacity) values ($1, $2)', [
    ...[eventId, sale.capacity],
  ]);
  if (!sale.rowPerTicket) return;
  await pool.query(
    `insert into bench.ticket (event_id, ticket_no)
     select $1, n from generate_series(1, $2) as n`,
    [eventId, sale.capacity],
  );
}
