import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { databaseClock, testClock } from './clock.ts';
import { one } from './db.ts';
import { bool, rows } from './sql.ts';
import { advanceTestClock, loadTestClock } from './test-clock.ts';

let database: TestDb;
beforeAll(async () => {
  database = await cloneDb();
});
afterAll(() => database.close());

const isNow = (now: Date | null) => rows({ same: bool })`
  select abs(extract(epoch from kernel.instant(${now}) - clock_timestamp())) < 60 as same`;
const isAhead = (now: Date | null, seconds: number) => rows({ same: bool })`
  select abs(extract(epoch from kernel.instant(${now}) - clock_timestamp()) - ${seconds}::int) < 60
    as same`;

describe('the clock', () => {
  it('is the database’s own in production: it is told nothing', async () => {
    expect(databaseClock.now()).toBeNull();
    expect(await one(database.db, isNow(databaseClock.now()))).toEqual({ same: true });
  });

  it('of a test that has not been moved is the database’s too', () => {
    expect(testClock().now()).toBeNull();
    expect(testClock().offsetMs()).toBe(0);
  });

  it('of a test is as far ahead as it was moved', async () => {
    const clock = testClock();
    clock.advance(3_600_000);
    clock.advance(60_000);
    expect(clock.offsetMs()).toBe(3_660_000);
    expect(await one(database.db, isAhead(clock.now(), 3_660))).toEqual({ same: true });
  });

  it('of the sandbox survives a restart', async () => {
    const first = await loadTestClock(database.db);
    expect(first.now()).toBeNull();
    await advanceTestClock(database.db, first, 86_400_000);
    await advanceTestClock(database.db, first, 1_000);
    const second = await loadTestClock(database.db);
    expect(second.offsetMs()).toBe(86_401_000);
    expect(await one(database.db, isAhead(second.now(), 86_401))).toEqual({ same: true });
  });
});
