/**
 * A server that ends itself with `kill -9` where it is told to: at a named step of a checkout. It
 * is assembled as the product assembles itself, and runs from the moment that it is told where.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { assemble } from '../../server/assemble.ts';
import { readConfig } from '../../server/kernel/config.ts';
import { projectRoot } from '../../server/kernel/root.ts';
import { ANSWER_MAX_MS, READY_MAX_MS, settings } from './instances.ts';
import { freePort } from './ports.ts';
import { openWire, type Wire } from './wire.ts';

const STDOUT = 1;

/** `npm run sim -- --crash-child URL`: says where it listens, and waits to be told where to die. */
export async function runCrashChild(databaseUrl: string): Promise<never> {
  let deadly: string | null = null;
  const port = await freePort();
  const address = { host: '127.0.0.1', port };
  const parts = await assemble({
    config: readConfig(settings(databaseUrl, port)),
    databaseUrl,
    override: {
      pause: async (point) => {
        if (point !== deadly) return;
        // At once, and nothing after it: not even what is under way beside it.
        writeSync(STDOUT, `died at ${point}\n`);
        process.kill(process.pid, 'SIGKILL');
      },
    },
  });
  await parts.app.listen(address);
  writeSync(STDOUT, `listens ${port}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    deadly = line;
    // Webhooks come to whoever began last.
    await parts.listening(address);
    parts.worker.start();
    writeSync(STDOUT, 'armed\n');
  }
  return process.exit(0);
}

export type DyingChild = {
  readonly wire: Wire;
  /** From now on it runs, until it comes to this point. */
  readonly arm: (point: string) => Promise<void>;
  /** Resolves when it has ended by its own hand, at that point. */
  readonly died: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const DIES_MAX_MS = 20_000;

export async function launchDying(databaseUrl: string): Promise<DyingChild> {
  const command = [join(projectRoot, 'tools', 'sim.mjs'), '--crash-child', databaseUrl];
  const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said = listener(child);
  const port = Number((await said(/^listens (\d+)$/, READY_MAX_MS))[1]);
  const wire = openWire(port, ANSWER_MAX_MS);
  let deadly = '';
  return {
    wire,
    arm: async (point) => {
      deadly = point;
      child.stdin.write(`${point}\n`);
      await said(/^armed$/, READY_MAX_MS);
    },
    died: async () => {
      await said(new RegExp(`^died at ${deadly}$`), DIES_MAX_MS);
      await exited;
      wire.close();
    },
    close: async () => {
      wire.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Resolves with the first line that matches, also one that was said before. */
function listener(child: ChildProcess) {
  const lines: string[] = [];
  let wake = () => {};
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  return async (pattern: RegExp, withinMs: number): Promise<RegExpExecArray> => {
    const until = Date.now() + withinMs;
    for (;;) {
      for (const line of lines) {
        const found = pattern.exec(line);
        if (found) return found;
      }
      const leftMs = until - Date.now();
      if (leftMs <= 0) throw new Error(`never said ${pattern}, but ${JSON.stringify(lines)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
}
