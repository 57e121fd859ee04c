/**
 * Many rows like one: what the product itself wrote for one event or one purchase is copied within
 * the database under other ids. Columns are looked up, not named, so that a table may gain some.
 * Triggers and foreign keys are off while it copies, as in a restored dump.
 */
import type pg from 'pg';
import { asSuperuser } from './databases.ts';

/** What is copied: the rows of one event, in these schemas, that say one of these words. */
export type Original = {
  readonly eventId: string;
  readonly schemas: readonly string[];
  /** Replaced by words of the same length that say the copy's number. */
  readonly words: readonly string[];
};

/** Ids of the event's own things that every copy has in common. */
const KEPT = /^(?:tt|pool)_/;
const SCOPED_ID = /\b(?:tt|pool|hld|ord|tkt|ssn|pay|ref|wle|off)_[0-9a-z]{13}([0-9a-z]{24})\b/g;
/** An alphabetic first letter: no copy looks like an id that the product makes now. */
const FIRST = 'z';

type Column = { readonly name: string; readonly type: string };
type Table = { readonly name: string; readonly columns: readonly Column[] };

const TABLES = `
  select format('%I.%I', n.nspname, c.relname) as name,
    jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
      order by a.attnum) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    and a.attgenerated = '' and a.attidentity = ''
  where n.nspname = any($1) and c.relkind in ('r', 'p')
    and exists (select from pg_attribute e where e.attrelid = c.oid and e.attname = 'event_id')
  group by n.nspname, c.relname order by 1`;

type Row = { readonly at: string; readonly row: Readonly<Record<string, unknown>> };

/** Copies numbered from `from` on; a number is never used twice for one original. */
export async function multiply(
  url: string,
  original: Original,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<void> {
  await asSuperuser(url, async (client) => {
    await client.query(`set session_replication_role = replica`);
    const { rows: tables } = await client.query<Table>(TABLES, [original.schemas]);
    const found: { readonly table: Table; readonly rows: readonly Row[] }[] = [];
    for (const table of tables) {
      found.push({ table, rows: await rowsOf(client, table, original.eventId) });
    }
    const words = new Set([...original.words, ...found.flatMap(({ rows }) => wordsIn(rows))]);
    for (const { table, rows } of found) {
      for (const row of rows) await copy(client, table, row, [...words], { from, count });
    }
  });
}

async function rowsOf(client: pg.Client, table: Table, eventId: string): Promise<Row[]> {
  const text = `select t.ctid::text as at, to_jsonb(t) as row from ${table.name} t
    where t.event_id = $1`;
  return (await client.query<Row>(text, [eventId])).rows;
}

/** The local parts of ids in these rows: holds, orders, tickets, payments. */
function wordsIn(rows: readonly Row[]): string[] {
  return rows.flatMap(({ row }) =>
    [...JSON.stringify(row).matchAll(SCOPED_ID)]
      .filter(([id]) => !KEPT.test(id))
      .map(([, local]) => local ?? ''),
  );
}

async function copy(
  client: pg.Client,
  table: Table,
  { at, row }: Row,
  words: readonly string[],
  { from, count }: { readonly from: number; readonly count: number },
): Promise<void> {
  let isChanged = false;
  const values = table.columns.map(({ name, type }) => {
    const text = JSON.stringify(row[name] ?? null);
    const said = words.filter((word) => text.includes(word));
    const column = `t.${client.escapeIdentifier(name)}`;
    if (said.length === 0) return column;
    isChanged = true;
    const replaced = said.reduce(
      (inner, word) =>
        `replace(${inner}, ${client.escapeLiteral(word)}, ` +
        `'${FIRST}' || lpad(g::text, ${word.length - 1}, '0'))`,
      `${column}::text`,
    );
    return `${replaced}::${type}`;
  });
  if (!isChanged) return;
  const names = table.columns.map(({ name }) => client.escapeIdentifier(name));
  await client.query(
    `insert into ${table.name} (${names.join(', ')}) select ${values.join(', ')}
     from ${table.name} t cross join generate_series($1::int, $2::int) g where t.ctid = $3::tid`,
    [from, from + count - 1, at],
  );
}

/** The word that stands for a copy. */
export const wordOf = (number: number, length: number) =>
  FIRST + String(number).padStart(length - 1, '0');

/** Statistics and visibility as they are in a database that has lived. */
export async function settleDown(url: string): Promise<void> {
  await asSuperuser(url, async (client) => {
    await client.query('vacuum analyze');
    await client.query('checkpoint');
  });
}
