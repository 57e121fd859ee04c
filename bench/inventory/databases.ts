/** The one PostgreSQL of a run, durable, and fresh migrated databases on it. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../server/adapters/postgres/index.ts';
import { migrate } from '../../server/kernel/migrate.ts';
import { guard } from './guard.ts';

const TEMPLATE = 'fanfare_bench';
/** A section may hold several products at once, each with a pool of its own. */
const CONNECTIONS_MAX = 400;
const LEAVE_MAX_MS = 2_000;
const LEAVE_POLL_MS = 20;

export type Databases = {
  /** Scratch files go here; it is removed at the end. */
  readonly folder: string;
  readonly postgresPid: number;
  /** Connected as the superuser; for looks at the server's statistics. */
  readonly client: pg.Client;
  /** A migrated database that nobody has used, as its superuser's URL. */
  readonly fresh: () => Promise<string>;
  readonly drop: (url: string) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function openDatabases(): Promise<Databases> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'fanfare-bench-'));
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, 'data'),
    say: () => {},
    maxConnections: CONNECTIONS_MAX,
    environment: slowDisk(),
  });
  guard(folder, [server.pid]);
  const client = new pg.Client({ connectionString: urlOf(server.url, 'postgres') });
  let made = 0;
  const stop = async () => {
    await client.end();
    await server.stop();
    for (const path of [folder, server.homeDir]) rmSync(path, { recursive: true, force: true });
  };
  try {
    await client.connect();
    await client.query(`create database ${TEMPLATE}`);
    await migrate({ url: urlOf(server.url, TEMPLATE) });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    folder,
    postgresPid: server.pid,
    client,
    fresh: async () => {
      made += 1;
      const name = `bench_${made}`;
      await client.query(`create database ${name} template ${TEMPLATE}`);
      return urlOf(server.url, name);
    },
    drop: async (url) => {
      const name = new URL(url).pathname.slice(1);
      await waitUntilLeft(client, name);
      await client.query(`drop database if exists ${name} with (force)`);
    },
    stop,
  };
}

/** A pool that has ended lets its sessions go a moment later; one cut off would complain. */
async function waitUntilLeft(client: pg.Client, database: string): Promise<void> {
  const text = 'select count(*)::int as left from pg_stat_activity where datname = $1';
  for (let waited = 0; waited < LEAVE_MAX_MS; waited += LEAVE_POLL_MS) {
    const { rows } = await client.query<{ left: number }>(text, [database]);
    if (rows[0]?.left === 0) return;
    await sleep(LEAVE_POLL_MS);
  }
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs statements as the superuser of one database. */
export async function asSuperuser<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** As bench/slow-disk.c has it: the server's flushes take as long as this process's do. */
function slowDisk(): Readonly<Record<string, string>> {
  const { LD_PRELOAD, FSYNC_MS } = process.env;
  return LD_PRELOAD && FSYNC_MS ? { LD_PRELOAD, FSYNC_MS } : {};
}
