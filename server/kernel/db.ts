/**
 * Connections and transactions.
 *
 * `Db` and `Tx` are different types: only an entry point (route, job, command) holds a `Db` and may
 * open a transaction, so nesting does not compile, and no request waits for a second connection
 * while it keeps a first one. Door functions of rooms take a `Tx`.
 *
 * `inTx` commits when its callback returns ok and **rolls back when it returns a refusal**. It runs
 * the callback again on a serialization failure or a deadlock, at most TRANSACTION_ATTEMPTS_MAX
 * times, and turns a timeout of a lock, a statement or the pool into the refusal `busy`. Everything
 * else is a fault and is thrown.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { assert, type Refusal, type Refused, type Result, refused } from './result.ts';
import type { Statement } from './sql.ts';

export const TRANSACTION_ATTEMPTS_MAX = 4;
const RETRY_BASE_MS = 5;
/** A caller waits for a connection as long as for a lock; connecting itself may take as long. */
/** No snapshot of the audit may hold clean-up back for longer while places are being sold. */
export const AUDIT_STATEMENT_MAX_MS = 500;
const POOL_WAIT_MAX_MS = 3_000;
/** Callers beyond this are told `busy` at once: their turn would not come in time. */
const WAITING_PER_CONNECTION = 100;

/** SQLSTATEs after which the same transaction may simply be run again. */
const RETRYABLE = new Set(['40001', '40P01']);
/** SQLSTATEs that mean "somebody is in the way": lock timeout and statement timeout. */
const BUSY = new Set(['55P03', '57014']);
/**
 * SQLSTATEs and driver codes that mean "the database is away for the moment": the connection is
 * lost or was ended (08, 57P, and 25P03: a transaction that stood still), the server is full (53).
 */
const AWAY = new Set([
  ...['08000', '08001', '08003', '08004', '08006', '25P03'],
  ...['53000', '53100', '53200', '53300', '57P01', '57P02', '57P03', '57P05'],
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  // The socket of the embedded server is a file; a name that cannot be looked up.
  ...['ENOENT', 'ENOTFOUND', 'EAI_AGAIN'],
]);
/** What the driver says, without a code, of a connection that is gone. */
const GONE =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout)/;

pg.types.setTypeParser(pg.types.builtins.INT8, (raw) => {
  const value = Number(raw);
  assert(Number.isSafeInteger(value), 'a bigint from the database is not a safe integer');
  return value;
});
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

export type DbTimings = {
  readonly poolWaited: (seconds: number) => void;
  readonly transactionTook: (seconds: number) => void;
  readonly retried: (sqlState: string) => void;
};

export type Db = {
  readonly kind: 'db';
  readonly pool: pg.Pool;
  /** How many callers may wait for a connection. */
  readonly waitingMax: number;
  readonly timings: DbTimings;
};

export type Tx = {
  readonly kind: 'tx';
  readonly client: pg.ClientBase;
};

export type Queryable = Db | Tx;

export type Busy = Refusal & { readonly code: 'busy' };

export type DbRole = 'fanfare_app' | 'fanfare_lane' | 'fanfare_auditor';

const silent: DbTimings = {
  poolWaited: () => {},
  transactionTook: () => {},
  retried: () => {},
};

/**
 * A pool whose sessions act as `role` and carry the limits of the selling side: a lock is waited
 * for at most 3 s, a statement runs at most 10 s, and a frozen process loses its locks after 5 s.
 */
export function openDb(options: {
  readonly url: string;
  readonly role: DbRole | null;
  readonly maxConnections: number;
  readonly waitingMax?: number;
  readonly name: string;
  readonly timings?: DbTimings;
  readonly onError?: (error: Error) => void;
  /** How long one statement, and so its snapshot, may take. */
  readonly statementMaxMs?: number;
  /** An answer that takes longer is given up, with its connection: the server may be gone. */
  readonly answerMaxMs?: number;
}): Db {
  const settings = [
    'lock_timeout=3s',
    `statement_timeout=${options.statementMaxMs ?? 10_000}ms`,
    'idle_in_transaction_session_timeout=5s',
    'default_transaction_isolation=read\\ committed',
    'timezone=UTC',
    'jit=off',
  ];
  if (options.role) settings.push(`role=${options.role}`);
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    application_name: `fanfare ${options.name}`,
    connectionTimeoutMillis: POOL_WAIT_MAX_MS,
    ...(options.answerMaxMs === undefined ? {} : { query_timeout: options.answerMaxMs }),
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
  });
  // An idle connection that dies is replaced at the next use; unheard, the error ends the process.
  pool.on('error', (error) => options.onError?.(error));
  // The server's last words may stand in the same packet as its first: before anybody can listen.
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    kind: 'db',
    pool,
    waitingMax: options.waitingMax ?? options.maxConnections * WAITING_PER_CONNECTION,
    timings: options.timings ?? silent,
  };
}

export async function closeDb(db: Db): Promise<void> {
  await db.pool.end();
}

/** Runs one statement; outside a transaction it is its own. */
export async function all<Row>(on: Queryable, statement: Statement<Row>): Promise<readonly Row[]> {
  const query = { name: statement.name, text: statement.text, values: [...statement.values] };
  const result =
    on.kind === 'tx' ? await on.client.query(query) : await alone(on, (c) => c.query(query));
  return result.rows.map((raw: Record<string, unknown>) => statement.decode(raw));
}

export async function maybe<Row>(on: Queryable, statement: Statement<Row>): Promise<Row | null> {
  const found = await all(on, statement);
  assert(found.length <= 1, `expected at most one row, got ${found.length}`);
  return found[0] ?? null;
}

export async function one<Row>(on: Queryable, statement: Statement<Row>): Promise<Row> {
  const found = await all(on, statement);
  const [row] = found;
  assert(row !== undefined && found.length === 1, `expected one row, got ${found.length}`);
  return row;
}

/** Runs a statement for its effect; returns how many rows it touched. */
export async function run(on: Queryable, statement: Statement<unknown>): Promise<number> {
  const query = { name: statement.name, text: statement.text, values: [...statement.values] };
  const result =
    on.kind === 'tx' ? await on.client.query(query) : await alone(on, (c) => c.query(query));
  return result.rowCount ?? 0;
}

/**
 * A statement of its own is a transaction: after a deadlock nothing of it is left, and it is run
 * again as `inTx` runs its callback again.
 */
async function alone<T>(db: Db, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(db, use);
    } catch (error) {
      const state = sqlStateOf(error);
      if (!RETRYABLE.has(state) || attempt === TRANSACTION_ATTEMPTS_MAX) throw error;
      db.timings.retried(state);
      await pauseBeforeRetry(attempt);
    }
  }
}

/** All connections are taken, and so is the place in the queue for them. */
class PoolFull extends Error {
  override readonly name = 'PoolFull';
}

async function withClient<T>(db: Db, use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  // Whoever holds a connection and waits for a second one can wait for themselves.
  assertOutsideTx('a statement of its own');
  const { client, release } = await takeClient(db);
  try {
    const result = await use(client);
    release();
    return result;
  } catch (error) {
    // A connection that died must not go back to the pool; a refused statement may.
    release(error instanceof Error && isAway(error) ? error : undefined);
    throw error;
  }
}

/** A connection of the pool; `release` gives it back, once, or ends it where it is broken. */
export async function takeClient(
  db: Db,
): Promise<{ client: pg.PoolClient; release: (broken?: Error) => void }> {
  if (db.pool.waitingCount >= db.waitingMax) throw new PoolFull('too many wait for a connection');
  const askedAt = performance.now();
  const client = await db.pool.connect();
  db.timings.poolWaited((performance.now() - askedAt) / 1000);
  let lost: Error | undefined;
  // A connection can die between two statements; unheard, that error would end the process.
  const onError = (error: Error) => {
    lost = error;
  };
  client.on('error', onError);
  let isReleased = false;
  return {
    client,
    release: (broken) => {
      if (isReleased) return;
      isReleased = true;
      client.off('error', onError);
      client.release(broken ?? lost);
    },
  };
}

const insideTx = new AsyncLocalStorage<true>();

let transactions = 0;

/**
 * While nobody is in a transaction nothing is tracked: Node 20 follows every promise of the process
 * for as long as such a store is in use, some microseconds of each request.
 */
async function inside<T>(work: () => Promise<T>): Promise<T> {
  transactions += 1;
  try {
    return await insideTx.run(true, work);
  } finally {
    transactions -= 1;
    if (transactions === 0) insideTx.disable();
  }
}

/** Adapters call this: the world outside is never waited for while locks are held. */
export function assertOutsideTx(what: string): void {
  assert(insideTx.getStore() === undefined, `${what} was called inside a transaction`);
}

export function busy(): Refused<Busy> {
  return refused('busy', { detail: 'Many people want this at once. Try again in a moment.' });
}

/** The same transaction may simply be run again: a deadlock, or a serialization failure. */
export function isRetryable(error: unknown): boolean {
  return RETRYABLE.has(sqlStateOf(error));
}

export type TxOptions = {
  /** Instead of the session's own role. */
  readonly role?: DbRole;
  readonly isolation?: 'read committed' | 'repeatable read';
};

/** The part of a context that a transaction needs. */
export type TxScope = {
  readonly db: Db;
  readonly actor: string;
  readonly requestId: string | null;
  /** Stores the answer under the request's idempotency key, in this transaction. */
  readonly once: { readonly complete: (tx: Tx, value: unknown) => Promise<void> } | null;
};

export async function inTx<Outcome extends Result<unknown, Refusal>>(
  scope: TxScope,
  work: (tx: Tx) => Promise<Outcome>,
  options: TxOptions = {},
): Promise<Outcome | Refused<Busy>> {
  assertOutsideTx('inTx');
  const { db } = scope;
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(db, (client) => attemptTx(scope, client, work, options));
    } catch (error) {
      if (isBusy(error)) return busy();
      if (!isRetryable(error) || attempt === TRANSACTION_ATTEMPTS_MAX) throw error;
      db.timings.retried(sqlStateOf(error));
      await pauseBeforeRetry(attempt);
    }
  }
}

/**
 * Statements that all see one moment, however much is committed between them. They take no lock
 * and wait for none. Throws as a statement of its own does.
 */
export function inSnapshot<T>(db: Db, read: (tx: Tx) => Promise<T>): Promise<T> {
  return alone(db, async (client) => {
    await client.query('begin isolation level repeatable read read only');
    try {
      return await inside(() => read({ kind: 'tx', client }));
    } finally {
      // Nothing was written: there is nothing to keep, and where the connection is gone, no more
      // to say than the first error does.
      await client.query('rollback').catch(() => {});
    }
  });
}

/** One attempt of `inTx` on a connection that the caller has. */
export async function attemptTx<Outcome extends Result<unknown, Refusal>>(
  scope: TxScope,
  client: pg.PoolClient,
  work: (tx: Tx) => Promise<Outcome>,
  options: TxOptions,
): Promise<Outcome> {
  const isolation = options.isolation ?? 'read committed';
  const startedAt = performance.now();
  // One round trip: the audit log's trigger reads who acts from these settings.
  await client.query(
    `begin isolation level ${isolation};
     ${options.role ? `set local role ${options.role};` : ''}
     set local fanfare.actor = '${label(scope.actor)}';
     set local fanfare.request_id = '${label(scope.requestId ?? '')}'`,
  );
  try {
    const result = await inside(() => work({ kind: 'tx', client }));
    if (result.ok) await scope.once?.complete({ kind: 'tx', client }, result.value);
    const { command } = await client.query(result.ok ? 'commit' : 'rollback');
    // PostgreSQL answers the commit of a failed transaction with a rollback, and no error.
    assert(!result.ok || command === 'COMMIT', 'a statement failed, unheard, before the commit');
    return result;
  } catch (error) {
    // Where the connection itself is gone the server has rolled back; the first error is the cause.
    if (!isAway(error)) await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    scope.db.timings.transactionTook((performance.now() - startedAt) / 1000);
  }
}

/** Only what an id or a job's name is made of can reach the statement's text. */
function label(text: string): string {
  return text.replace(/[^A-Za-z0-9_:.-]/g, '').slice(0, 100);
}

export async function pauseBeforeRetry(attempt: number): Promise<void> {
  const ms = RETRY_BASE_MS * 2 ** attempt * (0.5 + Math.random());
  await new Promise((resolve) => setTimeout(resolve, ms));
}

export function sqlStateOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return String(error.code);
}

/** Somebody is in the way: of a row, of the processor, or of a connection. */
export function isBusy(error: unknown): boolean {
  return BUSY.has(sqlStateOf(error)) || error instanceof PoolFull || isPoolTimeout(error);
}

/** The database cannot be reached now; the same request may work in a moment. */
export function isAway(error: unknown): boolean {
  if (AWAY.has(sqlStateOf(error))) return true;
  return error instanceof Error && GONE.test(error.message);
}

function isPoolTimeout(error: unknown): boolean {
  return (
    error instanceof Error && error.message.includes('timeout exceeded when trying to connect')
  );
}
