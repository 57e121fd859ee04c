/** The launcher inside this process. What a killed process leaves is in launcher.kill.test.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { applies } from '../../../test/kit/requires.ts';
import { findPackage } from './binaries.ts';
import {
  boundLog,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  PostgresUnavailable,
  startEmbeddedPostgres,
} from './index.ts';
import { freePort } from './listening.ts';

const isRoot = process.getuid?.() === 0;
const running: EmbeddedPostgres[] = [];
let folder: string;
let made: string;
let said: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fanfare-launcher-'));
  chmodSync(folder, 0o755);
  made = join(folder, 'made once');
  const server = await start(made);
  await query(server.url, "create table kept as select 'still here' as value");
  await server.stop();
  said = [];
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
  said = [];
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function start(dataDir: string, options: Partial<EmbeddedPostgresOptions> = {}) {
  const server = await startEmbeddedPostgres({
    dataDir,
    say: (line) => said.push(line),
    durable: false,
    ...options,
  });
  running.push(server);
  return server;
}

/** A data folder with a row in it, without the second that making one takes. */
function copyOfMade(name: string): string {
  const copy = join(folder, name);
  cpSync(made, copy, { recursive: true });
  const { uid, gid } = statSync(join(made, 'cluster'));
  giveTree(join(copy, 'cluster'), uid, gid);
  return copy;
}

function giveTree(path: string, uid: number, gid: number): void {
  if (!isRoot) return;
  chownSync(path, uid, gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTree(join(path, name), uid, gid);
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const keptRow = (url: string) => query(url, 'select value from kept');

describe('a started server', () => {
  it('is durable, keeps UTC, and orders text the same on every machine', async () => {
    const server = await start(join(folder, 'durable'), { durable: true, maxConnections: 42 });
    const [row] = await query(
      server.url,
      `select current_setting('fsync') as fsync,
              current_setting('full_page_writes') as pages,
              current_setting('synchronous_commit') as commit,
              current_setting('data_checksums') as checksums,
              current_setting('timezone') as zone,
              current_setting('jit') as jit,
              current_setting('listen_addresses') as addresses,
              current_setting('max_connections') as connections,
              pg_encoding_to_char(encoding) as encoding,
              datlocprovider as provider, datlocale as locale, datname as name
         from pg_database where datname = current_database()`,
    );
    expect(row).toEqual({
      fsync: 'on',
      pages: 'on',
      commit: 'on',
      checksums: 'on',
      zone: 'UTC',
      jit: 'off',
      addresses: '',
      connections: '42',
      encoding: 'UTF8',
      provider: 'b',
      locale: 'C.UTF-8',
      name: 'fanfare',
    });
    expect(said).toEqual([expect.stringMatching(/^Making a PostgreSQL 18 database in /)]);
  });

  it('keeps its data over a restart and says nothing about it', async () => {
    const dataDir = copyOfMade('restarted');
    const server = await start(dataDir);
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
    expect(said).toEqual([]);
    await server.stop();
    expect(existsSync(join(dataDir, 'cluster', 'postmaster.pid'))).toBe(false);
    await expect(keptRow(server.url)).rejects.toThrow();
  });

  it('leaves nothing outside its folder, however often it is stopped', async () => {
    const server = await start(copyOfMade('stopped'));
    const socketDir = server.socketDir ?? '';
    expect(statSync(socketDir).mode & 0o777).toBe(0o700);
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(existsSync(socketDir)).toBe(false);
  });

  it('listens although the path of its folder is too long for a socket', async () => {
    const long = join(folder, 'x'.repeat(120), "with spaces, and 'quotes'");
    mkdirSync(long, { recursive: true });
    const server = await start(join(long, 'data'));
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('runs beside another one in another folder', async () => {
    const [a, b] = await Promise.all([start(copyOfMade('left')), start(copyOfMade('right'))]);
    await query(a.url, "update kept set value = 'left'");
    expect(await keptRow(b.url)).toEqual([{ value: 'still here' }]);
    expect(await keptRow(a.url)).toEqual([{ value: 'left' }]);
  });

  it('is the only one on its folder', async () => {
    const dataDir = copyOfMade('taken');
    const server = await start(dataDir);
    await expect(start(dataDir)).rejects.toThrow(/is in use by process \d+: stop that Fanfare/);
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
  });

  it('keeps its log from growing without end', async () => {
    const log = join(folder, 'long.log');
    writeFileSync(log, 'x'.repeat(1_000));
    await boundLog(log, 1_000);
    expect(statSync(log).size).toBe(1_000);
    await boundLog(log, 999);
    expect(statSync(log).size).toBe(0);
    expect(statSync(`${log}.1`).size).toBe(1_000);
  });
});

describe('without a folder for a socket', () => {
  it('listens on the loopback interface, with a password only', async () => {
    const server = await start(copyOfMade('loopback'), { places: { socketBases: [] } });
    expect(server.socketDir).toBeNull();
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);

    const guess = new URL(server.url);
    guess.password = 'guess';
    await expect(keptRow(guess.href)).rejects.toThrow('password authentication failed');
    guess.password = '';
    await expect(keptRow(guess.href)).rejects.toThrow(/password/);
    const [row] = await query(
      server.url,
      "select current_setting('listen_addresses') as addresses",
    );
    expect(row).toEqual({ addresses: '127.0.0.1' });
  });

  it('takes another port when somebody else was faster', async () => {
    const rival = createServer().listen(0, '127.0.0.1');
    await once(rival, 'listening');
    const taken = (rival.address() as AddressInfo).port;
    const ports = [taken, await freePort()];
    const choosePort = async () => ports.shift() ?? 0;
    const server = await start(copyOfMade('faster'), { places: { socketBases: [], choosePort } });
    rival.close();
    expect(server.port).not.toBe(taken);
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
  });

  it('goes on to the next place when one takes no folder', async () => {
    const server = await start(copyOfMade('next'), { places: { socketBases: ['/proc'] } });
    expect(server.socketDir).toBeNull();
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
  });
});

describe('a pid file that was left behind', () => {
  const bystanders: ChildProcess[] = [];
  afterEach(() => {
    for (const bystander of bystanders.splice(0)) bystander.kill();
  });

  const leavePidFile = (dataDir: string, pid: number) => {
    const path = join(dataDir, 'cluster', 'postmaster.pid');
    const lines = [pid, join(dataDir, 'cluster'), 1_700_000_000, 5432, '/tmp', '', '1 1', 'ready'];
    writeFileSync(path, `${lines.join('\n')}\n`);
    const { uid, gid } = statSync(join(dataDir, 'cluster'));
    giveTree(path, uid, gid);
  };

  it('by a dead process does not matter', async () => {
    const dataDir = copyOfMade('dead');
    leavePidFile(dataDir, 2 ** 22 - 1);
    const server = await start(dataDir);
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
  });

  it('whose number belongs to somebody else by now does not matter, nor to them', async () => {
    const dataDir = copyOfMade('reused');
    // Under PostgreSQL's own account, so that PostgreSQL itself would take it for a server.
    const { uid, gid } = statSync(join(dataDir, 'cluster'));
    const bystander = spawn('sleep', ['600'], { cwd: '/', ...(isRoot ? { uid, gid } : {}) });
    bystanders.push(bystander);
    leavePidFile(dataDir, bystander.pid ?? 0);
    const server = await start(dataDir);
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });
});

describe('a start that fails', () => {
  const failure = async (promise: Promise<unknown>): Promise<string> => {
    const error = await promise.then(
      () => null,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(PostgresUnavailable);
    return (error as PostgresUnavailable).message;
  };

  it('tells what the server said last, and leaves the folder free', async () => {
    const dataDir = copyOfMade('unwilling');
    const message = await failure(start(dataDir, { settings: { shared_buffers: 'plenty' } }));
    expect(message).toContain('The embedded PostgreSQL did not start:');
    expect(message).toContain('invalid value for parameter "shared_buffers": "plenty"');
    expect(await keptRow((await start(dataDir)).url)).toEqual([{ value: 'still here' }]);
  });

  it('tells why the database could not be made, and leaves no half of it', async () => {
    const packageDir = join(folder, 'package');
    mkdirSync(join(packageDir, 'native'), { recursive: true });
    const source = findPackage();
    cpSync(join(source, 'package.json'), join(packageDir, 'package.json'));
    cpSync(join(source, 'native', 'bin'), join(packageDir, 'native', 'bin'), { recursive: true });
    symlinkSync(join(source, 'native', 'lib'), join(packageDir, 'native', 'lib'));
    mkdirSync(join(packageDir, 'native', 'share'));
    writeFileSync(join(packageDir, 'native', 'share', 'nothing-of-use'), '');

    const dataDir = join(folder, 'never made');
    const message = await failure(start(dataDir, { places: { packageDir } }));
    expect(message).toContain(`The database could not be made in ${dataDir}: set DATA_DIR`);
    expect(message).toContain('initdb ended with code 1');
    expect(readdirSync(dataDir).filter((name) => name.startsWith('cluster'))).toEqual([]);
  });

  it('names the version that made the data', async () => {
    const dataDir = copyOfMade('older');
    writeFileSync(join(dataDir, 'cluster', 'PG_VERSION'), '17\n');
    expect(await failure(start(dataDir))).toBe(
      `The data in ${dataDir}/cluster was made by PostgreSQL 17, and this Fanfare brings ` +
        'PostgreSQL 18: run the Fanfare that made it, or set DATA_DIR to another folder.',
    );
  });

  it('on something that is no folder is a sentence too', async () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    expect(await failure(start(file))).toMatch(/^The database folder .* set DATA_DIR to a folder/);
  });
});

const asRoot = applies(isRoot, 'PostgreSQL for root: these tests do not run as root');
describe.skipIf(!asRoot)('started by root', () => {
  const closedFolder = (name: string) => {
    const closed = join(folder, name);
    mkdirSync(closed, { mode: 0o700 });
    return { dataDir: join(closed, 'data'), refugeDir: join(folder, `${name} refuge`) };
  };

  it('below a closed folder moves the data to where PostgreSQL can reach it', async () => {
    const { dataDir, refugeDir } = closedFolder('closed');
    const places = { refugeDir };
    const first = await start(dataDir, { places });
    expect(first.homeDir.startsWith(refugeDir)).toBe(true);
    expect(said.filter((line) => line.includes(`The database lives in ${first.homeDir}`))).toEqual([
      `The database lives in ${first.homeDir}: PostgreSQL does not run as root, ` +
        `and its account cannot reach ${dataDir}.`,
    ]);
    await query(first.url, "create table kept as select 'moved' as value");
    await expect(start(dataDir, { places })).rejects.toThrow('is in use by process');
    await first.stop();

    said = [];
    const second = await start(dataDir, { places });
    expect(await keptRow(second.url)).toEqual([{ value: 'moved' }]);
    expect(said).toEqual([]);
  });

  it('starts afresh when the closed folder was deleted, and keeps the old data aside', async () => {
    const { dataDir, refugeDir } = closedFolder('deleted');
    const places = { refugeDir };
    const first = await start(dataDir, { places });
    await query(first.url, "create table kept as select 'old' as value");
    await first.stop();
    rmSync(dataDir, { recursive: true });

    const second = await start(dataDir, { places });
    await expect(keptRow(second.url)).rejects.toThrow('"kept" does not exist');
    expect(existsSync(join(second.homeDir, 'cluster.previous', 'PG_VERSION'))).toBe(true);
    expect(said.some((line) => line.includes('was set aside as'))).toBe(true);
  });

  it('takes along data that stands where PostgreSQL no longer reaches', async () => {
    const { dataDir, refugeDir } = closedFolder('later closed');
    chmodSync(join(folder, 'later closed'), 0o755);
    cpSync(copyOfMade('to be closed'), dataDir, { recursive: true });
    chmodSync(join(folder, 'later closed'), 0o700);
    const server = await start(dataDir, { places: { refugeDir } });
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
  });

  it('opens data that root has restored from a copy', async () => {
    const dataDir = copyOfMade('restored');
    giveTree(join(dataDir, 'cluster'), 0, 0);
    chmodSync(join(dataDir, 'cluster'), 0o755);
    expect(await keptRow((await start(dataDir)).url)).toEqual([{ value: 'still here' }]);
  });

  it('opens data of a normal user as that user', async () => {
    const dataDir = copyOfMade('of a user');
    giveTree(join(dataDir, 'cluster'), 4_242, 4_242);
    const server = await start(dataDir);
    expect(await keptRow(server.url)).toEqual([{ value: 'still here' }]);
    expect(lstatSync(`/proc/${server.pid}`).uid).toBe(4_242);
  });
});

it('the password lies in the data folder, for PostgreSQL and its owner only', () => {
  const file = join(made, 'cluster', 'fanfare.password');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8').trim().length).toBeGreaterThanOrEqual(32);
});
