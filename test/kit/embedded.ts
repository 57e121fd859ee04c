/**
 * One embedded PostgreSQL for a run of the tests, and the folder in which the whole run keeps its
 * temporary files. Nothing of it outlives the run, however the run ends.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../server/adapters/postgres/index.ts';

/** The database that every test file's own database is a copy of. */
export const TEMPLATE_DATABASE = 'fanfare_template';

export type RunFolder = { readonly path: string; readonly remove: () => void };

/**
 * Makes a folder and lets every process of the run take it for the system's temporary folder: what
 * tests make with `tmpdir()` lies inside, the data and the sockets of their databases too.
 */
export function openRunFolder(): RunFolder {
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'fanfare-run-'));
  // PostgreSQL runs as another user where the tests run as root, and must get in.
  chmodSync(path, 0o755);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = path;
  const dismiss = process.platform === 'win32' ? () => {} : guard(path);
  const remove = () => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    dismiss();
  };
  return { path, remove };
}

/**
 * A shell that waits for the end of its input, which comes when this process is gone, by kill -9
 * too. Then it ends the database servers below the folder, and removes the folder.
 */
function guard(path: string): () => void {
  const script = `
    cat > /dev/null
    [ -d "$1" ] || exit 0
    find "$1" -name postmaster.pid -exec head -n 1 {} \\; | while read -r pid; do
      { cat "/proc/$pid/cmdline" || ps -o args= -p "$pid"; } | grep -q postgres &&
        kill -QUIT "$pid"
    done
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
      rm -rf "$1" && exit 0
      sleep 0.5
    done`;
  const shell = spawn('sh', ['-c', script, 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    // Whatever ends the run's process group must not end this.
    detached: true,
  });
  shell.unref();
  const { stdin } = shell;
  // A child's pipe is a socket, which its type does not say; it must not keep the run alive.
  (stdin as typeof stdin & { unref: () => void }).unref();
  return () => void stdin.end();
}

export type TestCluster = { readonly url: string; readonly stop: () => Promise<void> };

/** Not durable unless told so: a test's data need not survive the machine. */
export async function startTestCluster(
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<TestCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'cluster-'));
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedPostgres({
    dataDir,
    say: () => {},
    durable: false,
    maxConnections: 200,
    ...options,
  });
  const stop = async () => {
    await server.stop();
    for (const path of new Set([dataDir, server.homeDir])) rmSync(path, { recursive: true });
  };
  return { url: server.url, stop };
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
