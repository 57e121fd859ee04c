/**
 * Brings a database to this version: roles, then `db/migrations/*.sql` in order, each in its own
 * transaction, then this build's SQL functions under their suffix. Forward only. One migrator at a
 * time (an advisory lock); a file that was applied must never change.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type FunctionFile, functionFiles, functionSuffix } from './functions.ts';
import { projectRoot } from './root.ts';

/** Any constant; it only has to be the same in every version. */
const MIGRATION_LOCK = 7_203_511;
const ROLES = ['fanfare_app', 'fanfare_lane', 'fanfare_auditor'] as const;
const UNUSED_FUNCTIONS_KEPT_DAYS = 30;

export type MigrateReport = { readonly applied: readonly string[]; readonly functions: string };

export type MigrationFile = {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
};

/** What a version brings; this build's own unless a test says otherwise. */
export type Version = {
  readonly migrations: readonly MigrationFile[];
  readonly functions: readonly FunctionFile[];
  /** Stands for `@v` in the functions' names. */
  readonly suffix: string;
};

export const thisVersion = (): Version => ({
  migrations: migrationFiles(),
  functions: functionFiles(),
  suffix: functionSuffix(),
});

export async function migrate(options: {
  readonly url: string;
  readonly say?: (line: string) => void;
  readonly version?: Version;
}): Promise<MigrateReport> {
  const version = options.version ?? thisVersion();
  const client = new pg.Client({
    connectionString: options.url,
    application_name: 'fanfare migrate',
    options: '-c timezone=UTC -c lock_timeout=10s',
  });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await createRoles(client);
    await client.query(`
      create table if not exists public.fanfare_migration (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default clock_timestamp()
      );
      create table if not exists public.fanfare_functions (
        suffix text primary key,
        used_at timestamptz not null default clock_timestamp()
      );
      -- A server is ready only if it sees that its migrations are done.
      grant select on public.fanfare_migration to fanfare_app, fanfare_auditor`);
    const applied = await applyFiles(client, version.migrations, options.say ?? (() => {}));
    await installFunctions(client, version);
    return { applied, functions: version.suffix };
  } finally {
    await client.end();
  }
}

/** The migrations that this build has and the database has not. */
export async function pendingMigrations(query: {
  query: (text: string) => Promise<{ rows: { name: string }[] }>;
}): Promise<readonly string[]> {
  const { rows } = await query.query('select name from public.fanfare_migration');
  const done = new Set(rows.map((row) => row.name));
  return migrationFiles()
    .map((file) => file.name)
    .filter((name) => !done.has(name));
}

function migrationFiles(): readonly MigrationFile[] {
  const folder = join(projectRoot, 'db', 'migrations');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => migrationFile(name, readFileSync(join(folder, name), 'utf8')));
}

export function migrationFile(name: string, text: string): MigrationFile {
  return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
}

async function createRoles(client: pg.Client): Promise<void> {
  for (const role of ROLES) {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
    if (rowCount === 0) {
      await client.query(`create role ${role} nologin`).catch(ignoreTwin);
    }
    await client
      .query(`
        do $$ begin
          -- From version 16 on, being a member does not mean being allowed to act as one.
          if not pg_has_role(current_user, '${role}',
            case when current_setting('server_version_num')::int >= 160000 then 'set'
              else 'member' end) then
            grant ${role} to current_user;
          end if;
        end $$`)
      .catch(ignoreTwin);
  }
}

/**
 * Roles belong to the server, the lock to the database: a migrator of another database may be
 * making the same role at this moment. What it makes is what is wanted.
 */
function ignoreTwin(error: { readonly code?: string; readonly message: string }): void {
  const isTwin = error.code === '42710' || error.code === '23505';
  if (!isTwin && !/tuple concurrently updated/.test(error.message)) throw error;
}

async function applyFiles(
  client: pg.Client,
  files: readonly MigrationFile[],
  say: (line: string) => void,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string; sha256: string }>(
    'select name, sha256 from public.fanfare_migration',
  );
  const done = new Map(rows.map((row) => [row.name, row.sha256]));
  const applied: string[] = [];
  for (const file of files) {
    const before = done.get(file.name);
    if (before === file.sha256) continue;
    if (before !== undefined) {
      throw new Error(`the migration ${file.name} was changed after it had been applied`);
    }
    await client.query('begin');
    try {
      await client.query(file.text);
      await client.query('insert into public.fanfare_migration (name, sha256) values ($1, $2)', [
        file.name,
        file.sha256,
      ]);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the migration ${file.name} failed: ${reason}`, { cause: error });
    }
    say(`migrated ${file.name}`);
    applied.push(file.name);
  }
  return applied;
}

/** Installs a version's functions beside those of others; drops long unused ones. */
async function installFunctions(client: pg.Client, { functions, suffix }: Version): Promise<void> {
  await client.query('begin');
  try {
    const known = await client.query(
      'update public.fanfare_functions set used_at = clock_timestamp() where suffix = $1',
      [suffix],
    );
    if (known.rowCount === 0) {
      // The version before was in use until now, however long ago its processes were started.
      await client.query(`
        update public.fanfare_functions set used_at = clock_timestamp()
        where used_at = (select max(used_at) from public.fanfare_functions)`);
      for (const file of functions) {
        await client.query(file.text.replaceAll('@v', suffix)).catch((error: Error) => {
          throw new Error(`${file.path}: ${error.message}`, { cause: error });
        });
      }
      await client.query('insert into public.fanfare_functions (suffix) values ($1)', [suffix]);
    }
    await dropUnusedFunctions(client);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function dropUnusedFunctions(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ suffix: string }>(
    `delete from public.fanfare_functions
     where used_at < clock_timestamp() - make_interval(days => $1) returning suffix`,
    [UNUSED_FUNCTIONS_KEPT_DAYS],
  );
  for (const { suffix } of rows) {
    const { rows: old } = await client.query<{ signature: string }>(
      `select p.oid::regprocedure::text as signature from pg_proc p
       where right(p.proname, length($1)) = $1`,
      [suffix],
    );
    for (const { signature } of old) await client.query(`drop function ${signature}`);
  }
}
