import type { Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { eventually } from '../../test/kit/given.ts';
import { connect, gate, scopeOn } from '../../test/kit/kernel.ts';
import { untilAnybodyBlocked } from '../../test/kit/variants.ts';
import {
  all,
  closeDb,
  type Db,
  inTx,
  isAway,
  isBusy,
  maybe,
  one,
  openDb,
  run,
  sqlStateOf,
  type Tx,
} from './db.ts';
import { ok, refused } from './result.ts';
import { bool, command, int, rows, text } from './sql.ts';

const readThing = (id: number) => rows({ n: int })`select n from scratch.thing where id = ${id}`;
const addOne = (id: number) => command`update scratch.thing set n = n + 1 where id = ${id}`;
const insertThing = (id: number) => command`insert into scratch.thing (id, n) values (${id}, 0)`;
const myPid = () => rows({ pid: int })`select pg_backend_pid() as pid`;
const setLocal = (name: string, value: string) =>
  command`select set_config(${name}, ${value}, true)`;

let database: TestDb;
let outside: pg.Client;
let retries: string[] = [];
let db: Db;

beforeAll(async () => {
  database = await cloneDb();
  outside = await connect(database.url);
  await outside.query(`
    create schema scratch;
    create table scratch.thing (id int primary key, n int not null);
    grant usage on schema scratch to fanfare_app;
    grant all on scratch.thing to fanfare_app`);
  db = openDb({
    url: database.url,
    role: 'fanfare_app',
    maxConnections: 4,
    name: 'db test',
    timings: { poolWaited: () => {}, transactionTook: () => {}, retried: (s) => retries.push(s) },
  });
});
afterAll(async () => {
  await closeDb(db);
  await outside.end();
  await database.close();
});
beforeEach(async () => {
  retries = [];
  await outside.query('truncate scratch.thing');
  await outside.query('insert into scratch.thing values (1, 0), (2, 0)');
});

const valueIn = async (id: number) => (await maybe(db, readThing(id)))?.n;
const isAlive = async (pid: number) => {
  const found = await outside.query('select from pg_stat_activity where pid = $1', [pid]);
  return found.rowCount === 1;
};
const endBackend = async (pid: number) => {
  await outside.query('select pg_terminate_backend($1)', [pid]);
  await eventually(
    () => isAlive(pid),
    (alive) => !alive,
  );
};
const caught = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error,
  );

describe('a transaction', () => {
  it('commits when its callback returns ok', async () => {
    const result = await inTx(scopeOn(db), async (tx) => ok(await run(tx, addOne(1))));
    expect(result).toEqual({ ok: true, value: 1 });
    expect(await valueIn(1)).toBe(1);
  });

  it('rolls back when its callback returns a refusal', async () => {
    const result = await inTx(scopeOn(db), async (tx) => {
      await run(tx, addOne(1));
      return refused('changed_my_mind', { extra: { n: (await one(tx, readThing(1))).n } });
    });
    expect(result).toMatchObject({ refusal: { code: 'changed_my_mind', extra: { n: 1 } } });
    expect(await valueIn(1)).toBe(0);
  });

  it('rolls back when its callback throws, and throws that', async () => {
    const work = inTx(scopeOn(db), async (tx) => {
      await run(tx, addOne(1));
      throw new Error('a bug');
    });
    await expect(work).rejects.toThrow('a bug');
    expect(await valueIn(1)).toBe(0);
  });

  it('is not reported as committed after a failure that its callback swallowed', async () => {
    const work = inTx(scopeOn(db), async (tx) => {
      await run(tx, addOne(1));
      await run(tx, insertThing(1)).catch(() => {});
      return ok('done');
    });
    await expect(work).rejects.toThrow('a statement failed, unheard');
    expect(await valueIn(1)).toBe(0);
  });

  it('refuses another inside it, and statements beside it', async () => {
    const nested = inTx(scopeOn(db), () => inTx(scopeOn(db), async () => ok(null)));
    await expect(nested).rejects.toThrow('inside a transaction');
    const beside = inTx(scopeOn(db), async () => ok(await one(db, readThing(1))));
    await expect(beside).rejects.toThrow('inside a transaction');
  });

  it('tells the audit log who acts, whatever the name is made of', async () => {
    const scope = scopeOn(db, { actor: "key_1'; drop table x --", requestId: 'req-1' });
    const settings = rows({ actor: text, request: text })`
      select current_setting('fanfare.actor') as actor,
             current_setting('fanfare.request_id') as request`;
    const result = await inTx(scope, async (tx) => ok(await one(tx, settings)));
    expect(result).toMatchObject({ value: { actor: 'key_1droptablex--', request: 'req-1' } });
    const after = rows({ gone: bool })`
      select coalesce(current_setting('fanfare.actor', true), '') = '' as gone`;
    expect(await one(db, after)).toEqual({ gone: true });
  });

  it('stores the answer of the request in itself, and not with a refusal', async () => {
    const stored: unknown[] = [];
    const complete = async (tx: Tx, value: unknown) => {
      stored.push(value);
      await run(tx, addOne(2));
    };
    const scope = scopeOn(db, { once: { complete } });
    await inTx(scope, async () => ok('answer'));
    await inTx(scope, async () => refused('no'));
    expect(stored).toEqual(['answer']);
    expect(await valueIn(2)).toBe(1);
  });
});

describe('what is run again', () => {
  it('40P01: one of two that wait for each other is the victim, and runs again', async () => {
    const first = gate();
    const second = gate();
    const cross = (mine: number, other: number, here: () => void, there: Promise<void>) =>
      inTx(scopeOn(db), async (tx) => {
        await run(tx, addOne(mine));
        here();
        await there;
        await run(tx, addOne(other));
        return ok(null);
      });
    const both = await Promise.all([
      cross(1, 2, first.open, second.reached),
      cross(2, 1, second.open, first.reached),
    ]);
    expect(both.map((result) => result.ok)).toEqual([true, true]);
    expect(retries).toEqual(['40P01']);
    expect([await valueIn(1), await valueIn(2)]).toEqual([2, 2]);
  });

  it('40P01: a statement of its own too, of which nothing is left', async () => {
    const addToBoth = command`update scratch.thing set n = n + 1 where id in (1, 2)`;
    const other = await connect(database.url);
    const pid = (await other.query('select pg_backend_pid() as pid')).rows[0].pid as number;
    // So that it is not this session that looks first, and gives up.
    await other.query(`set deadlock_timeout = '20s'; begin`);
    await other.query('select from scratch.thing where id = 2 for update');
    const added = run(db, addToBoth);
    await untilAnybodyBlocked(database.url, pid);
    await other.query('select from scratch.thing where id = 1 for update');
    await other.query('commit');
    await other.end();
    expect(await added).toBe(2);
    expect(retries).toEqual(['40P01']);
    expect([await valueIn(1), await valueIn(2)]).toEqual([1, 1]);
  });

  it('40001: a snapshot that somebody else has outrun is read again', async () => {
    let attempts = 0;
    const result = await inTx(
      scopeOn(db),
      async (tx) => {
        attempts++;
        const { n } = await one(tx, readThing(1));
        if (attempts === 1) await outside.query('update scratch.thing set n = 10 where id = 1');
        await run(tx, addOne(1));
        return ok(n);
      },
      { isolation: 'repeatable read' },
    );
    expect(result).toEqual({ ok: true, value: 10 });
    expect(retries).toEqual(['40001']);
    expect(await valueIn(1)).toBe(11);
  });

  it('gives up after four attempts', async () => {
    let attempts = 0;
    const work = inTx(
      scopeOn(db),
      async (tx) => {
        attempts++;
        await one(tx, readThing(1));
        await outside.query('update scratch.thing set n = n + 10 where id = 1');
        return ok(await run(tx, addOne(1)));
      },
      { isolation: 'repeatable read' },
    );
    expect(sqlStateOf(await caught(work))).toBe('40001');
    expect(attempts).toBe(4);
    expect(retries).toEqual(['40001', '40001', '40001']);
    expect(await valueIn(1)).toBe(40);
  });

  it('does not run a fault again', async () => {
    let attempts = 0;
    const work = inTx(scopeOn(db), async (tx) => {
      attempts++;
      return ok(await run(tx, insertThing(1)));
    });
    expect(sqlStateOf(await caught(work))).toBe('23505');
    expect(attempts).toBe(1);
  });
});

describe('busy', () => {
  it('55P03: the lock of somebody else is not waited for for ever', async () => {
    await outside.query('begin; select from scratch.thing where id = 1 for update');
    try {
      const result = await inTx(scopeOn(db), async (tx) => {
        await run(tx, setLocal('lock_timeout', '30ms'));
        return ok(await run(tx, addOne(1)));
      });
      expect(result).toMatchObject({ ok: false, refusal: { code: 'busy' } });
    } finally {
      await outside.query('rollback');
    }
    expect(await valueIn(1)).toBe(0);
  });

  it('57014: a statement that runs too long is ended', async () => {
    const result = await inTx(scopeOn(db), async (tx) => {
      await run(tx, addOne(1));
      await run(tx, setLocal('statement_timeout', '30ms'));
      await run(tx, command`select pg_sleep(20)`);
      return ok(null);
    });
    expect(result).toMatchObject({ ok: false, refusal: { code: 'busy' } });
    expect(await valueIn(1)).toBe(0);
  });

  it('all connections and places in the queue taken: at once', async () => {
    const small = openDb({ ...poolOf(), maxConnections: 1, waitingMax: 1 });
    const hold = gate();
    const held = gate();
    const first = inTx(scopeOn(small), async () => {
      held.open();
      await hold.reached;
      return ok('first');
    });
    await held.reached;
    const second = inTx(scopeOn(small), async () => ok('second'));
    const startedAt = performance.now();
    const third = await inTx(scopeOn(small), async () => ok('third'));
    expect(performance.now() - startedAt).toBeLessThan(250);
    expect(third).toMatchObject({ ok: false, refusal: { code: 'busy' } });
    expect(isBusy(await caught(all(small, readThing(1))))).toBe(true);
    hold.open();
    expect(await Promise.all([first, second])).toEqual([ok('first'), ok('second')]);
    await closeDb(small);
  });

  it('no connection in three seconds', async () => {
    const small = openDb({ ...poolOf(), maxConnections: 1 });
    const hold = gate();
    const first = inTx(scopeOn(small), async () => {
      await hold.reached;
      return ok('first');
    });
    const second = await inTx(scopeOn(small), async () => ok('second'));
    expect(second).toMatchObject({ ok: false, refusal: { code: 'busy' } });
    hold.open();
    await first;
    await closeDb(small);
  });
});

const poolOf = () => ({
  url: database.url,
  role: 'fanfare_app' as const,
  maxConnections: 2,
  name: 'small',
});

describe('a connection that is lost', () => {
  it('during a statement: away, out of the pool, nothing kept', async () => {
    const small = openDb(poolOf());
    const work = inTx(scopeOn(small), async (tx) => {
      await run(tx, addOne(1));
      await endBackend((await one(tx, myPid())).pid);
      return ok(await run(tx, addOne(1)));
    });
    expect(isAway(await caught(work))).toBe(true);
    expect(small.pool.totalCount).toBe(0);
    expect(await one(small, readThing(1))).toEqual({ n: 0 });
    await closeDb(small);
  });

  it('between two statements: the process lives on, the commit is not claimed', async () => {
    const small = openDb(poolOf());
    const work = inTx(scopeOn(small), async (tx) => {
      await run(tx, addOne(1));
      await endBackend((await one(tx, myPid())).pid);
      // No statement waits, so the driver's error has nobody to go to but a listener.
      const { connection } = tx.client as unknown as { connection: { stream: Socket } };
      await eventually(
        async () => connection.stream.destroyed,
        (destroyed) => destroyed,
      );
      return ok('done');
    });
    const error = await caught(work);
    expect(isAway(error)).toBe(true);
    expect(isBusy(error)).toBe(false);
    expect(small.pool.totalCount).toBe(0);
    expect(await one(small, readThing(1))).toEqual({ n: 0 });
    await closeDb(small);
  });

  it('a transaction that stands still loses its locks, and is away', async () => {
    const work = inTx(scopeOn(db), async (tx) => {
      await run(tx, addOne(1));
      const { pid } = await one(tx, myPid());
      await run(tx, setLocal('idle_in_transaction_session_timeout', '30ms'));
      await eventually(
        () => isAlive(pid),
        (alive) => !alive,
      );
      return ok(await run(tx, addOne(1)));
    });
    expect(isAway(await caught(work))).toBe(true);
    expect(await valueIn(1)).toBe(0);
  });

  it('while it is idle: reported, and replaced at the next use', async () => {
    const reported: Error[] = [];
    const small = openDb({ ...poolOf(), onError: (error) => reported.push(error) });
    const { pid } = await one(small, myPid());
    await endBackend(pid);
    await eventually(
      async () => reported.length,
      (n) => n > 0,
    );
    expect((await one(small, myPid())).pid).not.toBe(pid);
    await closeDb(small);
  });

  it('a server that is not there is away', async () => {
    const nowhere = openDb({ ...poolOf(), url: 'postgres://nobody@127.0.0.1:9/none' });
    expect(isAway(await caught(one(nowhere, myPid())))).toBe(true);
    await closeDb(nowhere);
  });
});

describe('rows', () => {
  it('a bigint that JavaScript cannot hold is a fault, and spares the connection', async () => {
    const big = rows({ n: int })`select 9007199254740993 as n`;
    await expect(one(db, big)).rejects.toThrow('not a safe integer');
    expect(await one(db, rows({ n: int })`select 9007199254740991 as n`)).toEqual({
      n: Number.MAX_SAFE_INTEGER,
    });
  });

  it('a column of another type is a fault that names it', async () => {
    await expect(one(db, rows({ n: text })`select 1 as n`)).rejects.toThrow('column n');
    await expect(one(db, rows({ m: int })`select 1 as n`)).rejects.toThrow('column m');
  });

  it('one and maybe refuse more rows than they promise', async () => {
    const two = rows({ n: int })`select n from scratch.thing`;
    await expect(one(db, two)).rejects.toThrow('expected one row, got 2');
    await expect(maybe(db, two)).rejects.toThrow('at most one row, got 2');
    await expect(one(db, readThing(99))).rejects.toThrow('expected one row, got 0');
    expect(await maybe(db, readThing(99))).toBeNull();
  });
});
