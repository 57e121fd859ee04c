/** Which database: yours (`DATABASE_URL`), or the embedded one. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from './adapters/postgres/index.ts';
import type { Config } from './kernel/config.ts';
import { projectRoot } from './kernel/root.ts';

export type Database = {
  /** For the migrator: may make roles and tables. */
  readonly url: string;
  readonly embedded: boolean;
  readonly stop: () => Promise<void>;
};

/** Left in the data folder while a server runs, so that commands beside it find its database. */
const URL_FILE = 'database-url';

export function dataDirOf(config: Config): string {
  return resolve(config.DATA_DIR ?? join(projectRoot, '.data'));
}

/** For the server itself: owns the embedded database as long as it runs. */
export async function openDatabase(config: Config, say: (line: string) => void): Promise<Database> {
  if (config.DATABASE_URL) {
    return { url: config.DATABASE_URL, embedded: false, stop: async () => {} };
  }
  const dataDir = dataDirOf(config);
  const server = await startEmbeddedPostgres({ dataDir, say });
  const file = join(dataDir, URL_FILE);
  writeFileSync(file, server.url, { mode: 0o600 });
  return {
    url: server.url,
    embedded: true,
    stop: async () => {
      rmSync(file, { force: true });
      await server.stop();
    },
  };
}

/** Where the database of this installation is, without waking it; null where none runs. */
export function knownDatabaseUrl(config: Config): string | null {
  const file = join(dataDirOf(config), URL_FILE);
  return config.DATABASE_URL ?? (existsSync(file) ? readFileSync(file, 'utf8') : null);
}

/** For a command: joins the database of a running server, or starts it for as long as it needs. */
export async function joinDatabase(config: Config, say: (line: string) => void): Promise<Database> {
  const file = join(dataDirOf(config), URL_FILE);
  if (!config.DATABASE_URL && existsSync(file)) {
    const url = readFileSync(file, 'utf8');
    if (await answers(url)) return { url, embedded: true, stop: async () => {} };
  }
  return openDatabase(config, say);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
