/** What each role of the database may not do, tried and looked up. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { connect } from '../../test/kit/kernel.ts';
import type { DbRole } from './db.ts';

const ROLES = ['fanfare_app', 'fanfare_lane', 'fanfare_auditor'] as const;
const DENIED = '42501';

let database: TestDb;
let owner: pg.Client;
let tables: readonly string[];

beforeAll(async () => {
  database = await cloneDb();
  owner = await connect(database.url);
  const { rows } = await owner.query<{ name: string }>(
    `select schemaname || '.' || quote_ident(tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  tables = rows.map((row) => row.name);
  await owner.query(`
    insert into kernel.state_change (event_id, machine, object_id, to_state, actor)
    values ('evt_1', 'order', 'ord_1', 'pending', 'test');
    insert into kernel.outbox (event_id, kind, data) values ('evt_1', 'order_placed', '{}');
    insert into kernel.job (kind, key) values ('k', '1')`);
});
afterAll(async () => {
  await owner.end();
  await database.close();
});

/** Runs a statement as a role and undoes it; the SQLSTATE, or `done`. */
async function attempt(role: DbRole, statement: string): Promise<string> {
  await owner.query(`begin; set local role ${role}`);
  try {
    await owner.query(statement);
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await owner.query('rollback');
  }
}

async function mayDo(role: DbRole, table: string, privilege: string): Promise<boolean> {
  const { rows } = await owner.query<{ may: boolean }>(
    'select has_table_privilege($1, $2, $3) as may',
    [role, table, privilege],
  );
  return rows[0]?.may ?? true;
}

async function tablesWith(role: DbRole, ...privileges: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const table of tables) {
    for (const privilege of privileges) {
      if (await mayDo(role, table, privilege)) found.push(`${privilege} ${table}`);
    }
  }
  return found;
}

describe('the audit log, the facts and the books', () => {
  const kept = ['kernel.state_change', 'kernel.timeline', 'payments.transfer'];
  const changes = kept.flatMap((table) => [
    { table, statement: `update ${table} set event_id = 'evt_2'` },
    { table, statement: `delete from ${table}` },
    { table, statement: `truncate ${table}` },
  ]);
  // Relayed facts leave the outbox, and old ones the log; none is ever changed.
  for (const table of ['kernel.outbox', 'kernel.fact']) {
    changes.push({ table, statement: `update ${table} set kind = 'k'` });
    changes.push({ table, statement: `truncate ${table}` });
  }
  it.each(changes.flatMap((change) => ROLES.map((role) => ({ role, ...change }))))(
    '$role is denied: $statement',
    async ({ role, statement }) => {
      expect(await attempt(role, statement)).toBe(DENIED);
    },
  );

  it('can be added to by the application', async () => {
    const statement = `insert into kernel.outbox (event_id, kind, data) values ('e', 'k', '{}')`;
    expect(await attempt('fanfare_app', statement)).toBe('done');
    expect(await attempt('fanfare_auditor', statement)).toBe(DENIED);
  });

  it('no ledger can be rewritten by any role', async () => {
    const ledgers = tables.filter((table) => /ledger|state_change|timeline|transfer$/.test(table));
    expect(ledgers.length).toBeGreaterThanOrEqual(3);
    for (const role of ROLES) {
      const may = await tablesWith(role, 'UPDATE', 'DELETE', 'TRUNCATE');
      expect(may.filter((entry) => ledgers.some((table) => entry.endsWith(table)))).toEqual([]);
    }
  });
});

describe('the auditor', () => {
  it('writes nothing, anywhere', async () => {
    expect(tables.length).toBeGreaterThanOrEqual(25);
    const privileges = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER'];
    expect(await tablesWith('fanfare_auditor', ...privileges)).toEqual([]);
  });

  it('does not read the secret of the instance', async () => {
    expect(await attempt('fanfare_auditor', 'select secret from kernel.instance')).toBe(DENIED);
  });

  it('reads what it audits', async () => {
    expect(await attempt('fanfare_auditor', 'select actor from kernel.state_change')).toBe('done');
  });
});

describe('the application', () => {
  it.each([
    'create table public.mine (id int)',
    'create table kernel.mine (id int)',
    'create schema mine',
    'alter table kernel.job add column mine int',
    'drop table kernel.job',
    'create role mine',
    'grant fanfare_app to fanfare_auditor',
    `copy kernel.job to program 'true'`,
    `select pg_read_file('/etc/passwd')`,
  ])('is denied: %s', async (statement) => {
    expect(await attempt('fanfare_app', statement)).toBe(DENIED);
    expect(await attempt('fanfare_lane', statement)).toBe(DENIED);
  });

  it('cannot change what states may follow each other, nor forget its migrations', async () => {
    for (const role of ROLES) {
      const may = await tablesWith(role, 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');
      const own = ['kernel.transition', 'public.fanfare_migration', 'public.fanfare_functions'];
      expect(may.filter((entry) => own.some((table) => entry.endsWith(table)))).toEqual([]);
    }
  });

  it('sees whether its migrations are done', async () => {
    expect(await attempt('fanfare_app', 'select name from public.fanfare_migration')).toBe('done');
  });

  it('connects in its role, under its limits', async () => {
    const { rows } = await database.db.pool.query(
      `select current_user as role, current_setting('lock_timeout') as lock,
              current_setting('statement_timeout') as statement,
              current_setting('idle_in_transaction_session_timeout') as idle,
              current_setting('timezone') as zone`,
    );
    const limits = { lock: '3s', statement: '10s', idle: '5s', zone: 'UTC' };
    expect(rows).toEqual([{ role: 'fanfare_app', ...limits }]);
  });
});
