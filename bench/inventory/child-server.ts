/** The built server as a process of its own, as an operator starts it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../server/kernel/root.ts';
import { settings } from './product.ts';

const READY = /is ready at http:\/\/[^:\s]+:(\d+)/;
const START_MAX_MS = 30_000;

export type ChildServer = {
  readonly port: number;
  readonly pid: number;
  readonly stop: () => Promise<void>;
};

export async function startChildServer(
  url: string,
  {
    worker = false,
    env = {},
  }: {
    readonly worker?: boolean;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<ChildServer> {
  const child = spawn(process.execPath, [join(projectRoot, 'bin', 'fanfare.mjs'), 'start'], {
    env: {
      PATH: process.env['PATH'],
      ...settings,
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: url,
      WORKER: worker ? 'on' : 'off',
      ...env,
      // Started by npm it ends when its parent does, however that ends.
      npm_lifecycle_event: 'bench',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // This process ends out of turn, and the database with it: there is nothing left to finish.
  const onExit = () => child.kill('SIGKILL');
  process.on('exit', onExit);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
    process.off('exit', onExit);
  };
  let said = '';
  try {
    const port = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no start: ${said}`)), START_MAX_MS);
      const hear = (chunk: Buffer) => {
        said += chunk.toString();
        const found = READY.exec(said)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(Number(found));
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`the server ended: ${said}`)));
    });
    // A process that has spoken has an id.
    return { port, pid: child.pid ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
