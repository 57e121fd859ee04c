import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { type Db, inSnapshot, one, run, sqlStateOf } from './db.ts';
import { command, int, rows } from './sql.ts';

const readThing = (id: number) => rows({ n: int })`select n from scratch.thing where id = ${id}`;
const addOne = () => command`update scratch.thing set n = n + 1`;

let database: TestDb;
let db: Db;
let outside: Db;
beforeAll(async () => {
  database = await cloneDb();
  outside = database.open(null);
  await outside.pool.query(`
    create schema scratch;
    create table scratch.thing (id int primary key, n int not null);
    grant usage on schema scratch to fanfare_app;
    grant all on scratch.thing to fanfare_app`);
  db = database.open('fanfare_app');
});
afterAll(() => database.close());
beforeEach(async () => {
  await outside.pool.query('truncate scratch.thing');
  await outside.pool.query('insert into scratch.thing values (1, 0), (2, 0)');
});

it('sees one moment, whatever is committed between its statements', async () => {
  const seen = await inSnapshot(db, async (tx) => {
    const before = await one(tx, readThing(1));
    await outside.pool.query('update scratch.thing set n = n + 1');
    return [before.n, (await one(tx, readThing(2))).n];
  });
  expect(seen).toEqual([0, 0]);
  expect(await one(db, readThing(2))).toEqual({ n: 1 });
});

it('writes nothing, and gives its connection back after an error', async () => {
  const refused = await inSnapshot(db, (tx) => run(tx, addOne())).catch((error: unknown) => error);
  expect(sqlStateOf(refused)).toBe('25006');
  await expect(inSnapshot(db, () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
  expect(await one(db, readThing(1))).toEqual({ n: 0 });
  expect(db.pool.idleCount).toBe(db.pool.totalCount);
});
