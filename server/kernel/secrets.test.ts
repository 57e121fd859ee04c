import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { connect } from '../../test/kit/kernel.ts';
import { loadSecrets, sameSecret, secretsFrom } from './secrets.ts';

describe('what is derived', () => {
  const one = secretsFrom(Buffer.alloc(32, 1));
  it('is the same for the same purpose and value', () => {
    expect(one.derive('access', 'ord_1')).toBe(
      secretsFrom(Buffer.alloc(32, 1)).derive('access', 'ord_1'),
    );
    expect(one.derive('access', 'ord_1')).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('is another for any other purpose, value or instance', () => {
    const all = [
      one.derive('access', 'ord_1'),
      one.derive('access', 'ord_2'),
      one.derive('ticket', 'ord_1'),
      one.derive('accessord', '_1'),
      secretsFrom(Buffer.alloc(32, 2)).derive('access', 'ord_1'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('sameSecret', () => {
  it.each([
    ['abc', 'abc', true],
    ['', '', true],
    ['abc', 'abd', false],
    ['abc', 'abcd', false],
    ['é', 'e\u0301', false],
    ['', 'a', false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(sameSecret(a, b)).toBe(same);
  });
});

describe('the secret of an instance', () => {
  let database: TestDb;
  beforeAll(async () => {
    database = await cloneDb();
  });
  afterAll(() => database.close());

  it('is made once, also by many processes that start at once', async () => {
    const loaded = await Promise.all(Array.from({ length: 8 }, () => loadSecrets(database.db)));
    const derived = loaded.map((secrets) => secrets.derive('a', 'b'));
    expect(new Set(derived).size).toBe(1);
    expect((await loadSecrets(database.db)).derive('a', 'b')).toBe(derived[0]);
  });

  it('is the one that another process is just writing', async () => {
    const other = await connect(database.url);
    await other.query('delete from kernel.instance');
    await other.query('begin');
    const theirs = Buffer.alloc(32, 5);
    await other.query('insert into kernel.instance (only_row, secret) values (true, $1)', [theirs]);
    const ours = loadSecrets(database.db);
    await other.query('commit');
    expect((await ours).derive('a', 'b')).toBe(secretsFrom(theirs).derive('a', 'b'));
    await other.end();
  });
});
