/**
 * What a block cost: write-ahead log, commits, flushes and processor time, as differences of two
 * looks. Log and commits are exact. Flushes come from PostgreSQL's statistics, which a busy session
 * hands in once a second: sessions that this process can reach are asked to hand in at once.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';

export type Look = {
  readonly walBytes: number;
  /** Transaction ids given out: transactions that wrote. */
  readonly commits: number;
  readonly walSyncs: number;
  readonly postgresCpuSeconds: number | null;
  readonly ownCpuSeconds: number;
};

const LOOK = `
  select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as "walBytes",
    pg_snapshot_xmax(pg_current_snapshot())::text::float8 as commits,
    (select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal')::float8 as "walSyncs"`;

export type Probed = { readonly client: pg.Client; readonly postgresPid: number };

export async function look(
  { client, postgresPid }: Probed,
  sessions: readonly pg.Pool[],
): Promise<Look> {
  await Promise.all(sessions.map(handIn));
  await client.query('select pg_stat_clear_snapshot()');
  const { rows } = await client.query<Pick<Look, 'walBytes' | 'commits' | 'walSyncs'>>(LOOK);
  const { user, system } = process.cpuUsage();
  const { walBytes = 0, commits = 0, walSyncs = 0 } = rows[0] ?? {};
  return {
    walBytes,
    commits,
    walSyncs,
    postgresCpuSeconds: postgresCpuSeconds(postgresPid),
    ownCpuSeconds: (user + system) / 1_000_000,
  };
}

/** At once, so that each statement has a session of its own. */
async function handIn(pool: pg.Pool): Promise<void> {
  const asked = Array.from({ length: pool.totalCount }, () =>
    pool.query('select pg_stat_force_next_flush()'),
  );
  await Promise.all(asked);
}

export type Cost = {
  readonly walBytesPerHold: number;
  readonly commitsPerHold: number;
  readonly syncsPerHold: number;
  /** Processors kept busy, on average: this process without its callers, callers, PostgreSQL. */
  readonly serverCpus: number | null;
  readonly callersCpus: number | null;
  readonly postgresCpus: number | null;
};

export function costOf(
  before: Look,
  after: Look,
  block: {
    readonly granted: number;
    readonly seconds: number;
    readonly callersCpuSeconds: number | null;
  },
): Cost {
  const granted = Math.max(1, block.granted);
  const own = after.ownCpuSeconds - before.ownCpuSeconds;
  const callers = block.callersCpuSeconds;
  const postgres =
    after.postgresCpuSeconds === null || before.postgresCpuSeconds === null
      ? null
      : after.postgresCpuSeconds - before.postgresCpuSeconds;
  return {
    walBytesPerHold: (after.walBytes - before.walBytes) / granted,
    commitsPerHold: (after.commits - before.commits) / granted,
    syncsPerHold: (after.walSyncs - before.walSyncs) / granted,
    serverCpus: Math.max(0, own - (callers ?? 0)) / block.seconds,
    callersCpus: callers === null ? null : callers / block.seconds,
    postgresCpus: postgres === null ? null : postgres / block.seconds,
  };
}

const TICKS_PER_SECOND = 100;

/** The fields of /proc/<pid>/stat after the command's name; field 3 of proc(5) is the first. */
function statOf(pid: string): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(') ') + 2).split(' ');
  } catch {
    return null;
  }
}

const field = (stat: readonly string[], proc5: number) => Number(stat[proc5 - 3] ?? 0);

/** The postmaster, its living children, and those that it has outlived; null without /proc. */
function postgresCpuSeconds(postgresPid: number): number | null {
  const postmaster = statOf(String(postgresPid));
  if (!postmaster) return null;
  let ticks = [14, 15, 16, 17].reduce((sum, at) => sum + field(postmaster, at), 0);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat && field(stat, 4) === postgresPid) ticks += field(stat, 14) + field(stat, 15);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Resident memory of a process in bytes; null without /proc. */
export function residentBytes(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) * 1_024;
  } catch {
    return null;
  }
}

/** Processor seconds that one process has used; null without /proc. */
export function cpuSeconds(pid: number): number | null {
  const stat = statOf(String(pid));
  return stat && (field(stat, 14) + field(stat, 15)) / TICKS_PER_SECOND;
}
