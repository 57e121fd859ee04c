/** The start refuses a session whose settings would lose or oversell. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { onServer, startTestCluster, urlOfDatabase } from '../../test/kit/embedded.ts';
import { connect } from '../../test/kit/kernel.ts';
import { unsafeSettings } from './safety.ts';

let database: TestDb;
beforeAll(async () => {
  database = await cloneDb();
});
afterAll(() => database.close());

const SAFE = {
  lock_timeout: '3s',
  statement_timeout: '10s',
  idle_in_transaction_session_timeout: '5s',
  default_transaction_isolation: 'read\\ committed',
};

/** What is said of a session that was opened with these settings. */
async function found(settings: Record<string, string>): Promise<readonly string[]> {
  const options = Object.entries({ ...SAFE, ...settings });
  const client = new pg.Client({
    connectionString: database.url,
    options: options.map(([name, value]) => `-c ${name}=${value}`).join(' '),
  });
  await client.connect();
  try {
    return await unsafeSettings(client);
  } finally {
    await client.end();
  }
}

describe('settings of the database', () => {
  it('are safe as the application opens its sessions', async () => {
    expect(await unsafeSettings(database.db.pool)).toEqual([]);
    expect(await found({})).toEqual([]);
  });

  it.each([
    ['synchronous_commit', 'off', 'synchronous_commit is off and must be on'],
    ['synchronous_commit', 'local', 'synchronous_commit is local and must be on'],
    ['lock_timeout', '0', 'lock_timeout is 0 and must be 3s or less'],
    ['lock_timeout', '3001', 'lock_timeout is 3001ms and must be 3s or less'],
    ['lock_timeout', '1min', 'lock_timeout is 1min and must be 3s or less'],
    ['statement_timeout', '0', 'statement_timeout is 0 and must be 10s or less'],
    ['statement_timeout', '11s', 'statement_timeout is 11s and must be 10s or less'],
    ['statement_timeout', '1h', 'statement_timeout is 1h and must be 10s or less'],
    [
      'idle_in_transaction_session_timeout',
      '0',
      'idle_in_transaction_session_timeout is 0 and must be 5s or less',
    ],
    [
      'idle_in_transaction_session_timeout',
      '6s',
      'idle_in_transaction_session_timeout is 6s and must be 5s or less',
    ],
    [
      'default_transaction_isolation',
      'repeatable\\ read',
      'default_transaction_isolation is repeatable read and must be "read committed"',
    ],
    [
      'default_transaction_isolation',
      'serializable',
      'default_transaction_isolation is serializable and must be "read committed"',
    ],
  ])('%s=%s is refused with a sentence', async (name, value, sentence) => {
    const said = await found({ [name]: value });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(sentence);
  });

  it.each([
    ['lock_timeout', '2999'],
    ['statement_timeout', '500'],
    ['synchronous_commit', 'remote_apply'],
  ])('%s=%s is safe', async (name, value) => {
    expect(await found({ [name]: value })).toEqual([]);
  });

  it('are told all at once', async () => {
    const said = await found({ lock_timeout: '0', statement_timeout: '0' });
    expect(said).toHaveLength(2);
  });
});

describe('what only a server can set', () => {
  it('fsync and full_page_writes off are refused', async () => {
    const cluster = await startTestCluster({ durable: false });
    const client = await connect(cluster.url);
    try {
      const said = (await unsafeSettings(client)).join('\n');
      expect(said).toContain('fsync is off and must be on');
      expect(said).toContain('full_page_writes is off and must be on');
      expect(said).toContain('synchronous_commit is off and must be on');
    } finally {
      await client.end();
      await cluster.stop();
    }
  });

  it('an encoding other than UTF-8 is refused', async () => {
    const server = inject('postgresUrl');
    await onServer(server, [
      'drop database if exists t_ascii',
      `create database t_ascii encoding 'SQL_ASCII' locale 'C' template template0`,
    ]);
    const client = await connect(urlOfDatabase(server, 't_ascii'));
    try {
      expect(await unsafeSettings(client)).toContain(
        'server_encoding is SQL_ASCII and must be UTF8',
      );
    } finally {
      await client.end();
      await onServer(server, ['drop database t_ascii with (force)']);
    }
  });
});

describe('a server', () => {
  const answering = (version: string) => {
    const values = { ...SAFE_VALUES, server_version_num: version };
    const rows = Object.entries(values).map(([name, value]) => ({ name, value }));
    // The one question that is asked; no server of that age is at hand.
    return { query: async () => ({ rows }) } as unknown as pg.Client;
  };
  const SAFE_VALUES = {
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    idle_in_transaction_session_timeout: '5s',
    lock_timeout: '3s',
    statement_timeout: '10s',
    default_transaction_isolation: 'read committed',
    server_encoding: 'UTF8',
  };

  it('older than version 15 is refused', async () => {
    expect(await unsafeSettings(answering('140011'))).toEqual([
      'the PostgreSQL server is older than version 15',
    ]);
    expect(await unsafeSettings(answering('150000'))).toEqual([]);
  });
});
