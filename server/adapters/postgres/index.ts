/**
 * A real PostgreSQL that comes with `npm install`, for whoever has none at hand. This adapter owns
 * the life of one server process on one data folder: it makes the cluster, starts the server,
 * recovers from whatever a killed process left, keeps a second Fanfare off the folder, and stops
 * the server with Fanfare. It promises that data survives any restart, and that a failure says in a
 * sentence what to do. It does not create roles, schemas or tables (the migrator does), and it does
 * not serve anybody but this machine.
 */
import { statSync } from 'node:fs';
import { copyFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findPackage, prepareBinaries } from './binaries.ts';
import { type ClusterPlace, openCluster, readPassword } from './cluster.ts';
import { createDatabase } from './database.sql.ts';
import { chooseHome, SYSTEM_REFUGE, settleIn } from './home.ts';
import {
  canHoldSocket,
  freePort,
  makeListening,
  removeSocketDir,
  urlOf,
  usualSocketBases,
} from './listening.ts';
import { takeOwnership } from './owner.ts';
import { endLeftOver, type Postmaster, sendSignal, startPostmaster } from './postmaster.ts';
import { codeOf, PostgresUnavailable, unavailable } from './unavailable.ts';

export { PostgresUnavailable } from './unavailable.ts';

const DATABASE = 'fanfare';
const MAX_CONNECTIONS = 100;
const LOG_MAX_BYTES = 32 * 1024 * 1024;
const LOG_LOOK_MS = 60_000;
/** Two ports may be taken between the choice and the start; three in a row are no accident. */
const LOOPBACK_ATTEMPTS = 3;
/** Server processes whose postmaster was killed end at their next wait, or with their statement. */
const ORPHANS_WAIT_MAX_MS = 15_000;
const ORPHANS_POLL_MS = 100;

const DURABLE = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' };
const NOT_DURABLE = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

export type EmbeddedPostgres = {
  /** The superuser's, for the database `fanfare`; works with `pg`, libpq and `new URL`. */
  readonly url: string;
  /** Null where the server listens on the loopback interface instead. */
  readonly socketDir: string | null;
  readonly port: number;
  /** Where the data really is: not `dataDir` when PostgreSQL's account cannot reach that. */
  readonly homeDir: string;
  readonly pid: number;
  /** Resolves when the server is down; calling it again is harmless. */
  readonly stop: () => Promise<void>;
};

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  /** Takes one line for people now and then: first start, repairs, a server that died. */
  readonly say: (line: string) => void;
  /** False trades every guarantee after a crash for speed; for tests. */
  readonly durable?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
  readonly maxConnections?: number;
  /** What it sees of the shell besides a language and a time zone; nothing, unless told. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Other places than the usual ones. */
  readonly places?: {
    readonly packageDir?: string;
    readonly refugeDir?: string;
    readonly socketBases?: readonly string[];
    readonly choosePort?: () => Promise<number>;
  };
};

/** Throws PostgresUnavailable; then nothing of it is left running. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const packageDir = options.places?.packageDir ?? findPackage();
  const refugeDir = options.places?.refugeDir ?? SYSTEM_REFUGE;
  try {
    const home = chooseHome(options.dataDir, refugeDir);
    const ownership = await takeOwnership(home.homeDir);
    try {
      settleIn(home, options.say);
      const { homeDir, account } = home;
      const binaries = prepareBinaries({
        packageDir,
        account,
        refugeDir: account ? refugeDir : homeDir,
      });
      const place = { homeDir, account, binaries };
      return await startIn(place, options, ownership.release);
    } catch (error) {
      ownership.release();
      throw error;
    }
  } catch (error) {
    throw asUnavailable(error, options.dataDir);
  }
}

/** The file system's own refusals (no space, no permission, read-only) become a sentence too. */
function asUnavailable(error: unknown, dataDir: string): unknown {
  const isRefusal = error instanceof Error && 'syscall' in error;
  if (!isRefusal) return error;
  return unavailable(
    `The database folder ${dataDir} cannot be used: set DATA_DIR to a folder that Fanfare may ` +
      'write and that has 100 MB free, or set DATABASE_URL.',
    error.message,
  );
}

async function startIn(
  place: ClusterPlace,
  options: EmbeddedPostgresOptions,
  release: () => void,
): Promise<EmbeddedPostgres> {
  const { say, durable = true } = options;
  const { binDir } = place.binaries;
  await endLeftOver(join(place.homeDir, 'cluster'), binDir, say);
  const clusterDir = await openCluster(place, { durable, say });
  const logFile = join(place.homeDir, 'postgres.log');
  const postmaster = await startSomewhere({ place, clusterDir, logFile, options });

  const { listening, pid } = postmaster;
  const url = urlOf(listening, DATABASE, () => readPassword(clusterDir));
  const letGo = watch(postmaster, { binDir, homeDir: place.homeDir, logFile, say });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      letGo();
      await postmaster.stop();
      release();
    })();
    return stopping;
  };
  try {
    await makeSureDatabaseExists(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, ...listening, homeDir: place.homeDir, pid, stop };
}

type Start = {
  readonly place: ClusterPlace;
  readonly clusterDir: string;
  readonly logFile: string;
  readonly options: EmbeddedPostgresOptions;
};

/** Tries each place to listen in turn; another reason not to start is final. */
async function startSomewhere(start: Start): Promise<Postmaster> {
  const { place, clusterDir, logFile, options } = start;
  const sockets = (options.places?.socketBases ?? usualSocketBases()).filter((base) =>
    canHoldSocket(base, place.account),
  );
  const bases = [...sockets, ...new Array<null>(LOOPBACK_ATTEMPTS).fill(null)];
  const settings = settingsOf(options);
  const choosePort = options.places?.choosePort ?? freePort;
  const givenUpAt = performance.now() + ORPHANS_WAIT_MAX_MS;
  let refusal: unknown;
  for (let i = 0; i < bases.length; ) {
    try {
      const listening = await makeListening(bases[i] ?? null, { ...place, choosePort });
      const { environment = {} } = options;
      return await startPostmaster({
        ...{ place, clusterDir, logFile, listening, settings, environment },
      });
    } catch (error) {
      refusal = error;
      if (waitsForOrphans(error) && performance.now() < givenUpAt) await sleep(ORPHANS_POLL_MS);
      else if (cannotListen(error)) i += 1;
      else throw error;
    }
  }
  throw refusal;
}

function waitsForOrphans(error: unknown): boolean {
  return error instanceof PostgresUnavailable && error.message.includes('is still in use');
}

/** No folder for the socket could be made, or the server cannot use the place it was given. */
function cannotListen(error: unknown): boolean {
  if (error instanceof PostgresUnavailable) {
    return /could not (bind|create any|create socket|create lock file)/.test(error.message);
  }
  return error instanceof Error && 'syscall' in error && error.syscall === 'mkdtemp';
}

function settingsOf(options: EmbeddedPostgresOptions): Readonly<Record<string, string>> {
  return {
    ...((options.durable ?? true) ? DURABLE : NOT_DURABLE),
    max_connections: String(options.maxConnections ?? MAX_CONNECTIONS),
    shared_buffers: '128MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // A plan that is compiled takes longer than any of our statements runs.
    jit: 'off',
    log_checkpoints: 'off',
    cluster_name: 'fanfare',
    ...options.settings,
  };
}

/** Connecting is the check; only the very first start finds the database missing. */
async function makeSureDatabaseExists(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
  } catch (error) {
    const INVALID_CATALOG_NAME = '3D000';
    if (codeOf(error) !== INVALID_CATALOG_NAME) throw error;
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    await runOnce(maintenance.href, createDatabase(DATABASE));
  } finally {
    await client.end();
  }
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

type Watch = {
  readonly binDir: string;
  readonly homeDir: string;
  readonly logFile: string;
  readonly say: (line: string) => void;
};

/**
 * While the server runs: its log stays bounded, its death is told, and a Node that exits without
 * stopping it sends it down on the way out. Returns what ends all three.
 */
function watch(postmaster: Postmaster, { binDir, homeDir, logFile, say }: Watch): () => void {
  const onExit = () => {
    if (!postmaster.isRunning()) return;
    sendSignal(postmaster.pid, 'SIGINT', binDir);
    // It no longer needs its socket, and nobody may come after it who would tidy up.
    removeSocketDir(homeDir);
  };
  process.on('exit', onExit);
  const logLook = setInterval(() => void boundLog(logFile), LOG_LOOK_MS);
  logLook.unref();
  let watching = true;
  postmaster.gone.then(() => {
    if (watching) say(`The embedded PostgreSQL ended unexpectedly; its log is ${logFile}.`);
  });
  return () => {
    watching = false;
    clearInterval(logLook);
    process.off('exit', onExit);
  };
}

/** Exported for its test. */
export async function boundLog(logFile: string, maxBytes: number = LOG_MAX_BYTES): Promise<void> {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return;
  await copyFile(logFile, `${logFile}.1`);
  await truncate(logFile);
}
