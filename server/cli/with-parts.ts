import { assemble, type Parts } from '../assemble.ts';
import { joinDatabase } from '../database.ts';
import type { Config } from '../kernel/config.ts';
import { migrate } from '../kernel/migrate.ts';
import { say } from './command.ts';

/** Runs `use` with the parts of a process on a migrated database, and closes them. */
export async function withParts<T>(config: Config, use: (parts: Parts) => Promise<T>): Promise<T> {
  const database = await joinDatabase(config, say);
  try {
    await migrate({ url: database.url, say });
    // What a command says is for people; the log is for servers.
    const quiet = { ...config, LOG_LEVEL: 'warn' } as const;
    const parts = await assemble({ config: quiet, databaseUrl: database.url });
    try {
      return await use(parts);
    } finally {
      await parts.close();
    }
  } finally {
    await database.stop();
  }
}
