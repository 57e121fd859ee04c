/**
 * What must be true of the database before anything is sold. A setting that would lose an
 * acknowledged sale, or let a frozen process keep its locks, stops the start with a sentence.
 */
import type pg from 'pg';

type Rule = {
  readonly setting: string;
  readonly safe: (value: string) => boolean;
  readonly must: string;
};

const seconds = (value: string): number => {
  const match = /^(\d+)(ms|s|min)?$/.exec(value);
  if (!match) return Number.POSITIVE_INFINITY;
  const factor = { ms: 0.001, s: 1, min: 60 }[match[2] ?? 'ms'] ?? 0.001;
  return Number(match[1]) * factor;
};
const within = (most: number) => (value: string) => seconds(value) > 0 && seconds(value) <= most;

const safetyRules: readonly Rule[] = [
  { setting: 'fsync', safe: (v) => v === 'on', must: 'be on' },
  { setting: 'full_page_writes', safe: (v) => v === 'on', must: 'be on' },
  {
    setting: 'synchronous_commit',
    safe: (v) => v === 'on' || v === 'remote_write' || v === 'remote_apply',
    must: 'be on',
  },
  { setting: 'idle_in_transaction_session_timeout', safe: within(5), must: 'be 5s or less' },
  { setting: 'lock_timeout', safe: within(3), must: 'be 3s or less' },
  { setting: 'statement_timeout', safe: within(10), must: 'be 10s or less' },
  {
    setting: 'default_transaction_isolation',
    safe: (v) => v === 'read committed',
    must: 'be "read committed": a lock that is waited for under an older snapshot oversells',
  },
  { setting: 'server_encoding', safe: (v) => v === 'UTF8', must: 'be UTF8' },
];

const OLDEST_SERVER = 150_000;

/** One sentence for each unsafe setting of this session; none is fit to sell on. */
export async function unsafeSettings(client: pg.ClientBase | pg.Pool): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as name',
    [[...safetyRules.map((rule) => rule.setting), 'server_version_num']],
  );
  const values = new Map(rows.map((row) => [row.name, row.value]));
  const found = safetyRules
    .filter((rule) => !rule.safe(values.get(rule.setting) ?? ''))
    .map((rule) => `${rule.setting} is ${values.get(rule.setting)} and must ${rule.must}`);
  if (Number(values.get('server_version_num')) < OLDEST_SERVER) {
    found.push('the PostgreSQL server is older than version 15');
  }
  return found;
}
