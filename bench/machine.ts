/** What a result has to say of the machine that it was measured on. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

const SYNC_WRITES = 200;

/** Milliseconds for `fdatasync` of one page of 8 KB in this folder, the median of many. */
export function syncMs(folder: string): number {
  const path = join(folder, 'sync-probe');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(8_192, 1);
  const times = Array.from({ length: SYNC_WRITES }, () => {
    const startedAt = performance.now();
    writeSync(file, page, 0, page.length, 0);
    fdatasyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(path);
  return times.sort((a, b) => a - b)[SYNC_WRITES / 2] ?? 0;
}

export type PostgresFacts = {
  readonly version: string;
  readonly fsync: string;
  readonly commit: string;
};

/** Takes one row of this statement. */
export const postgresFacts = `
  select current_setting('server_version') as version, current_setting('fsync') as fsync,
    current_setting('synchronous_commit') as commit`;

export function machineLine(postgres: PostgresFacts, folder: string): string {
  const cores = cpus();
  return (
    `${cores.length} cores (${cores[0]?.model.trim()}), Node ${process.versions.node}, ` +
    `PostgreSQL ${postgres.version}, fsync ${postgres.fsync}, ` +
    `synchronous_commit ${postgres.commit}, ` +
    `fdatasync of 8 KB ${syncMs(folder).toFixed(2)} ms (median of ${SYNC_WRITES}), ` +
    `load of others at the start ${loadavg()[0]?.toFixed(1)}`
  );
}
