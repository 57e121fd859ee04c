/**
 * What the operating system tells about other processes. A process id alone proves nothing: after a
 * crash it may belong to somebody else, so an id is always paired with the process's start.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from './unavailable.ts';

const PS_MAX_MS = 2_000;

/** False for zombies too: in a container without an init they are never reaped. */
export function isAlive(pid: number): boolean {
  if (process.platform === 'linux') {
    const stat = procStat(pid);
    return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Differs between two processes that had the same id; null where the system does not tell. */
export function startMark(pid: number): string | null {
  if (process.platform === 'linux') {
    const stat = procStat(pid);
    return stat && `${readOr('/proc/sys/kernel/random/boot_id', 'boot').trim()}:${stat.startTicks}`;
  }
  if (process.platform === 'win32') return null;
  return ps('lstart=', pid);
}

/**
 * Process ids of two machines, or of two containers, cannot be compared; equal marks mean that
 * they can.
 */
export function pidSpace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Is `pid` a server process of this cluster? PostgreSQL's working directory is its data folder. */
export function servesCluster(pid: number, clusterDir: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(clusterDir);
    } catch {
      // Another user's process; the cluster's own are this user's, or this user is root.
      return false;
    }
  }
  if (process.platform === 'win32') {
    return run('tasklist', ['/NH', '/FI', `PID eq ${pid}`])?.includes('postgres.exe') ?? false;
  }
  return ps('command=', pid)?.includes(clusterDir) ?? false;
}

/** The state and start (ticks after boot) from /proc; the name before them may hold anything. */
function procStat(pid: number): { readonly state: string; readonly startTicks: string } | null {
  const line = readOr(`/proc/${pid}/stat`, '');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  return state && startTicks ? { state, startTicks } : null;
}

function ps(column: string, pid: number): string | null {
  return run('ps', ['-ww', '-o', column, '-p', String(pid)])?.trim() || null;
}

function run(command: string, args: readonly string[]): string | null {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      timeout: PS_MAX_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
    });
  } catch {
    return null;
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
