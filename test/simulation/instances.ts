/**
 * The servers of a run: some in this process, wired as the product wires itself, and some as
 * processes of their own, which can be killed and frozen.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { assemble, type Parts } from '../../server/assemble.ts';
import { readConfig } from '../../server/kernel/config.ts';
import type { Ctx } from '../../server/kernel/context.ts';
import type { Lanes } from '../../server/kernel/lanes.ts';
import { projectRoot } from '../../server/kernel/root.ts';
import { ensureFirstAdmin } from '../../server/modules/identity/index.ts';
import type { PaymentPort, PaymentProvider } from '../../server/modules/payments/index.ts';
import { openDoors } from './doors.ts';
import { freePort } from './ports.ts';
import { heardLog, hearLine } from './server-log.ts';
import { openWire, type Wire } from './wire.ts';

export const ADMIN_KEY = 'fk_admin_key_of_the_simulation_0123456789';
/** Longer than a lock is waited for. */
export const ANSWER_MAX_MS = 6_000;
export const READY_MAX_MS = 30_000;

export type Instance = {
  readonly name: string;
  readonly wire: Wire;
  readonly close: () => Promise<void>;
};

export type LocalInstance = Instance & { readonly parts: Parts };

/** A local one, asked through the doors of its rooms. */
export type DoorInstance = Instance & { readonly ctx: Ctx };

export function throughDoors({ name, wire, parts: { ctx } }: LocalInstance): DoorInstance {
  return { name: `${name}, doors`, wire: openDoors(ctx, wire), ctx, close: async () => {} };
}

/** Replaces parts of a context: how a bug is planted in TypeScript. */
export type OverrideContext = (databaseUrl: string) => {
  readonly override: Partial<Ctx>;
  readonly wrapLanes?: (real: Lanes) => Lanes;
  readonly wrapPayments?: (real: PaymentProvider) => PaymentProvider;
  /** Called with each webhook as it comes. */
  readonly hearWebhook?: (raw: Buffer) => void;
  readonly close: () => Promise<void>;
};

export const settings = (databaseUrl: string, port: number) => ({
  LOG_LEVEL: 'silent',
  RATE_LIMIT: 'off',
  NOTIFY: 'off',
  DEMO: '0',
  HOST: '127.0.0.1',
  PORT: String(port),
  DATABASE_URL: databaseUrl,
  BOOTSTRAP_API_KEY: ADMIN_KEY,
});

export async function startLocal(options: {
  readonly name: string;
  readonly databaseUrl: string;
  readonly worker: boolean;
  readonly change?: OverrideContext;
}): Promise<LocalInstance> {
  const { name, databaseUrl } = options;
  const port = await freePort();
  const changed = options.change?.(databaseUrl);
  const parts = await assemble({
    config: readConfig(settings(databaseUrl, port)),
    databaseUrl,
    override: { log: heardLog(name), ...changed?.override },
  });
  await parts.app.listen({ host: '127.0.0.1', port });
  await parts.listening({ host: '127.0.0.1', port });
  if (changed?.wrapLanes) {
    // Every request copies the context: whoever asks from now on asks the wrapped ones.
    Object.defineProperty(parts.ctx, 'lanes', { value: changed.wrapLanes(parts.ctx.lanes) });
  }
  if (changed?.wrapPayments) {
    const { wrapPayments, hearWebhook } = changed;
    const real = parts.ctx.ports.payments;
    const value: PaymentPort = {
      ...real,
      of: (account) => wrapPayments(real.of(account)),
      openWebhook: (raw, signature) => {
        hearWebhook?.(raw);
        return real.openWebhook(raw, signature);
      },
    };
    Object.defineProperty(parts.ctx.ports, 'payments', { value });
  }
  await ensureFirstAdmin(parts.ctx, ADMIN_KEY);
  if (options.worker) parts.startWork();
  const wire = openWire(port, ANSWER_MAX_MS);
  return {
    name,
    wire,
    parts,
    close: async () => {
      wire.close();
      await parts.close();
      await changed?.close();
    },
  };
}

export type ChildInstance = Instance & {
  /** Ends it as `kill -9` does, at once. */
  readonly kill: () => void;
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** After a kill: the same server on the same port. Resolves when it says that it is ready. */
  readonly restart: () => Promise<void>;
};

/** The product as people start it, from `dist/`. */
export async function startChild(options: {
  readonly name: string;
  readonly databaseUrl: string;
  readonly worker: boolean;
}): Promise<ChildInstance> {
  const port = await freePort();
  const env = {
    ...process.env,
    ...settings(options.databaseUrl, port),
    LOG_LEVEL: 'error',
    // Whatever else this shell says: the address is its own, and the payments are the sandbox's.
    BASE_URL: '',
    STRIPE_SECRET_KEY: '',
    STRIPE_WEBHOOK_SECRET: '',
    WORKER: options.worker ? '1' : '0',
  };
  const wire = openWire(port, ANSWER_MAX_MS);
  const { name } = options;
  let child = await launch(name, env);
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return {
    name,
    wire,
    kill: () => void child.kill('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    restart: async () => {
      await end();
      child = await launch(name, env);
    },
    close: async () => {
      wire.close();
      await end();
    },
  };
}

/** Resolves when it listens. Its output is read to the end, or it would stop at a full pipe. */
async function launch(name: string, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const command = join(projectRoot, 'bin', 'fanfare.mjs');
  const child = spawn(process.execPath, [command, 'start'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  const hear = (line: string) => {
    said.push(line);
    if (said.length > 20) said.shift();
  };
  createInterface({ input: child.stderr }).on('line', hear);
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the server ${why}:\n${said.join('\n')}`));
    const timer = setTimeout(() => fail('did not become ready'), READY_MAX_MS);
    lines.on('line', (line) => {
      hear(line);
      hearLine(name, line);
      if (!line.includes('Fanfare is ready')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('exit', () => {
      clearTimeout(timer);
      fail('ended');
    });
  });
  await ready;
  return child;
}
