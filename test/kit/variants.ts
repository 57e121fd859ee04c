/**
 * The SQL functions with a guard taken out, beside the real ones: a race test first shows that the
 * bug happens without the guard, so that its absence with the guard means something.
 */
import pg from 'pg';
import { functionFiles } from '../../server/kernel/functions.ts';

/** Installs all functions under another suffix, after `change`. Fails if it changes nothing. */
export async function installVariant(
  url: string,
  suffix: string,
  change: (text: string) => string,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let changed = 0;
    for (const { text } of functionFiles()) {
      const variant = change(text);
      if (variant !== text) changed += 1;
      await client.query(variant.replaceAll('@v', suffix));
    }
    if (changed === 0) throw new Error('the guard to take out is not there any more');
  } finally {
    await client.end();
  }
}

/** A session of its own, in a transaction that a test opens and ends by hand. */
export async function openSession(url: string, isolation = 'read committed') {
  const client = new pg.Client({ connectionString: url, options: '-c role=fanfare_app' });
  await client.connect();
  const pid = (await client.query('select pg_backend_pid() as pid')).rows[0].pid as number;
  await client.query(`begin isolation level ${isolation}`);
  return {
    pid,
    query: (text: string, values: readonly unknown[] = []) => client.query(text, [...values]),
    commit: () => client.query('commit'),
    rollback: () => client.query('rollback'),
    end: () => client.end(),
  };
}

export type Session = Awaited<ReturnType<typeof openSession>>;

/** Resolves when the session waits for a lock: a state of the server, not a time. */
export function untilBlocked(url: string, pid: number): Promise<void> {
  return until(url, 'select cardinality(pg_blocking_pids($1)) > 0 as yes', pid);
}

/** Resolves when any session waits for a lock that this one holds. */
export function untilAnybodyBlocked(url: string, pid: number): Promise<void> {
  return until(
    url,
    `select count(*) > 0 as yes from pg_stat_activity a
     where a.wait_event_type = 'Lock' and $1 = any(pg_blocking_pids(a.pid))`,
    pid,
  );
}

async function until(url: string, question: string, pid: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query(question, [pid]);
      if (rows[0].yes) return;
    }
  } finally {
    await client.end();
  }
}
