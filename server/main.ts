/**
 * The server process: database → migrations → parts → listen → demo → serve → drain. It ends when
 * `stopped` resolves: taking nothing new, finishing what runs, then closing what it opened.
 */
import { createServer } from 'node:net';
import { assemble, type Parts } from './assemble.ts';
import { type Database, openDatabase } from './database.ts';
import { loadDemo } from './demo.ts';
import { type Config, doubtsAbout } from './kernel/config.ts';
import { migrate } from './kernel/migrate.ts';
import { ensureFirstAdmin } from './modules/identity/index.ts';

const DRAIN_MAX_MS = 25_000;
const PORTS_TRIED = 50;

export type Running = {
  readonly url: string;
  /** Null where the operator brought none and the database is theirs. */
  readonly adminKey: string | null;
  /** The sandbox's keys, for programs that pay by test card or provoke faults. */
  readonly sandboxKeys: { readonly publishable: string; readonly secret: string } | null;
  /** A line that buys a ticket, where the demo season was loaded. */
  readonly tryIt: string | null;
  readonly stop: () => Promise<void>;
};

export async function startServer(config: Config, say: (line: string) => void): Promise<Running> {
  const database = await openDatabase(config, say);
  try {
    return await serve(config, database, say);
  } catch (error) {
    await database.stop();
    throw error;
  }
}

async function serve(
  config: Config,
  database: Database,
  say: (line: string) => void,
): Promise<Running> {
  for (const doubt of doubtsAbout(config)) say(doubt);
  await migrate({ url: database.url, say });
  const parts = await assemble({ config, databaseUrl: database.url });
  await parts.tellKinds();
  const port = await firstFreePort(config.HOST, config.PORT);
  if (port !== config.PORT && config.PORT !== 0) say(`port ${config.PORT} is taken, using ${port}`);
  await parts.app.listen({ host: config.HOST, port });
  const host = reachable(config.HOST);
  await parts.listening({ host, port });
  const adminKey = adminKeyOf(config, database, parts);
  await ensureFirstAdmin(parts.ctx, adminKey);
  if (config.WORKER) parts.startWork();
  const url = config.BASE_URL ?? `http://${host}:${port}`;
  const demo = config.DEMO && parts.sandbox && adminKey !== null;
  const tryIt = demo ? await loadDemo(`http://${host}:${port}`, url, adminKey, parts.ctx) : null;
  const { sandbox } = parts;
  const sandboxKeys =
    sandbox && database.embedded
      ? { publishable: sandbox.publishableKey, secret: sandbox.secretKey }
      : null;
  return { url, adminKey, sandboxKeys, tryIt, stop: () => stop(parts, database) };
}

/** Beside the embedded database an admin key is always there, the same one at every start. */
function adminKeyOf(config: Config, database: Database, { ctx }: Parts): string | null {
  if (config.BOOTSTRAP_API_KEY) return config.BOOTSTRAP_API_KEY;
  if (!database.embedded) return null;
  return `fk_${ctx.secrets.derive('bootstrap-key', 'admin').replace(/[-_]/g, '').slice(0, 32)}`;
}

async function stop(parts: Parts, database: Database): Promise<void> {
  parts.drain();
  const late = setTimeout(() => parts.ctx.log.error('the drain took too long'), DRAIN_MAX_MS);
  try {
    await parts.close();
  } finally {
    clearTimeout(late);
    await database.stop();
  }
}

/** Where this machine itself reaches a server that listens on `host`. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

async function firstFreePort(host: string, wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + PORTS_TRIED && port <= 65_535; port++) {
    const found = await tryPort(host, port);
    if (found !== null) return found;
  }
  throw new Error(`no port from ${wanted} to ${wanted + PORTS_TRIED - 1} is free`);
}

function tryPort(host: string, port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`));
    });
    probe.listen({ host, port }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : null));
    });
  });
}
