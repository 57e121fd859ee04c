/** The worker process: jobs and recurring work, no HTTP. For a fleet; `start` runs both. */
import { assemble } from './assemble.ts';
import { openDatabase } from './database.ts';
import { type Config, doubtsAbout } from './kernel/config.ts';
import { migrate } from './kernel/migrate.ts';

export async function startWorker(
  config: Config,
  say: (line: string) => void,
): Promise<{ readonly stop: () => Promise<void> }> {
  const database = await openDatabase(config, say);
  for (const doubt of doubtsAbout(config)) say(doubt);
  await migrate({ url: database.url, say });
  const parts = await assemble({ config, databaseUrl: database.url });
  // With the sandbox, payments are taken by the server that HOST and PORT name.
  await parts.listening({ host: config.HOST, port: config.PORT });
  await parts.tellKinds();
  parts.startWork();
  return {
    stop: async () => {
      parts.drain();
      await parts.close();
      await database.stop();
    },
  };
}
