/**
 * The switch that stops selling: everything, one organizer's events, or one event.
 *
 * It is thrown in memory, so it works in the process that is told at once, whatever the database
 * does. What is written down follows: into the database, tried again until it is there, on
 * connections that nobody else uses and that give up on an answer after ANSWER_MAX_MS. Other
 * processes read it from there, once in TICK_MS; so does a process that starts. A file in DATA_DIR
 * does the same for whoever has a shell on the machine, also where neither HTTP nor the database
 * answers.
 *
 * It only says no to what would begin. What was authorised is settled, what is owed is paid back.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { all, closeDb, type Db, run } from './db.ts';
import type { EventId } from './ids.ts';
import { command, instant, rows, text, textOrNull } from './sql.ts';
import { createStopBoard, type Stop, type StopScope } from './stop-board.ts';
import { parseStopFile, STOP_FILE } from './stop-file.ts';

const TICK_MS = 1_000;
/** An answer that takes longer is not waited for: the connection may be dead. */
export const ANSWER_MAX_MS = 2_000;
const OWNERS_KEPT_MAX = 50_000;

export type { Stop, StopScope } from './stop-board.ts';

export type Stops = {
  /** Why nothing of this event is sold; a promise only where its organizer has to be looked up. */
  readonly of: (eventId: EventId) => Stop | null | Promise<Stop | null>;
  /** The stops in force here, whoever made them. */
  readonly list: () => readonly Stop[];
  /** In force when it returns. The one that is in force already stays as it is. */
  readonly stop: (stop: Stop) => Stop;
  /** Lifts what was stopped by a call, here or elsewhere; a file has to be changed by hand. */
  readonly resume: (scope: StopScope, actor: string) => void;
  /** Whose event it is: from memory where it is known, null where there is no such event. */
  readonly organizerOf: (eventId: EventId) => string | Promise<string | null>;
  /** Whether all that was said here is in the database. */
  readonly isStored: () => boolean;
  /** Writes and reads now; rejects where the database does not answer. */
  readonly refresh: () => Promise<void>;
  readonly start: () => void;
  readonly close: () => Promise<void>;
};

export type StopsOptions = {
  /** Of its own. */
  readonly db: Db;
  /** Everybody's: whose event it is that somebody buys of is not to be asked on the other one. */
  readonly sharedDb: Db;
  readonly dataDir: string;
  readonly log: Logger;
  readonly readOrganizer: (db: Db, eventId: EventId) => Promise<string | null>;
  /** What else has to be known without the database: read beside the stops. */
  readonly alsoRead: (db: Db) => Promise<void>;
};

const selectStops = () => rows({ scope: text, since: instant, actor: text, reason: textOrNull })`
  select scope, since, actor, reason from kernel.selling_stop order by scope`;

const insertStop = ({ scope, since, actor, reason }: Stop) => command`
  insert into kernel.selling_stop (scope, since, actor, reason)
  values (${scope}, ${since}, ${actor}, ${reason}) on conflict (scope) do nothing`;

const deleteStop = (scope: StopScope) => command`
  delete from kernel.selling_stop where scope = ${scope}`;

export function createStops(options: StopsOptions): Stops {
  const { db, log } = options;
  const board = createStopBoard();
  const owners = createOwners(options);
  const timers: NodeJS.Timeout[] = [];

  const refresh = async () => {
    for (const [scope, wanted] of board.unstored()) {
      await run(db, wanted === null ? deleteStop(scope) : insertStop(wanted));
      board.wasStored(scope, wanted);
    }
    const before = board.changes();
    board.wasRead(await all(db, selectStops()), before);
    await options.alsoRead(db);
  };
  const readSwitch = async () => {
    try {
      board.wasFiled(await readStopFile(options.dataDir));
    } catch (error) {
      // What was read before stays in force.
      log.warn({ err: error }, 'the file that stops selling cannot be read');
    }
  };
  const of = (eventId: EventId): Stop | null | Promise<Stop | null> => {
    const direct = board.inForce('all') ?? board.inForce(eventId);
    if (direct) return direct;
    const isAnyOwn = board.list().some(({ scope }) => scope.startsWith('org_'));
    const owner = isAnyOwn ? owners.of(eventId, options.sharedDb) : owners.know(eventId);
    if (typeof owner === 'string') return board.inForce(owner);
    if (owner === null) return null;
    return owner.then((found) => (found === null ? null : board.inForce(found)));
  };

  return {
    of,
    list: board.list,
    organizerOf: (eventId) => owners.of(eventId, db),
    stop: (stop) => {
      log.warn({ scope: stop.scope, actor: stop.actor }, 'selling is stopped');
      return board.stop(stop);
    },
    resume: (scope, actor) => {
      log.warn({ scope, actor }, 'selling goes on');
      board.resume(scope);
    },
    isStored: () => board.unstored().length === 0,
    refresh: async () => {
      await readSwitch();
      await refresh();
    },
    start: () => {
      const unread = (error: unknown) => log.debug({ err: error }, 'stops were not read');
      timers.push(every(TICK_MS, refresh, unread), every(TICK_MS, readSwitch, unread));
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await closeDb(db);
    },
  };
}

type Owners = {
  /** From memory where it is known, else by asking `on`. */
  readonly of: (eventId: EventId, on: Db) => string | Promise<string | null>;
  /** From memory; null where nobody has asked yet. */
  readonly know: (eventId: EventId) => string | null;
};

/** Whose events they are; it never changes. */
function createOwners({ sharedDb, log, readOrganizer }: StopsOptions): Owners {
  const known = new Map<EventId, string>();
  const ask = (eventId: EventId, on: Db): Promise<string | null> =>
    readOrganizer(on, eventId).then((found) => {
      const [oldest] = known.size >= OWNERS_KEPT_MAX ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
      if (found !== null) known.set(eventId, found);
      return found;
    });
  return {
    of: (eventId, on) => known.get(eventId) ?? ask(eventId, on),
    know: (eventId) => {
      const owner = known.get(eventId);
      if (owner !== undefined) return owner;
      // Nobody waits for it: it is to be known on the day when nothing can be looked up.
      if (sharedDb.pool.waitingCount === 0) {
        ask(eventId, sharedDb).catch((error: unknown) => {
          log.debug({ err: error }, 'whose event it is was not told');
        });
      }
      return null;
    },
  };
}

/** Again and again, never beside itself. */
function every(
  everyMs: number,
  work: () => Promise<void>,
  failed: (error: unknown) => void,
): NodeJS.Timeout {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    work()
      .catch(failed)
      .finally(() => {
        busy = false;
      });
  }, everyMs);
  timer.unref();
  return timer;
}

/** None where there is no such file. */
export async function readStopFile(dataDir: string): Promise<readonly Stop[]> {
  try {
    return parseStopFile(await readFile(join(dataDir, STOP_FILE), 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Writes it down for every process; for a command, which has no switch of its own. */
export async function storeStop(db: Db, stop: Stop): Promise<void> {
  await run(db, insertStop(stop));
}

export async function dropStop(db: Db, scope: StopScope): Promise<void> {
  await run(db, deleteStop(scope));
}
