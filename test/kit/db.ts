/** A database of its own for a test file: a copy of the migrated template. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { closeDb, type Db, type DbRole, openDb } from '../../server/kernel/db.ts';
import { onServer, TEMPLATE_DATABASE, urlOfDatabase } from './embedded.ts';

export type TestDb = {
  /** The superuser's, for the copy. */
  readonly url: string;
  /** As the application connects. */
  readonly db: Db;
  /** A further pool on the same copy, in another role. */
  readonly open: (role: DbRole | null) => Db;
  readonly close: () => Promise<void>;
};

const CONNECTIONS = 12;

export async function cloneDb(options: { connections?: number } = {}): Promise<TestDb> {
  const server = inject('postgresUrl');
  const name = `t_${randomBytes(6).toString('hex')}`;
  await copyTemplate(server, name);
  const url = urlOfDatabase(server, name);
  const pools: Db[] = [];
  const open = (role: DbRole | null): Db => {
    const maxConnections = options.connections ?? CONNECTIONS;
    const db = openDb({ url, role, maxConnections, name: 'test' });
    pools.push(db);
    return db;
  };
  return {
    url,
    db: open('fanfare_app'),
    open,
    close: async () => {
      for (const pool of pools) await closeDb(pool);
      await onServer(server, [`drop database if exists ${name} with (force)`]);
    },
  };
}

/** Two copies of one template at once are refused by the server for a moment. */
async function copyTemplate(server: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await onServer(server, [`create database ${name} template ${TEMPLATE_DATABASE}`]);
    } catch (error) {
      const isInUse = (error as { code?: string }).code === '55006';
      if (!isInUse || attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt));
    }
  }
}
