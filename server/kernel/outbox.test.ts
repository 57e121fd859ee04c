import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { scopeOn } from '../../test/kit/kernel.ts';
import { systemIds } from './context.ts';
import { inTx } from './db.ts';
import { type EventId, newRootId } from './ids.ts';
import { record } from './outbox.ts';
import { ok, refused } from './result.ts';

let database: TestDb;
beforeAll(async () => {
  database = await cloneDb();
});
afterAll(() => database.close());

const facts = async (eventId: EventId) => {
  const { rows } = await database.db.pool.query(
    'select kind, data, version from kernel.outbox where event_id = $1 order by id',
    [eventId],
  );
  return rows;
};

describe('facts', () => {
  it('are written in their order, with what makes them true', async () => {
    const eventId = newRootId(systemIds, 'evt');
    await inTx(scopeOn(database.db), async (tx) => {
      await record(tx, { kind: 'a', eventId, data: { n: 1 } }, { kind: 'b', eventId, data: {} });
      await record(tx, { kind: 'c', eventId, data: { quote: `'"\\ \u00e9` } });
      await record(tx);
      return ok(null);
    });
    expect(await facts(eventId)).toEqual([
      { kind: 'a', data: { n: 1 }, version: 1 },
      { kind: 'b', data: {}, version: 1 },
      { kind: 'c', data: { quote: `'"\\ \u00e9` }, version: 1 },
    ]);
  });

  it('do not exist if what they tell does not', async () => {
    const eventId = newRootId(systemIds, 'evt');
    await inTx(scopeOn(database.db), async (tx) => {
      await record(tx, { kind: 'a', eventId, data: {} });
      return refused('no');
    });
    expect(await facts(eventId)).toEqual([]);
  });
});
