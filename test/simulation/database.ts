/**
 * The simulation's PostgreSQL: durable, on a port that stays the same over restarts, so that it can
 * be killed and come back; and databases in it, migrated, with SQL functions changed if wanted.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../server/adapters/postgres/index.ts';
import { type FunctionFile, functionFiles } from '../../server/kernel/functions.ts';
import { migrate, thisVersion } from '../../server/kernel/migrate.ts';
import { onServer, openRunFolder, urlOfDatabase } from '../kit/embedded.ts';
import { freePort } from './ports.ts';

export type Cluster = {
  /** Makes and migrates a database; `change` is applied to the text of every function file. */
  readonly makeDatabase: (name: string, change?: ChangeFunctions) => Promise<string>;
  readonly dropDatabase: (name: string) => Promise<void>;
  /** Ends every process of the server at once, as a power cut that spares the disk. */
  readonly kill: () => void;
  /** Starts the server again on the same data and port. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export type ChangeFunctions = (file: FunctionFile) => string;

/** Holds live for seconds here; the table would not let a sale have them so short. */
const SHORT_HOLDS = 'alter table inventory.sale drop constraint if exists sale_hold_ms_check';
/** For the audit, which looks the provider's intents up by order. */
const INTENTS_BY_ORDER = `
  create index simulation_intent_order on sandbox.object ((data -> 'metadata' ->> 'order_id'))
  where type = 'payment_intent'`;

export async function startCluster(): Promise<Cluster> {
  const folder = openRunFolder();
  const dataDir = mkdtempSync(join(tmpdir(), 'simulation-'));
  chmodSync(dataDir, 0o755);
  const port = await freePort();
  const start = () =>
    startEmbeddedPostgres({
      dataDir,
      say: () => {},
      maxConnections: 250,
      // A deadlock that is provoked should not cost a second each time.
      settings: { deadlock_timeout: '100ms' },
      places: { socketBases: [], choosePort: async () => port },
    });
  let server: EmbeddedPostgres = await start();
  return {
    makeDatabase: async (name, change) => {
      await onServer(server.url, [`create database ${name}`]);
      const url = urlOfDatabase(server.url, name);
      await migrate({ url, version: { ...thisVersion(), functions: changedFunctions(change) } });
      await onServer(url, [SHORT_HOLDS, INTENTS_BY_ORDER]);
      return url;
    },
    dropDatabase: (name) => onServer(server.url, [`drop database ${name} with (force)`]),
    kill: () => killTree(server.pid),
    restart: async () => {
      await server.stop();
      server = await start();
    },
    stop: async () => {
      await server.stop();
      folder.remove();
    },
  };
}

/** Runs statements as the superuser. */
export const onDatabase = onServer;

/** Under the suffix of the real ones: the servers call what is installed, and notice nothing. */
function changedFunctions(change: ChangeFunctions | undefined): readonly FunctionFile[] {
  if (!change) return functionFiles();
  return functionFiles().map((file) => ({ path: file.path, text: change(file) }));
}

/** The parent first: it must not see its children die, and tidy up. */
function killTree(pid: number): void {
  const all = execFileSync('ps', ['-ax', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const children = all
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child = 0]) => child);
  for (const each of [pid, ...children]) kill(each, 'SIGKILL');
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

/** The superuser's own connection, outside every pool; whatever kills it, it says nothing. */
export async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options: '-c timezone=UTC' });
  client.on('error', () => {});
  await client.connect();
  return client;
}
