import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { onServer, startTestCluster, urlOfDatabase } from '../../test/kit/embedded.ts';
import { connect } from '../../test/kit/kernel.ts';
import { migrate, migrationFile, pendingMigrations, thisVersion, type Version } from './migrate.ts';

let name: string;
let url: string;
let client: pg.Client;

beforeEach(async () => {
  name = `t_${randomBytes(6).toString('hex')}`;
  const server = inject('postgresUrl');
  await onServer(server, [`create database ${name}`]);
  url = urlOfDatabase(server, name);
  client = await connect(url);
});
afterEach(async () => {
  await client.end();
  await onServer(inject('postgresUrl'), [`drop database ${name} with (force)`]);
});

const version = (more: Partial<Version> = {}): Version => ({
  migrations: [
    migrationFile('0001-a.sql', 'create table a (id int)'),
    migrationFile('0002-b.sql', 'create table b (id int); insert into b values (1)'),
  ],
  functions: [],
  suffix: '_0000000001',
  ...more,
});

const greet = (suffix: string, answer: string): Version =>
  version({
    suffix,
    functions: [
      {
        path: 'greet.fn.sql',
        text: `create function public.greet@v() returns text language sql as $$ select '${answer}' $$`,
      },
    ],
  });

const first = async (text: string, values: unknown[] = []) => {
  const { rows } = await client.query(text, values);
  return Object.values(rows[0] ?? {})[0];
};
const functions = async () => {
  const { rows } = await client.query<{ proname: string }>(
    `select proname from pg_proc where proname like 'greet%' order by 1`,
  );
  return rows.map((row) => row.proname);
};
/** What the database looks like, to the last column and function. */
const shape = () =>
  first(`
    select md5(string_agg(line, E'\\n' order by line)) from (
      select table_schema || table_name || column_name || data_type || coalesce(column_default, '')
      from information_schema.columns
      where table_schema not in ('pg_catalog', 'information_schema')
      union all
      select pg_get_functiondef(oid) from pg_proc
      where pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
    ) as lines(line)`);

describe('this version', () => {
  it('makes a fresh database, and changes nothing the second time', async () => {
    const said: string[] = [];
    const made = await migrate({ url, say: (line) => said.push(line) });
    const names = thisVersion().migrations.map((file) => file.name);
    expect(names.length).toBeGreaterThanOrEqual(9);
    expect(made.applied).toEqual(names);
    expect(said).toEqual(names.map((file) => `migrated ${file}`));
    expect(await pendingMigrations(client)).toEqual([]);
    const before = await shape();

    const again = await migrate({ url });
    expect(again).toEqual({ applied: [], functions: made.functions });
    expect(await shape()).toBe(before);
  });

  it('waits while another migrator is at work, and finds it done', async () => {
    const [one, two] = await Promise.all([migrate({ url }), migrate({ url })]);
    expect([one.applied.length, two.applied.length].sort()).toEqual([
      0,
      thisVersion().migrations.length,
    ]);
  });

  it('installs every function under its suffix', async () => {
    const { functions: suffix } = await migrate({ url });
    const known = await first('select count(*)::int from pg_proc where right(proname, 11) = $1', [
      suffix,
    ]);
    const wanted = thisVersion().functions.flatMap(
      (file) => file.text.match(/^create .*@v/gm) ?? [],
    );
    expect(known).toBe(wanted.length);
    expect(known).toBeGreaterThanOrEqual(10);
  });
});

describe('a migration', () => {
  it('is applied once, in order, with what is new later', async () => {
    expect((await migrate({ url, version: version() })).applied).toEqual([
      '0001-a.sql',
      '0002-b.sql',
    ]);
    const third = migrationFile('0003-c.sql', 'alter table b add column c int default 7');
    const more = version({ migrations: [...version().migrations, third] });
    expect((await migrate({ url, version: more })).applied).toEqual(['0003-c.sql']);
    expect(await first('select c from b')).toBe(7);
  });

  it('that was changed after it had been applied is refused by name', async () => {
    await migrate({ url, version: version() });
    const changed = migrationFile('0001-a.sql', 'create table a (id bigint)');
    const work = migrate({ url, version: version({ migrations: [changed] }) });
    await expect(work).rejects.toThrow('0001-a.sql was changed after it had been applied');
  });

  it('that fails is undone and named; those before it stay', async () => {
    const bad = migrationFile('0003-bad.sql', 'create table c (id int); select 1/0');
    const broken = version({ migrations: [...version().migrations, bad] });
    await expect(migrate({ url, version: broken })).rejects.toThrow(
      'the migration 0003-bad.sql failed: division by zero',
    );
    expect(await first(`select to_regclass('c') is null and to_regclass('b') is not null`)).toBe(
      true,
    );
    expect(await first('select count(*)::int from public.fanfare_migration')).toBe(2);

    const good = migrationFile('0003-bad.sql', 'create table c (id int)');
    const mended = version({ migrations: [...version().migrations, good] });
    expect((await migrate({ url, version: mended })).applied).toEqual(['0003-bad.sql']);
  });

  it('does not wait for a lock for ever, and gives up itself', async () => {
    await migrate({ url, version: version() });
    await client.query('begin; lock table b in access exclusive mode');
    const alter = `set local lock_timeout = '50ms'; alter table b add column c int`;
    const third = migrationFile('0003-c.sql', alter);
    const more = version({ migrations: [...version().migrations, third] });
    await expect(migrate({ url, version: more })).rejects.toThrow('0003-c.sql failed: canceling');
    await client.query('rollback');
    expect((await migrate({ url, version: more })).applied).toEqual(['0003-c.sql']);
  });

  it('that this build has and the database has not is pending', async () => {
    await migrate({ url, version: version() });
    const pending = await pendingMigrations(client);
    expect(pending).toEqual(thisVersion().migrations.map((file) => file.name));
  });
});

describe('functions', () => {
  const usedDaysAgo = (suffix: string, days: number) =>
    client.query(
      `update public.fanfare_functions
       set used_at = clock_timestamp() - make_interval(days => $2) where suffix = $1`,
      [suffix, days],
    );

  it('of two versions stand side by side', async () => {
    await migrate({ url, version: greet('_aaaaaaaaaa', 'old') });
    await migrate({ url, version: greet('_bbbbbbbbbb', 'new') });
    expect(await first('select greet_aaaaaaaaaa()')).toBe('old');
    expect(await first('select greet_bbbbbbbbbb()')).toBe('new');
    await migrate({ url, version: greet('_aaaaaaaaaa', 'old') });
    expect(await functions()).toEqual(['greet_aaaaaaaaaa', 'greet_bbbbbbbbbb']);
  });

  it('unused for 30 days are dropped, not before', async () => {
    await migrate({ url, version: greet('_aaaaaaaaaa', 'old') });
    await migrate({ url, version: greet('_bbbbbbbbbb', 'new') });
    await usedDaysAgo('_aaaaaaaaaa', 29);
    await migrate({ url, version: greet('_bbbbbbbbbb', 'new') });
    expect(await functions()).toHaveLength(2);
    await usedDaysAgo('_aaaaaaaaaa', 31);
    await migrate({ url, version: greet('_bbbbbbbbbb', 'new') });
    expect(await functions()).toEqual(['greet_bbbbbbbbbb']);
  });

  it('of a version that ran for months survive the arrival of its successor', async () => {
    await migrate({ url, version: greet('_aaaaaaaaaa', 'old') });
    await usedDaysAgo('_aaaaaaaaaa', 90);
    await migrate({ url, version: greet('_bbbbbbbbbb', 'new') });
    await migrate({ url, version: greet('_bbbbbbbbbb', 'new') });
    expect(await first('select greet_aaaaaaaaaa()')).toBe('old');
  });

  it('that PostgreSQL refuses are named by their file, and none of them stays', async () => {
    const functionsOf = greet('_aaaaaaaaaa', 'old').functions;
    const bad = { path: 'rooms/bad.fn.sql', text: 'create function bad@v() nonsense' };
    const broken = version({ functions: [...functionsOf, bad], suffix: '_aaaaaaaaaa' });
    await expect(migrate({ url, version: broken })).rejects.toThrow('rooms/bad.fn.sql: syntax');
    expect(await functions()).toEqual([]);
  });
});

describe('roles', () => {
  it('are made by several databases of a new server at once', async () => {
    const cluster = await startTestCluster();
    try {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      await onServer(
        cluster.url,
        names.map((one) => `create database ${one}`),
      );
      const reports = await Promise.all(
        names.map((one) => migrate({ url: urlOfDatabase(cluster.url, one), version: version() })),
      );
      expect(reports.map((report) => report.applied.length)).toEqual(names.map(() => 2));
    } finally {
      await cluster.stop();
    }
  });
});
