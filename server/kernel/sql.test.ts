import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { connect } from '../../test/kit/kernel.ts';
import { functionSuffix } from './functions.ts';
import {
  bool,
  bytes,
  command,
  fragment,
  instant,
  int,
  intOrNull,
  json,
  listOf,
  objectOf,
  real,
  rows,
  type Statement,
  text,
  textOrNull,
} from './sql.ts';

declare global {
  interface ImportMeta {
    /** Of Vite, which vitest is made of: the modules of a pattern, each to be loaded. */
    readonly glob: (patterns: string[]) => Record<string, () => Promise<Record<string, unknown>>>;
  }
}

describe('a statement', () => {
  const byId = (id: string, n: number) => rows({ id: text, n: int })`
    select id, n from thing where id = ${id} and n > ${n}`;

  it('is text with parameters, and a name made of its text', () => {
    const one = byId("'; drop table thing --", 1);
    expect(one.text.trim()).toBe('select id, n from thing where id = $1 and n > $2');
    expect(one.values).toEqual(["'; drop table thing --", 1]);
    expect(one.name).toMatch(/^[0-9a-f]{20}$/);
    expect(byId('b', 2).name).toBe(one.name);
    expect(rows({ id: text })`select id from thing`.name).not.toBe(one.name);
  });

  it('splices fragments, and only one at one place', () => {
    const columns = fragment`id, n`;
    const byColumns = (what: unknown, id: string) =>
      command`select ${what} from t where id = ${id}`;
    const one = byColumns(columns, 'a');
    expect(one.text).toBe('select id, n from t where id = $1');
    expect(one.values).toEqual(['a']);
    expect(byColumns(columns, 'b')).toMatchObject({ name: one.name, values: ['b'] });
    expect(() => byColumns(fragment`secret`, 'a')).toThrow('another fragment');
    expect(() => byColumns('id', 'a')).toThrow('another fragment');
  });

  it('calls the functions of this build', () => {
    expect(command`select room.act@v(${1})`.text).toBe(`select room.act${functionSuffix()}($1)`);
  });
});

describe('a row', () => {
  const decode = (columns: Parameters<typeof rows>[0], raw: Record<string, unknown>) =>
    rows(columns)``.decode(raw);

  it.each([
    [text, 'a', 1],
    [text, '', null],
    [int, 1, 1.5],
    [int, 0, '1'],
    [int, -1, 2 ** 53],
    [real, 1.5, '1.5'],
    [bool, false, 0],
    [bytes, Buffer.from('a'), 'a'],
    [instant, new Date(0), '1970-01-01'],
    [listOf(int), [1, 2], [1, null]],
    [listOf(int), [], '{}'],
    [objectOf({ n: int }), { n: 1 }, { n: '1' }],
    [objectOf({ n: int }), { n: 1 }, null],
    [objectOf({ n: int }), { n: 1 }, 'n'],
    [textOrNull, null, undefined],
    [intOrNull, null, 'x'],
  ])('column %#: takes what fits, names what does not', (column, fits, wrong) => {
    expect(decode({ c: column }, { c: fits })).toEqual({ c: fits });
    expect(() => decode({ c: column }, { c: wrong })).toThrow('column c: ');
    expect(() => decode({ c: column }, {})).toThrow('column c: ');
  });

  it('has the columns that were asked for, no others', () => {
    expect(decode({ a: json }, { a: { x: 1 }, b: 2 })).toEqual({ a: { x: 1 } });
  });
});

/**
 * Every statement of the product, asked of PostgreSQL: does it parse, and do its tables, columns
 * and functions exist? A `*.sql.ts` file exports functions that return statements; each is called
 * with a stand-in for whatever it takes, because only its text matters here. The kernel keeps its
 * own few statements to itself; its tests run them.
 */
describe('every exported statement', () => {
  const STATEMENTS_MIN = 120;
  const FILES_MIN = 20;
  // The adapters speak to servers that have no schema of ours yet.
  const files = import.meta.glob(['../**/*.sql.ts', '!../adapters/**']);

  let database: TestDb;
  let client: pg.Client;
  beforeAll(async () => {
    database = await cloneDb();
    client = await connect(database.url);
  });
  afterAll(async () => {
    await client.end();
    await database.close();
  });

  /** Null wherever a value is wanted, and a further stand-in wherever something is looked up. */
  function standIn(): unknown {
    const members: Record<string | symbol, unknown> = {
      [Symbol.toPrimitive]: () => '0',
      [Symbol.iterator]: () => [][Symbol.iterator](),
      toJSON: () => null,
      length: 0,
      map: () => [],
      flatMap: () => [],
    };
    return new Proxy(() => {}, {
      get: (_target, name) => (Object.hasOwn(members, name) ? members[name] : standIn()),
      apply: () => standIn(),
    });
  }

  const isStatement = (value: unknown): value is Statement<unknown> =>
    typeof value === 'object' && value !== null && 'text' in value && 'decode' in value;

  function statementsOf(exported: Record<string, unknown>): { name: string; text: string }[] {
    return Object.entries(exported).flatMap(([name, value]) => {
      const made: unknown =
        typeof value === 'function' ? value(...Array.from({ length: 12 }, standIn)) : value;
      return isStatement(made) ? [{ name, text: made.text }] : [];
    });
  }

  let seen = 0;
  it.each(Object.entries(files))('%s', async (_path, load) => {
    const statements = statementsOf(await load());
    expect(statements.length).toBeGreaterThan(0);
    const refused: string[] = [];
    for (const { name, text } of statements) {
      seen++;
      // What marks a place in a transaction cannot be prepared, and names no table.
      if (/^\s*(savepoint|release|rollback)\b/.test(text)) continue;
      await client
        .query(`prepare statement as ${text}`)
        .then(() => client.query('deallocate statement'))
        .catch((error: Error) => refused.push(`${name}: ${error.message}`));
    }
    expect(refused).toEqual([]);
  });

  it('was seen', () => {
    expect(Object.keys(files).length).toBeGreaterThanOrEqual(FILES_MIN);
    expect(seen).toBeGreaterThanOrEqual(STATEMENTS_MIN);
  });

  it('would be caught if it were wrong', async () => {
    const wrong = [
      command`select no_such_column from kernel.job`,
      command`select kernel.no_such_function@v()`,
      command`selec 1`,
      command`update kernel.job set id = ${1} where key = ${2} and id = ${'x'}::uuid`,
    ];
    for (const { text } of wrong) {
      await expect(client.query(`prepare statement as ${text}`)).rejects.toThrow();
    }
  });
});
