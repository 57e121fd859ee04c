import { real, rows } from './kernel/sql.ts';

/** Age of the oldest snapshot or transaction that keeps dead rows from being cleaned up. */
export const oldestSnapshotSeconds = () => rows({ seconds: real })`
  select coalesce(max(extract(epoch from kernel.instant(null) - xact_start)), 0)::float8 as seconds
  from pg_stat_activity
  where backend_xmin is not null and pid <> pg_backend_pid()`;
