/** A Redis of one test: nothing of it is kept, and whatever may happen to it can be made to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './given.ts';

export type TestRedis = {
  readonly url: string;
  readonly flushAll: () => Promise<void>;
  /** It keeps its connections and answers nothing. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly kill: () => Promise<void>;
  /** On the same port, with nothing in it. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function startRedis(program: string): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async () => {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
    child = spawn(program, [...options, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
    await eventually(
      () => say(port, 'PING').catch(() => ''),
      (answer) => answer.startsWith('+PONG'),
    );
  };
  const kill = async () => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGKILL');
    await gone;
  };
  const onExit = () => child?.kill('SIGKILL');
  process.on('exit', onExit);
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    flushAll: async () => {
      await say(port, 'FLUSHALL');
    },
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    kill,
    start,
    stop: async () => {
      await kill();
      process.off('exit', onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One command, and the first of its answer. */
function say(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.on('connect', () => socket.write(`${command}\r\n`));
    socket.on('data', (answer) => {
      resolve(answer.toString());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
