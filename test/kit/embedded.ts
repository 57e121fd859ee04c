/**
 * One embedded PostgreSQL for a run of the tests, in a folder of its own. The folder lies inside
 * FANFARE_TEST_DIR where `npm test` names one, so that it can clean up after a run that was killed.
 */
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../server/adapters/postgres/index.ts';

/** The database that every test file's own database is a copy of. */
export const TEMPLATE_DATABASE = 'fanfare_template';

export type TestCluster = { readonly url: string; readonly stop: () => Promise<void> };

/** Not durable unless told so: a test's data need not survive the machine. */
export async function startTestCluster(
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<TestCluster> {
  const folder = mkdtempSync(join(testDir(), 'cluster-'));
  // PostgreSQL runs as another user where the tests run as root, and must get in.
  chmodSync(folder, 0o755);
  const remove = (homeDir: string) => {
    for (const path of new Set([folder, homeDir])) rmSync(path, { recursive: true, force: true });
  };
  let server: EmbeddedPostgres;
  try {
    server = await startEmbeddedPostgres({
      dataDir: folder,
      say: () => {},
      durable: false,
      maxConnections: 200,
      ...options,
    });
  } catch (error) {
    remove(folder);
    throw error;
  }
  const stop = async () => {
    await server.stop();
    remove(server.homeDir);
  };
  return { url: server.url, stop };
}

/** A folder that outlives this process only if this process is killed. */
function testDir(): string {
  return realpathSync(process.env['FANFARE_TEST_DIR'] ?? tmpdir());
}

export function urlOfDatabase(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs statements that no transaction may hold, such as making databases. */
export async function onServer(serverUrl: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
