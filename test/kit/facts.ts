/** What a test has made happen was announced as the documentation says. */
import { expect } from 'vitest';
import { facts } from '../../server/facts/index.ts';
import type { TestApp } from './app.ts';

const ALL = `
  select kind, version, data from kernel.outbox
  union all select kind, version, data from kernel.fact`;

/** Every fact is listed, with this version, and has the shape that it says. */
export async function expectFactsAsListed(app: Pick<TestApp, 'database'>): Promise<void> {
  const { rows } = await app.database.open(null).pool.query(ALL);
  const wrong = rows.flatMap(({ kind, version, data }) => {
    const listed = facts[kind];
    if (!listed) return [`${kind} is not listed`];
    if (listed.version !== version) return [`${kind} has version ${version}`];
    const { error } = listed.data.safeParse(data);
    return error ? [`${kind} ${JSON.stringify(data)}: ${error.message}`] : [];
  });
  expect([...new Set(wrong)]).toEqual([]);
}
