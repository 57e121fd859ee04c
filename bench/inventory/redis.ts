/**
 * A Redis of this run, where the machine has the program, and the little of its protocol that the
 * arms need. No client library: it would take part of what the arm could do.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from './guard.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];
const USUAL_PLACES = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
const START_MAX_MS = 5_000;
const START_POLL_MS = 20;

type Reply = string | number | null | readonly Reply[];
export type Redis = {
  readonly program: string;
  readonly ask: (...words: readonly (string | number)[]) => Promise<Reply>;
  readonly stop: () => Promise<void>;
};

function findProgram(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...USUAL_PLACES];
  const paths = folders.flatMap((folder) => PROGRAMS.map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

/** Null where the machine has no Redis; this never installs one. Nothing it holds is durable. */
export async function openRedis(folder: string): Promise<Redis | null> {
  const program = findProgram();
  if (program === null) return null;
  const socketPath = join(folder, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socketPath, '--dir', folder];
  const child = spawn(program, [...options, '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  child.on('error', () => {});
  if (child.pid !== undefined) guard(folder, [child.pid]);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const onExit = () => child.kill('SIGTERM');
  process.on('exit', onExit);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
    process.off('exit', onExit);
  };
  try {
    const wire = await connectWhenReady(socketPath);
    return {
      program,
      ask: wire.ask,
      stop: async () => {
        wire.end();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The socket's file is there a moment before anybody listens on it. */
async function connectWhenReady(path: string) {
  const givenUpAt = performance.now() + START_MAX_MS;
  for (;;) {
    try {
      return await connect(path);
    } catch (error) {
      if (performance.now() > givenUpAt) throw error;
      await sleep(START_POLL_MS);
    }
  }
}

async function connect(path: string) {
  const socket = createConnection(path);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const waiting: { settle: (reply: Reply) => void; fail: (error: Error) => void }[] = [];
  const failAll = (error: Error) => {
    for (const { fail } of waiting.splice(0)) fail(error);
  };
  socket.on('error', failAll);
  socket.on('close', () => failAll(new Error('Redis closed the connection')));
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    let at = 0;
    for (;;) {
      const found = replyAt(received, at);
      if (!found) break;
      at = found.end;
      const asked = waiting.shift();
      if (found.error === null) asked?.settle(found.reply);
      else asked?.fail(new Error(found.error));
    }
    received = received.slice(at);
  });
  const ask = (...words: readonly (string | number)[]) =>
    new Promise<Reply>((settle, fail) => {
      waiting.push({ settle, fail });
      const parts = words.map(String).map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
  return { ask, end: () => socket.destroy() };
}

type Found = { readonly reply: Reply; readonly error: string | null; readonly end: number };

/** One whole reply from `at` on, or null where more has to come. */
function replyAt(text: string, at: number): Found | null {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return null;
  const line = text.slice(at + 1, lineEnd);
  const end = lineEnd + 2;
  switch (text[at]) {
    case '+':
      return { reply: line, error: null, end };
    case '-':
      return { reply: null, error: line, end };
    case ':':
      return { reply: Number(line), error: null, end };
    case '$': {
      const length = Number(line);
      if (length < 0) return { reply: null, error: null, end };
      if (text.length < end + length + 2) return null;
      return { reply: text.slice(end, end + length), error: null, end: end + length + 2 };
    }
    default:
      return manyAt(text, end, Number(line));
  }
}

function manyAt(text: string, from: number, howMany: number): Found | null {
  const replies: Reply[] = [];
  let end = from;
  for (let i = 0; i < howMany; i += 1) {
    const found = replyAt(text, end);
    if (!found) return null;
    replies.push(found.reply);
    end = found.end;
  }
  return { reply: replies, error: null, end };
}
