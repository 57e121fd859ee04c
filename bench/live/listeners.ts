/**
 * Many who listen to one event, in a process of their own: raw sockets, because an HTTP client for
 * each would be larger than what is measured. Times are of the wall clock, which both processes
 * read from the same machine.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(import.meta.url);
/** At once; a server takes new connections one after the other. */
const CONNECTING = 100;

export type Arrivals = {
  /** Epoch milliseconds at which each listener had the message, in their order. */
  readonly at: readonly number[];
};

export type Listeners = {
  /** Resolves when all are connected and have had their first message. */
  readonly connect: (port: number, path: string, count: number) => Promise<void>;
  /** From now on; resolves when the next change has come to all. */
  readonly nextChange: () => Promise<Arrivals>;
  readonly stop: () => Promise<void>;
};

type Order =
  | {
      readonly kind: 'connect';
      readonly port: number;
      readonly path: string;
      readonly count: number;
    }
  | { readonly kind: 'watch' };

/** In the parent: the process, and what it is asked. */
export function startListeners(): Listeners {
  const child = fork(file, ['listeners'], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    connect: async (port, path, count) => {
      await asked(child, { kind: 'connect', port, path, count });
    },
    nextChange: async () => {
      // It answers this order with what it has seen.
      return (await asked(child, { kind: 'watch' })) as Arrivals;
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await gone;
    },
  };
}

function asked(child: ChildProcess, order: Order): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('the listeners have ended'));
    child.once('exit', onExit);
    child.once('message', (answer) => {
      child.off('exit', onExit);
      resolve(answer);
    });
    child.send(order);
  });
}

const AVAILABILITY = Buffer.from('event: availability');
const epochMs = () => performance.timeOrigin + performance.now();

function listen(): void {
  let heard = (): void => {};
  const open = (port: number, path: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = createConnection(port, '127.0.0.1');
      let isFirst = true;
      socket.once('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`));
      socket.on('data', (part) => {
        if (!part.includes(AVAILABILITY)) return;
        if (!isFirst) heard();
        else resolve(socket);
        isFirst = false;
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('a listener was sent away')));
    });
  process.on('message', async (order: Order) => {
    if (order.kind === 'connect') {
      sockets.length = 0;
      while (sockets.length < order.count) {
        const some = Math.min(CONNECTING, order.count - sockets.length);
        const opened = Array.from({ length: some }, () => open(order.port, order.path));
        sockets.push(...(await Promise.all(opened)));
      }
      process.send?.('connected');
      return;
    }
    const at: number[] = [];
    heard = () => {
      at.push(epochMs());
      if (at.length === sockets.length) process.send?.({ at });
    };
  });
  process.on('disconnect', () => process.exit());
}

/** Kept, so that nobody hangs up. */
const sockets: Socket[] = [];

if (process.argv[1] === file && process.argv[2] === 'listeners') listen();
