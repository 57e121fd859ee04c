/**
 * What a killed process leaves behind, with real processes. Node 20 cannot run TypeScript, so the
 * launcher is compiled for them, into a folder from which they find their packages.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../kernel/root.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './index.ts';
import { isAlive } from './processes.ts';

const POLL_MS = 10;
const launched: Launched[] = [];
const servers: EmbeddedPostgres[] = [];
let compiled: string;
let folder: string;
let count = 0;
let said: string[] = [];

beforeAll(() => {
  const cache = join(projectRoot, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  compiled = mkdtempSync(join(cache, 'fanfare-launcher-'));
  const tsc = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  const options =
    '--ignoreConfig --module nodenext --target es2023 --types node --skipLibCheck ' +
    '--rewriteRelativeImportExtensions --noCheck';
  execFileSync(
    process.execPath,
    [tsc, ...options.split(' '), '--rootDir', '.', '--outDir', compiled, entry],
    { cwd: projectRoot },
  );
  writeFileSync(join(compiled, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(compiled, 'launch.js'), program);
  folder = mkdtempSync(join(tmpdir(), 'fanfare-kill-'));
  chmodSync(folder, 0o755);
});

afterEach(async () => {
  await Promise.all(launched.splice(0).map(stopped));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  said = [];
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(compiled, { recursive: true, force: true });
});

const entry = 'server/adapters/postgres/index.ts';

/** Prints what happened as a line of JSON; ends on "exit", stops the server first on "stop". */
const program = `
  import { createInterface } from 'node:readline';
  import { startEmbeddedPostgres } from './${entry.replace('.ts', '.js')}';
  const tell = (what) => process.stdout.write(JSON.stringify(what) + '\\n');
  process.on('SIGINT', () => tell({ interrupted: true }));
  try {
    const dataDir = process.argv[2];
    const server = await startEmbeddedPostgres({ dataDir, say: () => {} });
    tell(server);
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === 'stop') await server.stop();
      process.exit(0);
    }
  } catch (error) {
    tell({ error: error.message });
    process.exit(1);
  }
`;

type Told = Partial<EmbeddedPostgres> & { readonly error?: string; readonly interrupted?: true };
type Launched = {
  readonly child: ChildProcess;
  readonly next: () => Promise<Told>;
  readonly send: (line: string) => void;
};

function launch(dataDir: string): Launched {
  const child = spawn(process.execPath, [join(compiled, 'launch.js'), dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const one = {
    child,
    next: async () => JSON.parse((await lines.next()).value ?? '{"error":"it ended"}'),
    send: (line: string) => child.stdin.write(`${line}\n`),
  };
  launched.push(one);
  return one;
}

async function stopped({ child, send }: Launched): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  send('stop');
  await once(child, 'exit');
}

const freshDir = () => join(folder, `data ${++count}`);

async function start(
  dataDir: string,
  say = (line: string): void => void said.push(line),
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, say });
  servers.push(server);
  return server;
}

/** The end of a process is nothing one can wait on from outside, so it is looked for. */
async function ended(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(POLL_MS);
}

async function query(url: string | undefined, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url ?? '' });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

async function killNode({ child }: Launched): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const leftOver = (homeDir: string) => {
  const [pid] = readFileSync(join(homeDir, 'cluster', 'postmaster.pid'), 'utf8').split('\n');
  return Number(pid);
};

describe('kill -9', () => {
  it('of Node leaves a server, which the next start takes down before its own', async () => {
    const dataDir = freshDir();
    const first = launch(dataDir);
    const { url, pid = 0, socketDir } = await first.next();
    await query(url, "create table kept as select 'acknowledged' as value");
    await killNode(first);
    expect(isAlive(pid)).toBe(true);

    const server = await start(dataDir);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(socketDir ?? '')).toBe(false);
    expect(leftOver(dataDir)).toBe(server.pid);
    expect(await query(server.url, 'select value from kept')).toEqual([{ value: 'acknowledged' }]);
    expect(said).toEqual([
      `Stopping the PostgreSQL that an earlier run left behind (process ${pid}).`,
    ]);
  });

  it('of Node and the server leaves a pid file that does not matter', async () => {
    const dataDir = freshDir();
    const first = launch(dataDir);
    const { pid = 0, url } = await first.next();
    await query(url, "create table kept as select 'acknowledged' as value");
    await killNode(first);
    process.kill(pid, 'SIGKILL');
    await ended(pid);
    expect(leftOver(dataDir)).toBe(pid);

    const server = await start(dataDir);
    expect(await query(server.url, 'select value from kept')).toEqual([{ value: 'acknowledged' }]);
  });

  it('of the server is told; a new one waits for a statement that still runs', async () => {
    const dataDir = freshDir();
    const heard = new EventEmitter();
    const death = once(heard, 'ended');
    const first = await start(dataDir, (line) => {
      if (line.includes('ended')) heard.emit('ended', line);
    });
    await query(first.url, "create table kept as select 'acknowledged' as value");
    const client = new pg.Client({ connectionString: first.url });
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const orphan = rows[0]?.pid ?? 0;
    // A loop without a wait: it does not notice that its server is gone.
    const busy = client
      .query('do $$ begin for i in 1..40000000 loop end loop; end $$')
      .catch(() => {});
    process.kill(first.pid, 'SIGKILL');
    await ended(first.pid);
    expect(isAlive(orphan)).toBe(true);
    expect((await death)[0]).toMatch(/^The embedded PostgreSQL ended unexpectedly; its log is /);
    await first.stop();

    const second = await start(dataDir);
    expect(isAlive(orphan)).toBe(false);
    await busy;
    expect(await query(second.url, 'select value from kept')).toEqual([{ value: 'acknowledged' }]);
  });

  it('while the database is made leaves a half that is never used', async () => {
    const dataDir = freshDir();
    mkdirSync(dataDir);
    const first = launch(dataDir);
    const half = await new Promise<string>((resolve) => {
      const watcher = watch(dataDir, (_event, name) => {
        if (!name?.startsWith('cluster.new-') || name.endsWith('.password')) return;
        watcher.close();
        resolve(join(dataDir, name));
      });
    });
    while (!existsSync(join(half, 'base', '1', 'PG_VERSION'))) await sleep(1);
    await killNode(first);
    expect(existsSync(join(dataDir, 'cluster'))).toBe(false);

    const server = await start(dataDir);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('cluster'))).toEqual(['cluster']);
  });
});

describe('a server and its Fanfare', () => {
  it('survives the Ctrl-C that its Fanfare gets, until that has drained', async () => {
    const first = launch(freshDir());
    const { url, pid = 0 } = await first.next();
    process.kill(-(first.child.pid ?? 0), 'SIGINT');
    expect(await first.next()).toEqual({ interrupted: true });
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    first.send('stop');
    await once(first.child, 'exit');
    expect(isAlive(pid)).toBe(false);
  });

  it('goes down by itself when Fanfare exits without stopping it', async () => {
    const dataDir = freshDir();
    const first = launch(dataDir);
    const { pid = 0, socketDir } = await first.next();
    first.send('exit');
    await ended(pid);
    expect(existsSync(join(dataDir, 'cluster', 'postmaster.pid'))).toBe(false);
    expect(existsSync(socketDir ?? '')).toBe(false);
    await start(dataDir);
    expect(said).toEqual([]);
  });

  it('belongs to exactly one of several that start together', async () => {
    const dataDir = freshDir();
    mkdirSync(dataDir);
    const told = await Promise.all(Array.from({ length: 5 }, () => launch(dataDir).next()));
    expect(told.filter((one) => one.url)).toHaveLength(1);
    const errors = told.flatMap((one) => one.error ?? []);
    expect(errors).toHaveLength(4);
    for (const error of errors)
      expect(error).toMatch(/is in use by process \d+: stop that Fanfare/);
  });
});
