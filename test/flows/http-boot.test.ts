/** How a server begins and ends: refused where nothing may be sold, drained where it is told to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assemble } from '../../server/assemble.ts';
import { facts } from '../../server/facts/index.ts';
import { readConfig } from '../../server/kernel/config.ts';
import { projectRoot } from '../../server/kernel/root.ts';
import { startServer } from '../../server/main.ts';
import { ADMIN_KEY } from '../kit/app.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';
import { onServer } from '../kit/embedded.ts';
import { eventually } from '../kit/given.ts';
import { requestText, wire } from '../kit/raw.ts';

let database: TestDb;
beforeEach(async () => {
  database = await cloneDb();
});
afterEach(() => database.close());

describe('the start', () => {
  const start = () =>
    assemble({ config: readConfig({ LOG_LEVEL: 'silent' }), databaseUrl: database.url });
  const alter = async (setting: string) => {
    const name = new URL(database.url).pathname.slice(1);
    await onServer(database.url, [`alter database ${name} set ${setting}`]);
  };

  it('is refused on a database that may lose what it has said', async () => {
    await alter('synchronous_commit = off');
    await expect(start()).rejects.toThrow('synchronous_commit is off and must be on');
  });

  it('is refused on a database that allows other states than this build', async () => {
    await onServer(database.url, [
      `insert into kernel.transition values ('ticket', 'void', 'valid')`,
      `delete from kernel.transition where machine = 'hold' and from_state = ''`,
    ]);
    await expect(start()).rejects.toMatchObject({
      name: 'NotFit',
      message: expect.stringMatching(/lacks the transition hold: .*\n.*ticket: void -> valid$/s),
    });
  });

  it('D8 tells others what facts it knows, also where it does no work', async () => {
    const { pool } = database.db;
    await pool.query(`insert into kernel.consumer (name, position) values ('webhooks', 0)`);
    const settings = { DATABASE_URL: database.url, PORT: '0', WORKER: '0', DEMO: '0' };
    const config = readConfig({ ...settings, LOG_LEVEL: 'silent', BOOTSTRAP_API_KEY: ADMIN_KEY });
    const running = await startServer(config, () => {});
    await running.stop();
    const { rows } = await pool.query(`select name, kinds from kernel.consumer`);
    expect(rows).toEqual([{ name: 'webhooks', kinds: Object.keys(facts) }]);
  });

  it('is not refused for what every session sets for itself', async () => {
    await alter(`lock_timeout = '1h'`);
    await alter(`default_transaction_isolation = 'serializable'`);
    const parts = await start();
    await parts.close();
  });
});

describe('SIGTERM', () => {
  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill('SIGKILL');
  });

  /** The program as it is started by people; answers where it listens. */
  async function startProgram(): Promise<{ origin: string; ended: Promise<number | null> }> {
    const settings = { DATABASE_URL: database.url, PORT: '0', DEMO: '0', LOG_LEVEL: 'warn' };
    const program = spawn(process.execPath, [join(projectRoot, 'bin/fanfare.mjs'), 'start'], {
      // Vitest has a BASE_URL of its own.
      env: { ...process.env, ...settings, BOOTSTRAP_API_KEY: ADMIN_KEY, BASE_URL: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = program;
    let said = '';
    program.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = new Promise<number | null>((resolve) => program.once('exit', resolve));
    const ready = /ready at (http:\S+)/;
    await Promise.race([
      eventually(
        async () => ready.test(said),
        (is) => is,
      ),
      ended.then((code) => expect.unreachable(`it ended with ${code}: ${said}`)),
    ]);
    return { origin: ready.exec(said)?.[1] ?? '', ended };
  }

  it('finishes what is under way, takes nothing new, and ends with 0', async () => {
    const { origin, ended } = await startProgram();
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    const body = JSON.stringify({ name: 'Written slowly' });
    const slow = await wire(origin);
    const head = requestText('POST /api/v1/organizers', [
      ['authorization', `Bearer ${ADMIN_KEY}`],
      ['content-type', 'application/json'],
      ['content-length', String(body.length)],
      ['expect', '100-continue'],
    ]);
    slow.write(head);
    // By now the server has begun with it.
    expect((await slow.answered).status).toBe(100);
    child?.kill('SIGTERM');
    await eventually(
      () =>
        wire(origin).then(
          ({ socket }) => void socket.destroy(),
          (error: NodeJS.ErrnoException) => error.code,
        ),
      (code) => code === 'ECONNREFUSED',
    );
    slow.write(body);
    const { text } = await slow.ended;
    expect(text).toMatch(/HTTP\/1\.1 201 Created/);
    expect(text).toContain('Written slowly');
    expect(await ended).toBe(0);
    const { rows } = await database.db.pool.query(
      `select count(*)::int as n from identity.organizer where name = 'Written slowly'`,
    );
    expect(rows).toEqual([{ n: 1 }]);
  });
});
