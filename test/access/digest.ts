/** What the database holds, a fingerprint a table: the same ones say that nothing was written. */
import type { TestApp } from '../kit/app.ts';

const SCHEMAS = [
  ...['approvals', 'catalog', 'identity', 'inventory', 'kernel', 'orders', 'papers'],
  ...['notifications', 'payments', 'people', 'promotions', 'sessions', 'webhooks'],
];
/** When a key was last used is written beside what a request does. */
const BESIDE = `to_jsonb(t) - 'last_used_at'`;

const connections = new WeakMap<TestApp, ReturnType<TestApp['database']['open']>>();

function superuser(app: TestApp) {
  const known = connections.get(app) ?? app.database.open(null);
  connections.set(app, known);
  return known.pool;
}

export async function digestOf(app: TestApp): Promise<Readonly<Record<string, string>>> {
  const pool = superuser(app);
  const tables = await pool.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema = any($1) order by 1`,
    [SCHEMAS],
  );
  const parts = tables.rows.map(
    ({ name }) =>
      `select '${name}' as name, md5(coalesce(string_agg((${BESIDE})::text, '|'
         order by (${BESIDE})::text), '')) as digest from ${name} t`,
  );
  const found = await pool.query<{ name: string; digest: string }>(parts.join(' union all '));
  return Object.fromEntries(found.rows.map(({ name, digest }) => [name, digest]));
}

export async function rolesOf(app: TestApp): Promise<readonly (readonly [string, string[]])[]> {
  const found = await superuser(app).query<{ role: string; scopes: string[] }>(
    'select role, scopes from identity.role',
  );
  return found.rows.map(({ role, scopes }) => [role, [...scopes].sort()]);
}

/** The names of all columns, as the database spells them and as a client would. */
export async function columnNames(app: TestApp): Promise<readonly string[]> {
  const found = await superuser(app).query<{ name: string }>(
    `select distinct column_name as name from information_schema.columns
     where table_schema = any($1) order by 1`,
    [SCHEMAS],
  );
  return found.rows.flatMap(({ name }) => {
    const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return camel === name ? [name] : [name, camel];
  });
}
