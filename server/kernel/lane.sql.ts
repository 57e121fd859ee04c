import { bool, rows } from './sql.ts';

/** A backend is waited for so long to end. */
const END_MAX_MS = 2_000;

/** Ends a backend of this process's lanes, and waits until it is gone. No row where it is. */
export const terminateBackend = (processId: number, applicationName: string) => rows({
  gone: bool,
})`
  select pg_terminate_backend(a.pid, ${END_MAX_MS}) as gone from pg_stat_activity a
  where a.pid = ${processId} and a.application_name = ${applicationName}`;
