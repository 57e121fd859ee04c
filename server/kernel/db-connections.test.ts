import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { closeDb, openDb } from './db.ts';

let database: TestDb;
beforeAll(async () => {
  database = await cloneDb();
});
afterAll(() => database.close());

describe('a connection that is lost', () => {
  it('may say why before anybody listens', async () => {
    const db = openDb({ url: database.url, role: 'fanfare_app', maxConnections: 1, name: 'early' });
    const client = await db.pool.connect();
    // As a server does that is shut down while one connects; unheard, it would end the process.
    expect(() => client.emit('error', new Error('terminating connection'))).not.toThrow();
    client.release(true);
    await closeDb(db);
  });
});
