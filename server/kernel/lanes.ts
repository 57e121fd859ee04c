/**
 * Lanes: how many callers change one event in one durable commit.
 *
 * PostgreSQL holds a row's lock until the commit is on disk, so a row that everybody wants changes
 * hands once per flush. A lane takes all requests for one event that queued while the batch before
 * was being committed, and gives them to one SQL function in one call: one lock, one flush, a
 * verdict for each, in arrival order. There is no timer: an idle lane starts at once.
 *
 * - A reply is given only after the commit.
 * - Kinds of a lower rank go first, and each kind has a queue of its own bound: a flood of holds
 *   delays or refuses nobody who is paying. Beyond the bound the answer is `busy`.
 * - One connection for a busy event, of a pool that only lanes use. While others wait for one, a
 *   lane gives it back after each round: a hot event slows others down, it cannot starve them.
 * - What needs several statements (staff changing what is on sale) takes a turn between batches.
 *
 * Correctness never depends on a lane: the functions lock the event themselves, and other processes
 * have lanes of their own. Every function may be called again with the same requests and answers
 * alike; that is how a batch is looked up whose connection broke before its answer came.
 */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { Clock } from './clock.ts';
import {
  all,
  assertOutsideTx,
  attemptTx,
  type Busy,
  busy,
  closeDb,
  type Db,
  isAway,
  isBusy,
  isRetryable,
  openDb,
  pauseBeforeRetry,
  TRANSACTION_ATTEMPTS_MAX,
  type Tx,
  type TxScope,
  takeClient,
} from './db.ts';
import type { EventId } from './ids.ts';
import { terminateBackend } from './lane.sql.ts';
import type { LaneKind } from './lane-kind.ts';
import { createQueues, type Queues, type Waiting } from './lane-queues.ts';
import type { Metrics } from './metrics.ts';
import { assert, ok, type Refusal, type Refused, type Result } from './result.ts';

export type { LaneKind } from './lane-kind.ts';

/** A transaction between two batches of this event. Only such a one may change what is on sale. */
export type Turn = Tx & { readonly eventId: EventId };

/** What a lane needs of whoever asks. */
export type LaneScope = {
  readonly lanes: Lanes;
  readonly clock: Clock;
  /** Whether the caller has gone: nobody would learn of what is done for them. */
  readonly isGone?: () => boolean;
};

export type Lanes = {
  readonly ask: <Request, Answer>(
    scope: LaneScope,
    kind: LaneKind<Request, Answer>,
    eventId: EventId,
    request: Request,
  ) => Promise<Result<Answer, Busy>>;
  readonly turn: <Outcome extends Result<unknown, Refusal>>(
    scope: TxScope,
    eventId: EventId,
    work: (turn: Turn) => Promise<Outcome>,
  ) => Promise<Outcome | Refused<Busy>>;
  /** Tells of every batch (of what kind) and turn (null) that was committed, by event. */
  readonly onCommit: (listener: CommitListener) => void;
  /** Waits for what is queued, then ends the connections. */
  readonly close: () => Promise<void>;
};

type CommitListener = (eventId: EventId, kind: string | null) => void;

export type LanesOptions = {
  readonly url: string;
  /** How many events may be changed at once; each uses one connection while it is busy. */
  readonly connections: number;
  readonly metrics: Metrics;
  readonly onError: (error: Error) => void;
};

/** How often a batch is looked up again after its connection broke. */
const LOOK_UPS_MAX = 3;
const TURNS_QUEUED_MAX = 100;

type QueuedTurn = {
  /** Runs it and tells its caller; resolves with what it failed with, or null. */
  readonly take: (client: pg.PoolClient) => Promise<unknown>;
  readonly fail: (error: unknown) => void;
};

type Lane = {
  readonly eventId: EventId;
  readonly queues: Queues;
  readonly turns: QueuedTurn[];
  running: Promise<void> | null;
};

export function createLanes(options: LanesOptions): Lanes {
  const engine = createEngine(options);
  const lanes = new Map<EventId, Lane>();
  const laneOf = (eventId: EventId): Lane => {
    const known = lanes.get(eventId);
    if (known) return known;
    const lane: Lane = { eventId, queues: createQueues(), turns: [], running: null };
    lanes.set(eventId, lane);
    return lane;
  };
  const start = (lane: Lane) => {
    // After the input at hand has been read, so that what came together goes together.
    lane.running ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => drain(engine, lane))
      .finally(() => {
        lane.running = null;
        if (isIdle(lane)) lanes.delete(lane.eventId);
        else start(lane);
      });
  };
  return {
    ask: ({ clock, isGone }, kind, eventId, request) =>
      new Promise((resolve, reject) => {
        assertOutsideTx('a lane');
        const lane = laneOf(eventId);
        const waiting = { request, clock, isGone, since: performance.now(), resolve, reject };
        if (!lane.queues.add(kind, waiting)) {
          options.metrics.laneRefused.inc({ kind: kind.name });
          resolve(busy());
        }
        start(lane);
      }),
    turn: (scope, eventId, work) => {
      assertOutsideTx('a turn of a lane');
      const lane = laneOf(eventId);
      if (lane.turns.length >= TURNS_QUEUED_MAX) return Promise.resolve(busy());
      return new Promise((resolve, reject) => {
        const fail = (error: unknown) => (isBusy(error) ? resolve(busy()) : reject(error));
        const take = async (client: pg.PoolClient) => {
          try {
            resolve(await takeTurn(engine, client, scope, eventId, work));
            return null;
          } catch (error) {
            fail(error);
            return error;
          }
        };
        lane.turns.push({ take, fail });
        start(lane);
      });
    },
    onCommit: engine.listen,
    close: async () => {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map((lane) => lane.running));
      await closeDb(engine.db);
    },
  };
}

function createEngine(options: LanesOptions): Engine {
  // Distinct for each process, so that a backend is recognised as one of ours.
  const name = `lane ${randomBytes(6).toString('hex')}`;
  const db = openDb({
    url: options.url,
    role: 'fanfare_lane',
    maxConnections: options.connections,
    waitingMax: Number.MAX_SAFE_INTEGER,
    name,
    onError: options.onError,
  });
  const listeners: CommitListener[] = [];
  return {
    db,
    options,
    applicationName: `fanfare ${name}`,
    listen: (listener) => listeners.push(listener),
    committed: (eventId, kind) => {
      for (const listener of listeners) listener(eventId, kind);
    },
  };
}

/** A transaction of several statements on one event, between two of its batches; as `inTx`. */
export function inTurn<Outcome extends Result<unknown, Refusal>>(
  scope: TxScope & { readonly lanes: Lanes },
  eventId: EventId,
  work: (turn: Turn) => Promise<Outcome>,
): Promise<Outcome | Refused<Busy>> {
  return scope.lanes.turn(scope, eventId, work);
}

function isIdle(lane: Lane): boolean {
  return lane.queues.isEmpty() && lane.turns.length === 0;
}

type Engine = {
  readonly db: Db;
  readonly applicationName: string;
  readonly committed: CommitListener;
  readonly listen: (listener: CommitListener) => void;
  readonly options: LanesOptions;
};

/** A lane's connection while it is busy; replaced when it breaks. */
type Grip = { client: pg.PoolClient; release: (broken?: Error) => void };

async function drain(engine: Engine, lane: Lane): Promise<void> {
  let grip: Grip;
  try {
    grip = await takeClient(engine.db);
  } catch (error) {
    return failAll(lane, error);
  }
  try {
    while (!isIdle(lane)) {
      await round(engine, lane, grip);
      if (isIdle(lane) || engine.db.pool.waitingCount === 0) continue;
      // Somebody else's event waits for a connection: to the end of the queue.
      grip.release();
      grip = await takeClient(engine.db);
    }
  } catch (error) {
    failAll(lane, error);
  } finally {
    grip.release();
  }
}

/** At most one turn, then at most one batch of each kind, in the order of their ranks. */
async function round(engine: Engine, lane: Lane, grip: Grip): Promise<void> {
  const failure = await lane.turns.shift()?.take(grip.client);
  if (isAway(failure)) await replace(engine, grip, failure);
  for (const kind of lane.queues.kinds()) {
    const batch = lane.queues.take(kind);
    engine.options.metrics.laneBatch.observe({ kind: kind.name }, batch.length);
    try {
      if (batch.length > 0) await runBatch(engine, lane, grip, kind, batch);
    } catch (error) {
      // Parts of it may have their answers; a second one changes nothing.
      settle(batch, (waiting) => waiting.reject(error));
      throw error;
    }
  }
}

type AnyKind = LaneKind<unknown, unknown>;

/** Runs a batch to its end, whatever that is for each of its requests; throws if it cannot. */
async function runBatch(
  engine: Engine,
  lane: Lane,
  grip: Grip,
  kind: AnyKind,
  batch: readonly Waiting[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answers = await call(engine, grip.client, kind, lane.eventId, batch);
      engine.committed(lane.eventId, kind.name);
      return answer(lane.queues, kind, batch, answers);
    } catch (error) {
      if (isBusy(error)) return settle(batch, (waiting) => waiting.resolve(busy()));
      if (isRetryable(error) && attempt < TRANSACTION_ATTEMPTS_MAX) {
        await pauseBeforeRetry(attempt);
      } else if (isAway(error) && attempt <= LOOK_UPS_MAX) {
        await replace(engine, grip, error);
      } else if (isAway(error) || batch.length === 1) {
        return settle(batch, (waiting) => waiting.reject(error));
      } else {
        // One of them is poisoned; it fails alone.
        const half = batch.length >> 1;
        await runBatch(engine, lane, grip, kind, batch.slice(0, half));
        return runBatch(engine, lane, grip, kind, batch.slice(half));
      }
    }
  }
}

function answer(
  queues: Queues,
  kind: AnyKind,
  batch: readonly Waiting[],
  answers: readonly unknown[],
): void {
  const undecided: Waiting[] = [];
  batch.forEach((waiting, i) => {
    const isAgain = kind.isUndecided?.(answers[i]) && queues.mayWait(kind, waiting);
    if (isAgain) undecided.push(waiting);
    else waiting.resolve(ok(answers[i]));
  });
  queues.again(kind, undecided);
}

async function call(
  engine: Engine,
  client: pg.PoolClient,
  kind: AnyKind,
  eventId: EventId,
  batch: readonly Waiting[],
): Promise<readonly unknown[]> {
  const now = batch[0]?.clock.now() ?? null;
  const requests = JSON.stringify(batch.map((waiting) => waiting.request));
  const statement = kind.call(eventId, now, requests);
  const done = engine.options.metrics.laneSeconds.startTimer({ kind: kind.name });
  const { rows } = await client.query({
    name: statement.name,
    text: statement.text,
    values: [...statement.values],
  });
  done();
  assert(rows.length === 1, `a batch of ${kind.name} has no answer`);
  const { answers } = statement.decode(rows[0]);
  assert(answers.length === batch.length, `a batch of ${kind.name} has too few answers`);
  return answers;
}

/**
 * The connection broke, and nobody knows whether the batch was committed. The old backend is ended,
 * so that it cannot act after us; what it did is found by asking again, under the event's lock.
 */
async function replace(engine: Engine, grip: Grip, error: unknown): Promise<void> {
  const { processID } = grip.client as pg.PoolClient & { readonly processID?: number | null };
  grip.release(error instanceof Error ? error : new Error(String(error)));
  const next = await takeClient(engine.db);
  grip.client = next.client;
  grip.release = next.release;
  if (processID) await endBackend(next.client, processID, engine.applicationName);
}

/** As the user that has logged in: a role may not end the sessions of others. */
async function endBackend(client: pg.PoolClient, processId: number, name: string): Promise<void> {
  await client.query('set role none');
  await all({ kind: 'tx', client }, terminateBackend(processId, name));
  await client.query('set role fanfare_lane');
}

async function takeTurn<Outcome extends Result<unknown, Refusal>>(
  engine: Engine,
  client: pg.PoolClient,
  scope: TxScope,
  eventId: EventId,
  work: (turn: Turn) => Promise<Outcome>,
): Promise<Outcome | Refused<Busy>> {
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await attemptTx(scope, client, (tx) => work({ ...tx, eventId }), {
        role: 'fanfare_app',
      });
      if (outcome.ok) engine.committed(eventId, null);
      return outcome;
    } catch (error) {
      if (isBusy(error)) return busy();
      if (!isRetryable(error) || attempt === TRANSACTION_ATTEMPTS_MAX) throw error;
      await pauseBeforeRetry(attempt);
    }
  }
}

function settle(batch: readonly Waiting[], how: (waiting: Waiting) => void): void {
  for (const waiting of batch) how(waiting);
}

/** No connection: whoever waits is told so, and the lane begins anew with the next request. */
function failAll(lane: Lane, error: unknown): void {
  for (const turn of lane.turns.splice(0)) turn.fail(error);
  for (const waiting of lane.queues.takeAll()) {
    if (isBusy(error)) waiting.resolve(busy());
    else waiting.reject(error);
  }
}
