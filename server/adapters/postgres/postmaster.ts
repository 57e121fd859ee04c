/**
 * One PostgreSQL server process: started in a process group of its own, so that a Ctrl-C meant for
 * Fanfare does not end it before Fanfare has drained; stopped with Fanfare, or by the next start.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLEAN_ENVIRONMENT, type ClusterPlace, cannotRun } from './cluster.ts';
import { type Listening, listeningSettings, removeSocketDir } from './listening.ts';
import { servesCluster } from './processes.ts';
import { codeOf, PostgresUnavailable, tailOf, unavailable } from './unavailable.ts';

/** Replaying the log after a crash may take a while; who needs longer has no embedded database. */
const START_MAX_MS = 120_000;
const POLL_FAST_MS = 4;
const POLL_SLOW_MS = 25;
/** A warm start is ready within this; after it, polling fast buys nothing. */
const POLL_FAST_FOR_MS = 500;
const FAST_STOP_MAX_MS = 10_000;
const IMMEDIATE_STOP_MAX_MS = 5_000;
const KILL_MAX_MS = 2_000;

export type Postmaster = {
  readonly pid: number;
  readonly listening: Listening;
  readonly isRunning: () => boolean;
  /** Settles when the process is gone, for whatever reason. */
  readonly gone: Promise<void>;
  readonly stop: () => Promise<void>;
};

export type StartRequest = {
  readonly place: ClusterPlace;
  readonly clusterDir: string;
  readonly logFile: string;
  readonly listening: Listening;
  readonly settings: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
};

/** Throws PostgresUnavailable with the last lines of the log when the server does not come up. */
export async function startPostmaster(request: StartRequest): Promise<Postmaster> {
  const { place, clusterDir, logFile, listening } = request;
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`);
  // Appending, so that the log can be cut while the server writes.
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(join(place.binaries.binDir, 'postgres'), argumentsOf(request), {
    cwd: place.homeDir,
    env: { ...CLEAN_ENVIRONMENT, ...request.environment },
    stdio: ['ignore', log, log],
    detached: true,
    windowsHide: true,
    ...place.account,
  });
  closeSync(log);
  child.unref();

  const gone = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const failed = new Promise<Error>((resolve) => child.on('error', resolve));
  const pid = child.pid;
  if (pid === undefined) throw cannotRun(await failed);

  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const stop = async () => {
    await stopProcess(pid, isRunning, place.binaries.binDir);
    removeSocketDir(place.homeDir);
  };
  if (!(await becomesReady(pid, isRunning, clusterDir))) {
    await stop();
    throw unavailable('The embedded PostgreSQL did not start:', tailOf(logFile));
  }
  return { pid, listening, isRunning, gone, stop };
}

function argumentsOf(request: StartRequest): readonly string[] {
  const settings = { ...request.settings, ...listeningSettings(request.listening) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', request.clusterDir, ...flags];
}

/** The server writes "ready" into its pid file once it accepts connections. */
async function becomesReady(pid: number, isRunning: () => boolean, clusterDir: string) {
  const startedAt = performance.now();
  while (isRunning()) {
    const file = readPidFile(clusterDir);
    if (file?.pid === pid && file.status === 'ready') return true;
    const tookMs = performance.now() - startedAt;
    if (tookMs > START_MAX_MS) return false;
    await sleep(tookMs < POLL_FAST_FOR_MS ? POLL_FAST_MS : POLL_SLOW_MS);
  }
  return false;
}

type PidFile = { readonly pid: number; readonly status: string };

/** Line 1 is the process id, line 8 the status, which comes late. */
function readPidFile(clusterDir: string): PidFile | null {
  const path = join(clusterDir, 'postmaster.pid');
  if (!existsSync(path)) return null;
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    const pid = Number.parseInt(lines[0] ?? '', 10);
    return { pid, status: (lines[7] ?? '').trim() };
  } catch (error) {
    // Removed by the server between the look and the reading.
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Ends the server that a killed Fanfare left on this folder and removes what it left behind. Its
 * clients are gone with that Fanfare, and a fresh server is sure to have our settings. A pid file
 * whose process is dead, or is somebody else by now, is removed: PostgreSQL would refuse to start
 * beside any living process of its own account that has this number.
 */
export async function endLeftOver(
  clusterDir: string,
  binDir: string,
  say: (line: string) => void,
): Promise<void> {
  const left = readPidFile(clusterDir);
  if (!left) return;
  const isRunning = () => servesCluster(left.pid, clusterDir);
  if (isRunning()) {
    say(`Stopping the PostgreSQL that an earlier run left behind (process ${left.pid}).`);
    if (!(await stopProcess(left.pid, isRunning, binDir))) {
      throw new PostgresUnavailable(
        `A PostgreSQL left behind on ${clusterDir} cannot be stopped: end process ${left.pid}.`,
      );
    }
  }
  rmSync(join(clusterDir, 'postmaster.pid'), { force: true });
}

/** Fast (clients are cut off, all is written), then immediate (recovers at the next start). */
async function stopProcess(pid: number, isRunning: () => boolean, binDir: string) {
  const steps = [
    ['SIGINT', FAST_STOP_MAX_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MAX_MS],
    ['SIGKILL', KILL_MAX_MS],
  ] as const;
  for (const [signal, maxMs] of steps) {
    if (!isRunning()) return true;
    sendSignal(pid, signal, binDir);
    const givenUpAt = performance.now() + maxMs;
    while (isRunning() && performance.now() < givenUpAt) await sleep(POLL_FAST_MS);
  }
  return !isRunning();
}

/**
 * Also called while Node exits, so it must not wait. Windows has no signals; PostgreSQL brings its
 * own.
 */
export function sendSignal(pid: number, signal: NodeJS.Signals, binDir: string): void {
  try {
    if (process.platform === 'win32') {
      const kill = ['kill', signal.slice('SIG'.length), String(pid)];
      execFileSync(join(binDir, 'pg_ctl'), kill, { stdio: 'ignore', windowsHide: true });
    } else {
      process.kill(pid, signal);
    }
  } catch {
    // It ended in the meantime, which is what was wanted.
  }
}
